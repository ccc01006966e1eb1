"""The table of late payment: its counts, what it makes of them, and its file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Int
from features.errors import DataRefused, NotFound
from monitoring import lateness
from monitoring.lateness import BANDS, LATE_BANDS, WEIGHTS, Lateness, drawn, late_band, learn

CELLS = (4, len(LATE_BANDS))
cells = st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=20, max_size=20)
CHAMPION = "c" * 64


def counts(found: list[tuple[int, float]]) -> tuple[Int, Int]:
    n = np.array([loans for loans, _ in found]).reshape(CELLS)
    late = np.array([int(loans * share) for loans, share in found]).reshape(CELLS)
    return n, late


def a_table(seed: int = 0, loans: int = 4_000) -> Lateness:
    """Learned from made-up loans: worse scores and more late instalments are paid late more often."""
    rng = np.random.default_rng(seed)
    log_odds, share = rng.normal(-3, 1, loans), np.where(rng.random(loans) < 0.1, np.nan, rng.beta(0.5, 3, loans).round(2))
    late = rng.random(loans) < 1 / (1 + np.exp(1.5 - 0.6 * (log_odds + 3) - 2 * np.nan_to_num(share)))
    return learn(CHAMPION, log_odds, share, late.astype(float))


@given(cells, st.sampled_from(WEIGHTS), st.integers(0, 3), st.integers(0, 4))
@examples(60)
def test_one_more_late_loan_raises_the_chance_of_its_cell_one_more_on_time_lowers_it(
    found: list[tuple[int, float]], weight: int, row: int, column: int
) -> None:  # fmt: skip
    n, late = counts(found)
    before = drawn(n, late, weight)[row, column]
    more = n.copy()
    more[row, column] += 1
    missed = late.copy()
    missed[row, column] += 1
    assert drawn(more, missed, weight)[row, column] > before > drawn(more, late, weight)[row, column]
    assert 0 < before < 1


@given(st.integers(0, 10_000), st.integers(30, 400))
@examples(15)
def test_every_loan_learned_from_is_in_one_cell_and_the_file_says_the_same_table(seed: int, loans: int) -> None:
    found = a_table(seed, loans)
    assert found.n.sum() == loans and (found.late <= found.n).all()
    assert len(found.edges) < BANDS and found.n.shape == (len(found.edges) + 1, len(LATE_BANDS))
    again = Lateness.from_json(json.loads(json.dumps(found.as_json())))
    np.testing.assert_array_equal(again.chances, found.chances)
    assert again.as_json() == found.as_json()


def test_what_is_told_of_a_loan_are_the_counts_of_its_cell() -> None:
    table = a_table()
    told = table.of(np.array([-9.0, 9.0, -9.0]), np.array([0.0, 0.9, np.nan]))
    assert told["loans"].tolist() == [table.n[0, 1], table.n[-1, 4], table.n[0, 0]]
    assert told["paid_late"].tolist() == [table.late[0, 1], table.late[-1, 4], table.late[0, 0]]
    assert (told["low"] < told["chance"]).all() and (told["chance"] < told["high"]).all()
    assert told["chance"][1] > told["chance"][0]


def test_the_bands_of_what_was_late_so_far() -> None:
    shares = np.array([np.nan, 0.0, 0.01, 0.2, 0.21, 0.5, 0.51, 1.0])
    assert late_band(shares).tolist() == [0, 1, 2, 2, 3, 3, 4, 4]


def test_where_cells_follow_their_margins_these_weigh_much_and_where_they_do_not_little() -> None:
    n = np.full(CELLS, 400)
    rows, columns = np.array([0.05, 0.1, 0.2, 0.3])[:, None], np.array([0.5, 0.8, 1.0, 1.3, 1.6])[None]
    smooth = np.rint(n * rows * columns).astype(np.int64)
    rough = np.where((np.arange(20).reshape(CELLS) * 7) % 3 == 0, 200, 10)
    assert lateness.likeliest(n, smooth) >= 300 > 30 > lateness.likeliest(n, rough)


def test_a_cell_without_a_loan_goes_by_its_margins() -> None:
    n, late = np.full(CELLS, 100), np.full(CELLS, 10)
    n[2, 3] = late[2, 3] = 0
    assert drawn(n, late, 100)[2, 3] == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_where_all_or_none_were_late_nothing_is_learned(late: float) -> None:
    with pytest.raises(DataRefused, match="more months"):
        learn(CHAMPION, np.arange(10.0), np.zeros(10), np.full(10, late))


def test_a_table_is_kept_and_read_again(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="learn-lateness"):
        lateness.kept(tmp_path, CHAMPION)
    table = a_table()
    first = lateness.keep(tmp_path, table, {"loans": 4_000}).read_bytes()
    assert lateness.keep(tmp_path, table, {"loans": 4_000}).read_bytes() == first
    assert lateness.kept(tmp_path, CHAMPION).as_json() == table.as_json()
    with pytest.raises(DataRefused, match="the champion in use, dddddddddddd"):
        lateness.kept(tmp_path, "d" * 64)


SPOILED: dict[str, Any] = {
    "an entry missing": lambda said: said.pop("weight"),
    "an entry more": lambda said: said.update(note=1),
    "a weight that is none": lambda said: said.update(weight=2),
    "a weight that is no number": lambda said: said.update(weight="10"),
    "no champion": lambda said: said.update(bundle=None),
    "edges that fall": lambda said: said["edges"].reverse(),
    "an edge that is not finite": lambda said: said["edges"].__setitem__(0, float("nan")),
    "a row missing": lambda said: said["n"].pop(),
    "rows of unlike length": lambda said: said["n"][0].pop(),
    "more late than there were": lambda said: said["late"][0].__setitem__(1, said["n"][0][1] + 1),
    "less than none": lambda said: said["late"][0].__setitem__(1, -1),
    "half a loan": lambda said: said["n"][0].__setitem__(0, 1.5),
    "a truth for a count": lambda said: said["late"][0].__setitem__(0, True),
    "a list for a number": lambda said: said.update(edges="none"),
    "nobody late": lambda said: said.update(late=[[0] * len(LATE_BANDS)] * len(said["n"])),
}


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=list(SPOILED))
def test_a_damaged_file_is_refused(tmp_path: Path, spoil: Any) -> None:
    path = lateness.keep(tmp_path, a_table(), {})
    said = json.loads(path.read_text("utf-8"))
    spoil(said["lateness"])
    path.write_text(json.dumps(said), "utf-8")
    with pytest.raises(DataRefused, match="learn it again"):
        lateness.kept(tmp_path, CHAMPION)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"lateness": 3}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / lateness.FILE).write_text(text, "utf-8")
    with pytest.raises(DataRefused, match="learn it again"):
        lateness.kept(tmp_path, CHAMPION)
