"""The trace of a value: its records are visible, and they give the value again; for every feature of the catalogue."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import oracle
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features import arrears
from features.build import compute_partition
from features.catalogue import CATALOGUE
from features.errors import DataRefused, NotFound
from features.events import day_number
from features.feature import fact
from features.formula import Program
from features.ingest import ingest
from features.ledger import Ledger
from features.measure import Fold, FoldOthers, Leaf, Reduce
from features.schema import TABLES
from features.sources import source
from features.trace import Part, Record, find, links, part, trace
from features.window import to_date

LEAVES = {leaf.name: leaf for feature in CATALOGUE.values() for leaf in feature.measure.leaves()}
NAN = float("nan")
LATE = worlds.FIRST + timedelta(days=worlds.SPAN)
DATES = {c.name for table in arrears.TABLES for c in TABLES[table].all_columns if c.kind == "date"}

Numbers = list[float]
OVER: dict[str, Callable[[Numbers], float]] = {
    "count": len, "total": sum, "total_each": sum, "mean": lambda v: sum(v) / len(v) if v else NAN,
    "largest": lambda v: max(v, default=NAN),
    "smallest": lambda v: min(v, default=NAN), "latest": lambda v: v[-1] if v else NAN,
    "spread": lambda v: float(np.std(v, ddof=1)) if len(v) > 1 else NAN,
}  # fmt: skip


def again(leaf: Leaf, found: Part, as_of: date, known_by: date) -> float:
    """The leaf's value from nothing but its traced records."""
    if isinstance(leaf, Reduce):
        return _reduced(leaf, found, as_of)
    if isinstance(leaf, Fold):
        return _folded(leaf.column, found.records, as_of, known_by)
    if isinstance(leaf, FoldOthers):
        return _over_others(leaf, found.records, as_of, known_by)
    return day_number(as_of)


def _reduced(leaf: Reduce, found: Part, as_of: date) -> float:
    days = [day_number(record.event_on) for record in found.records]
    end = day_number(as_of) - leaf.lag
    if found.heard == 0:
        return NAN
    if leaf.how == "distinct":
        return len({record.value for record in found.records})
    if leaf.how == "days_since":
        return end - max(days) if days else NAN
    if leaf.how == "days_since_first":
        return end - min(days) if days else NAN
    values = [float(record.value) for record in found.records if record.value is not None]
    if leaf.how == "slope":
        return float(np.polyfit(np.array(days) - days[0], values, 1)[0]) if len(set(days)) > 1 else NAN
    return OVER[leaf.how](values)


def _folded(column: str, records: tuple[Record, ...], as_of: date, known_by: date) -> float:
    rows: dict[str, list[oracle.Row]] = {}
    for record in records:
        nothing = {c.name: None for c in TABLES[record.table].columns}
        rows.setdefault(record.table, []).append({**nothing, **record.said, "event_on": record.event_on, "known_on": known_by})
    return _walked(json.dumps(rows, default=str), as_of, known_by).get(column, NAN)


@cache
def _walked(rows: str, as_of: date, known_by: date) -> dict[str, float]:
    """The fold's columns by the naive walk, once for all columns that read the same records."""
    numbered = {
        table: oracle.numbered({k: date.fromisoformat(v) if k in DATES and v else v for k, v in row.items()} for row in found)
        for table, found in json.loads(rows).items()
    }
    return oracle.columns(numbered, day_number(as_of), day_number(known_by), worlds.SHIPPED, arrears.WINDOWS)


def _over_others(leaf: FoldOthers, records: tuple[Record, ...], as_of: date, known_by: date) -> float:
    loans = {loan: tuple(r for r in records if r.entity == loan) for loan in sorted({r.entity for r in records})}
    opened = {loan: min(r.event_on for r in found if r.table == "loans") for loan, found in loans.items()}
    order = sorted(loans, key=lambda loan: (opened[loan], loan))
    values = [_folded(leaf.column, loans[loan], as_of, known_by) for loan in order]
    known = [value for value in values if not np.isnan(value)]
    return OVER[leaf.how](known) if known else NAN


@given(seed=st.integers(0, 2**31), row=st.integers(0, 11))
@examples(3)
def test_the_records_of_a_value_are_visible_and_give_the_value_again(seed: int, row: int) -> None:
    tables, spine = worlds.world(seed, worlds.Weather(records=25)), worlds.rows(seed).take(np.array([row]))
    as_of, known_by = to_date(spine.as_of[0]), to_date(spine.known_by[0])
    values = compute_partition(spine, worlds.partition(tables), [fact(name, leaf) for name, leaf in LEAVES.items()])[0]
    with worlds.database(tables, spine) as con:
        for leaf, value in zip(LEAVES.values(), values, strict=True):
            found = part(con, leaf, value)
            assert all(r.event_on <= as_of and r.known_on <= known_by for r in found.records)
            assert all(r.superseded_on is None or r.superseded_on > known_by for r in found.records)
            assert again(leaf, found, as_of, known_by) == pytest.approx(value, rel=1e-9, abs=1e-7, nan_ok=True), leaf.name


