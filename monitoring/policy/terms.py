"""What is wrong with the terms of an act or of a proposal, said the same way of both, in both languages."""

from collections.abc import Iterable, Sequence
from datetime import date

from features.errors import Misstated, nearest

Expected = tuple[str, str]
"""What a term has to be, in English and in Chinese."""
A_DAY: Expected = ("a day, written as 2026-12-31", "日期,写作 2026-12-31")


def one_of(known: Iterable[str]) -> Expected:
    names = tuple(known)
    return f"one of {', '.join(names)}", f"以下之一:{'、'.join(names)}"


def a_day_after(first: date, last: date | None = None) -> Expected:
    """A day after one day, and not after another."""
    if last is None:
        return f"a day after {first}", f"晚于 {first} 的日期"
    return f"a day after {first} and not after {last}, written as {last}", f"晚于 {first} 且不晚于 {last} 的日期,写作 {last}"


def wrong(field: str, expected: Expected, seen: str | None = None) -> Misstated:
    """The error of a term that is not what it has to be."""
    en, zh = expected
    return Misstated(field, f"expected {en}", f"应为{zh}", seen, en)


def unknown(field: str, what: Expected, name: str, known: Iterable[str]) -> Misstated:
    """The error of a name that nobody knows, with its nearest neighbours; ``what`` says so without the name."""
    names = tuple(known)
    en, zh = nearest(name, names)
    return Misstated(field, f"{what[0]}; {en}", f"{what[1]};{zh}", None, one_of(names)[0])


def unfit(what: str, needed: Sequence[str], perhaps: Sequence[str], given: Iterable[str]) -> Misstated | None:
    """The error of terms of which one is not said or not taken, about the first such; None where they are as they have to be."""
    said = set(given)
    missing, more = [name for name in needed if name not in said], sorted(said - {*needed, *perhaps})
    if not missing and not more:
        return None
    en, zh = f"{what} needs {', '.join(needed)}", f"{what} 需要 {'、'.join(needed)}"
    if missing:
        en, zh = f"{en}; not said: {', '.join(missing)}", f"{zh};未提供:{'、'.join(missing)}"
    if more:
        en, zh = f"{en}; not taken here: {', '.join(more)}", f"{zh};此处不接受:{'、'.join(more)}"
    return Misstated((missing or more)[0], en, zh, None, ", ".join(needed))
