"""A shock to a sector: the two worlds differ in its figures alone, the one without it is the night, and nothing is written."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import orjson
import pandas as pd
import pytest
import worlds as little
from books import Book
from deliveries import bring, tree
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from tiny import tiny

from features.build import compute
from features.catalogue import CATALOGUE
from features.errors import DataRefused, LoanwatchError, NotFound, UsageError
from features.ledger import Ledger
from features.spine import Spine
from monitoring import runs
from monitoring.decisions.overrides import Override
from monitoring.decisions.place import Place
from monitoring.night import score_book
from monitoring.policy.triggers import trigger_policy
from pipelines.shock.asked import MEASURES, Change, Shock, change, shock
from pipelines.shock.compare import Both, Found
from pipelines.shock.report import as_json, flat, sentences, totals
from pipelines.shock.run import compare, run, score_part
from pipelines.shock.work import Work, begin
from pipelines.shock.worlds import members, worlds

SECTOR = "C"
FALL = shock([SECTOR], [], ["sales_index=-30%", "default_rate=+0.05"], None)
READS = [feature for feature in CATALOGUE.values() if {"industry", "macro"} & set(feature.tables)]


@dataclass(frozen=True)
class Fallen:
    """The session's book with the industry fallen."""

    book: Book

    @cached_property
    def work(self) -> Work:
        return begin(Place(self.book.path), self.book.mlruns, FALL)

    @cached_property
    def parts(self) -> Mapping[int, Both]:
        return {number: score_part(self.work, number) for number in self.book.ledger.partitions}

    @cached_property
    def found(self) -> Found:
        return compare(self.work, self.parts)

    def under(self, asked: Shock) -> Work:
        return replace(self.work, asked=asked, worlds=worlds(self.book.ledger, asked, self.book.day))


@pytest.fixture(scope="module")
def fallen(book: Book) -> Fallen:
    return Fallen(book)


def _same(one: pd.Series, other: pd.Series) -> bool:
    return one.to_numpy().tobytes() == other.to_numpy().tobytes()


# --- what is asked


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("sales_index=-20%", Change("sales_index", -0.2, True)), ("default_rate=+0.03", Change("default_rate", 0.03, False)),
        ("unemployment=+.5%", Change("unemployment", 0.005, True)), ("gdp_growth=-3", Change("gdp_growth", -3.0, False)),
    ],
)  # fmt: skip
def test_a_change_is_read_as_it_is_written(text: str, read: Change) -> None:
    assert change(text) == read


@pytest.mark.parametrize("text", ["sales_index", "sales_index=20%", "sales_index=-20 %", "sales=-20%", "sales_index=-1e3", "=-3"])
def test_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        change(text)
    assert text in refused.value.en and text in refused.value.zh


