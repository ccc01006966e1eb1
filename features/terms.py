"""Terms of a product as data: who is paid first, grace, whose business days, where a prepayment goes.

Read from ``terms.toml`` and checked once, then handed to the kernel of ``walk`` as plain arrays. A due day on a day that is no
business day moves to the next one; which days those are is worked out once per day of the calendar, not per record. China's
working weekends count as business days. For years that the library ``holidays`` does not know only weekends are free, and years
whose working weekends are not yet decreed have the statutory holidays alone.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from features.arrays import Int, Mask
from features.errors import UsageError, nearest
from features.events import day_number
from features.schema import TABLES
from features.window import to_date

COMPONENTS = ("penalty", "fee", "interest", "principal")
PRODUCTS = TABLES["loans"]["product"].codes
PREPAYMENTS = ("credit", "last")


class Terms(NamedTuple):
    """One row per entry; ``products`` names the rows, the default first.

    ``component`` and ``group`` (n, 4): the components in the order they are paid, and the group each belongs to, from 0;
    ``grace`` in days; ``last`` 1 where a prepayment is taken off the last instalments; ``calendar`` a position in
    ``calendars``, -1 for none.
    """

    products: tuple[str, ...]
    component: Int
    group: Int
    grace: Int
    last: Int
    calendar: Int
    calendars: tuple[str, ...]

    def row_of(self, product: str) -> int:
        """The entry of a product, the default's for one without."""
        return self.products.index(product) if product in self.products else 0


@cache
def shipped() -> Terms:
    """The terms that come with the package."""
    return parse(files("features").joinpath("terms.toml").read_text("utf-8"), "terms.toml")


@cache
def digest() -> str:
    """sha256 of what the shipped terms say."""
    said = [column.tolist() if isinstance(column, np.ndarray) else column for column in shipped()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def read(path: Path) -> Terms:
    """Terms of one's own; raises UsageError as ``parse`` does."""
    return parse(path.read_text("utf-8"), str(path))


def parse(text: str, where: str) -> Terms:
    """Terms from TOML; raises UsageError for an unknown product, key or word, and for a waterfall that is not whole."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: not TOML: {error}", f"{where}:不是有效的 TOML:{error}") from error
    _known(tables, ("default", *PRODUCTS), where)
    entries = {name: {**tables.get("default", {}), **tables[name]} for name in ("default", *tables) if name in tables}
    for name, entry in entries.items():
        _check(entry, f"{where} [{name}]")
    _check(entries.get("default", {}), f"{where} [default]")
    return _arrays(entries)


def _arrays(entries: Mapping[str, Mapping[str, Any]]) -> Terms:
    calendars = tuple(sorted({entry["calendar"] for entry in entries.values()} - {""}))
    falls = [[(COMPONENTS.index(c), g) for g, group in enumerate(e["waterfall"]) for c in group] for e in entries.values()]
    return Terms(
        tuple(entries),
        np.array([[component for component, _ in fall] for fall in falls], dtype=np.int64),
        np.array([[group for _, group in fall] for fall in falls], dtype=np.int64),
        np.array([entry["grace_days"] for entry in entries.values()], dtype=np.int64),
        np.array([entry["prepayment"] == "last" for entry in entries.values()], dtype=np.int64),
        np.array([calendars.index(e["calendar"]) if e["calendar"] else -1 for e in entries.values()], dtype=np.int64),
        calendars,
    )


KEYS = ("waterfall", "grace_days", "calendar", "prepayment")


def _check(entry: Mapping[str, Any], where: str) -> None:
    _known(entry, KEYS, where)
    for key in KEYS:
        if key not in entry:
            _refuse(f"{where} {key}", "nothing", "a value here or in [default]")
    fall, grace, calendar = entry["waterfall"], entry["grace_days"], entry["calendar"]
    if not (isinstance(fall, list) and all(isinstance(group, list) and group for group in fall)):
        _refuse(f"{where} waterfall", fall, f"a list of groups of {', '.join(COMPONENTS)}")
    _known(chain(*fall), COMPONENTS, f"{where} waterfall")
    if sorted(chain(*fall)) != sorted(COMPONENTS):
        _refuse(f"{where} waterfall", fall, f"each of {', '.join(COMPONENTS)} once")
    if type(grace) is not int or not 0 <= grace <= 366:
        _refuse(f"{where} grace_days", grace, "a whole number of days from 0 to 366")
    _known([entry["prepayment"]], PREPAYMENTS, f"{where} prepayment")
    if calendar:
        _known([calendar], _holidays().list_supported_countries(), f"{where} calendar")


def _known(words: Iterable[object], names: Iterable[str], where: str) -> None:
    names = tuple(names)
    for word in words:
        if word not in names:
            en, zh = nearest(str(word), names)
            raise UsageError(f"{where}: unknown {word!r}; {en}", f"{where}:未知的 {word!r};{zh}")


def _refuse(where: str, seen: object, expected: str) -> None:
    raise UsageError(f"{where}: saw {seen}, expected {expected}", f"{where}:实际为 {seen},应为 {expected}")


def _holidays() -> ModuleType:
    """The library, brought in when a calendar is named: it is slow to import, and most terms name none."""
    import holidays

    return holidays


def next_business_days(calendars: Iterable[str], first: int, last: int) -> Int:
    """For each calendar and each day from ``first`` to ``last`` (day numbers) the first business day not before it."""
    return np.array([_next(business_days(name, first, last + 30), first)[: last - first + 1] for name in calendars]).reshape(
        -1, last - first + 1
    )


def _next(working: Mask, first: int) -> Int:
    days = np.where(working, np.arange(len(working)) + first, np.iinfo(np.int64).max)
    return np.minimum.accumulate(days[::-1])[::-1]


def business_days(calendar: str, first: int, last: int) -> Mask:
    """Which days from ``first`` to ``last`` (day numbers) are business days of a calendar, bool (n,)."""
    start, end = to_date(first), to_date(last)
    years = np.concatenate([_year(calendar, year) for year in range(start.year, end.year + 1)])
    skip = first - day_number(date(start.year, 1, 1))
    return years[skip : skip + last - first + 1]


@cache
def _year(calendar: str, year: int) -> Mask:
    """Which days of a year are business days."""
    book = _holidays().country_holidays(calendar, years=year, expand=False)
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    return np.array([book.is_working_day(date(year, 1, 1) + timedelta(days=n)) for n in range(length)])
