"""The worklist: every visit that is due, the actions whose precondition is met, and what one inspector more would add."""

import math
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from books import Book
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from monitoring import runs, worklist
from monitoring.policy import tier_policy
from monitoring.policy.actions import action_policies, action_policy
from monitoring.policy.lender import Lender, lender
from monitoring.policy.priorities import Priority, priorities
from monitoring.policy.proposals import proposal_policy
from monitoring.policy.schedule import schedule_policy
from monitoring.priority import share_lost, value
from monitoring.runs import NIGHTLY, Night

TODAY = date(2024, 6, 30)
POLICY = action_policy(TODAY)


@pytest.fixture(scope="module")
def night(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Night:
    own = book.with_own_runs(tmp_path_factory.mktemp("work") / "book")
    return runs.read(book.night(own, NIGHTLY))


def row(**said: Any) -> pd.DataFrame:
    plain = {
        "tier": "standard", "kind": "person", "cause": "score", "dpd": 0.0, "pd_12m": 0.02,
        "tier_since": TODAY - timedelta(days=10), "matures_on": None, "silent": False, "signal": "attention", "prepared": set(),
    }  # fmt: skip
    return pd.DataFrame([{**plain, **said}])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"tier": "watch", "kind": "company"}, ["contingency_plan"]),
        ({"tier": "high_risk", "kind": "company"}, ["contingency_plan", "limit_cut"]),
        ({"tier": "high_risk", "kind": "company", "prepared": {"limit_cut"}}, ["contingency_plan", "limit_cut"]),
        (
            {"tier": "high_risk", "kind": "company", "prepared": {"contingency_plan"}},
            ["contingency_plan", "carry_out_plan", "limit_cut"],
        ),
        ({"tier": "watch", "dpd": 1.0}, ["offer_reschedule"]),
        ({"tier": "high_risk"}, ["limit_cut"]),
        ({"tier": "high_risk", "dpd": float("nan")}, ["limit_cut"]),
        ({"tier": "high_risk", "dpd": 95.0}, ["limit_cut", "line_freeze", "early_repayment"]),
        ({"tier": "prime", "tier_since": TODAY - timedelta(days=200), "pd_12m": 0.004}, ["limit_increase"]),
        (
            {"tier": "prime", "tier_since": TODAY - timedelta(days=100), "matures_on": TODAY + timedelta(days=120)},
            ["early_renewal"],
        ),
        ({"tier": "prime", "tier_since": TODAY - timedelta(days=100), "matures_on": TODAY + timedelta(days=121)}, []),
        ({"cause": "earned"}, ["fewer_visits"]),
        ({"cause": "earned", "silent": True}, []),
        ({"cause": "earned", "silent": None}, []),
        ({"cause": "earned", "signal": None}, ["fewer_visits"]),
        ({"cause": "earned", "signal": "serious"}, []),
    ],
)
def test_actions_read_by_hand(said: dict[str, Any], expected: list[str]) -> None:
    assert list(worklist.actions(row(**said), TODAY, POLICY)[0].met) == expected


@pytest.mark.parametrize(
    ("said", "unknown"),
    [
        ({"tier": "high_risk", "dpd": float("nan")}, ["offer_reschedule", "line_freeze", "early_repayment"]),
        ({"tier": "watch", "dpd": float("nan")}, ["offer_reschedule"]),
        ({"dpd": float("nan")}, []),
        ({"tier": "high_risk", "kind": None}, ["contingency_plan"]),
        ({"tier": None, "dpd": 45.0}, ["offer_reschedule", "limit_cut", "line_freeze"]),
        ({"tier": "prime", "tier_since": None, "pd_12m": 0.004, "matures_on": TODAY + timedelta(days=121)}, ["limit_increase"]),
        ({"tier": "prime", "tier_since": TODAY - timedelta(days=100), "matures_on": None}, ["early_renewal"]),
        ({"tier": "prime", "tier_since": TODAY - timedelta(days=200), "pd_12m": float("nan"), "dpd": 1.0}, []),
        ({"cause": "earned", "silent": None}, ["fewer_visits"]),
        ({"cause": "earned", "silent": None, "signal": "serious"}, []),
    ],
)  # fmt: skip
def test_what_cannot_be_told_read_by_hand(said: dict[str, Any], unknown: list[str]) -> None:
    assert list(worklist.actions(row(**said), TODAY, POLICY)[0].unknown) == unknown


