"""What a killed ingest had finished is kept: nothing is judged or written twice, and the ledger is the same to the byte."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import worlds
from deliveries import SIMULATED, basics, day, digests, paid, tree

from features import door, stage, writer
from features.errors import DataRefused
from features.ingest import ingest
from features.ledger import Manifest
from features.schema import DELIVERED

FIRST_TABLES = 2
"""Borrowers and loans are judged in every try: the others look their owners up in them."""


class Killed(BaseException):
    """Stands for the end of the process."""


def bring(book: Path, folder: Path, large: int = 1) -> list[str]:
    ingest(book, SIMULATED, folder, memory="1GB", partitions=4, large=large)
    return digests(book)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Records of every table, some corrected, repeated, faulty or of nobody."""
    faulty = {"payments": [paid("P", 1, day(2)), paid("P", 2, day(3)), paid("R", 2, day(3)), paid("R", 2, day(3))]}
    worlds.deliver(tmp_path / "from", "01", worlds.clean(6))
    return worlds.deliver(tmp_path / "from", "02", {**basics(), **faulty})


def counted(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, dies_at: int) -> list[Any]:
    """What ``place.name`` was asked for, by the third of its arguments; the process ends in the call with that number."""
    real: Callable[..., Any] = getattr(place, name)
    calls: list[Any] = []

    def counting(*args: Any) -> Any:
        if len(calls) + 1 == dies_at:
            raise Killed
        found = real(*args)
        calls.append(args)
        return found

    monkeypatch.setattr(place, name, counting)
    return calls


def test_what_is_kept_on_the_way_changes_no_byte(delivery: Path, tmp_path: Path) -> None:
    assert bring(tmp_path / "kept", delivery) == bring(tmp_path / "plain", delivery, large=10**9)
    shown = [{k: v for k, v in tree(tmp_path / name).items() if "manifest" not in k} for name in ("kept", "plain")]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("dies_at", [1, 4, 9, 17, 30])
def test_every_part_is_written_once_whenever_the_ingest_ends(
    delivery: Path, tmp_path: Path, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, book = bring(tmp_path / "plain", delivery, large=10**9), tmp_path / "book"
    with monkeypatch.context() as patch:
        before = counted(patch, writer, "write", dies_at)
        with pytest.raises(Killed):
            bring(book, delivery)
    after = counted(monkeypatch, writer, "write", 0)
    assert bring(book, delivery) == expected
    owners = ("borrowers", "loans")
    written = [(args[3].name, args[4]) for args in [*before, *after] if args[3].name not in owners]
    assert len(written) == len(set(written))
    assert {name for name, _ in written} == set(Manifest.read(book / "ledger").files) & set(DELIVERED) - set(owners)
    assert not stage.home(book / "ledger").exists()


def test_a_table_is_judged_once(delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book"
    with monkeypatch.context() as patch:
        before = counted(patch, door, "split", 6)
        with pytest.raises(Killed):
            bring(book, delivery)
    after = counted(monkeypatch, door, "split", 0)
    bring(book, delivery)
    judged = [args[1].name for args in [*before[FIRST_TABLES:], *after[FIRST_TABLES:]]]
    assert len(judged) == len(set(judged))
    assert len(before) == 5


@pytest.mark.parametrize("change", ["file", "ledger"])
def test_what_was_kept_for_another_delivery_or_ledger_is_forgotten(
    delivery: Path, tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, other = tmp_path / "book", worlds.deliver(tmp_path / "other", "01", basics())
    with monkeypatch.context() as patch:
        counted(patch, writer, "write", 20)
        with pytest.raises(Killed):
            bring(book, delivery)
    assert stage.names(book / "ledger")
    if change == "file":
        shutil.rmtree(delivery / "records" / "02")
    else:
        bring(book, other)
        bring(tmp_path / "plain", other)
    assert bring(book, delivery) == bring(tmp_path / "plain", delivery, large=10**9)


def test_nothing_is_kept_of_a_refused_delivery(delivery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise DataRefused("no", "否")

    monkeypatch.setattr("features.ingest._refuse_empty", refuse)
    with pytest.raises(DataRefused):
        bring(tmp_path / "book", delivery)
    assert not stage.home(tmp_path / "book" / "ledger").exists()
