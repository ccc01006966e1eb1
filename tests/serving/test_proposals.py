"""Four eyes over HTTP: one key proposes, another person's decides, and the same person's never."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from asgi import Answer
from books import Book
from desk import DAY, NOW, TODAY
from served import Served, served


@pytest.fixture
def office(book: Book, decided: Path) -> Iterator[Served]:
    with served(decided, book.mlruns, calendar=True) as found:
        for name in ("Wang Li", "赵敏"):
            found.keys[name] = found.service.callers.make(name, ["decide", "read"], "the administrator")[1]
        found.memory.clock = lambda: NOW
        yield found


def post(office: Served, who: str, path: str, body: Any, **headers: str) -> Answer:
    return office.client.request("POST", path, office.headers(who, **headers), orjson.dumps(body))


def asked(book: Book, **other: Any) -> dict[str, Any]:
    borrower = str(book.rows["borrower_id"].iloc[0])
    until = "2027-01-31"
    return {"kind": "override", "borrower_id": borrower, "tier": "high_risk", "until": until, "reason": "seen on site", **other}


def test_what_one_proposes_another_approves_from_the_next_night_on(office: Served, book: Book) -> None:
    made = post(office, "Wang Li", "/v1/proposals", asked(book))
    assert (made.status, made.json()["state"], made.json()["decided"]) == (201, "waiting", None)
    path = f"/v1/proposals/{made.json()['proposal']}"
    assert office.get(path).json() == made.json()
    done = post(office, "赵敏", f"{path}/verdict", {"verdict": "approved", "reason": "seen too"})
    assert done.status == 200
    assert done.json()["state"] == "approved"
    assert {name: done.json()["decided"][name] for name in ("by", "reason")} == {"by": "赵敏", "reason": "seen too"}
    assert done.json()["decided"]["since"] > str(book.day)
    again = post(office, "赵敏", f"{path}/verdict", {"verdict": "rejected", "reason": "no"})
    assert (again.status, again.json()["type"]) == (409, "/problems/conflict")


def test_an_end_of_an_override_needs_no_day(office: Served, book: Book) -> None:
    said = {name: value for name, value in asked(book, tier=None).items() if name != "until"}
    made = post(office, "Wang Li", "/v1/proposals", said)
    assert (made.status, made.json()["tier"], "until" in made.json()) == (201, None, False)
    path = f"/v1/proposals/{made.json()['proposal']}"
    assert post(office, "赵敏", f"{path}/verdict", {"verdict": "approved", "reason": "seen too"}).json()["state"] == "approved"


def test_days_are_those_of_the_lender(office: Served, book: Book) -> None:
    tomorrow = str(TODAY + timedelta(days=1))
    office.memory.clock = lambda: NOW + DAY // 4  # after midnight in Shanghai, and before it in Greenwich
    late = post(office, "Wang Li", "/v1/proposals", asked(book, until=tomorrow))
    assert (late.status, f"a day after {tomorrow}" in late.json()["detail"]) == (422, True)
    made = post(office, "Wang Li", "/v1/proposals", asked(book)).json()
    path = f"/v1/proposals/{made['proposal']}"
    assert made["lapses_on"] == str(TODAY + timedelta(days=8))
    office.memory.clock = lambda: NOW + 7 * DAY
    assert office.get(path).json()["state"] == "waiting"
    office.memory.clock = lambda: NOW + 7 * DAY + DAY // 4
    assert office.get(path).json()["state"] == "lapsed" and listed(office, "?state=lapsed") == [made["proposal"]]
    assert post(office, "赵敏", f"{path}/verdict", {"verdict": "approved", "reason": "seen"}).status == 409


def test_a_book_of_the_past_goes_by_the_day_that_is_open_in_it(office: Served, book: Book) -> None:
    opens = book.day + timedelta(days=1)
    with served(office.service.book.path, book.mlruns) as past:
        past.keys["Wang Li"] = past.service.callers.make("Wang Li", ["decide"], "the administrator")[1]
        made = post(past, "Wang Li", "/v1/proposals", asked(book, until=str(opens + timedelta(days=1)))).json()
    assert (made["state"], made["lapses_on"]) == ("waiting", str(opens + timedelta(days=7)))


def test_the_same_person_is_refused_in_the_language_asked_for(office: Served, book: Book) -> None:
    path = f"/v1/proposals/{post(office, 'Wang Li', '/v1/proposals', asked(book)).json()['proposal']}/verdict"
    found = post(office, "Wang Li", path, {"verdict": "approved", "reason": "seen"}, accept_language="zh")
    assert (found.status, found.json()["type"]) == (403, "/problems/forbidden")
    assert "须由第二人决定" in found.json()["detail"]
    assert post(office, "赵敏", path, {"verdict": "withdrawn", "reason": "no"}).status == 403
    assert post(office, "Wang Li", path, {"verdict": "withdrawn", "reason": "no"}).json()["state"] == "withdrawn"


def listed(office: Served, query: str) -> list[str]:
    return [one["proposal"] for one in office.get(f"/v1/proposals{query}").json()["proposals"]]


def test_they_are_listed_by_state_newest_first(office: Served, book: Book) -> None:
    ids = [post(office, "Wang Li", "/v1/proposals", asked(book, reason=f"reason {n}")).json()["proposal"] for n in range(3)]
    post(office, "赵敏", f"/v1/proposals/{ids[1]}/verdict", {"verdict": "rejected", "reason": "no"})
    assert listed(office, "") == ids[::-1]
    assert listed(office, "?state=waiting") == [ids[2], ids[0]]
    assert listed(office, "?state=rejected") == [ids[1]]
    assert office.get("/v1/proposals?state=perhaps").status == 422


def test_an_adverse_one_is_approved_with_the_authority_of_its_action_and_rejected_without(office: Served, book: Book) -> None:
    callers = office.service.callers
    office.keys["Ana"] = callers.make("Ana", ["decide"], "the administrator", authorities=["credit committee"])[1]
    borrower = str(book.rows["borrower_id"].iloc[0])
    body = {"kind": "limit_cut", "borrower_id": borrower, "limit": 1, "reason": "seen on site"}
    one, other = (f"/v1/proposals/{post(office, 'Wang Li', '/v1/proposals', body).json()['proposal']}" for _ in range(2))
    approved, rejected = ({"verdict": verdict, "reason": "seen"} for verdict in ("approved", "rejected"))
    refused = post(office, "赵敏", f"{one}/verdict", approved)
    assert (refused.status, refused.json()["type"]) == (403, "/problems/forbidden")
    assert '--scope decide --authority "credit committee"' in refused.json()["detail"]
    assert office.get(one).json()["state"] == "waiting" and office.memory.kinds() == ["proposal", "proposal"]
    assert post(office, "Ana", f"{one}/verdict", approved).json()["decided"]["authority"] == "credit committee"
    assert post(office, "赵敏", f"{other}/verdict", rejected).json()["decided"]["authority"] is None


def test_an_idempotency_key_makes_one_proposal(office: Served, book: Book) -> None:
    one, other = (post(office, "Wang Li", "/v1/proposals", asked(book), idempotency_key="5f0c") for _ in range(2))
    assert one.json() == other.json()
    assert post(office, "Wang Li", "/v1/proposals", asked(book, tier="watch"), idempotency_key="5f0c").status == 409


def test_what_can_be_proposed_is_told(office: Served) -> None:
    kinds = {kind["name"]: kind for kind in office.get("/v1/proposals/kinds").json()["kinds"]}
    assert {name: kinds["override"][name] for name in ("needs", "ends", "authority")} == {
        "needs": ["tier", "until"], "ends": "tier", "authority": None,
    }  # fmt: skip
    assert set(kinds) == {"override", "limit_cut", "line_freeze", "early_repayment"}
    assert kinds["limit_cut"]["authority"] == "credit committee"


@pytest.mark.parametrize(
    ("other", "status", "words"),
    [
        ({"kind": "overide"}, 422, "did you mean override"), ({"kind": 3}, 422, "/kind"),
        ({"tier": "bad"}, 422, "/tier: expected one of prime"),
        ({"until": "2020-01-01"}, 422, "/until: expected a day"), ({"more": 1}, 422, "/more: override needs tier, until"),
        ({"tier": None}, 422, "/tier: override without tier ends the one before it"),
        ({"reason": ""}, 422, "/reason: 0 characters"),
        ({"reason": None}, 422, "/reason"), ({"borrower_id": 5}, 422, "/borrower_id"),
        ({"borrower_id": "nobody"}, 404, "no such borrower"),
        ({"loan_id": "L9"}, 404, "no such borrower"), ({"loan_id": []}, 422, "/loan_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed_is_named_and_nothing_is_recorded(
    office: Served, book: Book, other: dict[str, Any], status: int, words: str
) -> None:
    found = post(office, "Wang Li", "/v1/proposals", asked(book, **other))
    assert (found.status, words in found.json()["detail"]) == (status, True), found.json()
    assert [fault["pointer"] for fault in found.json().get("errors", [])] == [f"/{name}" for name in other if status == 422]
    assert "bad" not in found.text
    assert office.memory.rows == {}


def test_a_loan_of_another_borrower_is_refused(office: Served, book: Book) -> None:
    one = book.rows["borrower_id"].iloc[0]
    other = book.rows.loc[book.rows["borrower_id"] != one, "loan_id"].iloc[0]
    assert post(office, "Wang Li", "/v1/proposals", asked(book, loan_id=str(other))).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"verdict": "perhaps", "reason": "r"},
        {"verdict": "approved"},
        {"reason": "r"},
        {"verdict": "approved", "reason": "r", "x": 1},
    ],
)
def test_a_verdict_is_one_of_three_with_a_reason(office: Served, book: Book, body: dict[str, Any]) -> None:
    id = post(office, "Wang Li", "/v1/proposals", asked(book)).json()["proposal"]
    assert post(office, "赵敏", f"/v1/proposals/{id}/verdict", body).status == 422


def test_every_row_of_the_record_can_be_looked_at_and_only_a_score_explained(office: Served, book: Book) -> None:
    id = post(office, "Wang Li", "/v1/proposals", asked(book)).json()["proposal"]
    found = office.get(f"/v1/decisions/{id}").json()
    assert (found["kind"], found["sealed"]["asked"]["reason"]) == ("proposal", "seen on site")
    assert "Wang Li" not in str(found["said"])
    for what, scope in (("explanation", "read"), ("certificate", "audit"), ("replay", "audit")):
        answer = office.get(f"/v1/decisions/{id}/{what}", scope)
        assert (answer.status, "not a score" in answer.json()["detail"]) == (404, True)


def test_a_score_is_no_proposal(office: Served, book: Book) -> None:
    id = office.score({"loan_id": str(book.rows["loan_id"].iloc[0])}).json()["decision"]
    assert office.get(f"/v1/proposals/{id}").status == 404
