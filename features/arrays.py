"""What most functions take and return: arrays of whole numbers, of numbers, of truths."""

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Mask = NDArray[np.bool_]
