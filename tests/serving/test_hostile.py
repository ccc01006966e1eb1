"""Bodies that nobody should send, through the whole application: answered or refused, never an error, a trace or a silent score.

Most go to a small model, where a request costs little; a share goes to a book of many features and to the records of its door.
"""

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from books import Book
from effort import RELEASE
from hostile import misnamed, spoiled
from served import Served, asked, served
from tiny import AS_OF, FEATURES, Tiny, rows

SMALL, WIDE, OWN = (970_000, 25_000, 5_000) if RELEASE else (6_000, 200, 40)
"""Bodies by features of a small model, by features of a wide one, and by loan or records of a book."""
TOGETHER = 500
TRACES = (b"Traceback", b".py", b"/serving/", b"Error:", b"0x7f")


def attack(api: Served, number: int, make: Callable[[], bytes], sound: Callable[[bytes], bool]) -> Counter[int]:
    """Send so many bodies and look at every answer; how many came with each status."""
    statuses: Counter[int] = Counter()

    async def some(bodies: list[bytes]) -> None:
        headers = api.headers()
        for content in bodies:
            found = await api.client.ask("POST", "/v1/scores", headers, content)
            statuses[found.status] += 1
            assert found.status in (200, 400, 404, 422), (found.status, content)
            assert not any(trace in found.content for trace in TRACES), (found.content, content)
            if found.status == 200:
                assert sound(content), content
            else:
                said = orjson.loads(found.content)
                assert said["detail"] and said["type"].startswith("/problems/"), content

    for first in range(0, number, TOGETHER):
        api.client.run(some([make() for _ in range(min(TOGETHER, number - first))]))
        api.memory.rows.clear()
    return statuses


def complete(features: tuple[str, ...]) -> Callable[[bytes], bool]:
    """Whether a body names every feature once with a number, null, or both with its unit: read by another reader."""

    def judge(body: bytes) -> bool:
        said = json.loads(body, object_pairs_hook=_once)
        given = said["features"]
        values = [value["value"] if isinstance(value, dict) else value for value in given.values()]
        numbers = (value is None or (type(value) in (int, float) and math.isfinite(value)) for value in values)
        return set(given) == set(features) and all(numbers) and said.keys() <= {"features", "as_of", "about"}

    return judge


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a name comes twice"
    return dict(pairs)


@pytest.fixture
def small(tiny: Tiny) -> Any:
    with served(tiny.book, tiny.mlruns) as found:
        yield found


def test_of_a_small_model(small: Served) -> None:
    rng, x = random.Random(20_261_122), rows(16)
    said = [
        {"features": asked(x.iloc[n]), "as_of": AS_OF}
        | ({"about": {"borrower_id": f"B{n}", "loan_id": f"L{n}"}} if n % 2 else {})
        for n in range(len(x))
    ]
    sound = [orjson.dumps(one) for one in said]

    def make() -> bytes:
        if rng.random() < 0.5:
            return misnamed(rng, rng.choice(said))
        return spoiled(rng, sound)

    found = attack(small, SMALL, make, complete(FEATURES))
    assert found.keys() >= {200, 400, 422} and found[200] < SMALL / 2


def test_of_a_wide_model(api: Served, book: Book) -> None:
    rng = random.Random(20_261_123)
    said = {"features": asked(book.scores.values.iloc[0])}
    sound = [orjson.dumps(said)]
    make = lambda: misnamed(rng, said) if rng.random() < 0.5 else spoiled(rng, sound)  # noqa: E731
    found = attack(api, WIDE, make, complete(book.bundle.features))
    assert found.keys() >= {200, 422}


def test_of_loans_and_records_of_a_book(api: Served, book: Book) -> None:
    rng = random.Random(20_261_124)
    loan, borrower = (str(book.rows[name].iloc[0]) for name in ("loan_id", "borrower_id"))
    own = {"record_id": "b", "borrower_id": borrower, "event_on": "2020-01-31", "known_on": "2020-01-31", "kind": "person"}
    said: list[dict[str, Any]] = [
        {"loan_id": loan, "as_of": str(book.day)}, {"borrower_id": borrower},
        {"records": {"borrowers": [own], "loans": [{"loan_id": loan, "principal": 1}]}, "loan_id": loan},
    ]  # fmt: skip
    sound = [orjson.dumps(one) for one in said]
    make = lambda: misnamed(rng, rng.choice(said)) if rng.random() < 0.5 else spoiled(rng, sound)  # noqa: E731
    found = attack(api, OWN, make, lambda _: True)
    assert found.keys() >= {400, 422}


def test_any_order_of_many_at_once_is_answered(small: Served) -> None:
    rng, sound = random.Random(7), [orjson.dumps({"features": asked(rows(1).iloc[0]), "as_of": AS_OF})]

    async def together() -> Counter[int]:
        asking = [small.client.ask("POST", "/v1/scores", small.headers(), spoiled(rng, sound)) for _ in range(64)]
        return Counter(found.status for found in await asyncio.gather(*asking))

    assert small.client.run(together()).keys() <= {200, 400, 422}
