"""From numpy columns to Arrow tables that follow the canonical schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.schema import TABLES, Column

from .draw import Dates, Ints

ARROW_TYPES = {
    "id": pa.string(),
    "code": pa.string(),
    "text": pa.string(),
    "date": pa.date32(),
    "money": pa.int64(),
    "count": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}

# Numbers are written three digits at a time: a third of the divisions, and one copy for each group.
GROUP = 3


@dataclass(frozen=True)
class Words:
    """Text as positions in a short list; -1 is unknown."""

    at: Ints
    words: Sequence[str]


def numbered(prefix: str, numbers: Ints, width: int) -> Any:
    """Arrow strings of ``prefix`` and zero-padded ``numbers``; a negative number is null."""
    size, rest = len(numbers), np.maximum(numbers, 0)
    groups = [min(GROUP, width - place) for place in range(0, width, GROUP)]
    letters = np.empty(size, dtype=[("prefix", f"V{len(prefix)}"), *((f"{i}", f"V{groups[i]}") for i in _down(groups))])
    letters["prefix"] = np.void(prefix.encode())
    for place, digits in enumerate(groups):
        whole = rest // 10**GROUP
        letters[f"{place}"] = _digit_groups(digits)[rest - whole * 10**GROUP]
        rest = whole
    offsets = np.arange(size + 1, dtype=np.int32) * np.int32(letters.itemsize)
    known = np.packbits(numbers >= 0, bitorder="little")
    return pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(letters), pa.py_buffer(known))


def _down(groups: list[int]) -> range:
    return range(len(groups) - 1, -1, -1)


def _digit_groups(digits: int) -> Any:
    """The last ``digits`` digits of 000 to 999, each as one element."""
    text = "".join(f"{number:0{GROUP}d}"[-digits:] for number in range(10**GROUP))
    return np.frombuffer(text.encode(), dtype=f"V{digits}")


def arrow_column(column: Column, values: Any, size: int) -> Any:
    """One column as Arrow: NaN, NaT, -1 in words and a missing column are null."""
    kind = ARROW_TYPES[column.kind]
    if values is None:
        return pa.nulls(size, kind)
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, Words):
        return pa.array(list(values.words), pa.string()).take(pa.array(values.at, mask=values.at < 0))
    if values.dtype.kind == "f" and column.kind in ("money", "count"):
        unknown = np.isnan(values)
        return pa.array(np.rint(np.where(unknown, 0, values)).astype(np.int64), mask=unknown)
    if values.dtype.kind == "f":
        return pa.array(values, mask=np.isnan(values))
    return pa.array(values).cast(kind)


def arrow_table(name: str, columns: Mapping[str, Any], size: int) -> Any:
    """All columns of table ``name`` in file order.

    Raises:
        KeyError: a column that the table does not have.
    """
    table = TABLES[name]
    for given in columns:
        table[given]
    arrays = [arrow_column(column, columns.get(column.name), size) for column in table.all_columns]
    return pa.table(arrays, schema=arrow_schema(name))


def arrow_schema(name: str) -> Any:
    """Arrow schema of table ``name``."""
    return pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in TABLES[name].all_columns])


def only(columns: Mapping[str, Any], keep: Any) -> dict[str, Any]:
    """The same columns for the rows where ``keep`` is true."""
    return {name: _rows(values, keep) for name, values in columns.items()}


def _rows(values: Any, keep: Any) -> Any:
    if isinstance(values, Words):
        return Words(values.at[keep], values.words)
    if isinstance(values, pa.Array):
        return values.filter(pa.array(keep))
    return values[keep]


def day_shift(rng: np.random.Generator, days: Dates, share: float, low: int, high: int) -> Dates:
    """``days`` with a share of them moved ``low`` to ``high`` days later."""
    late = rng.random(days.size) < share
    return np.asarray(days + np.where(late, rng.integers(low, high + 1, days.size), 0))


def corrected(table: Any, rows: Ints, known_on: Dates, last: np.datetime64, **changes: Any) -> Any:
    """Later versions of ``rows`` of ``table``: same record_id, own ``known_on``, changed columns; known by ``last``."""
    keep = known_on <= last
    versions = table.take(pa.array(rows[keep]))
    for name, values in {"known_on": known_on, **changes}.items():
        position = table.schema.get_field_index(name)
        versions = versions.set_column(position, table.schema.field(position), pa.array(values[keep]))
    return versions
