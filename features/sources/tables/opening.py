"""One raw input being opened: what every reader needs to make a relation of its rows.

Text is trimmed, and what stands for nothing (an empty field, the mapping's ``null`` words) is unknown. Nothing else is changed.
Every relation also has ``source_fault``: what could not be read of a row, empty here, filled by the steps that compute.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.errors import DataRefused, LoanwatchError
from features.sources.files import literal, quote
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import File, Notation
from features.sources.tables.notation import as_text, unmarked

Connection = duckdb.DuckDBPyConnection
LINE, FILE, FAULT = "source_line", "source_file", "source_fault"
SHOWN = 8
"""Files or sheets that an error lists."""


@dataclass(frozen=True)
class Opening:
    """One ``[files.<name>]`` being opened."""

    con: Connection
    document: Document
    name: str
    spec: File
    notation: Notation

    @property
    def here(self) -> Keys:
        return ("files", self.name)

    def fault(self, key: str, en: str, zh: str, kind: type[LoanwatchError] = DataRefused) -> LoanwatchError:
        """An error about a key of this file, or about the file as a whole if ``key`` is empty."""
        return self.document.fault((*self.here, key) if key else self.here, en, zh, kind)


def stored(name: str) -> str:
    """The temporary table that holds a file or relation of a mapping, as SQL; no name of a mapping can clash with others."""
    return quote(f"@{name}")


def clean(opening: Opening, part: str, rows: str, place: str, numeric: Collection[str] = ()) -> None:
    """Make the temporary table ``part`` of ``rows``: text trimmed, words for nothing made unknown, with its place.

    ``numeric`` names columns whose text is that of numbers which the source had as numbers.
    """
    con, spec = opening.con, opening.spec
    columns = [(str(name), str(kind)) for name, kind, *_ in con.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
    chosen = []
    for name, kind in columns:
        if name not in (FILE, LINE):
            cleaned = _cleaned(con, rows, name, kind, spec)
            cleaned = _number(opening, rows, cleaned) if name in numeric else cleaned
            chosen.append(f"{cleaned} AS {quote(name)}")
    con.execute(f"CREATE TEMP TABLE {part} AS SELECT {', '.join(chosen)}, {place}, NULL::VARCHAR AS {FAULT} FROM {rows}")


def _cleaned(con: Connection, rows: str, column: str, kind: str, spec: File) -> str:
    quoted = quote(column)
    nothing = ", ".join(literal(word) for word in ("", *spec.null))
    if kind == "VARCHAR":
        return f"CASE WHEN trim({quoted}) IN ({nothing}) THEN NULL ELSE trim({quoted}) END"
    known = quoted
    if kind in ("DOUBLE", "FLOAT"):  # whole numbers that were stored as floats, because some are missing, are whole numbers
        known = f"CASE WHEN isnan({quoted}) THEN NULL ELSE {quoted} END"
        row = con.execute(f"SELECT bool_and({known} = trunc({known}) AND abs({known}) < 1e15) FROM {rows}").fetchone()
        known = f"CAST({known} AS BIGINT)" if row and row[0] else known
    return f"CASE WHEN {as_text(known)} IN ({nothing}) THEN NULL ELSE {known} END" if spec.null else known


def _number(opening: Opening, rows: str, text: str) -> str:
    """Text of numbers as numbers: whole ones exactly; whole ones of more digits than 64 bits are names, and stay text."""
    whole, fits = f"regexp_full_match({text}, '-?[0-9]+')", f"try_cast({text} AS BIGINT) IS NOT NULL"
    counted = f"SELECT bool_and({whole}), bool_and({fits}) FROM {rows} WHERE {text} IS NOT NULL"
    all_whole, all_fit = opening.con.execute(counted).fetchall()[0]
    if all_whole is False:
        return f"CAST({unmarked(text, opening.notation)} AS DOUBLE)"
    return text if all_fit is False else f"CAST({text} AS BIGINT)"


class Sorts:
    """Which columns hold numbers and nothing else, told while their values pass by."""

    def __init__(self, nothing: Iterable[str]) -> None:
        self._nothing = {"", *nothing}
        self._seen: dict[str, set[type]] = {}

    def see(self, name: str, values: Iterable[object]) -> None:
        known = {type(v) for v in values if v is not None and not (isinstance(v, str) and v.strip() in self._nothing)}
        self._seen.setdefault(name, set()).update(known)

    def numeric(self, declared: Collection[str] = ()) -> list[str]:
        """Columns of numbers; one without any value is what it is declared to be."""
        never = [name for name in declared if not self._seen.get(name)]
        return never + [name for name, seen in self._seen.items() if seen and seen <= {int, float}]


def own_names(names: Iterable[object]) -> list[str]:
    """Columns by names that differ also in lower case: ``name``, then ``name_2``; a column without a name by its position."""
    taken: set[str] = {FILE, LINE, FAULT}
    made = []
    for position, name in enumerate(names, 1):
        base = str(name if name is not None else "").strip() or f"column{position}"
        chosen, turn = base, 1
        while chosen.lower() in taken:
            turn += 1
            chosen = f"{base}_{turn}"
        taken.add(chosen.lower())
        made.append(chosen)
    return made


def plain_path(file: Path) -> str:
    """A path as DuckDB takes it: letters that would make it a pattern stand for themselves."""
    return literal("".join(f"[{c}]" if c in "*?[" else c for c in str(file)))
