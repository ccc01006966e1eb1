"""Arrivals wait in the record, come into the ledger once and in their order, and none is lost."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import records
import worlds
from deliveries import basics, bring, day
from effort import examples
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features.added import Added
from features.events import arrow_schema
from features.ledger import Ledger, Manifest
from features.schema import TABLES
from monitoring import arrivals
from monitoring.decisions.entry import Entry, Receipt, Theirs
from monitoring.decisions.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with records.on_sqlite(tmp_path / "state") as found:
        yield found


@pytest.fixture
def small(tmp_path: Path) -> Path:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "from", "01", basics()))
    return tmp_path / "book"


def paid(name: str, amount: int, known: date) -> worlds.Row:
    return {**worlds.payment(day(0), amount, known=known), "record_id": name}


def arrive(record: Record, name: str, amount: int, known: date) -> int:
    """A payment that arrives; its place in the record."""
    row, schema = paid(name, amount, known), arrow_schema(TABLES["payments"])
    rows = pa.Table.from_pylist([{column: row.get(column) for column in schema.names}], schema)
    entry = arrivals.entry("bank", str(row["borrower_id"]), {"payments": rows}, known, (f"{name} {amount} {known}", b""))
    return record.add(entry).entry.count


def payments(ledger: Ledger) -> set[tuple[object, ...]]:
    """Versions that are visible on some day: the ledger keeps words of a day that did not stand at its end too."""
    found = [row for number in ledger.partitions for row in ledger.read("payments", number).to_pylist()]
    told = {(row["record_id"], row["amount"], row["known_on"], row["superseded_on"]) for row in found}
    return {one for one in told if one[2] != one[3]}


BORROWER = str(worlds.payment(day(0), 1)["borrower_id"])
SAID = st.lists(st.tuples(st.sampled_from("PQ"), st.integers(1, 3), st.integers(0, 2), st.booleans()), min_size=1, max_size=5)
"""Record, amount, days that pass before it is said, and whether a night comes after it."""


@given(SAID)
@example([("P", 2, 0, False), ("P", 2, 1, False), ("P", 1, 0, False)])
@settings(examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ledger_and_what_waits_say_the_same_whenever_nights_come(
    tmp_path_factory: pytest.TempPathFactory, said: list[tuple[str, int, int, bool]]
) -> None:
    home = tmp_path_factory.mktemp("arrivals")
    book, known = home / "book", day(700)
    bring(book, worlds.deliver(home / "from", "01", basics()))
    bring(home / "late", home / "from")
    with records.on_sqlite(home / "state") as record:
        for name, amount, later, night in said:
            known += timedelta(days=later)
            arrive(record, name, amount, known)
            if night:
                arrivals.take(record, book, known)
        arrivals.take(record, home / "late", known)
        waiting = arrivals.waiting(record, Manifest.read(book / "ledger"), BORROWER)
        assert not said[-1][3] or not waiting
        assert payments(Added(Ledger(book), arrivals.together(waiting))) == payments(Ledger(home / "late"))
        arrivals.take(record, book, known)
        assert payments(Ledger(book)) == payments(Ledger(home / "late"))


WHO = ("B1", "B2", "B3")
CAME = st.lists(st.tuples(st.sampled_from(WHO), st.sets(st.sampled_from("PQR"), min_size=1)), min_size=1, max_size=8)
"""Who brings records, and their ids."""


def named(who: str, ids: set[str]) -> Entry:
    rows = [
        arrivals.row("events", record_id=id, borrower_id=who, event_on=day(0), known_on=day(0), kind="enforcement") for id in ids
    ]
    return arrivals.entry("bank", who, {"events": pa.concat_tables(rows)}, day(0))


@given(CAME)
@settings(examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_id_is_whose_it_first_was_however_many_come_at_once(
    tmp_path_factory: pytest.TempPathFactory, came: list[tuple[str, set[str]]]
) -> None:
    with records.on_sqlite(tmp_path_factory.mktemp("ids") / "state") as record:
        asked = [record.submit(named(who, ids)) for who, ids in came]
        owners: dict[str, str] = {}
        for (who, ids), done in zip(came, asked, strict=True):
            taken = {id for id in ids if owners.get(id, who) != who}
            error = done.exception()
            assert (
                (isinstance(error, Theirs) and arrivals.ids(error.names) == {("events", id) for id in taken})
                if taken
                else not error
            )
            owners |= {} if taken else dict.fromkeys(ids, who)
        assert len(record.of_kind(arrivals.ARRIVAL)) == sum(not done.exception() for done in asked)


def test_ids_of_two_tables_are_not_one_and_who_was_erased_has_none(record: Record) -> None:
    record.add(named("B1", {"P"}))
    other = arrivals.row("inspections", record_id="P", borrower_id="B2", event_on=day(0), known_on=day(0))
    assert isinstance(record.add(arrivals.entry("bank", "B2", {"inspections": other}, day(0))), Receipt)
    record.forget("B1", {"on": "2026-11-22", "by": "A", "authority": "law", "runs": {}})
    assert isinstance(record.add(named("B2", {"P"})), Receipt)


def test_what_waits_under_one_id_from_before_names_were_kept_is_the_first_ones(record: Record, small: Path) -> None:
    for who in worlds.BORROWERS[:2]:
        record.add(replace(named(who, {"P"}), own=()))
    receipt = arrivals.take(record, small, day(700))
    assert receipt is not None and [(one.rows_in, one.used, one.quarantined) for one in receipt.tallies] == [(2, 1, 1)]
    rows = [
        row for number in range(Ledger(small).manifest.partitions) for row in Ledger(small).read("events", number).to_pylist()
    ]
    assert [(row["borrower_id"], row["superseded_on"]) for row in rows] == [(worlds.BORROWERS[0], None)]


def test_who_may_not_have_an_id_keeps_no_night_back(record: Record, small: Path) -> None:
    first, second = worlds.BORROWERS[:2]
    for place, who in enumerate((first, second)):
        record.add(replace(named(who, {"P"}), own=()))
        receipt = arrivals.take(record, small, day(700))
        assert receipt is not None and receipt.tallies[0].quarantined == place
    assert arrivals.take(record, small, day(700)) is None


def test_what_arrives_for_a_later_day_waits_for_its_night(record: Record, small: Path) -> None:
    first, second = arrive(record, "P", 1, day(700)), arrive(record, "Q", 2, day(701))
    receipt = arrivals.take(record, small, day(700))
    assert receipt is not None and Manifest.read(small / "ledger").arrived == {record.name: first}
    assert Ledger(small).known_through == day(700)
    assert arrivals.take(record, small, day(700)) is None
    assert [one.count for one in arrivals.waiting(record, Ledger(small).manifest, BORROWER)] == [second]
    arrivals.take(record, small, day(701))
    assert Manifest.read(small / "ledger").arrived == {record.name: second}
    assert Ledger(small).manifest.ledger_version == 3


def test_another_record_begins_at_its_own_beginning(record: Record, small: Path, tmp_path: Path) -> None:
    arrive(record, "P", 1, day(700))
    arrivals.take(record, small, day(700))
    with records.on_sqlite(tmp_path / "other") as other:
        arrive(other, "Q", 2, day(701))
        assert len(arrivals.waiting(other, Ledger(small).manifest, BORROWER)) == 1


def test_who_was_erased_does_not_come_back(record: Record, small: Path) -> None:
    arrive(record, "P", 1, day(700))
    record.forget(BORROWER, {"on": "2026-11-22", "by": "A", "authority": "law", "runs": {}})
    before = Ledger(small).manifest.ledger_version
    assert arrivals.take(record, small, day(700)) is None
    assert Ledger(small).manifest.ledger_version == before
