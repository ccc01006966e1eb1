"""Raw inputs as relations in DuckDB: CSV, Parquet, Excel, SQLite, PostgreSQL; each row with its file and line.

Text is trimmed, and what stands for nothing (an empty field, the mapping's ``null`` words) is unknown. Nothing else is changed.
Every relation also has ``source_fault``: what could not be read of a row, empty here, filled by the steps that compute.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.errors import DataRefused, LoanwatchError, UsageError
from features.sources.files import columns_of, literal, quote, readable
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import File, Notation

Connection = duckdb.DuckDBPyConnection
LINE, FILE, FAULT = "source_line", "source_file", "source_fault"
SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".asc": "csv", ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel",
    ".xlsm": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel", ".db": "sqlite", ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}  # fmt: skip
COMPRESSED = (".gz", ".zst")
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


Reader = Callable[[Opening, Path, str], None]
"""Makes the temporary table of the given name: the cleaned rows of a file with their place."""


def stored(name: str) -> str:
    """The temporary table that holds a file or relation of a mapping, as SQL; no name of a mapping can clash with others."""
    return quote(f"@{name}")


def open_file(opening: Opening, folder: Path) -> None:
    """Make the relation of a file; raises DataRefused or UsageError naming the line."""
    kind = format_of(opening)
    parts = []
    if kind == "postgresql":
        from features.sources.tables.database import read_postgresql

        parts.append(quote("part 0"))
        read_postgresql(opening, parts[0])
    else:
        reader = _readers()[kind]
        for position, file in enumerate(_found(opening, folder)):
            parts.append(quote(f"part {position}"))
            reader(opening, file, parts[-1])
    _adopt(opening, parts)


def _readers() -> dict[str, Reader]:
    from features.sources.tables.database import read_sqlite
    from features.sources.tables.text import read_text
    from features.sources.tables.workbook import read_workbook

    return {"csv": read_text, "parquet": _read_parquet, "excel": read_workbook, "sqlite": read_sqlite}


def _adopt(opening: Opening, parts: list[str]) -> None:
    """All parts as one relation, by column name; a column that some of them lack is unknown there."""
    con, name = opening.con, stored(opening.name)
    if not parts:
        raise opening.fault("optional", "no such file, so nobody knows its columns; leave this file out of the mapping",
                            "没有该文件,且无从得知其列;请从映射中删去该文件", UsageError)  # fmt: skip
    if len(parts) == 1:
        con.execute(f"ALTER TABLE {parts[0]} RENAME TO {name}")
        return
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {part}" for part in parts)
    con.execute(f"CREATE TEMP TABLE {name} AS {union}; {''.join(f'DROP TABLE {part};' for part in parts)}")


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


def format_of(opening: Opening) -> str:
    """What kind of input this is: as the mapping says, or by the file's suffix."""
    spec = opening.spec
    if spec.format:
        return spec.format
    if spec.url:
        return "postgresql"
    if not spec.path:
        raise opening.fault("", "path is missing: the file's name, or a pattern", "缺少 path:文件名或通配模式", UsageError)
    suffix = suffix_of(spec.path)
    if suffix not in SUFFIXES:
        raise opening.fault(
            "path", f'what {spec.path} is cannot be told from its name; add format = "csv" (or parquet, excel, sqlite)',
            f"无法从文件名判断格式:{spec.path};请添加 format", UsageError,
        )  # fmt: skip
    return SUFFIXES[suffix]


def suffix_of(path: str) -> str:
    """The suffix that says what a file is, below a compression."""
    name = path.rstrip("*").lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _found(opening: Opening, folder: Path) -> list[Path]:
    """The files a pattern names, in order; none outside the folder the user pointed at, not even through a link."""
    pattern = opening.spec.path
    if not pattern:
        raise opening.fault("", "path is missing: the file's name, or a pattern", "缺少 path:文件名或通配模式", UsageError)
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise opening.fault("path", f"{pattern} leaves the folder given by --from; name a file inside it",
                            f"{pattern} 超出 --from 指定的目录;应为其中的文件", UsageError)  # fmt: skip
    alone = folder.is_file() and (folder.name == pattern or folder.match(pattern))
    files = [folder] if alone else _matching(opening, folder, pattern)
    for file in files:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise opening.fault("path", f"{file.name} is a link to a place outside {folder}; copy the file into it",
                                f"{file.name} 是指向 {folder} 之外的链接;请将文件复制到该目录")  # fmt: skip
    if not files and not opening.spec.optional:
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:SHOWN] if folder.is_dir() else [])
        raise opening.fault(
            "path", f"no file {pattern} in {folder}, found {there or 'nothing'}; pass the folder that holds it with --from",
            f"{folder} 中没有文件 {pattern},实际为 {there or '空'};请用 --from 指定所在目录",
        )  # fmt: skip
    return files


def _matching(opening: Opening, folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(p for p in folder.glob(pattern) if p.is_file())
    except (ValueError, NotImplementedError, OSError) as error:
        raise opening.fault("path", f"{pattern!r} is no file name or pattern ({error}); * stands for any text",
                            f"{pattern!r} 不是有效的文件名或模式({error});* 代表任意文字", UsageError) from error  # fmt: skip


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


def _read_parquet(opening: Opening, file: Path, part: str) -> None:
    rows = f"read_parquet({plain_path(file)}, file_row_number = true)"
    columns_of(opening.con, rows, file)
    with readable(file):
        clean(opening, part, rows, f"{literal(file.name)} AS {FILE}, file_row_number + 1 AS {LINE}")
    opening.con.execute(f"ALTER TABLE {part} DROP COLUMN file_row_number")
