"""What became of cases: how many of the closed were confirmed, and how many signals were joined and suppressed."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import case, func, select

from monitoring.cases.store import Kept
from monitoring.database import reading
from monitoring.database.tables import cases, signals
from monitoring.overdue import wilson


@dataclass(frozen=True)
class Report:
    """Cases as they stand on a day, and what became of signals.

    ``by_trigger`` has a row for each trigger: signals, those suppressed, cases that were closed with it and how many of them were
    confirmed, with the share and its 95 % interval (Wilson), NaN where none was closed. ``all_cases`` is one such row for all.
    """

    open: int
    overdue: int
    closed: dict[str, int]
    signals: int
    suppressed: int
    per_case: float
    all_cases: pd.DataFrame
    by_trigger: pd.DataFrame


def report(record: Kept, today: date) -> Report:
    """Count cases and signals; a case counts for each trigger that it was closed with."""
    is_open, late = cases.c.outcome.is_(None), cases.c.due_on < today
    with reading(record.engine) as connection:
        standing, overdue = connection.execute(
            select(func.count(case((is_open, 1))), func.count(case((is_open & late, 1)))).select_from(cases)
        ).one()
        closed = {outcome: n for outcome, n in connection.execute(_by_outcome()) if outcome is not None}
        rows = connection.execute(_by_trigger()).all()
    by_trigger = _shares(pd.DataFrame(rows, columns=["trigger", "signals", "suppressed", "closed", "confirmed"]))
    total = pd.DataFrame({"closed": [sum(closed.values())], "confirmed": [closed.get("confirmed", 0)]})
    joined, suppressed = int(by_trigger["signals"].sum()), int(by_trigger["suppressed"].sum())
    number = standing + sum(closed.values())
    per_case = joined / number if number else float("nan")
    return Report(standing, overdue, closed, joined, suppressed, per_case, _shares(total), by_trigger)


def _by_outcome() -> Any:
    return select(cases.c.outcome, func.count()).group_by(cases.c.outcome)


def _by_trigger() -> Any:
    joined = ~signals.c.suppressed
    confirmed = joined & (cases.c.outcome == "confirmed")
    counted = [joined, signals.c.suppressed, joined & cases.c.outcome.is_not(None), confirmed]
    asked = select(signals.c.trigger, *(func.count(case((one, 1))) for one in counted))
    return asked.join(cases, cases.c.id == signals.c.case).group_by(signals.c.trigger).order_by(signals.c.trigger)


def _shares(counts: pd.DataFrame) -> pd.DataFrame:
    low, high = wilson(counts["confirmed"], counts["closed"])
    return counts.assign(share=counts["confirmed"] / counts["closed"].where(counts["closed"] > 0), low=low, high=high)
