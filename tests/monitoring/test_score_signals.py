"""Triggers on the night's scores: jumps, peers, guarantors and new reasons, each by hand, and on a whole night."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.build import compute
from features.events import day_number
from features.labels import COMPANY
from features.spine import Spine
from monitoring import runs, score_signals
from monitoring.policy.trigger import SCORES
from monitoring.policy.triggers import trigger_policies
from monitoring.score_signals import FEWEST_PEERS, guarantors, peer_groups, quantities
from monitoring.warning import COLUMNS, texts

POLICY = trigger_policies()[-1]
NOBODY = pd.DataFrame({"borrower_id": [], "guarantor_id": []}, dtype="str")
LEADING: list[str | None] = ["dpd", "bureau_score", "inflow_90", "leverage", "ltv"]


def borrowers(log_odds: list[float], reasons: list[str | None] = [*LEADING], bundle: str = "m1") -> pd.DataFrame:  # noqa: B006
    """Borrowers B0, B1 ... of a night, all with the same reasons."""
    n = len(log_odds)
    told = {f"reason_{k}": pd.Series([name] * n, dtype="str") for k, name in enumerate(reasons, 1)}
    odds = pd.Series(log_odds, dtype="float64")
    return pd.DataFrame(
        {
            "borrower_id": [f"B{i}" for i in range(n)],
            "log_odds": odds,
            "pd_12m": 1 / (1 + np.exp(-odds)),
            "bundle": bundle,
            **told,
        }
    )


def of(now: pd.DataFrame, before: pd.DataFrame | None = None, peers: list[str | None] | None = None) -> pd.DataFrame:
    return quantities(now, before, pd.Series(peers or [None] * len(now), dtype="str"), NOBODY)


def test_every_score_of_the_table_is_worked_out() -> None:
    assert set(of(borrowers([0.0]))) == set(SCORES)


def test_a_jump_is_against_the_last_official_run_of_the_same_model() -> None:
    now = borrowers([1.0, -1.0, 0.5])
    before = borrowers([0.2, -0.5]).iloc[::-1]
    np.testing.assert_array_equal(of(now, before)["log_odds_change"], [0.8, -0.5, np.nan])
    for unknown in (None, before.assign(bundle="m0"), before.iloc[:0]):
        assert of(now, unknown)[["log_odds_change", "new_reasons"]].isna().all(axis=None)


def test_new_reasons_are_groups_that_were_not_told_before() -> None:
    before = borrowers([0.0], ["worst_dpd_90", "inflow_30", "litigation_365", "unemployment", "covenants_failed_400"])
    # The inflow was told before, if by another feature; days past due and the bureau's score were not.
    assert of(borrowers([0.0]), before)["new_reasons"].tolist() == [2.0]
    assert of(borrowers([0.0]), borrowers([0.0], LEADING[::-1]))["new_reasons"].tolist() == [0.0]
    fewer = borrowers([0.0], ["dpd", None, None, None, None])
    assert of(fewer, before)["new_reasons"].tolist() == [1.0]
    assert of(borrowers([0.0]), fewer)["new_reasons"].tolist() == [2.0]


@given(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=80), st.integers(0, 2**31))
@examples(12)
def test_a_peer_quantile_is_the_share_of_peers_below(log_odds: list[float], seed: int) -> None:
    group = np.random.default_rng(seed).choice(["a", "b", ""], len(log_odds), p=[0.7, 0.2, 0.1])
    found = of(borrowers(log_odds), peers=[name or None for name in group])["peer_quantile"]
    for i, name in enumerate(group):
        peers = [odds for j, odds in enumerate(log_odds) if group[j] == name and j != i]
        if name and len(peers) >= FEWEST_PEERS:
            assert found[i] == sum(odds < log_odds[i] for odds in peers) / len(peers)
        else:
            assert np.isnan(found[i])


def test_the_worst_guarantor_of_the_same_night_counts() -> None:
    now = borrowers([-3.0, 0.0, 1.0, -3.0])
    pairs = pd.DataFrame({"borrower_id": ["B0", "B0", "B0", "B3"], "guarantor_id": ["B1", "B2", "stranger", "stranger"]})
    found = quantities(now, None, pd.Series([None] * 4, dtype="str"), pairs)["guarantor_pd"]
    np.testing.assert_array_equal(found, [now["pd_12m"][2], np.nan, np.nan, np.nan])


@pytest.fixture(scope="module")
def night(book: Book, tmp_path_factory: pytest.TempPathFactory) -> runs.Night:
    own: Path = book.with_own_runs(tmp_path_factory.mktemp("scores") / "book")
    return runs.read(book.night(own, "nightly"))


def test_a_night_raises_signals_on_its_scores(book: Book, night: runs.Night) -> None:
    shift = np.where(np.arange(len(night.borrowers)) % 7 == 0, 1.5, 0.0)
    reasons = night.borrowers[["reason_1", "reason_2", "reason_3", "reason_4", "reason_5"]]
    turned = night.borrowers.assign(log_odds=night.borrowers["log_odds"] - shift)
    turned[reasons.columns] = reasons.sample(frac=1, random_state=1).to_numpy()
    before = replace(night, borrowers=turned)
    found = score_signals.signals(night, before, POLICY, book.ledger)
    assert found.columns.tolist() == COLUMNS and not found.duplicated(["borrower_id", "trigger"]).any()
    moved = night.borrowers[(shift > 0) & (night.borrowers["pd_12m"] >= 0.05)]
    assert set(found[found["trigger"] == "pd_jump"]["borrower_id"]) == set(moved["borrower_id"]) != set()
    assert {"pd_of_peers", "reasons_changed"} <= set(found["trigger"])
    assert texts(found, POLICY, "zh") and texts(found, POLICY, "en")
    alone = score_signals.signals(night, None, POLICY, book.ledger)
    assert set(alone["trigger"]) <= {"pd_of_peers", "pd_of_guarantor"}
    same = found[found["trigger"].isin(set(alone["trigger"]))].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same)


def test_peers_are_the_industry_of_companies_and_the_product_of_persons(book: Book, night: runs.Night) -> None:
    loans = night.loans.head(200)
    day = np.full(len(loans), day_number(night.as_of))
    spine = Spine(pd.Index(loans["borrower_id"], dtype="str"), pd.Index(loans["loan_id"], dtype="str"), day, day)
    company = (compute(spine, book.ledger, [COMPANY])["company"] == 1).to_numpy()
    found = peer_groups(spine, company, book.ledger)
    assert 0 < company.sum() < len(company)
    assert set(found[~company]) <= {"working_capital", "fixed_assets", "mortgage", "consumer", "online", "card", "other"}
    industries = {
        word
        for n in book.ledger.partitions
        for word in book.ledger.partition(n, ["borrowers"]).events("borrowers").words("industry")[1]
    }
    assert set(found[company].dropna()) <= industries and found[company].notna().any()


def test_guarantors_stand_in_on_the_day(book: Book) -> None:
    today = guarantors(book.ledger, book.day)
    assert len(today) and not today.duplicated().any()
    assert not (today["borrower_id"] == today["guarantor_id"]).any()
    assert len(guarantors(book.ledger, book.day.replace(year=1950))) == 0
