"""The same loans scored by the night, in batches and one by one: the same bits, row by row."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from books import Book
from effort import RELEASE
from served import Served, asked

from features.arrays import Float
from monitoring.night import score_book
from monitoring.runs import read

ROWS = 100_000 if RELEASE else 300
TOGETHER = 200
LOANS = 200 if RELEASE else 4
NAMES = ("log_odds", "pd_12m", "points", "grade")


def nights(book: Book, decided: Path) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Rows as a night has them and the values that its model read: first of the night that is on file, then of days before.

    On file the loans of a company carry the score of its worst one, so that only those of persons are their own.
    """
    on_file = read(decided / "runs" / f"as_of={book.day}").loans.set_index("loan_id")
    persons = ~book.scores.rows["company"].to_numpy(dtype=bool)
    yield on_file.loc[book.scores.rows["loan_id"][persons]].reset_index(), book.scores.values[persons]
    for before in range(7, 1_000, 7):
        found = score_book(book.ledger, book.scorer, book.day - timedelta(before))
        yield found.rows, found.values


def bits(values: Float) -> bytes:
    return np.asarray(values, dtype=np.float64).tobytes()


def told(api: Served, bodies: list[bytes]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """What a batch says of each, and what each alone."""
    headers = api.headers(content_type="application/x-ndjson")

    async def alone() -> list[bytes]:
        return [(await api.client.ask("POST", "/v1/scores", api.headers(), body)).content for body in bodies]

    batch = api.client.request("POST", "/v1/scores/batch", headers, b"\n".join(bodies))
    return [orjson.loads(line) for line in batch.content.splitlines()], list(map(orjson.loads, api.client.run(alone())))


def test_by_night_by_batch_and_one_by_one_the_bits_are_the_same(api: Served, book: Book, decided: Path) -> None:
    left = ROWS
    for rows, values in nights(book, decided):
        for first in range(0, min(len(rows), left), TOGETHER):
            some = slice(first, min(first + TOGETHER, left))
            night, bodies = rows.iloc[some], [orjson.dumps({"features": asked(row)}) for _, row in values.iloc[some].iterrows()]
            for found in told(api, bodies):
                for name in NAMES if "points" in night else NAMES[:2]:
                    assert bits(np.array([one[name] for one in found])) == bits(night[name].to_numpy()), name
        api.memory.rows.clear()
        left -= min(len(rows), left)
        if not left:
            return
    raise AssertionError(f"{left} rows too few")


def test_by_the_id_of_a_loan_the_bits_are_those_of_the_night(api: Served, book: Book, decided: Path) -> None:
    night = read(decided / "runs" / f"as_of={book.day}").loans
    for at in np.linspace(0, len(night) - 1, LOANS).astype(int):
        row = night.iloc[int(at)]
        found = api.score({"loan_id": row["loan_id"]}).json()
        assert bits(found["log_odds"]) == bits(row["log_odds"]) and bits(found["pd_12m"]) == bits(row["pd_12m"])
