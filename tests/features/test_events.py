"""Records in memory: columns and clocks against plain Python, identities over all tables, a context that is shared."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.events import NEVER, Events, Partition, day_number
from features.schema import TABLES

ALL = list(CATALOGUE.values())
BY_KIND: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "amount": (pa.int64(), st.integers(-(2**53), 2**53)),
    "event_on": (pa.date32(), st.dates(date(1900, 1, 1), date(2199, 12, 31))),
    "score": (pa.float64(), st.floats(allow_nan=False)),
    "identity_ok": (pa.bool_(), st.booleans()),
    "kind": (pa.string(), st.text(max_size=3)),
}
MADE = pa.schema([(name, kind) for name, (kind, _) in BY_KIND.items()])


@given(data=st.data(), times=st.sampled_from([1, 20]), cut=st.integers(0, 9), chunks=st.booleans(), coded=st.booleans())
@examples(100)
def test_columns_are_what_arrow_says_wherever_they_lie(
    data: st.DataObject, times: int, cut: int, chunks: bool, coded: bool
) -> None:
    """Few and many, slices that begin within a byte of flags, columns in several pieces, words that came coded."""
    rows = data.draw(
        st.lists(st.fixed_dictionaries({name: st.none() | drawn for name, (_, drawn) in BY_KIND.items()}), max_size=30)
    )
    table = pa.Table.from_pylist(rows * times, schema=MADE)
    if coded:
        table = table.set_column(MADE.get_field_index("kind"), "kind", table["kind"].dictionary_encode())
    pieces = [table.slice(0, cut), table.slice(cut)] if chunks else [table.slice(cut)]
    seen = pa.concat_tables(pieces)
    events = Events(TABLES["transactions"], np.zeros(len(seen), dtype=np.int64), seen)
    for name, values in seen.to_pydict().items():
        if name == "kind":
            codes, words = events.words(name)
            assert [None if code < 0 else words[code] for code in codes] == values
            known = [np.nan if code < 0 else float(code) for code in codes]
        else:
            known = [np.nan if v is None else float(day_number(v) if isinstance(v, date) else v) for v in values]
        np.testing.assert_array_equal(events.said(name), known)
    assert events.event_on.tolist() == [NEVER if v is None else day_number(v) for v in seen["event_on"].to_pylist()]


@given(records=st.lists(st.tuples(st.integers(0, 3), *[st.integers(1, 9)] * 3), max_size=25), other=st.integers(0, 2**31))
@examples(50)
def test_the_clock_says_what_is_hidden_so_far_also_for_records_by_another_entity(
    records: list[tuple[int, int, int, int]], other: int
) -> None:
    columns = np.array(sorted(records, key=lambda r: r[:3]), dtype=np.int64).reshape(-1, 4).T
    events = Events(TABLES["payments"], columns[0], pa.table({"amount": np.arange(len(records))}))
    events.event_on, events.known_on, events.superseded_on = columns[1:]
    owner = np.random.default_rng(other).integers(0, 3, len(records))
    by = events.by(owner)
    order = sorted(range(len(records)), key=lambda i: (owner[i], columns[1, i], columns[2, i], i))
    assert by.column("amount").tolist() == order
    for some in (events, by):
        for i, entity in enumerate(some.entity):
            before = [j for j in range(i + 1) if some.entity[j] == entity]
            days = (some.event_on[i], some.known_on[i], some.superseded_on[i])
            assert tuple(some.clock[:, i]) == (*days, some.known_on[before].max(), some.superseded_on[before].min())


def test_identities_are_those_of_all_tables_however_these_came() -> None:
    """One table with its words coded, one with them as they are, one that brings a loan that no other has."""
    tables = dict(worlds.world(3, worlds.Weather(records=25)))
    for name in ("instalments", "statuses"):
        tables[name] = tables[name].set_column(2, "loan_id", tables[name]["loan_id"].dictionary_encode())
    partition, plain = worlds.partition(tables), worlds.partition(worlds.world(3, worlds.Weather(records=25)))
    about = [name for name in tables if "loan_id" in tables[name].column_names]
    ids = sorted({loan for name in about for loan in tables[name]["loan_id"].to_pylist()})
    assert partition.loans.tolist() == plain.loans.tolist() == ids
    assert partition.places("loan_id", [*ids, "nobody"]).tolist() == [*range(len(ids)), -1]
    for name in about:
        assert [ids[i] for i in partition.events(name).entity] == tables[name]["loan_id"].to_pylist()
    owners = {
        loan: owner for name in about for loan, owner in zip(*map(tables[name].column, ("loan_id", "borrower_id")), strict=True)
    }
    assert {ids[i]: partition.borrowers[b] for i, b in enumerate(partition.loan_borrower)} == {
        loan.as_py(): owner.as_py() for loan, owner in owners.items()
    }


@pytest.mark.parametrize("seed", range(5))
def test_a_context_prepared_once_gives_the_same_bits(seed: int) -> None:
    """Also to the next borrower, and to one without any record."""
    tables, spine = worlds.world(seed, worlds.Weather(records=25)), worlds.rows(seed)
    own = {name: data for name, data in tables.items() if TABLES[name].partitioned and data.num_rows}
    context = worlds.partition({name: data for name, data in tables.items() if name not in own})
    nothing = {name: data.slice(0, 0) for name, data in tables.items() if TABLES[name].partitioned}
    for records in (own, own, {}):
        whole = worlds.partition({**tables, **nothing, **records})
        shared = Partition(records, context)
        assert compute_partition(spine, shared, ALL).tobytes() == compute_partition(spine, whole, ALL).tobytes()
        assert shared.table("industry").equals(whole.table("industry"))
        assert shared.entities("industry").tolist() == whole.entities("industry").tolist()
