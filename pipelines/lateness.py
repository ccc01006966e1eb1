"""Who paid late, learned from a book's own past: loans with nothing past due at month ends gone by, and the month that followed.

The earlier month ends are learned from, the last HELD_OUT are kept apart and tell how the table does: what is judged is what is
kept. Only loans count on which an instalment fell due in that month, known on its eve: of the others nothing can be late.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features import catalogue
from features.arrays import known
from features.build import compute
from features.errors import DataRefused
from features.events import day_number
from features.labels import TABLES_READ, Population, Target, labels, observable
from features.ledger import Ledger
from features.window import add_months, to_date
from models.bundle import Bundle
from models.evaluate import Verdict, judge
from models.score import Scorer
from monitoring import lateness, upcoming
from monitoring.lateness import Lateness
from monitoring.overdue import wilson

TARGET = Target("late_1m", "past due within the next month", "下一个月内逾期", dpd=1, months=1, performing_dpd=1)
HELD_OUT = 3
"""Month ends kept apart."""


@dataclass(frozen=True)
class Judged:
    """How a table does on month ends that it has not seen.

    ``verdicts`` on the order it puts loans in: ``table``, ``score`` (the champion's alone), ``table_minus_score``; none where all
    or none were late. ``bands``, by band of the score: loans, expected and observed late, share with Wilson's interval.
    """

    first: date
    last: date
    loans: int
    late: int
    verdicts: dict[str, Verdict]
    bands: pd.DataFrame


@dataclass(frozen=True)
class Learned:
    """What was learned, from which month ends, of how many loans and how many late, how it does, and where it lies."""

    table: Lateness
    first: date
    last: date
    loans: int
    late: int
    judged: Judged
    path: Path


def learn(book: Path, bundle: Bundle, months: int, done: Callable[[str, int], None] = lambda *_: None) -> Learned:
    """Learn from the last ``months`` month ends whose next month was seen, the last HELD_OUT apart; keep it in the book.

    Raises DataRefused where too little happened.
    """
    ledger, scorer = Ledger(book), Scorer(bundle)
    days = observable(ledger, TARGET, add_months(ledger.known_through, -months - 1), ledger.known_through)[-months:]
    parts = []
    for number in ledger.partitions:
        parts.append(history(ledger, number, days, scorer))
        done("rows", len(parts[-1]))
    rows = pd.concat(parts, ignore_index=True)
    later = (rows["as_of"] >= day_number(days[-HELD_OUT])).to_numpy()
    early, held_out = rows[~later], rows[later]
    if held_out.empty:
        raise DataRefused(
            f"{book}: no loan with an instalment falling due from {days[-HELD_OUT]} on; expected some to judge by",
            f"{book}:自 {days[-HELD_OUT]} 起没有应还分期的贷款,无法检验",
        )
    found = lateness.learn(bundle.digest, *(early[name].to_numpy(np.float64) for name in ("log_odds", "late_share", "late")))
    counts = {"loans": len(early), "late": int(early["late"].sum())}
    first, last = (to_date(day) for day in (early["as_of"].min(), early["as_of"].max()))
    how = judged(found, held_out)
    said = {"first": first, "last": last, **counts, "ledger": ledger.manifest.digest(), "held_out": as_json(how)}
    return Learned(found, first, last, **counts, judged=how, path=lateness.keep(book, found, said))


def history(ledger: Ledger, number: int, days: list[date], scorer: Scorer) -> pd.DataFrame:
    """The loans of a partition with nothing past due at each month end and an instalment in the month after.

    Columns: borrower_id, as_of (day number), log_odds, late_share, late (1 or 0; who was not seen long enough is left out). A
    reminder is about one loan, so a company's loans do not share what became of one.
    """
    partition = ledger.partition(number, TABLES_READ)
    people = upcoming.live(partition, days)
    ends = {day_number(day): day_number(add_months(day, TARGET.months)) - 1 for day in days}
    until = np.array([ends[day] for day in people.spine.as_of.tolist()], dtype=np.int64)
    performing = (people.facts["dpd"] == 0).to_numpy()
    people = people.take(np.flatnonzero(performing & upcoming.falls_due(partition, people.spine, until)))
    late = labels(Population(people.spine, people.facts.assign(company=False)), ledger, TARGET)
    x = compute(people.spine, ledger, [catalogue.feature(name) for name in scorer.bundle.features])
    found = pd.DataFrame(
        {
            "borrower_id": people.spine.borrower_id, "as_of": people.spine.as_of, "log_odds": scorer.score(x).log_odds,
            "late_share": upcoming.late_share(partition, people.spine), "late": late,
        }
    )  # fmt: skip
    return found[found["late"].notna()]


def judged(table: Lateness, rows: pd.DataFrame) -> Judged:
    """How a table does on rows of ``history``."""
    log_odds, late = (rows[name].to_numpy(np.float64) for name in ("log_odds", "late"))
    chance = table.of(log_odds, rows["late_share"].to_numpy()).chance.to_numpy()
    first, last = (to_date(day) for day in (rows["as_of"].min(), rows["as_of"].max()))
    verdicts = {}
    if 0 < late.sum() < len(late):
        borrowers = pd.factorize(rows["borrower_id"])[0].astype(np.int64)
        verdicts = judge({"table": np.log(chance / (1 - chance)), "score": log_odds}, late, borrowers)
    by = pd.DataFrame({"expected": chance, "late": late}).groupby(np.searchsorted(table.edges, log_odds, side="right"))
    bands = by.agg(loans=("late", "size"), expected=("expected", "sum"), late=("late", "sum")).reset_index(names="band")
    low, high = wilson(bands["late"], bands["loans"])
    bands = bands.astype({"late": np.int64}).assign(share=bands["late"] / bands["loans"], low=low, high=high)
    return Judged(first, last, len(rows), int(late.sum()), verdicts, bands)


def as_json(found: Judged) -> dict[str, Any]:
    """How a table does, as a document."""
    auc = {
        name: {end: known(getattr(one, end)["auc"]) for end in ("value", "low", "high")} for name, one in found.verdicts.items()
    }
    return {
        "first": str(found.first), "last": str(found.last), "loans": found.loans, "late": found.late, "auc": auc,
        "bands": found.bands.to_dict("records"),
    }  # fmt: skip
