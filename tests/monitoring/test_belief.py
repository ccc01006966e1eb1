"""The memory behind the index: laws of the filter, what is learned, and beliefs as a file."""

import json
import time
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float
from features.errors import DataRefused
from monitoring.belief import ALONE, NOTICES, STATES, TOLD, Beliefs, checks_of, lateness, probability, update
from monitoring.learning import History, fit

NEVER = 1_000_000
MOVES = np.array([[0.95, 0.03, 0.02], [0.10, 0.88, 0.02], [0.04, 0.02, 0.94]])
SHOWS = np.array([[0.75, 0.20, 0.05], [0.10, 0.30, 0.60], [0.05, 0.25, 0.70]])
DEFAULTS = np.array([0.0005, 0.002, 0.06])
EDGES = np.array([-3.0, -1.0])
LINE = np.array([-3.0, 0.8, 0.1, 0.3, 0.2, 0.5])
BELIEFS = Beliefs(
    EDGES, np.array([0.8, 0.1, 0.1]), MOVES, SHOWS, DEFAULTS, checks_of(0.85, 0.97), np.tile(LINE, (NOTICES, 1))
)  # fmt: skip
ENDS = pd.date_range("2024-01-31", periods=24, freq="ME")


def after(month: int, before: pd.DataFrame | None, log_odds: dict[str, float], heard: pd.DataFrame | None = None) -> pd.DataFrame:
    """The memory after the scores of a month."""
    ids = list(log_odds)
    scores = pd.DataFrame({"borrower_id": pd.Series(ids, dtype="str"), "log_odds": [log_odds[i] for i in ids], "dpd": 0.0})
    return update(BELIEFS, before, scores, ENDS[month].date(), heard)


def findings(**found: tuple[str, Any]) -> pd.DataFrame:
    rows = [(borrower, *said) for borrower, said in found.items()]
    return pd.DataFrame(rows, columns=["borrower_id", "finding", "benign_until"]).astype({"benign_until": "datetime64[us]"})


def told(path: list[float], at: int, finding: str | None, until: int | None = None) -> list[float]:
    """Chances of default, month by month, of one whose check after month ``at`` found something."""
    memory, found = None, []
    for month, log_odds in enumerate(path):
        heard = None
        if finding is not None and month == at + 1:
            heard = findings(a=(finding, ENDS[until] if until is not None else pd.NaT))
        memory = after(month, memory, {"a": log_odds}, heard)
        found.append(float(probability(BELIEFS, memory, 3)[0]))
    return found


paths = st.lists(st.floats(-6.0, 3.0), min_size=3, max_size=6)


@given(path=paths, at=st.integers(0, 8))
@examples(3, 150)
def test_trouble_found_never_lowers_the_chance_and_a_clean_check_never_raises_it(path: list[float], at: int) -> None:
    never, confirmed, none = (told(path, at, finding) for finding in (None, "confirmed", "none"))
    assert all(c >= n >= f for c, n, f in zip(confirmed, never, none, strict=True))
    assert never[: at + 1] == confirmed[: at + 1] == none[: at + 1]


@given(path=paths, at=st.integers(0, 6), months=st.integers(1, 8))
@examples(3, 150)
def test_a_benign_finding_lowers_the_chance_until_its_date(path: list[float], at: int, months: int) -> None:
    """And as long as it holds, nothing that the score says changes what is believed."""
    never, benign = told(path, at, None), told(path, at, "benign", min(at + months, 23))
    assert all(b <= n for b, n in zip(benign, never, strict=True))
    holds = range(at + 1, min(at + months + 1, len(path)))
    swung = [*path[: at + 1], *(-6.0 if month % 2 else 3.0 for month in range(at + 1, len(path)))]
    one, other = (_states(p, at, min(at + months, 23)) for p in (path, swung))
    assert all(np.array_equal(one[month], other[month]) for month in holds)


