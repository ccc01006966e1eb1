"""To which parts of the book a row belongs: month, product, vintage, segment, and groups by prohibited attributes.

Read as of the row, like any fact. Prohibited attributes are read here alone, to judge the model and never to make it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.arrays import Int
from features.build import compute_partition
from features.events import Partition
from features.feature import Feature, fact
from features.labels import Population
from features.ledger import Ledger
from features.measure import records
from features.plan import planned
from features.schema import TABLES
from features.window import to_date
from models.limits import Limits, limits

UNKNOWN = "unknown"
SMALL = "small groups"
DAYS_A_YEAR = 365.2425


def segments(people: Population, ledger: Ledger) -> pd.DataFrame:
    """month, product, vintage and segment of each row, as words; n rows."""
    loans = records("loans")
    facts = [fact("product", loans.latest(loans.word("product"))), fact("age", loans.days_since_first())]
    found = _read(people, ledger, facts, {"product": "loans"})
    law, day = limits(), people.spine.as_of
    kind = np.where(people.facts["company"].to_numpy(dtype=bool), "company", "person")
    group = [law.product_group.get(product, UNKNOWN) for product in found["product"]]
    return pd.DataFrame(
        {
            "month": month_of(day),
            "product": found["product"],
            "vintage": _vintages(day - found["age"].to_numpy(), law),
            "segment": [f"{k}, {g}" for k, g in zip(kind, group, strict=True)],
        }
    )


def attributes(people: Population, ledger: Ledger, prohibited: Iterable[str]) -> pd.DataFrame:
    """One column of words per prohibited attribute: words as they are, ages and counts in bands; n rows.

    A birth date is a column of kind date: its band is of years since. Groups of few rows are one group.
    """
    homes = {name: next(t for t in TABLES.values() if any(c.name == name for c in t.columns)) for name in prohibited}
    facts: list[Feature] = []
    words: dict[str, str] = {}
    for name, table in homes.items():
        source = records(table.name)
        text = table[name].kind in ("code", "text", "id")
        facts.append(fact(name, source.latest(source.word(name) if text else source[name])))
        words |= {name: table.name} if text else {}
    found = _read(people, ledger, facts, words)
    law = limits()
    for name, table in homes.items():
        found[name] = _grouped(found[name], table[name].kind, people.spine.as_of, law)
    return found


def _read(people: Population, ledger: Ledger, facts: list[Feature], words: dict[str, str]) -> pd.DataFrame:
    """Values of facts for each row; those named in ``words`` (fact: table) as words, unknown where there is none."""
    reads, out = planned(facts).reads(), {f.name: np.full(len(people.spine), np.nan, dtype=object) for f in facts}
    for number, rows in people.spine.by_partition(ledger.manifest.partitions):
        part = ledger.partition(number, reads, reads)
        values = compute_partition(people.spine.take(rows), part, facts)
        for j, name in enumerate(out):
            column: Any = values[:, j]
            out[name][rows] = _worded(column, part, words[name], name) if name in words else column
    return pd.DataFrame({n: v if n in words else v.astype(np.float64) for n, v in out.items()})


def _worded(codes: Any, part: Partition, table: str, column: str) -> Any:
    known = np.array([*part.events(table).words(column)[1], UNKNOWN], dtype=object)
    return known[np.where(np.isnan(codes), len(known) - 1, codes).astype(np.int64)]


def _grouped(values: pd.Series, kind: str, as_of: Int, law: Limits) -> pd.Series:
    if kind == "date":
        values = _banded(np.floor((as_of - values) / DAYS_A_YEAR), law.age_bands)
    elif values.dtype == np.float64:
        values = _banded(values, law.count_bands)
    counts = values.map(values.value_counts())
    return values.where((counts >= law.fewest_rows) | (values == UNKNOWN), SMALL).astype("str")


def _banded(values: pd.Series, lower_ends: Sequence[int]) -> pd.Series:
    """Whole numbers in bands that start at ``lower_ends``; below the first is a band too."""
    low = [None, *lower_ends]
    names = [
        _band(low[i], low[i + 1] - 1 if i + 1 < len(low) else None)  # type: ignore[operator]
        for i in range(len(low))
    ]
    at = np.searchsorted(lower_ends, values, side="right")
    return pd.Series(np.where(values.isna(), UNKNOWN, np.array(names, dtype=object)[at]), index=values.index)


def _band(low: int | None, high: int | None) -> str:
    if low == high:
        return str(low)
    if low is None:
        return f"{high} or less"
    return f"{low} or more" if high is None else f"{low} to {high}"


def _vintages(opened: Any, law: Limits) -> list[str]:
    """Quarter of opening, or its year where there are many quarters."""
    days = [None if np.isnan(day) else to_date(int(day)) for day in opened]
    quarters = [UNKNOWN if d is None else f"{d.year} Q{(d.month + 2) // 3}" for d in days]
    if len(set(quarters)) <= law.most_quarters:
        return quarters
    return [UNKNOWN if d is None else str(d.year) for d in days]


def month_of(days: Int) -> pd.Series:
    """The month of each day, as 2024-01."""
    names = {int(day): to_date(int(day)).strftime("%Y-%m") for day in np.unique(days)}
    return pd.Series(days).map(names)


__all__ = ["SMALL", "UNKNOWN", "attributes", "month_of", "segments"]
