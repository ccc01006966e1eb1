"""Simulate a book chunk by chunk and write it; memory is bounded by the chunk, not by the book."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from . import bureau, collection, companies, context, contracts, events, flows, payments, persons, reporting, statements
from .benign import fall_behind
from .draw import Floats
from .loans import lend
from .months import Calendar, calendar_of
from .parameters import Parameters, toml_text
from .population import populate
from .records import numbered
from .statuses import statuses
from .truth import BENIGN_SCHEMA, TRUTH_SCHEMA, benign_table, followed, loan_months, pd_tables, truth_table
from .world import ID_DIGITS, World, generator

HISTORY, CORRECTIONS = "01-history", "02-corrections"
# Nearly unique values gain nothing from a dictionary, which would cost a third of the writing time.
PLAIN = ("record_id", "amount", "balance")


@dataclass
class Summary:
    """What was written: rows by ``delivery/table``, and the book's own figures.

    ``loan_months`` counts performing loan-months of the book, ``followed`` those whose next 12 months lie in it;
    ``true_pd`` and ``default_rate`` are the mean true PD and the share that defaulted among the latter.
    """

    borrowers: int = 0
    loans: int = 0
    loan_months: int = 0
    followed: int = 0
    defaults: int = 0
    faulty: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    pd_sum: float = 0.0
    bad_sum: int = 0

    @property
    def true_pd(self) -> float:
        """Mean true 12-month PD of the followed loan-months; NaN when there are none."""
        return self.pd_sum / self.followed if self.followed else float("nan")

    @property
    def default_rate(self) -> float:
        """Share of the followed loan-months that defaulted within 12 months; NaN when there are none."""
        return self.bad_sum / self.followed if self.followed else float("nan")


def simulate(out: Path, parameters: Parameters) -> Summary:
    """Write a simulated book to the empty or new folder ``out``; the same parameters give the same bytes.

    Raises:
        FileExistsError: ``out`` holds something already.
    """
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; a book is written to a new folder")
    for delivery in (HISTORY, CORRECTIONS):
        (out / "records" / delivery).mkdir(parents=True)
    (out / "parameters.toml").write_text(toml_text(parameters), encoding="utf-8")
    calendar, summary = calendar_of(parameters), Summary()
    tables = pd_tables(parameters, calendar)
    for name, table in (
        ("industry", context.industry(parameters, calendar)),
        ("macro", context.macro(parameters, calendar)),
    ):
        _write(out, HISTORY, name, "", table, summary)
    with (
        pq.ParquetWriter(out / "truth.parquet", TRUTH_SCHEMA) as truth,
        pq.ParquetWriter(out / "benign.parquet", BENIGN_SCHEMA) as benign,
    ):
        for world in _worlds(parameters, calendar):
            _write_truth(world, tables, truth, benign, summary)
            write_records(world, out, summary)
    return summary


def _worlds(parameters: Parameters, calendar: Calendar) -> Iterator[World]:
    size, loans_before = parameters.book.chunk_borrowers, 0
    for chunk, first in enumerate(range(0, parameters.book.borrowers, size)):
        count = min(size, parameters.book.borrowers - first)
        people = populate(parameters, calendar, first + 1, count, generator(parameters, chunk, "people"))
        loans = lend(parameters, calendar, people, generator(parameters, chunk, "loans"))
        shown, loans = fall_behind(parameters, calendar, people, loans, generator(parameters, chunk, "benign arrears"))
        loan_numbers = loans_before + 1 + np.arange(loans.size)
        loans_before += loans.size
        ids = numbered("B", people.number, ID_DIGITS), numbered("L", loan_numbers, ID_DIGITS)
        yield World(parameters, calendar, chunk, shown, loans, *ids, people.health)


def _write_truth(world: World, tables: Floats, truth: Any, benign: Any, summary: Summary) -> None:
    rows = loan_months(world, tables)
    inside, bad = followed(world, rows)
    truth.write_table(truth_table(world, rows))
    benign.write_table(benign_table(world))
    summary.borrowers += world.people.size
    summary.loans += world.loans.size
    summary.loan_months += int(rows.performing.sum())
    summary.followed += int(inside.sum())
    summary.pd_sum += float(rows.pd_12m[inside].sum())
    summary.bad_sum += int(bad.sum())
    within = (world.loans.defaulted >= world.calendar.book_first) & (world.loans.defaulted < world.calendar.months)
    summary.defaults += int(within.sum())


def write_records(world: World, out: Path, summary: Summary) -> None:
    share, chunk = world.parameters.reporting, f"-{world.chunk:03d}"
    for name, (first, corrections) in _tables(world):
        rng = world.rng(f"reporting {name}")
        extra = reporting.faulty_rows(name, first, share.faulty, world.chunk, rng)
        summary.faulty += len(extra)
        again = reporting.repeats(first, share.repeated, rng)
        later = [table for table in (corrections, again) if table is not None]
        _write(out, HISTORY, name, chunk, reporting.mixed(first, extra, rng), summary)
        _write(out, CORRECTIONS, name, chunk, reporting.one_version(pa.concat_tables(later)), summary)


def _tables(world: World) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Each table as (first reported, corrected versions or None)."""
    cash = payments.pay(world)
    yield from _contract_tables(world, cash)
    first = payments.payments(world, cash)
    yield "payments", (first, payments.payment_corrections(world, cash, first))
    yield "statuses", (statuses(world, cash), None)
    reported = statements.report(world)
    yield _misreported(world, "statements", statements.statements(world, reported))
    yield "covenants", (statements.covenants(world, reported), None)
    yield _misreported(world, "bureau", bureau.bureau(world))
    yield _misreported(world, "events", events.events(world))
    yield "inspections", (events.inspections(world), None)
    contacts, promises = collection.contacts_and_promises(world)
    yield "contacts", (contacts, None)
    yield "promises", (promises, None)
    yield "reschedules", (collection.reschedules(world), None)
    columns = flows.joined(persons.person_flows(world, cash), companies.company_flows(world, cash))
    yield _misreported(world, "transactions", flows.transaction_table(world, columns))


def _contract_tables(world: World, cash: payments.Cash) -> Iterator[tuple[str, tuple[Any, Any]]]:
    master = contracts.borrowers(world)
    share = world.parameters.reporting.master_changes
    changed = reporting.change_masters(master, share, world.calendar.last, world.rng("master changes"))
    yield "borrowers", (master, changed)
    opened = contracts.loans(world)
    yield "loans", (opened, payments.loan_corrections(world, cash, opened))
    yield _misreported(world, "collateral", contracts.collateral(world))
    for name in ("instalments", "guarantees", "facilities", "drawdowns", "consents"):
        yield name, (getattr(contracts, name)(world), None)


def _misreported(world: World, name: str, table: Any) -> tuple[str, tuple[Any, Any]]:
    share = world.parameters.reporting.misreported
    return name, reporting.misreport(name, table, share, world.calendar.last, world.rng(f"misreports {name}"))


def _write(out: Path, delivery: str, name: str, chunk: str, table: Any, summary: Summary) -> None:
    summary.rows[f"{delivery}/{name}"] += len(table)
    if not len(table):
        return
    coded = [column for column in table.column_names if column not in PLAIN]
    path = out / "records" / delivery / f"{name}{chunk}.parquet"
    pq.write_table(table, path, use_dictionary=coded, compression="zstd", compression_level=1)
