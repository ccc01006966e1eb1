"""A ledger of an earlier version: what it showed on any day then, it shows when it is told from what it is now."""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import worlds
from deliveries import basics, bring, day, digests, paid
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import Row

from features.errors import NotFound
from features.ledger import Ledger
from features.rebuild import rebuild

CLOCKS = ("record_id", "event_on", "known_on", "superseded_on", "ledger_version", "amount")


def shown(book: Path, table: str = "payments") -> list[tuple[object, ...]]:
    """All that a reader sees of a table, versions of no length left out: no day shows them."""
    rows = [row for row in worlds.stored(book, table) if row["superseded_on"] != row["known_on"]]
    return sorted((tuple(row.get(name) for name in CLOCKS) for row in rows), key=repr)


def said(seed: int, versions: int) -> list[list[Row]]:
    """Deliveries that say one of three amounts of some of eight records, on any of five days, again and again."""
    rng = np.random.default_rng(seed)
    return [
        [
            paid(f"R{i}", int(rng.integers(1, 4)), day(int(rng.integers(0, 5))))
            for i in range(8)
            if rng.random() < 0.6 or i == version  # none is empty
        ]
        for version in range(versions)
    ]


@given(seed=st.integers(0, 2**31))
@examples(4)
def test_every_version_is_told_from_the_last(seed: int) -> None:
    with TemporaryDirectory() as home:
        book, before = Path(home) / "book", []
        for n, rows in enumerate(said(seed, 5)):
            tables = {**basics(), "payments": rows} if n == 0 else {"payments": rows}
            bring(book, worlds.deliver(Path(home) / str(n), "01", tables))
            before.append((shown(book), Ledger(book).known_through))
        ledger = Ledger(book)
        for n, (rows_then, known_through) in enumerate(before, 1):
            found = rebuild(ledger, n, Path(home) / f"then-{n}")
            assert shown(Path(home) / f"then-{n}") == rows_then
            assert (found.manifest.ledger_version, found.known_through) == (n, known_through)


def test_where_nothing_came_again_the_files_are_those_of_then_byte_by_byte(tmp_path: Path) -> None:
    book, tables = tmp_path / "book", worlds.clean(3)
    early = {name: rows[: len(rows) // 2 + 1] for name, rows in tables.items()}
    early.update({name: tables[name] for name in ("borrowers", "loans")})
    bring(book, worlds.deliver(tmp_path / "1", "01", early))
    then = digests(book)
    late = {name: rows[len(early[name]) :] for name, rows in tables.items() if len(rows) > len(early[name])}
    bring(book, worlds.deliver(tmp_path / "2", "01", late))
    assert digests(book) != then
    rebuild(Ledger(book), 1, tmp_path / "then")
    assert digests(tmp_path / "then") == then
    rebuild(Ledger(book), 2, tmp_path / "now")
    assert digests(tmp_path / "now") == digests(book)


def test_a_version_that_never_was_is_not_found(tmp_path: Path) -> None:
    bring(tmp_path / "book", worlds.deliver(tmp_path / "1", "01", basics()))
    for version in (0, 2):
        with pytest.raises(NotFound, match="its versions are 1 to 1"):
            rebuild(Ledger(tmp_path / "book"), version, tmp_path / "then")
    assert isinstance(Ledger(tmp_path / "book").known_through, date)
