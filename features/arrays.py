"""What most functions take and return: arrays of whole numbers, of numbers, of truths; NaN stands for unknown."""

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Float = NDArray[np.float64]
Mask = NDArray[np.bool_]


def known(value: float) -> float | None:
    """A number as JSON has it: None for unknown."""
    return None if np.isnan(value) else value


def spaced(rows: Int, most: int) -> Int:
    """At most so many of some rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
