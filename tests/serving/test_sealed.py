"""A decision explains itself by what was recorded with it, whatever became of the night, the ledger and the policy since."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asgi import Client
from books import Book
from effort import TIMES
from records import on_sqlite
from sending import records
from served import Served, asked, served

from monitoring.seen import last_check
from serving.app import create
from serving.certificate import certificate
from serving.decided import REFERENCE
from serving.explanation import explain_loan

KINDS = ("application/json", "text/html", "image/svg+xml")


@pytest.fixture(scope="module")
def reviewed(book: Book) -> dict[bool, tuple[str, str]]:
    """A borrower and a loan of his that was live on the day of the last review; a company's (True) and a person's."""
    found: dict[bool, tuple[str, str]] = {}
    rows = book.scores.rows
    day = last_check(rows["borrower_id"], book.ledger, book.day)
    for at in np.flatnonzero(day.notna() & (day.dt.date < book.day)):
        company, loan = bool(rows["company"].iloc[at]), str(rows["loan_id"].iloc[at])
        if company not in found and explain_loan(book.path, book.scorer, loan, book.day).review is not None:
            found[company] = str(rows["borrower_id"].iloc[at]), loan
        if len(found) == 2:
            break
    return found


@pytest.fixture
def nightly(book: Book, decided: Path) -> Iterator[Served]:
    """A service over a book of its own, after a night."""
    with served(decided, book.mlruns) as found:
        yield found


def asked_all_ways(api: Served, book: Book, borrower: str, loan: str) -> list[str]:
    """Decisions about one borrower by all ways of asking."""
    at = int(np.flatnonzero(book.scores.rows["loan_id"] == loan)[0])
    bodies: list[Any] = [
        {"features": asked(book.scores.values.iloc[at]), "about": {"borrower_id": borrower}},
        {"loan_id": loan}, {"borrower_id": borrower},
        {"records": records(book, borrower), "loan_id": loan, "as_of": book.day.isoformat()},
    ]  # fmt: skip
    answers = [api.score(json.dumps(body, default=str).encode()) for body in bodies]
    assert [answer.status for answer in answers] == [200] * len(bodies), answers[-1].text
    return [answer.json()["decision"] for answer in answers]


def explanations(api: Served, ids: list[str]) -> list[bytes]:
    paths = [(f"/v1/decisions/{id}/explanation", kind) for id in ids for kind in (KINDS if TIMES > 1 else KINDS[:2])]
    return [api.get(path, accept=kind).content for path, kind in paths]


def other_means(book: Path) -> None:
    """The same night with other means, as one run again after late records has."""
    [path] = (book / "runs").glob("as_of=*/manifest.json")
    said = json.loads(path.read_text("utf-8"))
    said["against"]["contributions"] = {name: value + 0.125 for name, value in said["against"]["contributions"].items()}
    aside = path.parent.with_name("aside")
    path.parent.rename(aside)
    (aside / "manifest.json").write_text(json.dumps(said), "utf-8")
    aside.rename(path.parent)


@pytest.mark.parametrize("company", [False, True])
def test_an_explanation_has_the_same_bytes_after_the_night_is_replaced_and_after_it_is_gone(
    nightly: Served, book: Book, decided: Path, reviewed: dict[bool, tuple[str, str]], company: bool
) -> None:
    ids = asked_all_ways(nightly, book, *reviewed[company])
    before = explanations(nightly, ids)
    assert all(json.loads(text)["against_the_book"]["reference"]["kind"] == "night" for text in before[:: len(before) // 4])
    other_means(decided)
    fresh = nightly.score({"loan_id": reviewed[company][1]}).json()
    start = nightly.get(f"/v1/decisions/{fresh['decision']}/explanation").json()["against_the_book"]["start"]
    assert start != json.loads(before[0])["against_the_book"]["start"]
    assert explanations(nightly, ids) == before
    shutil.rmtree(decided / "runs")
    (decided / "ledger").unlink()
    assert explanations(nightly, ids) == before


@pytest.mark.parametrize("company", [False, True])
def test_it_is_the_explanation_of_that_day_with_what_changed_since_the_last_review(
    nightly: Served, book: Book, decided: Path, reviewed: dict[bool, tuple[str, str]], company: bool
) -> None:
    borrower, loan = reviewed[company]
    by_features, by_loan, by_borrower, by_records = asked_all_ways(nightly, book, borrower, loan)
    of_day = json.loads(json.dumps(certificate(explain_loan(decided, book.scorer, loan, book.day)), default=str))
    assert of_day["since_the_last_review"]["parts"] or of_day["since_the_last_review"]["start"] == of_day["log_odds"]
    for id in (by_loan, by_records):
        assert nightly.get(f"/v1/decisions/{id}/explanation").json() == of_day
    assert nightly.get(f"/v1/decisions/{by_borrower}/explanation").json()["since_the_last_review"] is not None
    alone = nightly.get(f"/v1/decisions/{by_features}/explanation").json()
    assert (alone["since_the_last_review"], alone["not_recorded"]) == (None, [])


def test_means_of_a_night_are_recorded_once_and_before_the_first_decision_that_needs_them(nightly: Served, book: Book) -> None:
    for at in range(3):
        nightly.score({"features": asked(book.scores.values.iloc[at])})
    assert nightly.memory.kinds() == [REFERENCE, "score", "score", "score"]


def test_what_is_sealed_beside_the_values_is_small(nightly: Served, book: Book, reviewed: dict[bool, tuple[str, str]]) -> None:
    for borrower, loan in reviewed.values():
        for id in asked_all_ways(nightly, book, borrower, loan):
            sealed = json.loads(nightly.memory.rows[id][1])
            more = {name: sealed.pop(name) for name in ("leading", "threshold", "before")}
            sealed.pop("given")
            assert len(json.dumps(more)) < 0.6 * len(json.dumps(sealed))


def old(api: Served, id: str) -> None:
    """Make a decision one that an earlier release recorded."""
    recorded, text = api.memory.rows[id]
    sealed = {name: value for name, value in json.loads(text).items() if name not in ("leading", "threshold", "before")}
    against = {name: value for name, value in recorded.said["against"].items() if name != "digest"}
    said = {**recorded.said, "against": against}
    api.memory.rows[id] = replace(recorded, said=said), json.dumps(sealed).encode()


def test_a_decision_of_an_earlier_release_says_what_it_was_recorded_without(
    nightly: Served, book: Book, decided: Path, reviewed: dict[bool, tuple[str, str]]
) -> None:
    id = asked_all_ways(nightly, book, *reviewed[False])[1]
    whole = nightly.get(f"/v1/decisions/{id}/explanation").json()
    old(nightly, id)
    path = f"/v1/decisions/{id}/explanation"
    said = nightly.get(path).json()
    assert said["not_recorded"] == ["against_the_threshold", "since_the_last_review"]
    assert said["since_the_last_review"] is None and said["against_the_book"] == whole["against_the_book"]
    assert nightly.get(path, accept="text/html").text.count("Not recorded with this decision") == 2
    assert "before" not in nightly.get(f"/v1/decisions/{id}").json()["sealed"]
    other_means(decided)
    assert nightly.get(path).json()["type"] == "/problems/conflict"


def test_means_that_are_not_what_was_recorded_are_refused(nightly: Served, book: Book) -> None:
    id = nightly.score({"features": asked(book.scores.values.iloc[0])}).json()["decision"]
    [reference] = [r for r, _ in nightly.memory.rows.values() if r.kind == REFERENCE]
    reference.said["contributions"][0] += 1e-12
    assert nightly.get(f"/v1/decisions/{id}/explanation").json()["type"] == "/problems/integrity"
    del nightly.memory.requests[next(iter(nightly.memory.requests))]
    assert nightly.get(f"/v1/decisions/{id}/explanation").json()["type"] == "/problems/integrity"


def test_it_is_so_in_a_record_on_disk(nightly: Served, book: Book, decided: Path, tmp_path: Path) -> None:
    (tmp_path / "record").mkdir()
    with on_sqlite(tmp_path / "record") as record, Client(create(replace(nightly.service, record=record), 3_600.0)) as client:
        api = replace(nightly, client=client)
        id = api.score({"features": asked(book.scores.values.iloc[0])}).json()["decision"]
        before = explanations(api, [id])
        other_means(decided)
        assert explanations(api, [id]) == before
        assert [found.said["day"] for found in record.of_kind(REFERENCE)] == [book.day.isoformat()]
