"""Replay: a past night comes out to the last bit from what was stored, whatever became known since, or is refused aloud."""

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import worlds
from books import Book

from features.errors import IntegrityFailed, UsageError
from features.ingest import ingest
from features.ledger import Ledger
from features.sources import source
from models.score import points
from monitoring import code
from monitoring.decisions import nights
from monitoring.decisions.place import Place, opened
from monitoring.decisions.record import Record
from monitoring.policy import tier_policy
from monitoring.policy.schedule import schedule_policy
from monitoring.runs import NIGHTLY
from pipelines import nightly
from pipelines.replay import replay, then_and_now


def with_own_ledger(book: Book, own: Path) -> Path:
    (own / "ledger").unlink()
    shutil.copytree(book.path / "ledger", own / "ledger")
    return own


def told_late(book: Book, own: Path, folder: Path) -> str:
    """Payments that came after the night, corrected or known before it; returns a loan that they are about."""
    payments = Ledger(own).read("payments", 0)
    alive = payments.filter(pc.is_in(payments["loan_id"], pc.cast(book.scores.rows["loan_id"].tolist(), "string")))
    last = alive.filter(pc.is_null(alive["superseded_on"])).slice(alive.num_rows - 40).to_pylist()
    rows = [{k: v for k, v in row.items() if k not in ("superseded_on", "ledger_version")} for row in last]
    corrected = [{**row, "amount": 1, "known_on": book.day + timedelta(days=3)} for row in rows[::2]]
    missed = [{**row, "record_id": f"late {i}", "amount": 1} for i, row in enumerate(rows)]
    ingest(own, source("simulated"), worlds.deliver(folder, "01", {"payments": corrected + missed}))
    return str(rows[0]["loan_id"])


def test_a_night_comes_out_the_same(book: Book, decided: Path) -> None:
    with opened(Place(decided)) as record:
        day = str(book.day)
        found = replay(record, decided, day)
        assert (found.as_of, found.rebuilt, found.erased) == (day, False, 0)
        people = book.scores.rows["borrower_id"].nunique()
        signals = pq.read_metadata(decided / "runs" / f"as_of={day}" / "signals.parquet").num_rows
        assert found.rows == {"loans": len(book.scores.rows), "borrowers": people, "standing": people, "signals": signals}
        assert signals > 100


def test_what_became_known_since_changes_nothing_then_and_is_told_of_now(book: Book, decided: Path, tmp_path: Path) -> None:
    with opened(Place(with_own_ledger(book, decided))) as record:
        day = str(book.day)
        loan = told_late(book, decided, tmp_path / "late")
        assert Ledger(decided).manifest.digest() != book.ledger.manifest.digest()
        assert replay(record, decided, day).rebuilt
        both = then_and_now(record, decided, loan, day)
        assert both.differing
        assert both.known_now == str(book.day + timedelta(days=3))


def test_other_bits_are_refused_with_how_far_they_are(book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Place(decided)) as record:
        day = str(book.day)
        monkeypatch.setattr("monitoring.night.points", lambda log_odds: points(log_odds) + 1e-9)
        with pytest.raises(IntegrityFailed, match="loans are not what was decided: 0 rows in one alone, log_odds equal to 1e-12"):
            replay(record, decided, day)


OTHER = {"loanwatch": "0.0.9", "sha256": "ab" * 32}


def refused(record: Record, own: Path, day: str) -> IntegrityFailed:
    with pytest.raises(IntegrityFailed) as found:
        replay(record, own, day)
    return found.value


