"""What was decided can be looked up, explained, certified and worked out again."""

import json
from xml.etree import ElementTree

import pytest
from books import Book
from effort import TIMES
from served import Served, asked, served

from monitoring.decisions.entry import Erased


@pytest.fixture(scope="module")
def decided(api: Served, book: Book) -> dict[str, str]:
    """Decisions by how they were asked for."""
    at = int(book.scores.rows["log_odds"].to_numpy().argmax())
    loan = str(book.rows["loan_id"].iloc[at])
    bodies = {"features": {"features": asked(book.scores.values.iloc[at])}, "loan_id": {"loan_id": loan}}
    return {by: api.score(body).json()["decision"] for by, body in bodies.items()}


def test_a_decision_is_told_as_it_is_recorded(api: Served, book: Book, decided: dict[str, str]) -> None:
    for by, id in decided.items():
        told = api.get(f"/v1/decisions/{id}").json()
        assert (told["decision"], told["kind"], told["said"]["by"]) == (id, "score", by)
        assert len(told["sealed"]["values"]) == len(told["sealed"]["contributions"]) == len(book.bundle.features)


@pytest.mark.parametrize("by", ["loan_id", *(["features"] if TIMES > 1 else [])])
def test_an_explanation_comes_as_a_document_a_page_and_a_picture(api: Served, decided: dict[str, str], by: str) -> None:
    path = f"/v1/decisions/{decided[by]}/explanation"
    said = api.get(path).json()
    assert said["checked"]["additive"]
    assert said["log_odds"] == api.get(f"/v1/decisions/{decided[by]}").json()["said"]["log_odds"]
    page = api.get(path, accept="text/html")
    assert page.headers["content-type"].startswith("text/html") and "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    ElementTree.fromstring(api.get(path, accept="image/svg+xml").text)
    assert api.get(path, accept="application/pdf").json()["type"] == "/problems/not-acceptable"


def test_a_certificate_names_its_decision(api: Served, decided: dict[str, str]) -> None:
    said = api.get(f"/v1/decisions/{decided['loan_id']}/certificate", "audit").json()
    assert said["decision"] == decided["loan_id"]
    assert said["checked"]["additive"] and said["unknown"]["pd_from"] <= said["pd_12m"] <= said["unknown"]["pd_to"]


def test_a_replay_gives_the_same_bits_from_what_is_recorded_and_from_the_book(api: Served, decided: dict[str, str]) -> None:
    for by, id in decided.items():
        said = api.get(f"/v1/decisions/{id}/replay", "audit").json()
        assert said["equal"] and said["contributions_equal"]
        assert all(one["equal"] for one in said["checked"])
        assert said["now"].get("equal", True), said["now"]
        assert ("log_odds" in said["now"]) == (by == "loan_id")


def test_a_replay_says_where_a_recorded_number_is_another(book: Book) -> None:
    with served(book.path, book.mlruns) as api:
        id = api.score({"features": asked(book.scores.values.iloc[0])}).json()["decision"]
        recorded, sealed = api.memory.rows[id]
        other = json.loads(sealed)
        place = int(api.service.models.champion.scorer.forest.used[0])
        other["contributions"][place] += 1e-9
        api.memory.rows[id] = recorded, json.dumps(other).encode()
        said = api.get(f"/v1/decisions/{id}/replay", "audit").json()
        assert said["equal"] and not said["contributions_equal"]
        changed = {**recorded.said, "log_odds": recorded.said["log_odds"] + 1e-12}
        recorded.said.update(changed)  # type: ignore[attr-defined]
        said = api.get(f"/v1/decisions/{id}/replay", "audit").json()
        assert not said["equal"]
        assert [one["what"] for one in said["checked"] if not one["equal"]] == ["log_odds"]
        assert api.get(f"/v1/decisions/{id}/explanation").json()["type"] == "/problems/integrity"


def test_who_was_erased_is_told_to_be(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(book.path, book.mlruns) as api:
        id = api.score({"features": asked(book.scores.values.iloc[0])}).json()["decision"]

        def erased(*_: object) -> bytes:
            raise Erased("2026-11-22", "privacy office", "Art. 17")

        monkeypatch.setattr(type(api.memory), "opened", erased)
        for path in ("", "/explanation", "/certificate", "/replay"):
            found = api.get(f"/v1/decisions/{id}{path}", "audit" if path in ("/certificate", "/replay") else "read")
            assert (found.status, found.json()["type"]) == (410, "/problems/erased")
            assert "Art. 17" in found.json()["detail"]


def test_an_id_that_is_none_or_unknown(api: Served) -> None:
    assert api.get("/v1/decisions/abc").json()["type"] == "/problems/contract"
    assert api.get(f"/v1/decisions/{'f' * 32}").json()["type"] == "/problems/not-found"
