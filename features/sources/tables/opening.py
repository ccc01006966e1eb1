"""One raw input being opened: what every reader needs to make a relation of its rows.

Text is trimmed, and what stands for nothing (an empty field, the mapping's ``null`` words) is unknown. Nothing else is changed.
Every relation also has ``source_fault``: what could not be read of a row, empty here, filled by the steps that compute.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.errors import DataRefused, LoanwatchError
from features.sources.files import literal, quote
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import File, Notation

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


def clean(opening: Opening, part: str, rows: str, place: str) -> None:
    """Make the temporary table ``part`` of ``rows``: text trimmed, words for nothing made unknown, with its place."""
    con, spec = opening.con, opening.spec
    columns = [(str(name), str(kind)) for name, kind, *_ in con.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()]
    chosen = [_cleaned(con, rows, name, kind, spec) for name, kind in columns if name not in (FILE, LINE)]
    con.execute(f"CREATE TEMP TABLE {part} AS SELECT {', '.join(chosen)}, {place}, NULL::VARCHAR AS {FAULT} FROM {rows}")


def _cleaned(con: Connection, rows: str, column: str, kind: str, spec: File) -> str:
    quoted = quote(column)
    if kind == "VARCHAR":
        nothing = ", ".join(literal(word) for word in ("", *spec.null))
        return f"CASE WHEN trim({quoted}) IN ({nothing}) THEN NULL ELSE trim({quoted}) END AS {quoted}"
    if kind in ("DOUBLE", "FLOAT"):  # whole numbers that were stored as floats, because some are missing, are whole numbers
        known = f"CASE WHEN isnan({quoted}) THEN NULL ELSE {quoted} END"
        row = con.execute(f"SELECT bool_and({known} = trunc({known}) AND abs({known}) < 1e15) FROM {rows}").fetchone()
        return f"CAST({known} AS BIGINT) AS {quoted}" if row and row[0] else f"{known} AS {quoted}"
    return quoted


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
