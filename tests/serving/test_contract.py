"""The contract is the authority: what it lets pass is scored to the bit, and what breaks it is refused by name."""

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from served import Served, asked

from features.catalogue import CATALOGUE
from features.ledger import Ledger
from features.spine import Spine
from models.score import Scorer
from serving.contract import Contract
from serving.possible import Span, possible
from serving.problems import Problem

Wrong = Callable[[Span, Any], str | None]
"""A value as JSON text in the place of a sound one; None where it would be sound."""


def beyond(span: Span, up: bool) -> str | None:
    end = span.high if up else span.low
    return None if math.isinf(end) else repr(float(np.nextafter(end, math.inf if up else -math.inf)))


WRONG: dict[str, Wrong] = {
    "text": lambda span, value: json.dumps(str(value)), "number as text": lambda span, value: '"1"', "true": lambda *_: "true",
    "list": lambda *_: "[1]", "nested": lambda *_: '{"value": {"value": 1}}', "no unit": lambda *_: '{"value": 1}',
    "other unit": lambda *_: '{"value": 1, "unit": "furlongs"}', "NaN": lambda *_: "NaN", "Infinity": lambda *_: "-Infinity",
    "endless": lambda *_: "1e999", "below": lambda span, _: beyond(span, False), "above": lambda span, _: beyond(span, True),
    "far above": lambda span, _: None if math.isinf(span.high) else "1e300",
    "fraction": lambda span, _: "0.5" if span.whole else None,
    "long": lambda span, _: None if math.isinf(span.high) else "9" * 400,
}  # fmt: skip


def body(features: dict[str, Any], name: str, raw: str) -> bytes:
    """The features with one value as it is written."""
    rest = {n: v for n, v in features.items() if n != name}
    return b'{"features":' + json.dumps(rest).encode()[:-1] + f",{json.dumps(name)}:{raw}}}}}".encode()


ROW, PLACE = st.integers(0, 10**6), st.integers(0, 10**6)


@examples(150)
@given(row=ROW, place=PLACE, kind=st.sampled_from(sorted(WRONG)))
def test_any_single_corruption_is_refused_by_the_name_of_its_field(
    api: Served, book: Book, row: int, place: int, kind: str
) -> None:
    contract = api.service.models.champion.contract
    features = asked(book.scores.values.iloc[row % len(book.scores.values)])
    name = list(features)[place % len(features)]
    raw = WRONG[kind](contract.spans[name], features[name])
    if raw is None:
        return
    found = api.score(body(features, name, raw))
    assert (found.status, found.json()["type"]) == (422, "/problems/contract"), (kind, found.text[:300])
    (fault,) = found.json()["errors"]
    assert fault["pointer"].startswith(f"/features/{name}")
    assert fault["detail"]


@examples(60)
@given(place=PLACE)
def test_a_name_that_is_missing_unknown_or_twice_is_said_with_its_neighbours(api: Served, book: Book, place: int) -> None:
    features = asked(book.scores.values.iloc[0])
    name = list(features)[place % len(features)]
    missing = {n: v for n, v in features.items() if n != name}
    pointers = [fault["pointer"] for fault in api.score({"features": missing}).json()["errors"]]
    assert pointers == [f"/features/{name}"]
    renamed = api.score({"features": {**missing, name + "s": features[name]}}).json()["errors"]
    assert {fault["pointer"] for fault in renamed} == {f"/features/{name}", f"/features/{name}s"}
    assert name in next(f["detail"] for f in renamed if f["pointer"].endswith("s") and "did you mean" in f["detail"])
    twice = api.score(body({**features, "?": 0}, "?", "0").replace(b'"?"', json.dumps(name).encode()))
    assert (twice.status, twice.json()["errors"][0]["pointer"]) == (422, f"/{name}")


