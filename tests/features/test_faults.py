"""Law 5: nothing is lost. Of generated files every planted fault is found in its place, and nothing clean is refused."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import faults
import numpy as np
import worlds
from deliveries import Fault, bring, quarantined
from effort import TIMES, examples
from faults import KINDS, OF_ROWS
from hypothesis import example, given
from hypothesis import strategies as st
from worlds import BORROWERS, LOANS, Row

from features.checks import REASONS
from features.schema import DELIVERED, LOAN_ID, TABLES

FILES = 5
"""Files with planted faults in one case, beside those of borrowers and loans: 8 cases by default, 200 for a release."""

CLOCKS = {"event_on", "known_on", "asked_on"}


@dataclass
class Spoiled:
    """A delivery with planted faults: the rows by table, the faults, the identities that must be used, and the kinds planted."""

    tables: dict[str, list[Row]]
    faults: set[Fault] = field(default_factory=set)
    good: dict[str, set[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def blame(self, name: str, line: int, column: str, value: str | None, reason: str) -> None:
        self.faults.add((name, f"01/{name}.parquet", line, column, value, reason))

    def twin(self, name: str, i: int, **changes: object) -> None:
        """Add a row of the same identity; all rows of that identity are refused."""
        rows = self.tables[name]
        rows.append({**rows[i], **changes})
        for line in (i + 1, len(rows)):
            self.blame(name, line, "record_id", str(rows[i]["record_id"]), REASONS["twice"])


def spoiled(seed: int) -> Spoiled:
    """Some clean tables, spared their first rows; about half of the others get a fault or two."""
    rng = np.random.default_rng(seed)
    chosen = [str(n) for n in rng.choice([n for n in DELIVERED if n not in ("borrowers", "loans")], FILES, replace=False)]
    found = Spoiled(worlds.clean(seed, chosen, per_table=14))
    found.good = {name: {str(row["record_id"]) for row in rows} for name, rows in found.tables.items()}
    for name, rows in found.tables.items():
        spared = {"borrowers": len(BORROWERS), "loans": len(LOANS)}.get(name, 1)
        for i in range(spared, len(rows)):
            if rng.random() < 0.6:
                found.good[name].discard(str(rows[i]["record_id"]))
                _spoil(rng, found, name, i)
    return found


def _spoil(rng: np.random.Generator, found: Spoiled, name: str, i: int) -> None:
    if rng.random() < 0.8:
        _values(rng, found, name, i, 1 + int(rng.random() < 0.3))
        return
    kind = str(rng.choice([k for k in OF_ROWS if k not in _never(name)]))
    found.kinds[kind] += 1
    row = found.tables[name][i]
    match kind:
        case "the row twice":
            found.twin(name, i)
        case "the identity twice with other content":
            found.twin(name, i, event_on="2199-01-01", known_on="2199-01-01")
        case "the twin of a refused row":
            found.twin(name, i, event_on="2023-02-30")
            found.blame(name, len(found.tables[name]), "event_on", "2023-02-30", REASONS["type"].format(kind="date"))
        case "an outcome asked about before the payout":
            row["asked_on"] = "1987-06-05"
            found.blame(name, i + 1, "asked_on", "1987-06-05", REASONS["payout"])
        case "a borrower nobody knows" if LOAN_ID not in TABLES[name].keys:
            row["borrower_id"] = "B9"
            found.blame(name, i + 1, "borrower_id", "B9", REASONS["borrower"])
        case "the loan of another borrower":
            row["borrower_id"] = "B3"
            found.blame(name, i + 1, "loan_id", str(row["loan_id"]), REASONS["loan"])
        case _:
            row["loan_id"] = "L9"
            found.blame(name, i + 1, "loan_id", "L9", REASONS["loan"])


def _never(name: str) -> set[str]:
    """Kinds of rows that this table cannot show."""
    never = set() if name == "outcomes" else {"an outcome asked about before the payout"}
    orphans = {"a loan nobody knows", "a borrower nobody knows", "the loan of another borrower"}
    if not TABLES[name].partitioned or name in ("borrowers", "loans"):
        return never | orphans
    return never | ({"a borrower nobody knows"} if LOAN_ID in TABLES[name].keys else orphans - {"a borrower nobody knows"})


def _values(rng: np.random.Generator, found: Spoiled, name: str, i: int, columns: int) -> None:
    row, used = found.tables[name][i], set[str]()
    kinds = [KINDS[j] for j in rng.permutation(len(KINDS)) if faults.places(KINDS[j], name)]
    for kind in kinds:
        free = [c for c in faults.places(kind, name) if c.name not in used]
        if free and len(used) < columns:
            column = free[int(rng.integers(len(free)))]
            used |= CLOCKS if column.name in CLOCKS else {column.name}  # a clock is judged by the other
            said = faults.planted(kind, column, row)
            found.blame(name, i + 1, *said)
            found.kinds[kind.name] += 1


@given(seed=st.integers(0, 2**31))
@example(seed=26953)  # an outcome whose event_on is "epoch", a day to DuckDB
@examples(8)
def test_nothing_is_lost_and_every_fault_is_found_in_its_place(seed: int) -> None:
    delivery = spoiled(seed)
    with TemporaryDirectory() as home:
        book, folder = Path(home) / "book", Path(home) / "from"
        worlds.deliver(folder, "01", delivery.tables)
        again = {name: [row for row in rows if row["record_id"] in delivery.good[name]] for name, rows in delivery.tables.items()}
        worlds.deliver(folder, "02", again)
        receipt = bring(book, folder)
        found = {name: {str(row["record_id"]) for row in worlds.stored(book, name)} for name in delivery.tables}
        blamed = quarantined(receipt)
    assert blamed == delivery.faults
    assert found == delivery.good
    for tally in receipt.tallies:
        rows, repeats = len(delivery.tables[tally.table]), len(again[tally.table])
        assert tally.rows_in == tally.used + tally.repeats + tally.quarantined == rows + repeats
        assert (tally.used, tally.repeats) == (len(delivery.good[tally.table]), repeats)


def test_at_least_thirty_kinds_are_planted() -> None:
    names = [kind.name for kind in KINDS] + list(OF_ROWS)
    assert len(set(names)) == len(names) >= 30
    planted = Counter[str]()
    for seed in range(60):
        planted += spoiled(seed).kinds
    assert set(planted) == set(names)
    assert {kind.rule for kind in KINDS} | {"twice", "loan", "borrower", "payout", "theirs"} == set(REASONS)
    assert 8 * TIMES * FILES >= 40 * TIMES
