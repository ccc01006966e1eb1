"""What a score would be: every level is a way the trees can take a value, and what is claimed is what the scorer gives."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from books import Book

from features.catalogue import feature
from models.groups import group_of
from models.reference import Reference
from models.score import Scorer
from models.whatif import WhatIf, _said
from models.wording import worded

ROWS = range(0, 400, 80)


def rows(book: Book) -> np.ndarray:
    values = book.scores.values.to_numpy()
    return values[np.argsort(-book.scores.rows["log_odds"].to_numpy(), kind="stable")]


def scored(book: Book, row: np.ndarray) -> float:
    return float(book.scorer.log_odds(pd.DataFrame(row[None], columns=list(book.bundle.features)))[0])


def test_a_counterfactual_is_what_the_scorer_says_of_changed_values_inside_what_was_seen(book: Book) -> None:
    reference, found = book.bundle.reference, 0
    for row in rows(book)[ROWS]:
        asked = WhatIf(book.scorer, row)
        below = asked.log_odds - 0.15
        for way in asked.counterfactuals(below):
            changed = row.copy()
            for change in way.changes:
                j = book.bundle.features.index(change.feature)
                assert change.value == row[j]
                assert group_of(change.feature).actionable
                assert reference.low[j] <= change.instead <= reference.high[j]
                changed[j] = change.instead
            assert scored(book, changed) == way.log_odds < below
            found += 1
    assert found > 5


def test_the_number_that_is_said_is_the_number_that_was_scored(book: Book) -> None:
    """A value in a text, typed in again, leads to the same tier; money is said in whole units."""
    for row in rows(book)[ROWS]:
        asked = WhatIf(book.scorer, row)
        for way in asked.counterfactuals(asked.log_odds - 0.15):
            for change in way.changes:
                said = feature(change.feature)
                if said.unit in ("days", "count", "months"):
                    assert float(worded(said, change.instead, "zh").strip("天个月").replace(",", "")) == change.instead


def test_no_value_between_the_levels_gives_another_score(book: Book) -> None:
    rng = np.random.default_rng(7)
    row = rows(book)[3]
    asked = WhatIf(book.scorer, row)
    for place in asked.used():
        low, high = book.bundle.reference.low[place], book.bundle.reference.high[place]
        if math.isnan(low) or feature(book.bundle.features[place]).unit not in ("days", "count", "months"):
            continue
        known = set(asked.scores(place, asked.levels(place)).tolist())
        tried = np.arange(math.ceil(low), math.floor(high) + 1, dtype=np.float64)
        tried = rng.choice(tried, min(len(tried), 200), replace=False) if len(tried) else tried
        assert set(asked.scores(place, tried).tolist()) <= known, book.bundle.features[place]


def test_unknown_values_reach_what_some_value_gives(book: Book) -> None:
    wide = 0
    for row in rows(book)[ROWS]:
        asked = WhatIf(book.scorer, row)
        low, high = asked.reach_together()
        for reach in asked.reach():
            j = book.bundle.features.index(reach.feature)
            assert math.isnan(row[j])
            assert reach.low <= asked.log_odds <= reach.high
            assert low <= reach.low and reach.high <= high
            levels = asked.levels(j)
            if len(levels):
                assert {reach.low, reach.high} <= {asked.log_odds, *asked.scores(j, levels).tolist()}
            wide += reach.high > reach.low
    assert wide


def test_what_was_never_known_of_anybody_has_no_range_and_reaches_nothing(book: Book) -> None:
    bare = replace(book.bundle, reference=Reference.nothing(len(book.bundle.features)))
    asked = WhatIf(Scorer(bare), rows(book)[0])
    assert asked.reach_together() == (asked.log_odds, asked.log_odds)
    assert {(r.low, r.high) for r in asked.reach()} <= {(asked.log_odds, asked.log_odds)}
    assert asked.counterfactuals(asked.log_odds - 0.1) == []


def test_a_constrained_model_moves_as_its_features_are_declared_to(book: Book) -> None:
    assert [d for row in rows(book)[ROWS] for d in WhatIf(book.scorer, row).against_direction()] == []


@pytest.mark.parametrize(
    ("above", "upto", "near", "unit", "expected"),
    [
        (3.5, 9.0, 2.0, 1.0, 4.0), (3.5, 9.0, 12.0, 1.0, 9.0), (3.5, 9.0, 5.5, 1.0, 5.5), (3.0, 9.0, 3.0, 1.0, 4.0),
        (3.5, 3.9, 1.0, 1.0, None), (0.1234, 0.2, 0.0, 0.001, 0.124), (0.1234, 0.1999, 1.0, 0.001, 0.199),
        (-9.0, 5.0, math.nan, 1.0, -8.0), (149.0, 1_051.0, 5.0, 100.0, 200.0),
    ],
)  # fmt: skip
def test_the_nearest_value_that_can_be_said(above: float, upto: float, near: float, unit: float, expected: float | None) -> None:
    assert _said(above, upto, near, unit) == expected
