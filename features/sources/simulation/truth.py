"""The truth that no lender sees: the exact PD of every open loan at every month-end of the book."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .chain import DEFAULT, HORIZON, LONGEST_TAIL, joint_step, pd_table
from .draw import Bools, Floats, Ints
from .loans import COMPANY_PRODUCTS, NEVER, PRODUCTS, arrears_steps
from .months import Calendar
from .parameters import Parameters
from .population import ANOMALIES, NO_ANOMALY, health_steps
from .world import World

TRUTH_SCHEMA = pa.schema([
    ("borrower_id", pa.string()), ("loan_id", pa.string()), ("as_of", pa.date32()), ("pd_12m", pa.float64()),
    ("performing", pa.bool_()),
])  # fmt: skip
BENIGN_SCHEMA = pa.schema([
    ("borrower_id", pa.string()), ("kind", pa.string()), ("from", pa.date32()), ("until", pa.date32()),
])  # fmt: skip


@dataclass(frozen=True)
class LoanMonths:
    """Open loans by month-end of the book, one element each; ``pd_12m`` is 1 after default."""

    loan: Ints
    month: Ints
    pd_12m: Floats
    performing: Bools


def pd_tables(parameters: Parameters, calendar: Calendar) -> Floats:
    """True PD by product, month, months to the last due month, health and unpaid instalments."""
    months = calendar.months + HORIZON
    tables = []
    for position in range(len(PRODUCTS)):
        kind = parameters.health.company if position in COMPANY_PRODUCTS else parameters.health.person
        health = health_steps(parameters, calendar, kind, months)
        arrears = arrears_steps(parameters, calendar, position, months)
        steps = [joint_step(h, a) for h, a in zip(health, arrears, strict=True)]
        tables.append(pd_table(steps, calendar.months))
    return np.stack(tables)


def loan_months(world: World, tables: Floats) -> LoanMonths:
    """Every open loan at every month-end of the book, in the order of loans, then months."""
    loans = world.loans
    months = np.arange(world.calendar.book_first, world.calendar.months)
    is_open = (months >= loans.opened[:, None]) & (months < loans.closed[:, None])
    loan, column = np.nonzero(is_open)
    month = months[column]
    remaining = np.clip(loans.opened[loan] + loans.term[loan] - month, -LONGEST_TAIL, HORIZON) + LONGEST_TAIL
    health = world.health[loans.borrower[loan], month]
    unpaid = loans.unpaid[loan, month]
    troubled = np.where(loans.explained[loan, month], 0, unpaid)
    pd_12m = tables[loans.segment[loan], month, remaining, health, troubled]
    return LoanMonths(loan, month, np.where(unpaid == DEFAULT, 1.0, pd_12m), unpaid < DEFAULT)


def truth_table(world: World, rows: LoanMonths) -> Any:
    """The truth of one chunk as Arrow."""
    columns = [
        world.borrower_ids.take(world.loans.borrower[rows.loan]), world.loan_ids.take(rows.loan),
        pa.array(world.calendar.end(rows.month)), rows.pd_12m, rows.performing,
    ]  # fmt: skip
    return pa.table([pa.array(c) for c in columns], schema=TRUTH_SCHEMA)


def benign_table(world: World) -> Any:
    """The benign anomalies of one chunk as Arrow, last day included."""
    people = world.people
    who = np.flatnonzero((people.benign != NO_ANOMALY) & (people.benign_from < world.calendar.months))
    first = world.calendar.day(people.benign_from[who], np.ones_like(who))
    last = world.calendar.end(people.benign_until[who] - 1)
    kinds = pa.array(ANOMALIES).take(people.benign[who])
    return pa.table([world.borrower_ids.take(who), kinds, pa.array(first), pa.array(last)], schema=BENIGN_SCHEMA)


def followed(world: World, rows: LoanMonths) -> tuple[Bools, Bools]:
    """For each row: whether its next 12 months lie in the book, and whether it performs now and defaults in them."""
    defaulted = world.loans.defaulted[rows.loan]
    inside = rows.performing & (rows.month + HORIZON < world.calendar.months)
    return inside, inside & (defaulted < NEVER) & (defaulted <= rows.month + HORIZON)
