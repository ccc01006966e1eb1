"""Raw inputs as relations in DuckDB: CSV, Parquet, Excel, SQLite, PostgreSQL; each row with its file and line."""

from collections.abc import Callable
from pathlib import Path

from features.errors import UsageError
from features.sources.files import columns_of, literal, quote, readable
from features.sources.tables.database import read_postgresql, read_sqlite
from features.sources.tables.notation import marked
from features.sources.tables.opening import FILE, LINE, SHOWN, Opening, clean, plain_path, stored
from features.sources.tables.text import read_text
from features.sources.tables.workbook import read_workbook

SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".asc": "csv", ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel",
    ".xlsm": "excel", ".xlsb": "excel", ".xls": "excel", ".ods": "excel", ".db": "sqlite", ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}  # fmt: skip
COMPRESSED = (".gz", ".zst")
NUMERIC = ("DOUBLE", "FLOAT", "DECIMAL")
"""Types whose text has a decimal point."""


Reader = Callable[[Opening, Path, str], None]
"""Makes the temporary table of the given name: the cleaned rows of a file with their place."""


def open_file(opening: Opening, folder: Path) -> None:
    """Make the relation of a file; raises DataRefused or UsageError naming the line."""
    kind = format_of(opening)
    parts = []
    if kind == "postgresql":
        parts.append(quote("part 0"))
        read_postgresql(opening, parts[0])
    else:
        reader = READERS[kind]
        for position, file in enumerate(_found(opening, folder)):
            parts.append(quote(f"part {position}"))
            reader(opening, file, parts[-1])
    _adopt(opening, parts)


def _adopt(opening: Opening, parts: list[str]) -> None:
    """All parts as one relation, by column name; a column that some of them lack is unknown there."""
    con, name = opening.con, stored(opening.name)
    if not parts:
        raise opening.fault("optional", "no such file, so nobody knows its columns; leave this file out of the mapping",
                            "没有该文件,且无从得知其列;请从映射中删去该文件", UsageError)  # fmt: skip
    if len(parts) == 1:
        con.execute(f"ALTER TABLE {parts[0]} RENAME TO {name}")
        return
    union = " UNION ALL BY NAME ".join(
        f"SELECT {chosen} FROM {part}" for part, chosen in zip(parts, _alike(opening, parts), strict=True)
    )
    con.execute(f"CREATE TEMP TABLE {name} AS {union}; {''.join(f'DROP TABLE {part};' for part in parts)}")


def _alike(opening: Opening, parts: list[str]) -> list[str]:
    """What to select of each part, so that a column that is text in one of them is text of one notation in all."""
    told = [{str(n): str(k) for n, k, *_ in opening.con.execute(f"DESCRIBE {part}").fetchall()} for part in parts]
    texts = {name for kinds in told for name, kind in kinds.items() if kind == "VARCHAR"}
    found = []
    for kinds in told:
        numbers = [quote(n) for n, kind in kinds.items() if n in texts and kind.startswith(NUMERIC)]
        replaced = ", ".join(f"{marked(n, opening.notation)} AS {n}" for n in numbers)
        found.append(f"* REPLACE ({replaced})" if replaced else "*")
    return found


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


def _read_parquet(opening: Opening, file: Path, part: str) -> None:
    rows = f"read_parquet({plain_path(file)}, file_row_number = true)"
    columns_of(opening.con, rows, file)
    with readable(file):
        clean(opening, part, rows, f"{literal(file.name)} AS {FILE}, file_row_number + 1 AS {LINE}")
    opening.con.execute(f"ALTER TABLE {part} DROP COLUMN file_row_number")


READERS: dict[str, Reader] = {"csv": read_text, "parquet": _read_parquet, "excel": read_workbook, "sqlite": read_sqlite}
