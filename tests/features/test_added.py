"""A ledger with more records reads as it does once an ingest has brought them."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import worlds
from deliveries import basics, bring, day
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.added import Added
from features.events import arrow_schema
from features.ledger import Ledger
from features.schema import TABLES

SAID = st.lists(st.tuples(st.sampled_from(["P1", "P2", "P3"]), st.integers(1, 3), st.integers(0, 2)), max_size=5)
"""Record, amount, days after the first on which it was said."""


def rows(said: list[tuple[str, int, int]], first: int) -> list[worlds.Row]:
    """Payments in the order in which they were said."""
    ordered = sorted(said, key=lambda one: one[2])
    return [{**worlds.payment(day(0), amount, known=day(first + later)), "record_id": name} for name, amount, later in ordered]


def table(found: list[worlds.Row]) -> pa.Table:
    schema = arrow_schema(TABLES["payments"])
    return pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in found], schema)


def versions(ledger: Ledger) -> list[tuple[object, ...]]:
    """What anybody can see of the payments, in the ledger's order but for equal days."""
    found = [row for number in ledger.partitions for row in ledger.read("payments", number).to_pylist()]
    seen = [row for row in found if row["superseded_on"] != row["known_on"]]
    return sorted(tuple(str(row[name]) for name in ("record_id", "known_on", "superseded_on", "amount")) for row in seen)


def delivered(folder: Path, book: Path, found: list[worlds.Row]) -> None:
    """Each row as a delivery of its own, so that a later one corrects an earlier one."""
    for number, row in enumerate(found):
        worlds.deliver(folder, f"{number:02d}", {"payments": [row]})
    bring(book, folder)


@given(SAID.filter(bool), SAID)
@examples(25)
def test_what_is_added_reads_as_what_is_ingested(before: list[tuple[str, int, int]], after: list[tuple[str, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        book = Path(folder) / "book"
        bring(book, worlds.deliver(Path(folder) / "basics", "01", basics()))
        delivered(Path(folder) / "before", book, rows(before, 10))
        more = Added(Ledger(book), {"payments": table(rows(after, 20))})
        seen, through = versions(more), more.known_through
        if after:
            delivered(Path(folder) / "after", book, rows(after, 20))
        assert seen == versions(Ledger(book))
        assert through >= Ledger(book).known_through


def test_only_whom_it_is_about_sees_what_was_added(tmp_path: Path) -> None:
    book = tmp_path / "book"
    bring(book, worlds.deliver(tmp_path / "basics", "01", basics()))
    ledger, found = Ledger(book), rows([("P1", 5, 0)], 700)
    owner = found[0]["borrower_id"]
    more = Added(ledger, {"payments": table(found)})
    assert versions(more.of(owner)) == versions(more) and len(versions(more)) == 1
    assert not versions(more.of("somebody else")) and not versions(ledger)
    assert more.known_through == date.fromisoformat(str(found[0]["known_on"]))
    assert len(more.partition(next(iter(more.of(owner).partitions)), ["payments"]).events("payments")) == 1
