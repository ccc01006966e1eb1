"""Proposals and verdicts of those who hold a key, over a book: for the routes and the command.

``today`` is the open business day.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from features.errors import NotFound
from features.ledger import Ledger
from features.trace import find as find_entity
from monitoring.decisions import proposals
from monitoring.decisions.entry import Erased, Recorded
from monitoring.decisions.proposals import Asked, Kept, Person, Proposal, Said
from monitoring.runs import last_folder
from serving.callers import Caller

MOST = 100
"""Proposals that are listed."""


def person(caller: Caller) -> Person:
    return Person(caller.id, caller.name, caller.made_by, caller.authorities)


def propose(
    book: Path, record: Kept, asked: Asked, caller: Caller, today: date, request: tuple[str, bytes] | None = None
) -> Proposal:
    """Raises NotFound for somebody who is not in the book, and as ``proposals.propose``."""
    if not _in(Ledger(book), asked.borrower, asked.loan):
        raise NotFound(
            "no such borrower with such a loan in the book; check borrower_id and loan_id",
            "账簿中没有该借款人或其名下该贷款;请核对 borrower_id 与 loan_id",
        )
    return proposals.propose(record, asked, person(caller), today, request)


def _in(ledger: Ledger, borrower: str, loan: str | None) -> bool:
    """Whether there is such a borrower, with such a loan if one is named."""
    try:
        return find_entity(ledger, borrower)[1] is None and (loan is None or find_entity(ledger, loan) == (borrower, loan))
    except NotFound:
        return False


def decide(book: Path, record: Kept, id: str, verdict: Said, reason: str, caller: Caller, today: date) -> Proposal:
    """Raises as ``proposals.decide``; what is approved holds from the next night."""
    return proposals.decide(record, id, verdict, reason, person(caller), today, next_night(book))


def next_night(book: Path) -> date:
    """The day after the last official run; the ledger's last day where there was none."""
    last = last_folder(book, date.max)
    return (
        Ledger(book).known_through if last is None else date.fromisoformat(last.name.removeprefix("as_of=")) + timedelta(days=1)
    )


def listed(record: Kept, today: date, state: str | None = None) -> list[dict[str, Any]]:
    """The last proposals, newest first, all or those in one state; those about borrowers who were erased are left out."""
    decided = proposals.verdicts(record)
    every = (_opened(record, one, decided.get(one.id)) for one in reversed(record.of_kind(proposals.PROPOSAL)))
    chosen = (one for one in every if one is not None and state in (None, one.state(today)))
    return [told(one, today) for one in islice(chosen, MOST)]


def _opened(record: Kept, recorded: Recorded, verdict: Recorded | None) -> Proposal | None:
    try:
        return proposals.opened(record, recorded, verdict)
    except Erased:
        return None


def told(found: Proposal, today: date) -> dict[str, Any]:
    """A proposal as its readers see it; times are microseconds since 1970, UTC."""
    asked, verdict = found.asked, found.verdict
    decided = verdict and {
        "decision": verdict.recorded.id, "verdict": verdict.said, "by": verdict.by.name, "reason": verdict.reason,
        "at": verdict.recorded.at, "since": verdict.since, "authority": verdict.authority,
    }  # fmt: skip
    return {
        "proposal": found.recorded.id, "kind": asked.kind, "adverse": found.recorded.said["adverse"], "state": found.state(today),
        "borrower_id": asked.borrower, "loan_id": asked.loan, **asked.terms, "reason": asked.reason, "by": found.by.name,
        "at": found.recorded.at, "lapses_on": str(found.lapses_on), "decided": decided,
    }  # fmt: skip


def asked(said: Mapping[str, Any]) -> Asked:
    """What a body proposes; whatever is not common to all kinds are its terms."""
    common = {name: said.get(name) for name in ("kind", "borrower_id", "loan_id", "reason")}
    terms = {name: value for name, value in said.items() if name not in common}
    return Asked(str(common["kind"]), str(common["borrower_id"]), common["loan_id"], terms, str(common["reason"]))
