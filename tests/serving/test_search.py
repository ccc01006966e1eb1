"""All decisions about a borrower or a loan, page by page, and never what is sealed."""

from typing import Any

import orjson
import pytest
from books import Book
from served import Served, asked, served

from serving.routes.decisions import MOST


@pytest.fixture(scope="module")
def ids(api: Served, book: Book) -> list[str]:
    """Decisions about one borrower and, every other one, a loan of his; others lie between them."""
    features, found = asked(book.scores.values.iloc[0]), []
    for n in range(7):
        about = {"borrower_id": "searched", **({"loan_id": "searched-1"} if n % 2 else {})}
        found.append(api.score({"features": features, "about": about}).json()["decision"])
        api.score({"features": features, "about": {"borrower_id": "another"}})
    return found


def search(api: Served, body: object, scope: str = "audit") -> tuple[int, Any]:
    found = api.client.request("POST", "/v1/decisions/search", api.headers(scope), orjson.dumps(body))
    return found.status, found.json()


def test_pages_hold_every_decision_once_in_the_order_of_the_record(api: Served, ids: list[str]) -> None:
    for most in (1, 2, 3, 7, 100):
        seen: list[Any] = []
        after: Any = 0
        while True:
            status, page = search(api, {"borrower_id": "searched", "after": after, "most": most})
            assert status == 200
            listed = page["decisions"]
            seen += [one["decision"] for one in listed]
            assert len(listed) <= most
            if page["next"] is None:
                break
            assert page["next"] == listed[-1]["count"]
            after = page["next"]
        assert seen == ids
    assert [one["decision"] for one in search(api, {"loan_id": "searched-1"})[1]["decisions"]] == ids[1::2]


def test_what_is_told_is_open(api: Served, ids: list[str]) -> None:
    _, page = search(api, {"borrower_id": "searched"})
    assert "searched" not in orjson.dumps(page).decode()
    one = page["decisions"][0]
    assert one.keys() == {"decision", "count", "kind", "at", "caller", "as_of", "said"}
    assert one["said"]["as_of"] == one["as_of"]


def test_who_is_unknown_has_none(api: Served) -> None:
    assert search(api, {"borrower_id": "nobody"}) == (200, {"decisions": [], "next": None})


NUMBERS: list[Any] = [-1, 1.5, "1", None, 1e300, []]
"""None of them a place in the record."""


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""), ({"borrower_id": "B", "loan_id": "L"}, ""), ({"borrower_id": 7}, "/borrower_id"),
        ({"loan_id": " L"}, "/loan_id"), ({"loan_id": "L", "page": 1}, "/page"),
        *[({"loan_id": "L", "after": after}, "/after") for after in NUMBERS],
        *[({"loan_id": "L", "most": most}, "/most") for most in (0, MOST + 1, True)],
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused_by_name(api: Served, body: object, pointer: str) -> None:
    status, found = search(api, body)
    assert (status, found["errors"][0]["pointer"]) == (422, pointer)


def test_only_an_auditor_may_and_no_id_stands_in_a_path(api: Served, book: Book) -> None:
    assert [search(api, {"loan_id": "L"}, scope)[0] for scope in ("score", "read", "admin")] == [403, 403, 403]
    assert api.client.request("POST", "/v1/decisions/search?loan_id=L", api.headers("audit"), b"{}").status == 422


def test_other_methods_of_its_path_are_none(api: Served) -> None:
    for method in ("GET", "DELETE", "PUT"):
        found = api.client.request(method, "/v1/decisions/search", api.headers("audit"))
        assert (found.status, found.json()["type"], found.headers["allow"]) == (405, "/problems/method", "POST")


def test_no_more_than_a_page_is_told_at_a_time(book: Book) -> None:
    with served(book.path, book.mlruns) as api:
        body = orjson.dumps({"features": asked(book.scores.values.iloc[0]), "about": {"borrower_id": "often"}})
        lines = b"\n".join([body] * (MOST + 1))
        api.client.request("POST", "/v1/scores/batch", api.headers(content_type="application/x-ndjson"), lines)
        _, page = search(api, {"borrower_id": "often"})
        assert len(page["decisions"]) == MOST
        _, rest = search(api, {"borrower_id": "often", "after": page["next"]})
        assert (len(rest["decisions"]), rest["next"]) == (1, None)
