"""Roots and proofs: of RFC 6962's tree, for every number of rows; a row's bytes say everything and nothing twice."""

import hashlib
from datetime import date

import pyarrow as pa
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from monitoring.decisions import merkle


def as_the_standard_says(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + as_the_standard_says(leaves[:k]) + as_the_standard_says(leaves[k:])).digest()


@examples(100)
@given(st.integers(1, 200), st.data())
def test_every_row_leads_to_the_root_and_no_other_does(count: int, data: st.DataObject) -> None:
    leaves = [merkle.leaf(bytes([n]), b"row") for n in range(count)]
    root = merkle.root(leaves)
    assert root == as_the_standard_says(leaves)
    place = data.draw(st.integers(0, count - 1))
    path = merkle.proof(leaves, place)
    assert merkle.leads(leaves[place], place, count, path) == root
    assert merkle.leads(merkle.leaf(b"", b"other"), place, count, path) != root
    for wrong in (path[:-1], [*path, bytes(32)]) if path else ([bytes(32)],):
        with pytest.raises(ValueError, match="path"):
            merkle.leads(leaves[place], place, count, wrong)


ROW = pa.schema(
    [("id", pa.string()), ("pd", pa.float64()), ("dpd", pa.int64()), ("on", pa.date32()), ("missing", pa.list_(pa.string()))]
)
VALUES = st.fixed_dictionaries({
    "id": st.none() | st.text(max_size=3), "pd": st.none() | st.floats(allow_nan=False), "dpd": st.none() | st.integers(-3, 3),
    "on": st.none() | st.dates(date(1970, 1, 1), date(1970, 1, 4)),
    "missing": st.none() | st.lists(st.text(max_size=2), max_size=2),
})  # fmt: skip


@examples(300)
@given(VALUES, VALUES)
def test_rows_have_the_same_bytes_exactly_if_they_are_equal(one: dict[str, object], other: dict[str, object]) -> None:
    first, second = merkle.rows(pa.Table.from_pylist([one, other], ROW))
    assert (first == second) == all(repr(one[name]) == repr(other[name]) for name in ROW.names)
    assert list(merkle.rows(pa.Table.from_pylist([other], ROW))) == [second]


def test_no_rows_have_a_root_too() -> None:
    assert merkle.root([]) == as_the_standard_says([])
    assert list(merkle.rows(ROW.empty_table())) == []
