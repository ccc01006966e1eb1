"""What most functions take and return: arrays of whole numbers, of numbers, of truths; NaN stands for unknown."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
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


def plain(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows as plain values: lists and days as they are, unknown as None."""
    for row in rows.to_dict("records"):
        yield {str(name): _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    found = value.tolist() if hasattr(value, "tolist") else value
    return found if isinstance(found, list) or not pd.isna(found) else None