def _states(path: list[float], at: int, until: int) -> list[Float]:
    memory, out = None, []
    for month, log_odds in enumerate(path):
        heard = findings(a=("benign", ENDS[until])) if month == at + 1 else None
        memory = after(month, memory, {"a": log_odds}, heard)
        out.append(memory[list(TOLD)].to_numpy(dtype=np.float64))
    return out


def test_what_a_check_found_strictly_matters_and_fades() -> None:
    path = [-0.5] * 14
    never, confirmed, none = (told(path, 2, finding) for finding in (None, "confirmed", "none"))
    assert confirmed[3] > never[3] * 1.2
    assert none[3] < never[3] * 0.8
    assert 0 < never[13] - none[13] < 0.85 * (never[3] - none[3])


@given(data=st.data(), size=st.integers(1, 12))
@examples(3, 150)
def test_the_same_bits_in_any_order_and_any_part_of_the_book(data: st.DataObject, size: int) -> None:
    ids = [f"b{i}" for i in range(size)]
    months = [
        (
            {i: data.draw(st.floats(-6.0, 3.0) | st.just(np.nan)) for i in ids if data.draw(st.booleans())},
            {i: data.draw(st.sampled_from(["none", "confirmed", "unknown"])) for i in ids if data.draw(st.booleans())},
        )
        for _ in range(4)
    ]
    mine = set(data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True)))
    order = data.draw(st.permutations(ids))
    whole, part = _through(months, list(order), set(ids)), _through(months, ids, mine)
    ours = whole[whole["borrower_id"].isin(mine)].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, part, check_exact=True, check_dtype=False)


def _through(months: list[tuple[dict[str, float], dict[str, str]]], order: list[str], mine: set[str]) -> pd.DataFrame:
    memory = None
    for month, (log_odds, found) in enumerate(months):
        here = {i: log_odds[i] for i in order if i in log_odds and i in mine}
        heard = findings(**{i: (found[i], pd.NaT) for i in order if i in found and i in mine})
        memory = after(month, memory, here, heard)
    assert memory is not None
    return memory


def test_who_is_out_of_sight_is_remembered_and_moves_on() -> None:
    memory = after(0, None, {"a": 2.0, "b": -5.0})
    memory = after(1, memory, {"b": -5.0}, findings(a=("confirmed", pd.NaT)))
    assert list(memory["finding"]) == ["confirmed", "unknown"]
    was = memory[list(TOLD)].to_numpy()[0]
    memory = after(4, memory, {"b": -5.0})
    assert memory["finding"][0] == "confirmed"
    assert not np.array_equal(memory[list(TOLD)].to_numpy()[0], was)
    assert np.isnan(probability(BELIEFS, memory, 3)[0])


def test_a_second_score_of_a_month_says_nothing_new() -> None:
    memory = after(0, None, {"a": 1.0})
    again = after(0, memory, {"a": 1.0})
    assert memory[[*TOLD, *ALONE]].equals(again[[*TOLD, *ALONE]])


def test_unknown_days_past_due_are_not_zero() -> None:
    assert list(lateness(np.array([0.0, 1.0, 29.0, 30.0, 60.0, np.nan]))) == [0, 1, 1, 2, 3, 1]


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(DataRefused, match="named twice"):
        update(BELIEFS, None, pd.DataFrame({"borrower_id": ["a", "a"], "log_odds": 1.0, "dpd": 0.0}), ENDS[0].date())
    memory = after(0, None, {"a": 1.0})
    with pytest.raises(DataRefused, match="none of none, benign, confirmed"):
        after(1, memory, {"a": 1.0}, findings(a=("confirmd", pd.NaT)))
    for empty in (np.full((3, 4), np.nan), np.zeros((3, 4))):
        with pytest.raises(DataRefused, match="nobody was scored in two months in a row"):
            fit(History(empty, empty * 0, np.full(3, NEVER)), 0.8, 0.9)