@examples(80)
@given(data=st.data())
def test_any_sound_body_has_the_bits_of_the_scorer(api: Served, book: Book, data: st.DataObject) -> None:
    ready = api.service.models.champion
    used = ready.scorer.forest.used
    values = book.scores.values.iloc[data.draw(st.integers(0, len(book.scores.values) - 1))].copy()
    for place in data.draw(st.lists(st.sampled_from(used.tolist()), max_size=8)):
        span = ready.contract.spans[ready.features[place]]
        low, high = max(span.low, -1e6), min(span.high, 1e6)
        drawn: st.SearchStrategy[Any] = st.integers(math.ceil(low), math.floor(high)) if span.whole else st.floats(low, high)
        values.iloc[place] = data.draw(st.one_of(st.just(math.nan), drawn))
    found = api.score({"features": asked(values)})
    assert found.status == 200, found.text
    expected = book.scorer.score(values.to_frame().T)
    said = found.json()
    assert said["log_odds"] == expected.log_odds[0]
    assert said["pd_12m"] == expected.pd_12m[0]
    sealed = api.service.record.opened(api.memory.find(said["decision"]))
    assert json.loads(sealed)["contributions"] == expected.contributions[0].tolist()


def test_a_value_may_say_its_unit(api: Served, book: Book) -> None:
    features = asked(book.scores.values.iloc[3])
    told = {name: {"value": value, "unit": CATALOGUE[name].unit} for name, value in features.items()}
    assert api.score({"features": told}).json()["log_odds"] == api.score({"features": features}).json()["log_odds"]


def test_every_row_of_the_book_is_within_the_contract(api: Served, book: Book) -> None:
    contract = api.service.models.champion.contract
    for _, row in book.scores.values.iterrows():
        assert np.array_equal(contract.values(asked(row)), row.to_numpy(), equal_nan=True)


def test_every_feature_of_the_catalogue_keeps_within_what_is_possible_of_it(book: Book) -> None:
    from features.build import compute

    ledger, names = Ledger(book.path), list(CATALOGUE)
    rows = book.scores.rows.iloc[::7]
    spine = Spine.of(list(zip(rows["borrower_id"], rows["loan_id"], strict=True)), book.day)
    values = compute(spine, ledger, [CATALOGUE[name] for name in names])
    for name in names:
        span, known = possible(CATALOGUE[name]), values[name].dropna().to_numpy()
        assert ((known >= span.low) & (known <= span.high)).all(), name
        assert not span.whole or (known == np.round(known)).all(), name


def test_what_is_possible_follows_from_the_declaration() -> None:
    assert possible(CATALOGUE["dpd"]).low == 0 and possible(CATALOGUE["dpd"]).whole
    assert possible(CATALOGUE["rate"]) == Span(0.0, 10.0)
    assert possible(CATALOGUE["worst_days_late"]).low < 0
    assert sum(possible(feature).low >= 0 for feature in CATALOGUE.values()) > len(CATALOGUE) / 2
    assert {possible(f).said() for f in CATALOGUE.values() if f.unit == "yes/no"} == {"a whole number from 0 to 1 or null"}


@pytest.mark.parametrize("given", [None, 1, "a", [], True])
def test_features_are_an_object(book: Book, given: Any) -> None:
    with pytest.raises(Problem, match="send an object"):
        Contract(book.bundle).values(given)


def test_features_of_another_model_are_refused(api: Served) -> None:
    found = api.score({"features": {}})
    assert found.status == 422
    assert len(found.json()["errors"]) == 20
    assert "(and 19 more)" in found.json()["detail"]


def test_the_model_tells_its_contract(api: Served, book: Book) -> None:
    said = api.get("/v1/model").json()
    assert [f["name"] for f in said["features"]] == list(book.bundle.features)
    assert said["bundle"] == book.bundle.digest
    assert all(f["unit"] and f["en"] and f["zh"] and f["unknown"]["en"] for f in said["features"])
    assert {"low", "high", "whole"} <= set(said["features"][0])
    assert Scorer(book.bundle).bundle.said["calibration"] == said["calibration"]
