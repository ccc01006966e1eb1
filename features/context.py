"""Context from the book itself: how guarantors, industries and regions stand on each month end, as known on it.

A record of month end m has ``event_on`` and ``known_on`` m and is worked out with what was known by m: raw facts, never a
probability. An ingest that brings records known by m changes it, to what a ledger that had them from the start would say.
Guarantors stand with the borrowers they stand in for, so that a request needs its own partition alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features import arrears, guarantees, window
from features.arrays import Float, Int, Mask
from features.events import Partition, arrow_schema, day_number
from features.guarantees import Graph
from features.history import days_past_due
from features.jobs import results
from features.ledger import Ledger, Manifest, partition_of
from features.measure import records
from features.plan import Visit
from features.schema import TABLES
from features.window import Moment, month_end, month_ends, to_date

Columns = Mapping[str, Any]
Tables = dict[str, dict[str, pa.Table]]

DEFAULT_DPD = 60
YEAR = 12
"""Months over which defaults are counted; with them go the 365 days of the columns read below."""
READS: dict[str, tuple[str, ...]] = {
    **arrears.READS,
    "borrowers": ("industry", "region"),
    "loans": (*arrears.READS["loans"], "closed_on"),
    "statuses": (*arrears.READS["statuses"], "dpd"),
}
SOURCES = (*READS, "guarantees")
"""What the context follows from."""
PEERS = ("industry", "region")
AT_ONCE = 1 << 18
"""Rows that are walked at a time; they bound the memory."""
COLUMNS = [arrears.COLUMNS.index(name) for name in ("worst_dpd_365", "principal_outstanding")]

_status = records("statuses")
_lost = _status.only(_status.is_in("state", "written_off"))
STATUS = Visit([_status.largest("dpd").within(365), _lost.count().within(365), _lost.count().within(None)])


class Standing(NamedTuple):
    """Loans on month ends, parallel arrays, the rows of a loan together and in order.

    ``age`` in month ends since its opening, ``end`` the position of the month end; ``dpd`` and ``outstanding`` NaN where
    unknown; ``open`` paid out and not closed; ``sound`` open, owing, and known not to be in default; ``failed`` in default
    within the year.
    """

    borrower: Int
    age: Int
    end: Int
    dpd: Float
    outstanding: Float
    open: Mask
    sound: Mask
    failed: Mask


class Debts(NamedTuple):
    """What guarantors owe, one entry per open loan and month end; ``key`` is the guarantor's position, then the month end's."""

    key: Int
    dpd: Float
    outstanding: Float


class Stood(NamedTuple):
    """What the loans of a partition add: by kind of peer and its name, loans and defaults (2, ends); and what guarantors owe."""

    counts: dict[str, dict[str, Int]]
    debts: list[Debts]


def derive(ledger: Ledger) -> Tables:
    """The derived tables of a ledger by partition, ``all`` for those that all share; only tables and parts with records."""
    days = _days(ledger)
    graph = guarantees.graph(ledger.partition(number, ["borrowers", "guarantees"]) for number in ledger.partitions)
    code = {name: i for i, name in enumerate(graph.names)}
    parts = [part for _, part in sorted(results(_stood, ((n, (ledger, n, code, days)) for n in ledger.partitions)))]
    found: Tables = {f"{name}_peers": _peers(name, _sums(part.counts[name] for part in parts), days) for name in PEERS}
    debts = [debt for part in parts for debt in part.debts]
    found["guarantors"] = _guarantors(graph, Debts(*map(np.concatenate, zip(*debts, strict=True))), days, ledger) if debts else {}
    return {name: parts for name, parts in found.items() if parts}


def _stood(ledger: Ledger, number: int, code: Mapping[str, int], days: Int) -> Stood:
    """``code`` is the position of a name among those of the guarantees."""
    found = Stood({name: {} for name in PEERS}, [])
    partition = ledger.partition(number, READS, READS)
    guarantor = np.array([code.get(name, -1) for name in partition.borrowers], dtype=np.int64)
    for rows in _walked(partition, days):
        for name in PEERS:
            _count(found.counts[name], partition, name, rows, days)
        found.debts.append(_debts(guarantor[rows.borrower], rows, len(days)))
    return found


def _sums(parts: Iterable[dict[str, Int]]) -> dict[str, Int]:
    out: dict[str, Int] = {}
    for part in parts:
        for word, counted in part.items():
            out[word] = out.get(word, 0) + counted
    return out


def basis(manifest: Manifest) -> list[object]:
    """What the derived tables follow from: equal for two ledgers exactly if nothing need be derived anew."""
    ended = manifest.known_through and (date.fromisoformat(manifest.known_through) + timedelta(1)).strftime("%Y-%m")
    return [ended, *({part: file["sha256"] for part, file in manifest.files.get(name, {}).items()} for name in SOURCES)]


def _days(ledger: Ledger) -> Int:
    """Month ends from the first loan to what the ledger knows of."""
    opened = [ledger.partition(n, ["loans"], {"loans": ()}).events("loans").event_on for n in ledger.partitions]
    first = min((int(days.min()) for days in opened if len(days)), default=None)
    ends = [] if first is None else month_ends(to_date(first), ledger.known_through)
    return np.array([day_number(end) for end in ends], dtype=np.int64)


def _walked(partition: Partition, days: Int) -> Iterator[Standing]:
    """Each loan on every month end since its first contract, some loans at a time."""
    contracts = partition.events("loans")
    if not len(contracts) or not len(days):
        return
    held = np.unique(contracts.entity)
    first = np.searchsorted(days, np.minimum.reduceat(contracts.event_on, contracts.start[held]))
    rows = len(days) - first
    for chunk in np.split(np.arange(len(held)), np.flatnonzero(np.diff(np.cumsum(rows) // AT_ONCE)) + 1):
        loan = np.repeat(held[chunk], rows[chunk])
        age = np.arange(len(loan)) - np.repeat(np.cumsum(rows[chunk]) - rows[chunk], rows[chunk])
        end = age + np.repeat(first[chunk], rows[chunk])
        yield _standing(partition, loan, age, end, days)


def _standing(partition: Partition, loan: Int, age: Int, end: Int, days: Int) -> Standing:
    moment = Moment(loan, days[end], days[end])
    contracts = partition.events("loans")
    closed_on = window.visible(contracts, moment, contracts.column("closed_on")).latest
    opened = window.visible(contracts, moment).records > 0
    folded = arrears.arrears(partition, moment)
    worst, outstanding = folded[:, COLUMNS].T
    told, lost, ever_lost = STATUS.run(partition.events("statuses"), moment)
    dpd = days_past_due(partition, moment, folded)
    standing = opened & ~(closed_on <= moment.as_of)
    sound = standing & (dpd < DEFAULT_DPD) & ~(ever_lost > 0) & ~(outstanding <= 0)
    failed = (np.fmax(worst, told) >= DEFAULT_DPD) | (lost > 0)
    return Standing(partition.loan_borrower[loan], age, end, dpd, outstanding, standing, sound, failed)


def _count(counts: dict[str, Int], partition: Partition, name: str, rows: Standing, days: Int) -> None:
    """Add the loans that were sound a year before, and those of them that failed since, by industry or region and month end."""
    at = np.flatnonzero(rows.age >= YEAR)
    at = at[rows.sound[at - YEAR]]
    events = partition.events("borrowers")
    word = window.visible(events, Moment(rows.borrower[at], days[rows.end[at]], days[rows.end[at]]), events.said(name)).latest
    at, word = at[~np.isnan(word)], word[~np.isnan(word)].astype(np.int64)
    for position in np.unique(word):
        pool, name_of = at[word == position], events.words(name)[1][position]
        found = [np.bincount(rows.end[some], minlength=len(days)) for some in (pool, pool[rows.failed[pool]])]
        counts[name_of] = counts.get(name_of, 0) + np.array(found)


def _peers(name: str, counts: Mapping[str, Int], days: Int) -> dict[str, pa.Table]:
    """One record per industry or region and month end with loans."""
    places = [(word, end) for word in sorted(counts) for end in np.flatnonzero(counts[word][0])]
    if not places:
        return {}
    loans, defaulted = np.array([counts[word][:, end] for word, end in places]).T
    day = days[[end for _, end in places]]
    ids = [f"{word} {to_date(on)}" for (word, _), on in zip(places, day, strict=True)]
    columns = {"record_id": ids, name: [word for word, _ in places], "loans": loans, "defaulted": defaulted}
    return {"all": _table(f"{name}_peers", columns, day)}


def _debts(guarantor: Int, rows: Standing, ends: int) -> Debts:
    at = np.flatnonzero((guarantor >= 0) & rows.open)
    return Debts(guarantor[at] * ends + rows.end[at], rows.dpd[at], rows.outstanding[at])


def _guarantors(graph: Graph, debts: Debts, days: Int, ledger: Ledger) -> dict[str, pa.Table]:
    """By partition of the borrower, one record per borrower, guarantor that owes, and month end."""
    keys, at = np.unique(debts.key, return_inverse=True)
    dpd, known = np.full(len(keys), np.nan), ~np.isnan(debts.outstanding)
    np.fmax.at(dpd, at, debts.dpd)
    owed = np.bincount(at, np.where(known, debts.outstanding, 0.0), len(keys)).astype(np.float64)
    owed[np.bincount(at, known, len(keys)) == 0] = np.nan
    found = [(end, guarantees.in_force(graph, int(day))) for end, day in enumerate(days)]
    end = np.concatenate([np.full(len(pairs.borrower), end) for end, pairs in found])
    pairs = np.concatenate([np.array(pairs) for _, pairs in found], axis=1)
    asked = pairs[1] * len(days) + end
    place = np.searchsorted(keys, asked)
    kept = np.flatnonzero(np.append(keys, -1)[place] == asked)
    kept = kept[np.lexsort((pairs[1, kept], end[kept], pairs[0, kept]))]
    home = np.array([partition_of(name, ledger.manifest.partitions) for name in graph.names], dtype=np.int64)[pairs[0, kept]]
    parts = [(number, kept[home == number]) for number in np.unique(home)]
    return {str(n): _records(graph, pairs[:, rows], days[end[rows]], dpd[place[rows]], owed[place[rows]]) for n, rows in parts}


def _records(graph: Graph, pairs: Int, day: Int, dpd: Float, owed: Float) -> pa.Table:
    borrower, guarantor = graph.names[pairs[0]], graph.names[pairs[1]]
    last = [to_date(on) for on in day]
    columns = {
        "record_id": [f"{b} {g} {on}" for b, g, on in zip(borrower, guarantor, last, strict=True)],
        "borrower_id": borrower, "guarantor_id": guarantor, "amount": pairs[2], "dpd": dpd, "outstanding": owed,
        "stands_for": pairs[3], "stands_for_amount": pairs[4], "circle": pairs[5],
        "until": [month_end(on + timedelta(1)) for on in last],
    }  # fmt: skip
    return _table("guarantors", columns, day)


def _table(name: str, columns: Columns, day: Int) -> pa.Table:
    """Records in the order given, known on their day, that nothing corrects and no ingest brought."""
    schema = arrow_schema(TABLES[name])
    on = pa.array((np.datetime64("1899-12-31") + day).astype("datetime64[D]"))
    nobody = np.zeros(len(day), dtype=np.int64)
    given = {**columns, "event_on": on, "known_on": on, "superseded_on": pa.nulls(len(day)), "ledger_version": nobody}
    return pa.table([pa.array(given[field.name], from_pandas=True).cast(field.type) for field in schema], schema=schema)
