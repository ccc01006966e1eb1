"""Names and numbers that are about somebody, put wherever a request can hold them: nobody finds them where they should not be."""

import http.client
import json
import re
from collections import Counter
from contextlib import closing
from typing import Any

import numpy as np
import orjson
from books import Book
from forked import Child, Nursery
from served import Served, asked
from tiny import AS_OF, FEATURES, Tiny, rows

NAME, LOAN, TEXT = "canary-borrower-4711", "canary-loan-0815", "canary-text-1234"
NUMBER, OTHER = 0.123456789123, 98_765_432_109
CANARIES = (NAME, LOAN, TEXT, str(NUMBER), str(OTHER), f"{OTHER:.3e}")
SEVERAL = 5


def told(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, headers)
        with connection.getresponse() as found:
            return found.status, found.read().decode()


def bodies(features: dict[str, Any]) -> list[dict[str, Any]]:
    """What is about somebody in every place of a request; the first is sound, the others are refused."""
    about = {"borrower_id": NAME, "loan_id": LOAN}
    fine = {**features, "rate": NUMBER, "overdue_amount": OTHER}
    wrong: list[dict[str, Any]] = [
        {"rate": NUMBER * 1e6}, {"rate": TEXT}, {"rate": {"value": NUMBER, "unit": TEXT}}, {"rate": [NUMBER, TEXT]},
        {"dpd": NUMBER}, {"dpd": -OTHER}, {"open_instalments": OTHER + NUMBER}, {"overdue_amount": float(OTHER) * 1e9},
    ]  # fmt: skip
    own = {"record_id": NAME, "borrower_id": NAME, "event_on": TEXT, "known_on": TEXT, "kind": TEXT, "birth_year": OTHER}
    return [
        {"features": fine, "as_of": AS_OF, "about": about}, *({"features": {**fine, **one}, "about": about} for one in wrong),
        {"loan_id": LOAN}, {"borrower_id": NAME}, {"loan_id": LOAN, "as_of": TEXT}, {"loan_id": [NAME]},
        {"borrower_id": f" {NAME}"}, {"features": fine, "as_of": OTHER}, {"features": fine, "about": [NAME, LOAN]},
        {"features": fine, "about": {"borrower_id": NAME, "loan_id": NUMBER}},
        {"records": {"borrowers": [own], "loans": [{"loan_id": LOAN, "principal": OTHER}]}, "loan_id": LOAN},
        {"records": {"payments": [{"amount": NUMBER, "record_id": TEXT}]}, "loan_id": LOAN}, {"records": [NAME], "loan_id": LOAN},
    ]  # fmt: skip


def attempts(child: Child, key: str) -> list[tuple[int, str]]:
    """What is said of all of them, and of canaries outside of bodies."""
    mine = {"Authorization": f"Bearer {key}"}
    found = [
        told(child.port, "POST", "/v1/scores", {**mine, "Idempotency-Key": f"{TEXT}-{n}"}, orjson.dumps(body))
        for n, body in enumerate(bodies(asked(rows(1).iloc[0])))
    ]
    sound = orjson.dumps(bodies(asked(rows(1).iloc[0]))[0])
    return [
        *found, told(child.port, "POST", "/v1/scores", {**mine, "Idempotency-Key": f"{TEXT}-0"}, sound[:-1] + b" }"),
        told(child.port, "POST", "/v1/scores", mine, sound[:-1]), told(child.port, "POST", "/v1/scores", mine, sound + b"}"),
        told(child.port, "GET", f"/v1/decisions/{NAME}?who={LOAN}", {**mine, "X-Request-Id": f"{NAME} "}),
        told(child.port, "GET", f"/{NAME}?{LOAN}={NUMBER}", {**mine, "User-Agent": TEXT, "Accept-Language": TEXT}),
        told(child.port, "GET", "/v1/model", {"Authorization": f"Bearer lw_{NAME}", "Cookie": TEXT}),
    ]  # fmt: skip


def test_a_process_says_and_keeps_nothing_of_them_in_the_open(nursery: Nursery, tiny: Tiny) -> None:
    key = tiny.key()
    with nursery.serve(tiny.book, tiny.mlruns) as child:
        found = attempts(child, key)
        shown = told(child.port, "GET", "/metrics", {"Authorization": f"Bearer {key}"})[1]
        mine = {"Authorization": f"Bearer {key}"}
        decision = json.loads(found[0][1])["decision"]
        told_again = told(child.port, "GET", f"/v1/decisions/{decision}", mine)[1]
        child.kill()
    assert found[0][0] == 200 and NAME in told_again and str(NUMBER) in told_again  # who may ask is told
    assert all(status in (400, 401, 404, 409, 422) for status, _ in found[1:]), found
    kept = b"".join(path.read_bytes() for path in tiny.book.rglob("*") if path.is_file())
    for canary in CANARIES:
        assert not [text for _, text in found[1:] if canary in text], canary
        assert canary not in child.log.read_text() and canary not in shown, canary
        assert canary.encode() not in kept, canary


def test_an_answer_that_refuses_says_nothing_of_them_where_there_is_a_book(api: Served, book: Book) -> None:
    features = asked(book.scores.values.iloc[0])
    assert set(FEATURES) <= features.keys()
    for body in bodies(features)[1:]:
        found = api.score(body)
        assert found.status in (404, 422), found.text
        assert not [canary for canary in CANARIES if canary in found.text], (body, found.text)


def test_the_model_store_names_nobody_and_holds_nobodys_numbers(book: Book) -> None:
    """Of the borrowers and loans of the book, and of numbers that one row alone has: thresholds and percentiles may be some of
    them, but no file has several of one row.
    """
    ids = {str(one) for name in ("borrower_id", "loan_id") for one in book.scores.rows[name]}
    x = book.sample.x[list(book.bundle.features)].to_numpy()
    values, first, counts = np.unique(x, return_index=True, return_counts=True)
    alone = zip(values[counts == 1].tolist(), (first[counts == 1] // x.shape[1]).tolist(), strict=True)
    rows_of = {repr(value): row for value, row in alone if len(repr(value)) > 14}
    assert len(ids) > 1_000 and max(Counter(rows_of.values()).values()) > SEVERAL
    texts = [path.read_bytes().decode("latin-1") for path in book.mlruns.rglob("*") if path.is_file()]
    assert len(texts) > 10
    for text in texts:
        assert not ids & set(re.findall(r"[A-Za-z]+\d{4,}", text))
        found = Counter(rows_of[number] for number in set(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)) if number in rows_of)
        assert max(found.values(), default=0) < SEVERAL
