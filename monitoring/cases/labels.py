"""Outcomes of cases as findings: labels, and what the order of reviews remembers of a borrower."""

from datetime import date

import pandas as pd
from sqlalchemy import select

from monitoring.cases import store
from monitoring.cases.store import Kept
from monitoring.database import reading
from monitoring.database.tables import cases

LABELS = ["borrower_id", "on", "finding", "look_again_on"]


def findings(record: Kept, until: date | None = None) -> pd.DataFrame:
    """What cases were closed with, as LABELS, in the order in which they were opened; those closed by a day if one is named.

    ``look_again_on`` is NaT unless the finding is benign. Borrowers who were erased are not in it.
    """
    asked = select(cases.c.id, cases.c.closed_on, cases.c.outcome, cases.c.look_again_on).order_by(cases.c.opened)
    asked = asked.where(cases.c.outcome.is_not(None), *([] if until is None else [cases.c.closed_on <= until]))
    with reading(record.engine) as connection:
        closed = connection.execute(asked).all()
        names = store.borrowers(connection, record.vault, [row[0] for row in closed])
    found = pd.DataFrame([(names[id], *rest) for id, *rest in closed], columns=LABELS)
    return found.astype({"on": "datetime64[s]", "look_again_on": "datetime64[s]"})
