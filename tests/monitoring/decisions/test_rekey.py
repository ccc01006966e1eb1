"""Another master key: everything is still found and opened, the old key opens nothing, and a kill at any step loses nothing."""

import stat
from pathlib import Path

import pytest
from records import score

from features.errors import IntegrityFailed
from monitoring.database import database
from monitoring.decisions import rekey as changing
from monitoring.decisions import vault as vaults
from monitoring.decisions.chain import walk
from monitoring.decisions.entry import Erased
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record
from monitoring.decisions.rekey import REKEYED, rekey
from monitoring.decisions.vault import Vault, vault


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A record with decisions about three borrowers, of whom one was erased; keys are wrapped two at a time."""
    monkeypatch.setattr(changing, "AT_ONCE", 2)
    (tmp_path / "keys").mkdir()
    found = Place(tmp_path)
    with opened(found) as record:
        for n in range(6):
            record.add(score(n, f"B{n % 3}", (f"r{n}", b"body")))
        record.forget("B2", {"by": "x", "on": "2026-11-22", "authority": "y", "runs": {}})
    return found


def whole(record: Record) -> None:
    """All of it is found, opened, known again and proven; the erased one stays erased."""
    for n in (0, 1, 3, 4):
        assert record.opened(record.of_loan(f"L{n}")[0]) == f'{{"loan_id":"L{n}"}}'.encode()
        assert record.add(score(n, f"B{n % 3}", (f"r{n}", b"body"))).again
    assert [len(record.of_borrower(f"B{n}")) for n in range(3)] == [2, 2, 0]
    assert walk(record.rows(), record.signed(), "record").count >= 8


def test_everything_is_as_before_and_the_old_key_opens_nothing(place: Place) -> None:
    old, night = place.vault(), place.vault().salt("2024-12-31", "L1")
    with opened(place) as record:
        done = rekey(record, place.master_file, "the administrator")
        whole(record)
        assert record.add(score(9, "B9")).entry.subject
    with opened(place) as record:
        whole(record)
        assert record.of_kind(REKEYED) == [done]
        erased = next(found for found in record.of_kind("score") if found.count == 4)
        with pytest.raises(Erased):
            record.opened(erased)
        with pytest.raises(IntegrityFailed):
            Record(record.engine, old, record.signer).opened(record.of_loan("L1")[0])
    assert place.vault().master != old.master
    assert place.vault().salt("2024-12-31", "L1") == night
    assert stat.S_IMODE(place.master_file.stat().st_mode) == 0o600


def test_again_and_again(place: Place) -> None:
    seen = {place.vault().master}
    for _ in range(3):
        with opened(place) as record:
            rekey(record, place.master_file, "x")
            whole(record)
        seen.add(place.vault().master)
    assert len(seen) == 4


def test_what_still_works_with_the_old_key_is_refused_and_seals_nothing(place: Place) -> None:
    with opened(place) as running:
        with opened(place) as record:
            rekey(record, place.master_file, "x")
        count = len(list(running.rows()))
        with pytest.raises(IntegrityFailed, match="another master key"):
            running.add(score(7, "B7"))
        with pytest.raises(IntegrityFailed):
            running.opened(running.of_loan("L1")[0])
        assert len(list(running.rows())) == count
    with opened(place) as record:
        whole(record)


@pytest.mark.parametrize("step", ["before anything is wrapped", "when half is wrapped", "when all is wrapped"])
def test_killed_at_any_step_it_is_as_before_or_finished(place: Place, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch, opened(place) as record:
        if step == "before anything is wrapped":
            patch.setattr(changing, "_wrap", killed)
        elif step == "when half is wrapped":
            calls = iter([Vault.wrap] * 1)
            patch.setattr(Vault, "wrap", lambda *asked: next(calls, killed)(*asked))
        else:
            patch.setattr(vaults, "take_over", killed)
        with pytest.raises(Killed):
            rekey(record, place.master_file, "x")
    for _ in range(2):
        with opened(place) as record:
            whole(record)
    with opened(place) as record:
        rekey(record, place.master_file, "x")
        whole(record)


def test_a_wrong_master_key_is_told_at_once(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    other.write_text("ab" * 32 + "\n")
    with pytest.raises(IntegrityFailed, match="names a wrong file"), opened(Place(place.book, master=other)):
        pass


def test_a_record_of_before_takes_note_of_its_key(place: Place) -> None:
    engine = database(place.book)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM masters")
    engine.dispose()
    with opened(place) as record:
        record.add(score(8, "B8"))
        rekey(record, place.master_file, "x")
        whole(record)


def test_the_file_of_a_first_key_is_one_line_and_of_the_next_two(place: Place) -> None:
    assert len(place.master_file.read_text().split()) == 1
    first = place.vault()
    with opened(place) as record:
        rekey(record, place.master_file, "x")
    assert place.master_file.read_text().split() == [place.vault().master.hex(), first.master.hex()]
    assert vault(place.book) == place.vault()