rows = st.builds(
    row, tier=st.sampled_from(["prime", "standard", "watch", "high_risk"]), kind=st.sampled_from(["company", "person"]),
    cause=st.sampled_from(["score", "earned"]), dpd=st.sampled_from([0.0, 1.0, 45.0, 95.0]), pd_12m=st.sampled_from([0.001, 0.2]),
    tier_since=st.sampled_from([TODAY - timedelta(days=back) for back in (10, 100, 200)]), silent=st.booleans(),
    matures_on=st.sampled_from([TODAY + timedelta(days=ahead) for ahead in (50, 300)]),
    signal=st.sampled_from([None, "attention", "serious"]),
    prepared=st.sampled_from([frozenset(), frozenset({"contingency_plan"})]),
)  # fmt: skip
KNOWN = ["tier", "kind", "cause", "dpd", "pd_12m", "tier_since", "silent", "matures_on"]
"""What may be known of a row, or not; where no signal stands there is none, and what was prepared is in the record."""


@given(known=rows, lost=st.sets(st.sampled_from(KNOWN)))
@examples(60)
def test_what_is_no_longer_known_decides_nothing_and_what_is_decided_was_known(known: pd.DataFrame, lost: set[str]) -> None:
    [before] = worklist.actions(known, TODAY, POLICY)
    [after] = worklist.actions(known.assign(**dict.fromkeys(lost)), TODAY, POLICY)
    assert before.unknown == ()
    assert set(after.met) <= set(before.met) <= {*after.met, *after.unknown}
    read = {name: {worklist.CONDITIONS[part].column for part in action.when} for name, action in POLICY.actions.items()}
    assert {name for name in before.met if read[name] & lost} <= set(after.unknown)
    assert all(read[name] & lost for name in after.unknown)


def test_nothing_adverse_is_done_by_itself() -> None:
    for version in action_policies():
        kinds = proposal_policy(version.effective_from).kinds
        for action in version.actions.values():
            assert action.days > 0 and action.again_days > 0 and action.authority
            assert action.adverse == (action.proposal is not None)
            if action.proposal:
                assert kinds[action.proposal].adverse
            assert set(action.when) <= set(worklist.CONDITIONS)
            assert not (action.adverse and action.side == "reward")
        named = sorted(action.proposal for action in version.actions.values() if action.proposal)
        assert named == sorted(kind.name for kind in kinds.values() if kind.adverse), "each is approved with one authority"
        assert {kind: version.approves(kind) is not None for kind in kinds} == {name: one.adverse for name, one in kinds.items()}


def test_what_others_ask_for_as_prepared_is_due_again_before_it_no_longer_holds() -> None:
    for version in action_policies():
        for name in (action.when["prepared"] for action in version.actions.values() if "prepared" in action.when):
            asked = version.actions[name]
            assert asked.holds_days is not None
            assert asked.holds_days >= asked.again_days + 2 * asked.days, "an old plan holds until the new one is due"


days = st.integers(0, 900)


@given(done=st.dictionaries(st.sampled_from([*POLICY.actions, "dropped"]), days), holds=st.none() | days, asked=days)
@examples(60)
def test_what_was_done_holds_from_its_day_for_so_many(done: dict[str, int], holds: int | None, asked: int) -> None:
    policy = replace(POLICY, actions={name: replace(one, holds_days=holds) for name, one in POLICY.actions.items()})
    found = policy.prepared({name: TODAY + timedelta(days=on) for name, on in done.items()}, TODAY + timedelta(days=asked))
    assert found == {name for name, on in done.items() if name != "dropped" and (holds is None or asked - on < holds)}


def test_it_has_every_visit_up_to_the_day_and_those_worth_most_first(night: Night) -> None:
    assert night.standing is not None
    until = night.as_of + timedelta(days=30)
    found = worklist.worklist(night, until)
    rows = night.standing
    due = rows[(rows["next_review_on"] <= until) | (rows["due_on"] <= until)]
    assert set(found["borrower_id"]) == set(due["borrower_id"])
    assert not found["fits"].all(), "who is due and finds no room by then is on it"
    assert found["value"].is_monotonic_decreasing
    assert list(found.columns) == worklist.VISIT
    assert len(worklist.worklist(night, date(2199, 12, 31))) == len(night.standing)


