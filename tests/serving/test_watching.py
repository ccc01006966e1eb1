"""Worklist and standing over HTTP: pages add up to the whole, and both say what the run says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from asgi import Answer
from books import Book
from served import Served, served

from monitoring import runs


@pytest.fixture
def watched(book: Book, decided: Path) -> Iterator[Served]:
    with served(decided, book.mlruns) as found:
        yield found


def standing(api: Served, body: Any) -> Answer:
    return api.client.request("POST", "/v1/standing", api.headers("read"), orjson.dumps(body))


def test_the_pages_of_the_worklist_add_up_to_the_visits_of_the_run(watched: Served, book: Book, decided: Path) -> None:
    found: list[Any] = []
    after: int | None = 0
    while after is not None:
        page = watched.get(f"/v1/worklist?days=366&most=100&after={after}").json()
        found += page["visits"]
        after = page["next"]
    rows = runs.last_official(decided, book.day)
    assert rows is not None
    assert sorted(one["borrower_id"] for one in found) == sorted(rows["borrower_id"])
    assert [one["value"] for one in found] == sorted((one["value"] for one in found), reverse=True)
    for one in found:
        expected = [None if one["exposure"] is None else one["pd_12m"] * share * one["exposure"] for share in (0.45, 0.5)]
        assert any(one["expected_loss"] == (loss if loss is None else pytest.approx(loss)) for loss in expected)
    mine = watched.get("/v1/worklist?days=366&team=corporate&most=100").json()["visits"]
    assert {one["team"] for one in mine} == {"corporate"}
    nobody = watched.get("/v1/worklist?team=nope")
    assert (nobody.status, "nope" in nobody.text) == (422, False)
    assert nobody.json()["errors"][0]["pointer"] == "/team" and "corporate" in nobody.json()["detail"]


def test_how_a_borrower_stands_is_what_the_run_says_with_his_signals_in_words(watched: Served, book: Book, decided: Path) -> None:
    folder = decided / "runs" / f"as_of={book.day}"
    on = pd.read_parquet(folder / "signals.parquet", partitioning=None)
    borrower = str(on["borrower_id"].iloc[0])
    rows = pd.read_parquet(folder / "standing.parquet", partitioning=None).set_index("borrower_id")
    found = standing(watched, {"borrower_id": borrower}).json()
    for name in ("tier", "cause", "check", "team", "due_on", "next_review_on"):
        assert found[name] == str(rows.loc[borrower, name])
    assert [one["trigger"] for one in found["signals"]] == on.loc[on["borrower_id"] == borrower, "trigger"].tolist()
    assert all(one["en"] and any("\u4e00" <= c <= "\u9fff" for c in one["zh"]) for one in found["signals"])


def test_what_is_not_there_is_said_without_naming_anybody(watched: Served, api: Served) -> None:
    assert standing(watched, {"borrower_id": "nobody-1"}).status == 404
    assert "nobody-1" not in standing(watched, {"borrower_id": "nobody-1"}).text
    assert standing(watched, {"borrower_id": 7}).status == standing(watched, {"borrower_id": "B", "x": 1}).status == 422
    assert api.get("/v1/worklist").status == 404, "a book without a night"
    assert watched.get("/v1/worklist?days=0").status == 422
