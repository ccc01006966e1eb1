"""Outcomes: as findings, as shares that were confirmed; and tables that were tampered with, made again from the record."""

from datetime import date, timedelta

import numpy as np
from desk import TODAY, close, receive, signals
from sqlalchemy import delete, update

from features.ledger import Manifest
from monitoring import arrivals
from monitoring.cases import looking, rebuild, store
from monitoring.cases.looking import Wanted
from monitoring.cases.report import report
from monitoring.database import writing
from monitoring.database.tables import cases
from monitoring.database.tables import signals as kept
from monitoring.decisions.record import Record


def closed(record: Record) -> None:
    """B0 confirmed, B1 benign with one signal suppressed since, B2 without a finding, B3 open; two triggers each but B3."""
    rows = [(f"B{n}", trigger, "serious") for n in range(3) for trigger in ("bounced", "litigation")]
    receive(record, signals(*rows, ("B3", "bounced", "critical")), TODAY, "night 0")
    ids = {one.borrower: one.case.id for one in looking.listed(record, Wanted(), TODAY, 100)}
    for days, (name, outcome) in enumerate((("B0", "confirmed"), ("B1", "benign"), ("B2", "none"))):
        close(record, ids[name], outcome, days)
    receive(record, signals(("B1", "bounced", "serious")), TODAY + timedelta(days=3), "night 3")


def test_an_outcome_is_a_check_of_the_borrower_that_arrives(record: Record) -> None:
    closed(record)
    found = {}
    for name in ("B0", "B1", "B2", "B3"):
        waiting = arrivals.waiting(record, Manifest(), name)
        found[name] = [row for one in waiting for row in one.tables["inspections"].to_pylist()]
    assert found["B3"] == []
    kept = ("kind", "finding", "event_on", "known_on", "look_again_on")
    said = {name: [tuple(row[column] for column in kept) for row in rows] for name, rows in found.items() if rows}
    days = [TODAY + timedelta(days=n) for n in range(3)]
    assert said == {
        "B0": [("case", "confirmed", days[0], days[0], None)],
        "B1": [("case", "benign", days[1], days[1], TODAY + timedelta(days=91))],
        "B2": [("case", "none", days[2], days[2], None)],
    }


def test_what_follows_from_a_confirmed_finding_is_nothing_new_while_it_lasts(record: Record) -> None:
    closed(record)
    follows = signals(*((f"B{n}", "check_confirmed", "serious") for n in (0, 2)))
    first = receive(record, follows, TODAY + timedelta(days=5), "night 5")
    assert (first.known, first.opened) == (1, 1), "of B2, of whom nothing was confirmed, it is news"
    later = receive(record, follows, TODAY + timedelta(days=31), "night 31")
    assert (later.known, later.opened) == (1, 1), "a month later somebody has to look at B0 again"


def test_the_share_that_was_confirmed_is_told_by_trigger_with_its_interval(record: Record) -> None:
    closed(record)
    found = report(record, TODAY + timedelta(days=10))
    assert (found.open, found.overdue, found.closed) == (1, 1, {"confirmed": 1, "benign": 1, "none": 1})
    assert (found.signals, found.suppressed, found.per_case) == (7, 1, 7 / 4)
    bounced, litigation = found.by_trigger.to_dict("records")
    assert [bounced[name] for name in ("trigger", "signals", "suppressed", "closed", "confirmed")] == ["bounced", 4, 1, 3, 1]
    # Wilson's interval of 1 in 3.
    for row in (litigation, found.all_cases.to_dict("records")[0]):
        np.testing.assert_allclose([row[name] for name in ("share", "low", "high")], [1 / 3, 0.0615, 0.7923], atol=5e-5)


def test_of_nothing_nothing_is_said(small: Record) -> None:
    found = report(small, TODAY)
    assert (found.open, found.closed, found.signals) == (0, {}, 0)
    assert np.isnan(found.per_case) and found.by_trigger.empty and found.all_cases["share"].isna().all()


def test_tables_that_were_changed_are_made_again(record: Record) -> None:
    closed(record)
    with writing(record.engine) as connection:
        before = store.everything(connection)
        connection.execute(delete(kept).where(kept.c.trigger == "bounced"))
        connection.execute(update(cases).where(cases.c.outcome == "none").values(owner="nobody", due_on=date(2000, 1, 1)))
    assert not rebuild.account(record).complete
    assert rebuild.rebuild(record) == 4
    assert rebuild.rebuild(record) == 0
    assert rebuild.account(record).complete
    with writing(record.engine) as connection:
        assert store.everything(connection) == before