@pytest.mark.parametrize(
    ("industries", "regions", "changes", "since"),
    [
        ([], [], ["sales_index=-20%"], None), (["C"], [], [], None), (["C"], [], ["sales_index=-20%"], date(2024, 1, 1)),
        (["C"], [], ["unemployment=+1%"], None), (["C"], ["CN-11"], ["sales_index=-20%"], None),
        (["C"], [], ["sales_index=-20%", "sales_index=-10%"], None),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(
    industries: list[str], regions: list[str], changes: list[str], since: date | None
) -> None:
    with pytest.raises(UsageError):
        shock(industries, regions, changes, since)


@pytest.mark.parametrize(
    ("asked", "day", "error", "said"),
    [
        (shock(["CC"], [], ["sales_index=-20%"], None), None, NotFound, "did you mean C"),
        (shock([], ["CN-12"], ["unemployment=+1%"], None), None, NotFound, "did you mean CN-"),
        (FALL, date(2020, 2, 10), DataRefused, "no sales_index of C was known on 2020-02-10"),
        (shock(["C"], [], ["sales_index=-120%"], None), None, DataRefused, "smaller change"),
        (shock(["C"], [], ["default_rate=+1"], None), None, DataRefused, "smaller change"),
    ],
)  # fmt: skip
def test_what_the_book_cannot_answer_is_said(
    book: Book, asked: Shock, day: date | None, error: type[LoanwatchError], said: str
) -> None:
    with pytest.raises(error, match=said):
        worlds(book.ledger, asked, day or book.day)


def test_a_book_without_figures_of_industries_says_so(tmp_path: Path) -> None:
    bring(tmp_path / "book", little.deliver(tmp_path, "01", little.clean(1, ["borrowers", "loans"])))
    ledger = Ledger(tmp_path / "book")
    with pytest.raises(NotFound, match="no figures of any industry"):
        worlds(ledger, FALL, ledger.known_through)


# --- two worlds


@given(seed=st.integers(0, 2**31))
@examples(2)
def test_the_world_with_a_shock_is_the_ledger_after_the_figure_arrived(seed: int) -> None:
    """And the one before an arrival is the ledger as it was: by ingest, for every feature that reads industry or region."""
    rng = np.random.default_rng(seed)
    with TemporaryDirectory() as home:
        book, tables = Path(home) / "book", little.clean(seed, per_table=12)
        tables["industry"] = [{**row, "value": row["value"] / 10} for row in tables["industry"]]  # a rate is a share
        bring(book, little.deliver(Path(home) / "1", "01", tables))
        before = Ledger(book)
        day = before.known_through + timedelta(days=1)
        figure = tables["industry"][int(rng.integers(12))]
        asked = shock([figure["industry"]], [], [f"{figure['measure']}=-20%"], None)
        spine = Spine.of([(owner, loan) for loan, owner in little.LOANS.items()], day)
        shocked = worlds(before, asked, day)
        (last,) = shocked.figures
        values = [compute(spine, world, READS) for world in (shocked.before, shocked.after)]
        then = compute(spine, before, READS)
        arrived = {**figure, "record_id": "zzz", "event_on": day, "known_on": day, "value": last.after}
        bring(book, little.deliver(Path(home) / "2", "02", {"industry": [arrived]}))
        after = Ledger(book)
        pd.testing.assert_frame_equal(compute(spine, after, READS), values[1])
        came = worlds(after, shock([figure["industry"]], [], [], day - timedelta(days=1)), day)
        assert [(one.measure, one.after) for one in came.figures] == [(figure["measure"], last.after)]
        pd.testing.assert_frame_equal(compute(spine, came.before, READS), then)


def test_the_night_without_the_shock_is_the_night(fallen: Fallen, decided: Path) -> None:
    """PD to the bit, and the tier of the official run of the day."""
    found = compare(replace(fallen.work, book=decided), fallen.parts)
    night = runs.read(runs.folders(decided)[-1])
    own = night.borrowers.set_index("borrower_id").loc[found.rows["borrower_id"]]
    assert _same(found.rows["log_odds_before"], own["log_odds"]) and _same(found.rows["pd_12m_before"], own["pd_12m"])
    assert found.rows["tier_before"].tolist() == own["tier"].tolist() == found.rows["tier_now"].tolist()
    assert found.official == fallen.book.day


def test_with_the_shock_nobody_outside_the_sector_differs_and_nobody_inside_is_left_out(fallen: Fallen) -> None:
    book, found = fallen.book, fallen.found
    master = pd.concat([book.ledger.read("borrowers", number).to_pandas() for number in book.ledger.partitions])
    last = master[master["industry"].notna() & master["superseded_on"].isna()].groupby("borrower_id")["industry"].last()
    live = set(book.scores.rows["borrower_id"])
    assert set(found.rows["borrower_id"]) == live & set(last.index[last == SECTOR])
    shocked = score_book(fallen.work.worlds.after, book.scorer, book.day).rows
    differs = shocked["log_odds"].to_numpy() != book.scores.rows["log_odds"].to_numpy()
    assert differs.sum() > 0 and set(shocked["borrower_id"][differs]) <= set(found.rows["borrower_id"])
    worst = shocked.groupby("borrower_id")["log_odds"].max().loc[found.rows["borrower_id"]]
    assert _same(worst, found.rows["log_odds"])


def test_a_shock_of_nothing_moves_nobody(fallen: Fallen) -> None:
    keys = {"industry": ([SECTOR], []), "macro": ([], ["CN-11"])}
    for table, (industries, regions) in keys.items():
        changes = [f"{measure}=+0%" for measure, of in MEASURES.items() if of == table]
        work = fallen.under(shock(industries, regions, changes, None))
        found = compare(work, {0: score_part(work, 0)})
        assert len(found.rows) > 2 and not found.reach.changed and found.moves.empty and found.signals.empty
        assert _same(found.rows["log_odds"], found.rows["log_odds_before"]) and found.rows["drivers"].str.len().sum() == 0


@given(measure=st.sampled_from(["default_rate", "credit_spread", "unemployment", "house_price_index"]), by=st.integers(0, 50))
@examples(8)
def test_a_worse_index_never_lowers_a_pd(fallen: Fallen, measure: str, by: int) -> None:
    """Of measures all of whose features say so, which the model may not contradict."""
    sign = "-" if measure == "house_price_index" else "+"
    sectors = ([SECTOR], []) if MEASURES[measure] == "industry" else ([], ["CN-31"])
    work = fallen.under(shock(*sectors, [f"{measure}={sign}{by}%"], None))
    before, after = score_part(work, 1)
    assert len(before.rows) and (after.rows["log_odds"].to_numpy() >= before.rows["log_odds"].to_numpy()).all()


# --- what is found


def test_an_industry_that_falls_moves_borrowers_down_and_says_why(fallen: Fallen) -> None:
    found = fallen.found
    tiers = ["prime", "standard", "watch", "high_risk"]
    moves, all_of_it = found.moves, totals(found)
    assert len(moves) == all_of_it.moved > 0
    places = moves[["tier_before", "tier"]].map(tiers.index)
    assert (places["tier"] > places["tier_before"]).all()
    assert (moves["pd_12m"] > moves["pd_12m_before"]).all()
    assert all(drivers[0].feature in found.reach.changed for drivers in moves["drivers"])
    assert all(abs(d.log_odds) > 0 and d.before != d.value for drivers in moves["drivers"] for d in drivers)
    assert all_of_it.loss > all_of_it.loss_before > 0
    assert sum(step.borrowers for step in all_of_it.steps) == len(moves)
    assert all_of_it.exposure_moved == moves["exposure"].sum() == sum(step.exposure for step in all_of_it.steps)
    assert set(all_of_it.signals) >= {"industry_sales_fell", "industry_defaults_rose"}
    assert set(found.signals["borrower_id"]) <= set(found.rows["borrower_id"])
    assert len(flat(found)) == len(moves) + len(found.signalled)


def test_what_persons_agreed_on_holds_in_both_worlds(fallen: Fallen) -> None:
    who = str(fallen.found.moves["borrower_id"].iloc[0])
    held = compare(replace(fallen.work, overrides=(Override("v", who, "watch"),)), fallen.parts)
    assert who not in set(held.moves["borrower_id"])
    (row,) = held.rows[held.rows["borrower_id"] == who].to_dict("records")
    assert (row["tier_before"], row["tier"], row["cause"]) == ("watch", "watch", "override")


def test_a_model_that_reads_no_figure_of_the_sector_says_so(fallen: Fallen, tmp_path: Path) -> None:
    blind = replace(fallen.work, bundle=tiny(tmp_path).bundle)
    found = compare(blind, {0: score_part(blind, 0)})
    assert "the model in use reads no feature of industry: only triggers can move" in [english for english, _ in sentences(found)]
    assert _same(found.rows["log_odds"], found.rows["log_odds_before"]) and set(found.signals["trigger"])
    assert not found.rows["new_reasons"].str.len().any()


def test_a_model_that_reads_other_figures_says_so(fallen: Fallen) -> None:
    nothing = replace(fallen.found, reach=replace(fallen.found.reach, changed=()))
    assert any("none of them changes" in english for english, _ in sentences(nothing))


def test_a_sector_without_borrowers_is_an_answer(fallen: Fallen) -> None:
    book, triggers = fallen.book, trigger_policy(fallen.book.day)
    empty = score_book(book.ledger, book.scorer, book.day, [0], triggers=triggers, whose=frozenset())
    found = compare(fallen.work, {0: Both(empty, empty)})
    assert "no borrower of the sector has a live loan" in [english for english, _ in sentences(found)]
    assert (totals(found).borrowers, totals(found).loss, len(flat(found)), as_json(found)["moves"]) == (0, 0, 0, [])


def test_figures_that_arrived_are_held_against_what_was_known_before(fallen: Fallen) -> None:
    day = fallen.book.day
    asked = shock([SECTOR], ["CN-11"], [], day - timedelta(days=28))
    work = fallen.under(asked)
    assert {figure.measure for figure in work.worlds.figures} == set(MEASURES)
    assert all(figure.said_for is not None and figure.said_for < day for figure in work.worlds.figures)
    _, after = score_part(work, 2)
    who = members(fallen.book.ledger, asked, day, 2)
    own = fallen.book.scores.rows
    assert _same(after.rows["log_odds"], own.loc[own["borrower_id"].isin(who), "log_odds"])
    assert fallen.under(replace(asked, since=day)).worlds.figures == ()


def test_figures_that_did_not_arrive_are_said(fallen: Fallen) -> None:
    asked = shock([SECTOR], [], [], fallen.book.day)
    found = replace(fallen.found, asked=asked, figures=())
    assert f"no figure of the sector arrived after {fallen.book.day}" in [english for english, _ in sentences(found)]


def test_a_first_figure_has_none_before_it(fallen: Fallen) -> None:
    day = date(2020, 4, 1)
    (first, *_) = worlds(fallen.book.ledger, shock([SECTOR], [], [], date(2020, 3, 1)), day).figures
    assert first.said_for is None and np.isnan(first.before) and first.after > 0


def test_the_same_bytes_twice_and_nothing_is_written(fallen: Fallen, own: Path) -> None:
    def files() -> dict[str, bytes]:
        return {name: data for part in ("ledger", "bundles") for name, data in tree((own / part).resolve()).items()}

    there, ledger = set(own.iterdir()), files()
    again = run(Place(own), fallen.book.mlruns, FALL)
    assert set(own.iterdir()) == there and files() == ledger
    one, other = (orjson.dumps(as_json(found)) for found in (fallen.found, again))
    assert one == other
    assert flat(fallen.found).to_csv(index=False) == flat(again).to_csv(index=False)
