"""The naive walk of arrears that dossiers ship, with the business days of the library ``holidays``."""

from collections.abc import Iterable
from functools import cache

import holidays

from features.window import to_date
from models.dossier.kit import arrears
from models.dossier.kit.arrears import Loan, Records, Row, numbered, visible


class Closed:
    """The days that are no business days, of any calendar and year."""

    def __contains__(self, asked: object) -> bool:
        return isinstance(asked, tuple) and _closed(*asked)


@cache
def _closed(calendar: str, day: int) -> bool:
    return not _book(calendar).is_working_day(to_date(day))


@cache
def _book(calendar: str) -> holidays.HolidayBase:
    return holidays.country_holidays(calendar)


CLOSED = Closed()


def columns(records: Records, as_of: int, known_by: int, terms: str, windows: Iterable[int]) -> dict[str, float]:
    return arrears.columns(records, as_of, known_by, terms, CLOSED, windows)


def walked(records: Records, as_of: int, known_by: int, terms: str, amounts: bool = False) -> Loan | None:
    return arrears.walked(records, as_of, known_by, terms, CLOSED, amounts)


def path(records: Records, as_of: int, known_by: int, terms: str, in_sight: int) -> dict[int, int]:
    """Days past due on each day they are known, by instalments, or by statuses where no instalment is visible."""
    if visible(records.get("instalments", []), as_of, known_by):
        loan = walked(records, as_of, known_by, terms)
        return loan.path if loan else {}
    told = [s for s in visible(records.get("statuses", []), as_of, known_by) if s.get("dpd") is not None]
    found: dict[int, int] = {}
    for day in range(min((s["event_on"] for s in told), default=as_of + 1), as_of + 1):
        last = [s for s in told if s["event_on"] <= day][-1]
        if day - last["event_on"] < in_sight:
            found[day] = last["dpd"]
    return found


__all__ = ["Row", "columns", "numbered", "path", "visible", "walked"]
