"""Which file looks like which canonical table, and which column like which canonical column: by names, then by values."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from features.schema import TABLES, Column
from features.sources.draft.look import Looked, Seen

EXACT, CONTAINED, INSIDE = 3, 2, 1
NUMBER = re.compile(r"\d+")
LEAST_WIDE = 3
NAMED_BY_LINE = ("borrowers", "loans", "card_cycles", "statuses", "outcomes")
"""Tables whose rows may be all that is told of a borrower: where nothing names one, the line does."""


@dataclass(frozen=True)
class Guess:
    """Rows of one canonical table from one file: canonical column to column, and how well the names fit."""

    table: str
    file: str
    columns: dict[str, str]
    score: int
    wide: dict[str, tuple[str, ...]]
    """Canonical columns that stand in the file several times, one for each month."""


@cache
def words() -> Mapping[str, Any]:
    """The table of names."""
    return tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))


def plain(name: str) -> str:
    """A name in lower case, without accents, its words apart: ``loanAmount``, ``LOAN_AMOUNT`` and ``loan amount`` are one."""
    bare = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) != "Mn")
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare)
    return " ".join(re.sub(r"[^\w]+|_", " ", apart).lower().split())


def fits(name: str, known: list[str]) -> int:
    """How well a column's name fits a list of names."""
    said, apart = plain(name), set(plain(name).split())
    if said in known:
        return EXACT
    if any(len(one) > 2 and set(one.split()) <= apart for one in known):
        return CONTAINED
    squeezed = said.replace(" ", "")
    return INSIDE if any(len(one) > (1 if one > "一" else 4) and one.replace(" ", "") in squeezed for one in known) else 0


def possible(seen: Seen, into: Column) -> bool:
    """Whether values of this kind can be the column at all."""
    if seen.kind == "empty":
        return False
    if into.kind in ("money", "count", "number"):
        return seen.kind == "number" or (into.name == "dpd" and bool(seen.codes))
    if into.kind == "date":
        return seen.kind == "day" or (seen.whole and counts(seen) != "")
    if into.kind == "flag":
        return 0 < len(seen.codes) <= 3
    if into.kind == "code":
        return bool(seen.codes) or seen.kind == "text"
    return into.kind == "id" or seen.kind != "day"


def counts(seen: Seen) -> str:
    """What a whole number may count: ``years``, ``epoch``, ``epoch_ms``, ``excel``, ``days``, ``months``; or nothing."""
    low, high = seen.low or 0, seen.high or 0
    for what, least, most in (("years", 1900, 2100), ("epoch", 3e8, 4e9), ("epoch_ms", 3e11, 4e12), ("excel", 25_000, 60_000)):
        if least <= low and high <= most:
            return what
    said = plain(seen.name)
    if "day" in said or "age" in said.split():
        return "days"
    return "months" if "month" in said else ""


def guesses(file: Looked) -> list[Guess]:
    """The tables a file looks like, best first."""
    found = [guess for table in TABLES if table in words() and (guess := _guess(file, table))]
    return sorted(found, key=lambda guess: -guess.score)


def _guess(file: Looked, table: str) -> Guess | None:
    known, canonical = words()[table], TABLES[table]
    groups = wide_groups(file)
    inside = {name for group in groups.values() for name in group}
    offers = []
    for order, (into, names) in enumerate(known["columns"].items()):
        for seen in file.columns:
            if seen.name not in inside and possible(seen, canonical[into]) and (score := fits(seen.name, names)):
                offers.append((score, -order, into, seen.name))
        beside = [*names, *known.get("side_by_side", {}).get(into, ())]
        for base, group in groups.items():
            one = file[group[0]]
            wrong = canonical[into].kind == "date" and one.kind != "day"  # the running number is in the name, not a value
            if not wrong and possible(one, canonical[into]) and (score := fits(base.replace("{}", " "), beside)):
                offers.append((score, -order, into, base))
    columns: dict[str, str] = {}
    score = 0
    for points, _, into, name in sorted(offers, key=lambda offer: (-offer[0], -offer[1])):
        if into not in columns and (name not in columns.values() or _shared(into, name, columns)):
            columns[into] = name
            score += points if into not in ("borrower_id", "loan_id") else 1
    if not any(i in columns for i in ("borrower_id", "loan_id")) and table in NAMED_BY_LINE and not _names_someone(file):
        columns |= {key.name: "source_line" for key in canonical.keys}
    wide = {into: groups[name] for into, name in columns.items() if name in groups}
    has = {*columns, "event_on"} if wide else {*columns}  # the running number says when
    enough = all(need in has for need in known["needs"]) and len(has) >= known["least"]
    return Guess(table, file.name, columns, score, wide) if enough else None


def _names_someone(file: Looked) -> bool:
    """Whether some column says who or which loan a row is about."""
    names = [*words()["borrowers"]["columns"]["borrower_id"], *words()["statuses"]["columns"]["loan_id"]]
    return any(seen.unique or fits(seen.name, names) == EXACT for seen in file.columns)


def _shared(into: str, name: str, columns: dict[str, str]) -> bool:
    """A firm is its own loan, and one column may say both the state and how many days are past due."""
    pairs = ({"borrower_id", "loan_id"}, {"state", "dpd"})
    taken = {other for other, used in columns.items() if used == name}
    return any({into, *taken} <= pair for pair in pairs)


def wide_groups(file: Looked) -> dict[str, tuple[str, ...]]:
    """Columns of one kind that differ in a running number, wherever it stands, by their name with ``{}`` in its place."""
    found: dict[str, dict[int, str]] = {}
    for seen in file.columns:
        if not (seen.unique and seen.kind == "text"):  # telephone_1 and address_2 are not a month's
            for match in NUMBER.finditer(seen.name):
                base = seen.name[: match.start()] + "{}" + seen.name[match.end() :]
                found.setdefault(base, {})[int(match[0])] = seen.name
    groups = {base: tuple(by[n] for n in sorted(by)) for base, by in found.items() if _alike(file, base, list(by.values()))}
    return {
        base: names
        for base, names in groups.items()
        if not any(set(names) & set(o) for o in groups.values() if len(o) > len(names))
    }


def running(base: str, names: Sequence[str]) -> list[int]:
    """The running numbers of a group of columns."""
    start = base.index("{}")
    return [int(NUMBER.match(name, start)[0]) for name in names]  # type: ignore[index]


def _alike(file: Looked, base: str, names: list[str]) -> bool:
    """Enough columns of one kind; numbered letters, as X1 to X23, may be anything, and so may columns without a name."""
    kinds = {file[name].kind for name in names} - {"empty"}
    letters = re.sub(r"[\W\d_]", "", base)
    named = len(letters) > 1 or letters > "一" or letters.lower() == "m"
    return len(names) >= LEAST_WIDE and len(kinds) == 1 and named and base != "column{}"


def keys_between(files: list[Looked]) -> list[tuple[str, str, str, str, float]]:
    """(file, column, file, column, share of the values found there) of columns that could join two files."""
    found = []
    for i, left in enumerate(files):
        for right in files[i + 1 :]:
            for a in left.columns:
                for b in right.columns:
                    if (a.codes and b.codes) or a.kind == "day" or not (a.unique or b.unique):
                        continue
                    share = len(a.values & b.values) / max(1, min(len(a.values), len(b.values)))
                    if share > 0.5 or (share > 0 and plain(a.name) == plain(b.name)):
                        found.append((left.name, a.name, right.name, b.name, share))
    return found