def test_beliefs_come_back_from_a_file() -> None:
    again = Beliefs.from_json(json.loads(json.dumps(BELIEFS.as_json())))
    assert all(np.array_equal(value, vars(again)[name]) for name, value in vars(BELIEFS).items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"moves": [[1.0, 0.0, 0.0]] * 3}, "moves: saw other than chances"),
        ({"moves": [[0.5, 0.2, 0.2]] * 3}, "moves: saw other than chances"),
        ({"start": [0.5, 0.5]}, "start: saw shape"),
        ({"shows": [[0.5, 0.5]] * 3}, "shows: saw shape"),
        ({"edges": [1.0, 1.0]}, "edges: saw no increase"),
        ({"defaults": [0.0, 0.1, 0.1]}, "defaults: saw other than chances"),
        ({"lines": [[float("nan")] * 6] * NOTICES}, "lines: saw shape"),
        ({"lines": "x"}, "numbers: saw another shape"),
        ({"states": ["a", "b", "c"]}, "entries"),
        ({"more": 1}, "entries"),
        ({"finds": [[0.1, 0.1, 0.8], [0.1, 0.1, 0.8], [0.8, 0.1, 0.1]]}, "finds: saw trouble confirmed less often"),
    ],
)
def test_a_changed_file_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataRefused, match=said):
        Beliefs.from_json({**BELIEFS.as_json(), **change})


def drawn(n: int, m: int, seed: int) -> History:
    """Borrowers of the very model that is to be learned."""
    rng = np.random.default_rng(seed)
    state = rng.choice(3, n, p=BELIEFS.start)
    log_odds, dpd, default = np.full((n, m), np.nan), np.zeros((n, m)), np.full(n, NEVER)
    for month in range(m):
        band = (rng.random(n)[:, None] > np.cumsum(SHOWS[state], axis=1)[:, :-1]).sum(axis=1)
        alive = default == NEVER
        log_odds[alive, month] = (np.array([-5.0, -2.0, 0.0])[band] + rng.uniform(-0.9, 0.9, n))[alive]
        lost = alive & (rng.random(n) < DEFAULTS[state]) & (month + 1 < m)
        default[lost] = month + 1
        state = (rng.random(n)[:, None] > np.cumsum(MOVES[state], axis=1)[:, :-1]).sum(axis=1)
    return History(log_odds, dpd, default)


def test_what_generated_a_history_is_learned_from_it() -> None:
    learned = fit(drawn(3_000, 24, 5), 0.85, 0.97)
    assert STATES == ("sound", "looks_bad", "trouble")
    assert learned.defaults[2] == pytest.approx(DEFAULTS[2], rel=0.4)
    assert learned.defaults[2] > 5 * learned.defaults[:2].max()
    assert learned.moves[0, 0] == pytest.approx(MOVES[0, 0], abs=0.04)
    assert (np.diag(learned.moves) > 0.7).all()
    bad = learned.shows @ np.linspace(-6, 1, len(learned.edges) + 1)
    assert bad[1] > bad[0]


def test_learning_does_not_depend_on_who_stands_where() -> None:
    history = drawn(400, 14, 6)
    order = np.random.default_rng(1).permutation(400)
    one, other = fit(history, 0.8, 0.9), fit(history.take(order), 0.8, 0.9)
    assert one.as_json() == other.as_json()


def test_a_hundred_thousand_borrowers_are_updated_in_two_seconds() -> None:
    n = 100_000
    ids, rng = [f"B{i:07d}" for i in range(n)], np.random.default_rng(2)
    first = pd.DataFrame({"borrower_id": ids, "log_odds": rng.normal(-3, 2, n), "dpd": 0.0})
    memory = update(BELIEFS, None, first, ENDS[0].date())
    heard = pd.DataFrame({"borrower_id": ids[::30], "finding": "none", "benign_until": pd.NaT})
    start = time.process_time()
    memory = update(BELIEFS, memory, first, ENDS[1].date(), heard)
    probability(BELIEFS, memory, 3)
    assert time.process_time() - start < 2.0
    assert len(memory) == n
    assert date(2024, 2, 29) == memory["as_of"].iloc[0].date()
