"""One borrower's records as they come with a request: judged at the same door as a delivery, then read by the same features.

A row that a delivery would set aside refuses the request here, by its place and rule: nothing is scored from a part of what was
sent. Indices of industries and regions, and how guarantors stand, are those of the book.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from features import catalogue
from features.arrays import Float
from features.build import compute_partition
from features.errors import nearest
from features.events import Partition
from features.feature import Feature
from features.labels import FACTS, sighted
from features.ledger import Ledger, partition_of
from features.plan import Together
from features.schema import Table
from features.spine import Spine
from monitoring.night import freshness, heard
from monitoring.seen import LAST_CHECK, PRODUCT, product
from serving.bodies import MOST, kind, pointer
from serving.book import Book
from serving.decided import Case
from serving.explanation import Before
from serving.judged import OWN, judged
from serving.problems import Fault, broken
from serving.ready import Ready
from serving.scorer import nobody


def of_records(records: Any, loan: str, ready: Ready, book: Book, as_of: date) -> Case:
    """The row of one loan from the records of its borrower; raises Problem ``contract``, DataRefused, NotFound."""
    own = judged(tables_of(records))
    borrower, ledger = _borrower(own, loan), book.ledger
    sent = Sent(own, Partition({**own, **_guarantors(ledger, borrower)}, book.context), borrower, ready)
    now = sent.live(as_of)
    if loan not in now.loans:
        raise nobody("the loan", "该贷款", as_of)
    mine, odds = now.loans.index(loan), ready.scorer.log_odds_of(now.values)
    at = int(odds.argmax()) if now.facts["company"].iloc[mine] else mine
    dpd, leading, reviewed = float(now.facts["dpd"].iloc[mine]), now.loans[at], now.reviewed[at]
    return Case(
        "records", now.values[at], as_of, as_of, borrower, loan, tuple(now.missing[mine]), None if np.isnan(dpd) else dpd,
        ledger.manifest.ledger_version, records, None if leading == loan else leading,
        sent.before(leading, as_of - timedelta(days=int(reviewed))) if reviewed > 0 else None, book.profile(now.products, as_of),
    )  # fmt: skip


class Live(NamedTuple):
    """The live loans of a borrower on a day (n): what the model reads, float64 (n, k), contiguous; what decided that they are
    live; silent sources; days since the last review, NaN where none is known; products.
    """

    loans: list[str]
    values: Float
    facts: pd.DataFrame
    missing: list[list[str]]
    reviewed: Float
    products: list[str]


@dataclass(frozen=True)
class Sent:
    """The records of one borrower, judged, beside what all share, and the model that reads them."""

    own: Mapping[str, pa.Table]
    partition: Partition
    borrower: str
    ready: Ready

    def live(self, day: date) -> Live:
        """His live loans on a day, by their ids."""
        loans, reads = self.own["loans"]["loan_id"].unique().sort().to_pylist(), _reads(self.ready.features)
        spine = Spine.of([(self.borrower, name) for name in loans], day)
        found = compute_partition(spine, self.partition, reads.features)
        values, heard_of, reviewed, products, seen = np.split(found, reads.places, axis=1)
        always = not {"instalments", "statuses"} & set(self.own)
        people = sighted(spine, pd.DataFrame(seen, columns=[f.name for f in FACTS]), always)
        live = people.take(np.flatnonzero(people.facts["live"].to_numpy(dtype=bool)))
        rows = [loans.index(name) for name in live.spine.loan_id]
        missing = freshness(pd.DataFrame(heard_of[rows], columns=reads.heard))["missing"].tolist()
        kinds = product(pd.DataFrame(products[rows], columns=[f.name for f in PRODUCT])).tolist()
        return Live(
            [loans[row] for row in rows], np.ascontiguousarray(values[rows]), live.facts, missing, reviewed[rows, 0], kinds
        )

    def before(self, loan: str, day: date) -> Before | None:
        """A loan on the day of the last review, None if it was not live."""
        then = self.live(day)
        if loan not in then.loans:
            return None
        at = then.loans.index(loan)
        return Before(day, then.values[at], float(self.ready.scorer.log_odds_of(then.values)[at]))


class Reads(NamedTuple):
    """A model's features, days since its sources spoke and since the last check, the product, what decides whether a loan is
    live; where each of the last four begins.
    """

    features: Together
    heard: list[str]
    places: list[int]


@lru_cache(maxsize=4)
def _reads(names: tuple[str, ...]) -> Reads:
    features = [catalogue.feature(name) for name in names]
    spoke = heard(features)
    parts: list[list[Feature]] = [features, list(spoke.values()), [LAST_CHECK], PRODUCT]
    places = np.cumsum([len(part) for part in parts]).tolist()
    return Reads(Together([*chain(*parts), *FACTS]), list(spoke), places)


def tables_of(records: Any, brought: Mapping[str, Table] = OWN) -> dict[str, pa.Table]:
    """What was sent, as texts, by table; names of none that may be brought are refused here.

    Raises Problem ``contract``.
    """
    if not isinstance(records, dict):
        raise broken(
            [Fault("/records", f"{kind(records)}; send lists of rows by table", "应为按表名给出的行列表", kind(records))]
        )
    faults: list[Fault] = []
    for name, rows in records.items():
        at = pointer("records", name)
        if name not in brought:
            en, zh = nearest(name, brought)
            faults.append(Fault(at, f"not a table that a request brings; {en}", f"不是可提交的表;{zh}", name[:100]))
        elif not isinstance(rows, list):
            faults.append(Fault(at, f"{kind(rows)} where a list of rows is expected", "应为行列表", kind(rows)))
        else:
            faults += _strange(brought[name], rows, at)
    if faults:
        raise broken(faults[:MOST])
    return {name: _table(brought[name], rows) for name, rows in records.items() if rows}


def _strange(table: Table, rows: list[Any], at: str) -> list[Fault]:
    """Rows that are none, names that are no column's, values that are no cell's."""
    names = {column.name for column in table.all_columns}
    faults = []
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            faults.append(Fault(f"{at}/{place}", f"{kind(row)} where a row is expected", "应为一行(对象)", kind(row)))
            continue
        for name, value in row.items():
            if name not in names:
                en, zh = nearest(name, names)
                faults.append(Fault(f"{at}/{place}{pointer(name)}", f"no such column; {en}", f"没有此列;{zh}", name[:100]))
            elif isinstance(value, dict | list):
                faults.append(Fault(f"{at}/{place}{pointer(name)}", f"{kind(value)} where a value is expected", "应为单个值"))
    return faults


def _table(table: Table, rows: list[dict[str, Any]]) -> pa.Table:
    columns = {c.name: [_text(row.get(c.name)) for row in rows] for c in table.all_columns}
    place = {"source_file": pa.array([table.name] * len(rows)), "source_line": pa.array(range(len(rows)), pa.int64())}
    zeros = pa.array([0] * len(rows), pa.int64())
    return pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()} | place | {"source_order": zeros, "part": zeros})


def _text(value: Any) -> str | None:
    """A value as a delivery would have it; a number keeps all its digits."""
    if value is None or isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else repr(value)


def _borrower(own: Mapping[str, pa.Table], loan: str) -> str:
    """Whose records these are: one borrower's, who has the loan."""
    borrowers = {name for table in own.values() for name in table["borrower_id"].unique().to_pylist()}
    if len(borrowers) != 1:
        en, zh = "send the records of one borrower, his entry in borrowers among them", "应为同一借款人的记录,含 borrowers 表"
        raise broken([Fault("/records", en, zh, f"{len(borrowers)} borrowers", "one borrower")])
    if loan not in (own["loans"]["loan_id"].to_pylist() if "loans" in own else []):
        en, zh = "no such loan in /records/loans; send its contract", "/records/loans 中没有该贷款,请一并提交其合同"
        raise broken([Fault("/loan_id", en, zh, None, "a loan of /records/loans")])
    return str(next(iter(borrowers)))


def _guarantors(ledger: Ledger, borrower: str) -> dict[str, pa.Table]:
    """How this borrower's guarantors stand."""
    found = ledger.of(borrower).read("guarantors", partition_of(borrower, ledger.manifest.partitions))
    return {"guarantors": found} if found.num_rows else {}