def test_the_actions_of_a_visit_are_those_of_open_tasks(night: Night) -> None:
    visits = worklist.worklist(night, date(2199, 12, 31))
    first = str(visits["borrower_id"].iloc[0])
    found = worklist.with_tasks(visits, {first: ["limit_cut", "line_freeze"]})
    assert found["actions"].tolist() == [["limit_cut", "line_freeze"], *([] for _ in range(len(visits) - 1))]


def test_one_inspector_more_makes_more_visits_only_where_room_is_short(night: Night) -> None:
    by = lender(Path("nowhere"))
    plans = schedule_policy(night.as_of)
    short = _with(by, inspectors=1)
    found = worklist.one_more(night, short, plans)
    assert sum(one.due for one in found) >= sum(one.late for one in found) > 0
    assert all(one.more >= 0 and one.gained >= 0 for one in found)
    assert any(one.more > 0 and one.gained > 0 for one in found)
    assert all(one.made + one.more <= one.due for one in found)
    plenty = worklist.one_more(night, _with(by, inspectors=900_000), plans)
    assert {(one.late, one.more, one.gained) for one in plenty} == {(0, 0, 0.0)}


@pytest.mark.parametrize("policy", priorities(TODAY), ids=lambda policy: policy.name)
def test_money_is_expected_loss_whatever_visits_are_ranked_by(night: Night, policy: Priority) -> None:
    ranked, kinds = _ranked(night, policy), worklist.with_scores(night).set_index("borrower_id")["kind"]
    found = worklist.worklist(ranked, date(2199, 12, 31)).set_index("borrower_id")
    loss = found["pd_12m"] * kinds.reindex(found.index).map({"person": 0.5, "company": 0.45}) * found["exposure"]
    assert found["expected_loss"].to_numpy() == pytest.approx(loss.to_numpy(), nan_ok=True)
    assert found["value"].is_monotonic_decreasing
    by, plans = _with(lender(Path("nowhere")), inspectors=1), schedule_policy(night.as_of)
    teams = worklist.one_more(ranked, by, plans)
    assert any(one.more > 0 for one in teams)
    for one in teams:
        mine = found[(found["team"] == one.team) & (found["channel"] == one.channel)]["expected_loss"]
        assert one.unknown == 0
        assert mine.nsmallest(one.more).sum() - 1 <= one.gained <= mine.nlargest(one.more).sum() + 1


def test_an_exposure_that_nobody_knows_is_no_loss_of_nothing(night: Night) -> None:
    by, plans = _with(lender(Path("nowhere")), inspectors=1), schedule_policy(night.as_of)
    nobody = replace(night, borrowers=night.borrowers.assign(exposure=float("nan")))
    assert worklist.worklist(nobody, date(2199, 12, 31))["expected_loss"].isna().all()
    for one in worklist.one_more(nobody, by, plans):
        assert one.unknown == one.more
        assert math.isnan(one.gained) == (one.more > 0)


def _ranked(night: Night, policy: Priority) -> Night:
    """The night as ranked by another policy."""
    rows, tiers = worklist.with_scores(night), tier_policy(night.as_of)
    seen = pd.DataFrame({
        "tier": rows["tier"].map({name: place for place, name in enumerate(tiers.names)}), "review_days": 90,
        "pd_12m": rows["pd_12m"], "lgd": share_lost(rows["kind"], schedule_policy(night.as_of)), "exposure": rows["exposure"],
        "days_since_check": (pd.Timestamp(night.as_of) - pd.to_datetime(rows["looked_on"])).dt.days, "last_finding": "none",
        "check_cost": 80_000, "belief": float("nan"),
    })  # fmt: skip
    assert night.standing is not None
    return replace(night, standing=night.standing.assign(value=value(policy, seen)))


def test_whom_nobody_has_room_for_is_due_all_the_same(night: Night) -> None:
    assert night.standing is not None
    nowhere = replace(night, standing=night.standing.assign(next_review_on=None, fits=False))
    until = night.as_of + timedelta(days=30)
    found = worklist.worklist(nowhere, until)
    assert set(found["borrower_id"]) == set(night.standing.loc[night.standing["due_on"] <= until, "borrower_id"])
    idle = worklist.one_more(night, _with(lender(Path("nowhere")), inspectors=0), schedule_policy(night.as_of))
    assert all(one.late == one.due and one.made == 0 for one in idle)
    assert sum(one.more for one in idle) > 0


def _with(by: Lender, inspectors: int) -> Lender:
    return by.model_copy(update={"team": tuple(team.model_copy(update={"inspectors": inspectors}) for team in by.team)})