def test_every_leaf_that_reads_a_table_has_records_somewhere() -> None:
    """The law above would hold of traces that are always empty of unknown values; this keeps it honest."""
    unseen = {name for name, leaf in LEAVES.items() if leaf.tables}
    for seed in range(80):
        tables, spine = worlds.world(seed, worlds.Weather(records=150, unknown=0.05)), worlds.rows(seed, 1)
        with worlds.database(tables, spine) as con:
            unseen -= {name for name in unseen if part(con, LEAVES[name], NAN).records}
        if not unseen:
            break
    assert unseen == set()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    home = tmp_path_factory.mktemp("traced")
    made = worlds.clean(5, per_table=30)
    ingest(home / "book", source("simulated"), worlds.deliver(home / "raw", "one", made))
    return Ledger(home / "book")


def _day(ledger: Ledger) -> date:
    return min(ledger.known_through, LATE)


def test_a_loan_is_traced_with_its_borrower_and_a_borrower_alone(ledger: Ledger) -> None:
    assert find(ledger, "L2") == ("B1", "L2")
    assert find(ledger, "B2") == ("B2", None)
    found = trace(ledger, "L2", _day(ledger), CATALOGUE["loan_age"])
    assert (found.borrower_id, found.loan_id, found.known_by) == ("B1", "L2", found.as_of)
    (leaf,) = found.parts
    assert {record.entity for record in leaf.records} == {"L2"}
    assert leaf.value == found.value == (found.as_of - leaf.records[0].event_on).days
    assert {record.ledger_version for record in leaf.records} == {found.ledger_version} == {1}


def test_the_value_of_a_trace_is_that_of_its_parts(ledger: Ledger) -> None:
    known, some = 0, list(CATALOGUE.values())[::9]
    for feature in some:
        found = trace(ledger, "L1", _day(ledger), feature)
        values = {p.name: p.value for p in found.parts}
        program = Program([feature.measure.formula()])
        once = program.run(np.array([[values[name]] for name in program.inputs], dtype=np.float64))
        np.testing.assert_array_equal(once, [[found.value]])
        known += not np.isnan(found.value)
    assert known > len(some) / 4


def test_a_borrower_alone_has_others_and_no_loan_of_its_own(ledger: Ledger) -> None:
    own = trace(ledger, "B1", _day(ledger), CATALOGUE["dpd"])
    assert np.isnan(own.value) and own.parts[0].records == ()
    others = trace(ledger, "B1", _day(ledger), CATALOGUE["others_principal"])
    assert {record.entity for record in others.parts[0].records} == {"L1", "L2", "L3"}


def test_the_industry_is_traced_to_the_record_that_says_it(ledger: Ledger) -> None:
    found = trace(ledger, "L1", _day(ledger), CATALOGUE["industry_default_rate"])
    link, rate = found.parts
    assert link.value == link.records[-1].value in worlds.KEYS["industry"]
    assert {record.entity for record in rate.records} <= {link.value}


def test_links_are_only_of_features_that_read_an_industry_or_region() -> None:
    with worlds.database(worlds.world(1), worlds.rows(1, 1)) as con:
        linked = [name for name, feature in CATALOGUE.items() if list(links(con, feature))]
    assert linked == [n for n, f in CATALOGUE.items() if not all(TABLES[t].partitioned for t in f.tables)]


MISTAKES = [
    ("L99", date(2021, 1, 1), NotFound, "no loan and no borrower L99", "L99"),
    ("L1", date(1990, 1, 1), NotFound, "nothing of L1 was known by 1990-01-01; the first record", "首条记录"),
    ("L1", date(2190, 1, 1), DataRefused, "after the last day the ledger knows of", "晚于账本"),
]


@pytest.mark.parametrize(("entity", "day", "error", "en", "zh"), MISTAKES)
def test_a_mistake_is_said_in_both_languages(
    ledger: Ledger, entity: str, day: date, error: type[Exception], en: str, zh: str
) -> None:
    with pytest.raises(error) as seen:
        trace(ledger, entity, day, CATALOGUE["dpd"])
    assert en in str(seen.value) and zh in str(seen.value)


def test_knowing_later_shows_what_came_late(tmp_path: Path) -> None:
    day = worlds.FIRST
    late = {**worlds.payment(day, 500, known=day + timedelta(days=20))}
    tables = {
        "borrowers": [{"record_id": "b", "borrower_id": "B1", "event_on": day, "known_on": day, "kind": "person"}],
        "loans": [
            {"record_id": "l", "borrower_id": "B1", "loan_id": "L1", "event_on": day, "known_on": day, "product": "consumer"}
        ],
        "payments": [late, worlds.payment(day + timedelta(days=1), 300)],
    }
    ingest(tmp_path / "book", source("simulated"), worlds.deliver(tmp_path / "raw", "one", tables))
    book, as_of, feature = Ledger(tmp_path / "book"), day + timedelta(days=5), CATALOGUE["days_since_payment"]
    then = trace(book, "L1", as_of, feature)
    later = trace(book, "L1", as_of, feature, day + timedelta(days=20))
    assert [[r.event_on for r in t.parts[0].records] for t in (then, later)] == [
        [day + timedelta(days=1)], [day, day + timedelta(days=1)],
    ]  # fmt: skip
