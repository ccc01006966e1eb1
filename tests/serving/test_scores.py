"""A score has the bits of the night however it is asked for, is recorded before it is told, and changes nothing."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from books import Book
from effort import TIMES
from sending import records
from served import Served, asked, served

from models.score import points
from monitoring.database import Unavailable
from monitoring.policy import tier_policy
from monitoring.runs import NIGHTLY, read
from serving.decided import SCORE
from serving.problems import Problem

SOME = 24 * TIMES


def rows(book: Book, some: int = SOME) -> list[int]:
    return [int(at) for at in np.linspace(0, len(book.scores.rows) - 1, some).astype(int)]


def night(book: Book, at: int) -> pd.Series:
    found: pd.Series = book.scores.rows.iloc[at]
    return found


def same(found: dict[str, Any], log_odds: float) -> bool:
    return bool(np.float64(found["log_odds"]).tobytes() == np.float64(log_odds).tobytes())


def test_by_features_single_batch_and_night_have_the_same_bits(api: Served, book: Book) -> None:
    bodies = [orjson.dumps({"features": asked(book.scores.values.iloc[at])}) for at in rows(book)]
    batch = api.client.request("POST", "/v1/scores/batch", api.headers(content_type="application/x-ndjson"), b"\n".join(bodies))
    assert (batch.status, batch.headers["content-type"]) == (200, "application/x-ndjson")
    lines = [orjson.loads(line) for line in batch.content.splitlines()]
    for at, body, line in zip(rows(book), bodies, lines, strict=True):
        single = api.score(body).json()
        assert same(single, night(book, at)["log_odds"])
        for name in ("log_odds", "pd_12m", "pd", "points", "grade", "reasons", "indicative_tier", "unknown", "review"):
            assert line[name] == single[name], name
        assert single["points"] == points(np.array([night(book, at)["log_odds"]]))[0]
        assert single["grade"] == night(book, at)["grade"]


def test_the_reasons_are_those_of_the_night(api: Served, book: Book) -> None:
    for at in rows(book, 40):
        told = api.score({"features": asked(book.scores.values.iloc[at])}).json()["reasons"]
        own = book.rows.iloc[at]
        if bool(book.scores.rows["company"].iloc[at]):
            continue  # a company's loans carry the reasons of its worst one
        for k, reason in enumerate(told, 1):
            assert (reason["feature"], reason["log_odds"]) == (own[f"reason_{k}"], own[f"reason_{k}_log_odds"])
        assert len(told) == sum(isinstance(own[f"reason_{k}"], str) for k in range(1, 6))


@pytest.mark.parametrize("company", [False, True])
def test_by_loan_or_borrower_the_score_is_that_of_the_night(api: Served, book: Book, company: bool) -> None:
    of_kind = book.rows[book.scores.rows["company"].to_numpy(dtype=bool) == company]
    for _, row in of_kind.iloc[:: max(1, len(of_kind) // 2)].iterrows():
        found = api.score({"loan_id": row["loan_id"], "as_of": book.day.isoformat()}).json()
        assert same(found, row["log_odds"])
        assert (found["borrower_id"], found["loan_id"]) == (row["borrower_id"], row["loan_id"])
        assert found["missing"] == row["missing"]
        assert [r["feature"] for r in found["reasons"]] == [
            row[f"reason_{k}"] for k in range(1, 6) if isinstance(row[f"reason_{k}"], str)
        ]
        worst = book.rows[book.rows["borrower_id"] == row["borrower_id"]]["log_odds"].max()
        assert same(api.score({"borrower_id": row["borrower_id"]}).json(), worst)


@pytest.mark.parametrize("company", [False, True])
def test_from_records_the_score_is_that_of_the_night(api: Served, book: Book, company: bool) -> None:
    of_kind = book.rows[book.scores.rows["company"].to_numpy(dtype=bool) == company]
    for _, row in of_kind.iloc[:: max(1, len(of_kind) // 2)].iterrows():
        body = {"records": records(book, row["borrower_id"]), "loan_id": row["loan_id"], "as_of": book.day.isoformat()}
        found = api.score(json.dumps(body, default=str).encode())
        assert found.status == 200, found.text[:400]
        assert same(found.json(), row["log_odds"])
        assert found.json()["missing"] == row["missing"]


def test_a_record_that_a_delivery_would_set_aside_refuses_the_request_by_its_place(api: Served, book: Book) -> None:
    row = book.rows[~book.scores.rows["company"].to_numpy(dtype=bool)].iloc[4]
    sound = json.loads(json.dumps(records(book, row["borrower_id"]), default=str))
    wrong: list[list[tuple[str, int, str, Any]]] = [
        [
            ("loans", 0, "product", "yacht"), ("loans", 0, "event_on", "2024-02-30"), ("instalments", 1, "principal", 12.5),
            ("instalments", 2, "principal", -5), ("instalments", 3, "known_on", "tomorrow"), ("borrowers", 0, "kind", None),
            ("payments", 0, "amount", "NaN"), ("payments", 1, "amount", True),
        ],
        [("payments", 0, "loan_id", "another")],
    ]  # fmt: skip
    for together in wrong:
        broken = {name: [dict(r) for r in listed] for name, listed in sound.items()}
        for table, place, column, value in together:
            broken[table][place][column] = value
        found = api.score({"records": broken, "loan_id": row["loan_id"]})
        pointers = {fault["pointer"] for fault in found.json()["errors"]}
        assert (found.status, pointers) == (422, {f"/records/{table}/{place}/{column}" for table, place, column, _ in together})
        assert row["borrower_id"] not in found.text
    unknown = {**sound, "paiments": []}
    assert "did you mean payments" in api.score({"records": unknown, "loan_id": row["loan_id"]}).json()["errors"][0]["detail"]
    strange = {**sound, "loans": [{**sound["loans"][0], "principle": 1}]}
    assert (
        api.score({"records": strange, "loan_id": row["loan_id"]}).json()["errors"][0]["pointer"] == "/records/loans/0/principle"
    )
    assert api.score({"records": sound, "loan_id": "another"}).json()["errors"][0]["pointer"] == "/loan_id"
    twice = {**sound, "loans": [*sound["loans"], sound["loans"][0]]}
    assert api.score({"records": twice, "loan_id": row["loan_id"]}).json()["errors"][0]["pointer"] == "/records/loans/0/record_id"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""), ({"feature": {}}, ""), ({"features": {}, "loan_id": "L1"}, "/loan_id"), ({"loan_id": 7}, "/loan_id"),
        ({"loan_id": "L1", "borrower_id": "B"}, "/borrower_id"), ({"loan_id": "L1", "asof": "2024-01-31"}, "/asof"),
        ({"loan_id": " L1"}, "/loan_id"), ({"loan_id": "x" * 201}, "/loan_id"), ({"borrower_id": None}, "/borrower_id"),
        ({"loan_id": "L1", "as_of": "31.12.2024"}, "/as_of"), ({"loan_id": "L1", "as_of": 20241231}, "/as_of"),
        ({"loan_id": "L1", "as_of": "2024-13-01"}, "/as_of"), ({"records": [], "loan_id": "L1"}, "/records"),
        ({"records": {}}, "/loan_id"), ({"records": {"loans": {}}, "loan_id": "L1"}, "/records/loans"),
        ({"records": {"loans": [1]}, "loan_id": "L1"}, "/records/loans/0"), ({"records": {}, "loan_id": "L1"}, "/records"),
    ],
)  # fmt: skip
def test_a_request_that_does_not_say_what_to_score_is_refused_by_name(api: Served, body: Any, pointer: str) -> None:
    found = api.score(body)
    assert (found.status, found.json()["errors"][0]["pointer"]) == (422, pointer), found.text


def test_who_is_not_in_the_book_is_not_found_and_a_day_to_come_is_refused(api: Served, book: Book) -> None:
    assert api.score({"loan_id": "L9999999"}).status == 404
    assert api.score({"borrower_id": "B9999999"}).status == 404
    loan = str(book.rows["loan_id"].iloc[0])
    assert api.score({"loan_id": loan, "as_of": "2199-12-31"}).json()["type"] == "/problems/refused"


def test_about_names_whose_features_they_are_and_brings_the_official_tier(book: Book, own: Path) -> None:
    home = book.night(own, NIGHTLY)
    night_is = read(home)
    assert night_is.standing is not None
    standing, planned = (rows.set_index("borrower_id") for rows in (night_is.borrowers, night_is.standing))
    with served(own, book.mlruns) as api:
        for at in rows(book, 5):
            borrower, loan = (str(v) for v in night(book, at)[["borrower_id", "loan_id"]])
            features = asked(book.scores.values.iloc[at])
            found = api.score({"features": features, "about": {"borrower_id": borrower, "loan_id": loan}}).json()
            assert found["official_tier"] == standing.loc[borrower, "tier"]
            assert found["review"] == {
                "interval_days": tier_policy(book.day).ladders[found["profile"]][found["official_tier"]].review_days,
                "next_on": str(standing.loc[borrower, "next_review_on"]), "of": "official",
                "due_on": str(planned.loc[borrower, "due_on"]), "fits": bool(planned.loc[borrower, "fits"]),
            }  # fmt: skip
            assert (found["against"]["kind"], found["against"]["day"]) == ("night", book.day.isoformat())
            alone = api.score({"features": features}).json()
            assert set(alone["review"]) == {"interval_days", "next_on", "of"}
            assert (alone["official_tier"], alone["review"]["of"], alone["log_odds"]) == (None, "indicative", found["log_odds"])
        wrong: list[Any] = [{"loan_id": "L1"}, [], {"borrower_id": 1}, {"borrower_id": "B", "name": "x"}]
        for about in wrong:
            assert api.score({"features": features, "about": about}).json()["errors"][0]["pointer"].startswith("/about")


def test_asking_changes_no_file_of_the_book(book: Book, own: Path) -> None:
    book.night(own, NIGHTLY)
    before = {p: p.stat().st_mtime_ns for p in own.rglob("*")}
    with served(own, book.mlruns) as api:
        api.score({"features": asked(book.scores.values.iloc[0])})
        api.score({"loan_id": str(book.rows["loan_id"].iloc[0])})
    assert {p: p.stat().st_mtime_ns for p in own.rglob("*")} == before


def test_what_is_open_in_the_record_names_nobody(api: Served, book: Book) -> None:
    borrower, loan = (str(v) for v in night(book, 3)[["borrower_id", "loan_id"]])
    features = asked(book.scores.values.iloc[3])
    told = api.score({"features": features, "about": {"borrower_id": borrower, "loan_id": loan}}).json()
    recorded = api.memory.find(told["decision"])
    assert recorded.kind == SCORE
    opened = json.dumps(dict(recorded.said))
    assert borrower not in opened and loan not in opened
    assert {"bundle", "catalogue", "policy", "as_of", "known_by", "ledger_version", "log_odds", "reasons"} <= recorded.said.keys()
    assert told["bundle"] == book.bundle.digest


def test_a_request_that_comes_again_is_answered_with_the_same_bytes(api: Served, book: Book) -> None:
    body = orjson.dumps({"features": asked(book.scores.values.iloc[9])})
    first = api.score(body, idempotency_key="order-66")
    before = len(api.memory.rows)
    again = api.score(body, idempotency_key="order-66")
    assert (again.status, again.content) == (200, first.content)
    assert again.headers["idempotent-replay"] == "true" and "idempotent-replay" not in first.headers
    assert len(api.memory.rows) == before
    other = api.score(body.replace(b"{", b"{ ", 1), idempotency_key="order-66")
    assert (other.status, other.json()["type"]) == (409, "/problems/conflict")
    assert api.score(body).json()["decision"] != first.json()["decision"]
    for key in ("", "a b", "x" * 201, "ä"):
        assert api.score(body, idempotency_key=key).json()["type"] == "/problems/header", key


def test_a_request_that_comes_again_is_not_held_against_a_model_that_came_between(
    api: Served, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = orjson.dumps({"features": asked(book.scores.values.iloc[8])})
    first = api.score(body, idempotency_key="order-67")

    async def refused(*_: object) -> None:
        raise Problem("contract", "another model", "其他模型")

    monkeypatch.setattr("serving.routes.scores.case_of", refused)
    assert api.score(body, idempotency_key="order-67").content == first.content
    assert api.score(body, idempotency_key="order-68").status == 422


def test_a_record_that_is_away_is_said_and_nothing_is_decided(book: Book) -> None:
    with served(book.path, book.mlruns) as api:
        api.memory.failing = Unavailable("the database does not answer", "数据库无响应")
        found = api.score({"features": asked(book.scores.values.iloc[0])})
        assert (found.status, found.json()["type"], found.headers["retry-after"]) == (503, "/problems/unavailable", "2")
        assert "decision" not in found.text.replace("decided", "")
        api.memory.failing = None
        assert api.score({"features": asked(book.scores.values.iloc[0])}).status == 200


def test_a_review_that_nobody_has_room_for_has_no_day(book: Book, own: Path) -> None:
    table = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    (own / "lender.toml").write_text(re.sub("inspectors = .*", "inspectors = 0", table), "utf-8")
    standing = read(book.night(own, NIGHTLY)).standing
    assert standing is not None
    with served(own, book.mlruns) as api:
        borrower = str(standing["borrower_id"].iloc[0])
        review = api.score({"borrower_id": borrower}).json()["review"]
        assert (review["next_on"], review["due_on"], review["fits"]) == (None, str(standing["due_on"].iloc[0]), False)
        asked = api.client.request("POST", "/v1/standing", api.headers("read"), orjson.dumps({"borrower_id": borrower}))
        assert asked.json()["next_review_on"] is None
        visits = api.get("/v1/worklist?days=366").json()["visits"]
        assert visits and {one["next_review_on"] for one in visits} == {None}


def test_a_batch_keeps_the_order_of_its_lines_and_says_what_is_wrong_with_each(api: Served, book: Book) -> None:
    sound = orjson.dumps({"features": asked(book.scores.values.iloc[0])})
    lines = [sound, b"not json", b'{"loan_id":"L9999999"}', sound, b"[]", b'{"features":{"dpd":NaN}}'] * 9
    headers = api.headers(content_type="application/x-ndjson", accept_language="zh", idempotency_key="batch-1")
    found = api.client.request("POST", "/v1/scores/batch", headers, b"\n\n".join(lines) + b"\n")
    told = [orjson.loads(line) for line in found.content.splitlines()]
    kinds = [line.get("type", "answer").rpartition("/")[2] for line in told]
    assert kinds == ["answer", "malformed", "not-found", "answer", "malformed", "contract"] * 9
    assert told[1]["title"] == "请求体无法解析"
    again = api.client.request("POST", "/v1/scores/batch", headers, b"\n\n".join(lines) + b"\n")
    assert again.content == found.content


def test_the_day_decides_the_policy_and_the_next_review(api: Served, book: Book) -> None:
    found = api.score({"features": asked(book.scores.values.iloc[0]), "as_of": "2024-02-29"}).json()
    interval = tier_policy(date(2024, 2, 29)).ladders[found["profile"]][found["indicative_tier"]].review_days
    assert found["review"]["interval_days"] == interval
    assert (date.fromisoformat(found["review"]["next_on"]) - date(2024, 2, 29)).days == interval
