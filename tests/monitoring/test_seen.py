"""What is known of a borrower's checks: a visit is one that somebody made, a look is any, and both are told as they are known."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.build import compute_partition
from features.schema import TABLES
from monitoring.policy.checks import CASE, KINDS
from monitoring.seen import CHECKS, checked

TODAY = date(2022, 6, 30)
STRENGTH = {"off_site": 0, "phone": 1, "site": 2, None: 2}
"""A visit whose channel is unknown counts as any."""
maybe_a_day = st.none() | st.integers(-40, 40).map(lambda days: TODAY + timedelta(days=days))
inspections = st.lists(
    st.fixed_dictionaries(
        {
            "ago": st.integers(-2, 60), "late": st.integers(0, 30), "kind": st.sampled_from([*KINDS, CASE]),
            "channel": st.sampled_from(list(STRENGTH)), "finding": st.sampled_from([None, "none", "benign", "confirmed"]),
            "look_again_on": maybe_a_day, "withdrawn": st.none() | st.integers(0, 40),
        }
    ),
    max_size=8,
    unique_by=lambda row: row["ago"],
)  # fmt: skip


def record(number: int, said: dict[str, Any]) -> dict[str, Any]:
    on = TODAY - timedelta(days=said["ago"])
    known = on + timedelta(days=said["late"])
    superseded = None if said["withdrawn"] is None else known + timedelta(days=said["withdrawn"])
    told = {name: said[name] for name in ("kind", "channel", "finding", "look_again_on")}
    ids = {"record_id": f"i{number}", "borrower_id": "B1"}
    return {**ids, "event_on": on, "known_on": known, "superseded_on": superseded, **told}


def found(rows: list[dict[str, Any]]) -> dict[str, Any]:
    partition = worlds.partition({"inspections": worlds.table("inspections", rows)})
    x = compute_partition(worlds.rows_at("L1", [TODAY]), partition, CHECKS)
    return dict(checked(pd.DataFrame(x, columns=[fact.name for fact in CHECKS]), TODAY).iloc[0])


@given(inspections)
@examples(60)
def test_visits_and_looks_as_a_clerk_would_read_them(said: list[dict[str, Any]]) -> None:
    rows = [record(number, one) for number, one in enumerate(said)]
    known = sorted(
        (
            row for row in rows
            if max(row["event_on"], row["known_on"]) <= TODAY and (row["superseded_on"] is None or row["superseded_on"] > TODAY)
        ),
        key=lambda row: row["event_on"],
    )  # fmt: skip
    visits = [row for row in known if row["kind"] != CASE]

    def last(some: list[dict[str, Any]], what: str = "event_on") -> Any:
        return some[-1][what] if some else None

    clean = [row for row in visits if row["finding"] in ("none", "benign")]
    telling, again = [row for row in known if row["finding"]], [row for row in known if row["look_again_on"]]
    expected = {
        "last_check": last(visits), "last_phone": last([row for row in visits if STRENGTH[row["channel"]] >= 1]),
        "last_site": last([row for row in visits if STRENGTH[row["channel"]] >= 2]), "last_clean": last(clean),
        "looked_on": last(known), "look_again_on": last(again, "look_again_on"), "look_again_since": last(again),
        "finding": last(telling, "finding") or "unknown", "confirmed": last(telling, "finding") == "confirmed",
    }  # fmt: skip
    told = {name: value.date() if isinstance(value, pd.Timestamp) else value for name, value in found(rows).items()}
    assert {name: None if pd.isna(value) else value for name, value in told.items()} == expected


def test_the_finding_of_a_case_is_the_only_inspection_that_is_no_visit() -> None:
    assert {*KINDS, CASE} == set(TABLES["inspections"]["kind"].codes)
    case = {"ago": 3, "late": 0, "channel": None, "finding": "none", "look_again_on": None, "withdrawn": None, "kind": CASE}
    told = found([record(1, case)])
    assert pd.isna(told["last_check"]) and pd.isna(told["last_clean"])
    assert told["looked_on"].date() == TODAY - timedelta(days=3) and told["finding"] == "none"