def test_a_night_of_other_code_comes_out_or_is_refused_with_both_named(
    book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(Place(decided)) as record:
        day, wrote = str(book.day), code.named(code.here())
        monkeypatch.setattr("monitoring.code.here", lambda: OTHER)
        assert replay(record, decided, day).as_of == day, "other code may do the same"
        with monkeypatch.context() as patch:
            patch.setattr("monitoring.night.points", lambda log_odds: points(log_odds) + 1e-9)
            other_rows = refused(record, decided, day)
        monkeypatch.setattr("pipelines.replay.tier_policy", lambda _: replace(tier_policy(book.day), digest="x"))
        other_policy = refused(record, decided, day)
    assert "loans are not what was decided" in other_rows.en and "the tier policy of that day has changed" in other_policy.en
    for said in (other_rows, other_policy):
        assert f"{wrote} wrote it, and this is loanwatch 0.0.9 (code abababababab): replay it with the version" in said.en
        assert f"由 {wrote} 生成" in said.zh and "请用生成时的版本重算" in said.zh
        assert "backup" not in said.en


def test_a_night_that_does_not_name_its_code_is_refused_as_of_an_earlier_version(
    book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(Place(decided)) as record:
        manifest = decided / "runs" / f"as_of={book.day}" / "manifest.json"
        said = json.loads(manifest.read_text("utf-8"))
        del said["code"]
        manifest.write_text(json.dumps(said), "utf-8")
        nights.remember(record, manifest.parent)
        monkeypatch.setattr("monitoring.night.points", lambda log_odds: points(log_odds) + 1e-9)
        found = refused(record, decided, str(book.day))
        assert f"did not say its name, wrote it, and this is {code.named(code.here())}" in found.en and "早期版本" in found.zh


def test_without_what_it_was_made_from_it_is_refused(book: Book, decided: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Place(decided)) as record:
        day = str(book.day)
        with monkeypatch.context() as patch:
            policy = tier_policy(book.day)
            patch.setattr("pipelines.replay.tier_policy", lambda _: replace(policy, digest="x"))
            with pytest.raises(IntegrityFailed, match="the tier policy of that day has changed"):
                replay(record, decided, day)
        with monkeypatch.context() as patch:
            plans = schedule_policy(book.day)
            patch.setattr("pipelines.replay.schedule_policy", lambda _: replace(plans, digest="x"))
            with pytest.raises(IntegrityFailed, match="the schedule policy of that day has changed"):
                replay(record, decided, day)
        with monkeypatch.context() as patch:
            patch.setattr("features.catalogue.digest", lambda _: "x")
            with pytest.raises(IntegrityFailed, match="some feature that its model reads has another meaning now; restore it"):
                replay(record, decided, day)
        (decided / "bundles").unlink()
        (decided / "bundles").mkdir()
        with pytest.raises(IntegrityFailed, match="is not in the book"):
            replay(record, decided, day)


def test_a_night_that_another_follows_is_not_made_again_so_that_both_are_replayed(book: Book, own: Path) -> None:
    eve = book.day - timedelta(days=1)
    for day in (eve, book.day):
        nightly.remember(book.night(own, NIGHTLY, day), Place(own))
    text = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    (own / "lender.toml").write_text(text.replace('calendar = "CN"', 'calendar = "CN"\npriority = "top_pd"'), "utf-8")
    before = {path: path.read_bytes() for path in (own / "runs").rglob("*") if path.is_file()}
    steps: list[str] = []
    with pytest.raises(UsageError, match="it is not made again"):
        nightly.run(own, book.mlruns, eve, done=lambda step, _: steps.append(step))
    assert steps == []
    assert {path: path.read_bytes() for path in (own / "runs").rglob("*") if path.is_file()} == before
    with opened(Place(own)) as record:
        assert nights.decided(record).keys() == {str(eve), str(book.day)}
        assert replay(record, own, str(book.day)).as_of == str(book.day)


def test_a_night_whose_eve_was_decided_later_is_refused(book: Book, own: Path) -> None:
    eve = book.day - timedelta(days=31)
    with opened(Place(own)) as record:
        nightly.run(own, book.mlruns, eve)
        nightly.run(own, book.mlruns, book.day)
        assert replay(record, own, str(book.day)).as_of == str(book.day)
        manifest = own / "runs" / f"as_of={eve}" / "manifest.json"
        manifest.write_text(manifest.read_text("utf-8").replace('"ledger_version": 1', '"ledger_version": 2'), "utf-8")
        nights.remember(record, manifest.parent)
        with pytest.raises(IntegrityFailed, match="the night before it"):
            replay(record, own, str(book.day))
