"""Reading files inside DuckDB: clear refusals for what cannot be read, and the place of every row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from features.errors import DataRefused, nearest
from features.schema import DELIVERED, Table


@dataclass
class Delivery:
    """What one ingest brings: per canonical table the SQL of its rows, in order of arrival, and what has no place.

    ``left_out`` says for each reason how many raw rows are in no table: every such row is counted once. ``passed_over`` says
    how many values could not be read where rows are put together, which the others survive.
    """

    relations: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)

    def add(self, table: str, sql: str) -> None:
        self.relations.setdefault(table, []).append(sql)

    def rows(self, table: str) -> str:
        """SQL of all rows of a table; ``source_order`` says which relation brought a row."""
        numbered = [f"SELECT *, {i} AS source_order FROM ({sql})" for i, sql in enumerate(self.relations[table])]
        return f"({' UNION ALL '.join(numbered)})"


def literal(value: Path | str) -> str:
    """A value as an SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def find(folder: Path, *names: str) -> Path:
    """The first of ``names`` that exists in ``folder``; raises DataRefused naming all of them."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    there = sorted(p.name for p in folder.iterdir())[:8] if folder.is_dir() else []
    raise DataRefused(
        f"{folder}: expected a file {' or '.join(names)}, found {', '.join(there) or 'nothing'}; "
        "pass the folder that holds it with --from",
        f"{folder}:应有文件 {' 或 '.join(names)},实际为 {', '.join(there) or '空'};请用 --from 指定所在目录",
    )


@contextmanager
def readable(place: Path) -> Iterator[None]:
    """While reading what lies under ``place``: bytes that are not what they claim to be raise DataRefused."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        said = " ".join(line.strip() for line in str(error).splitlines()[:2])
        raise DataRefused(
            f"{place}: cannot be read ({said}); export it again and check that it is complete",
            f"{place}:无法读取({said});请重新导出并确认文件完整",
        ) from error


def columns_of(con: duckdb.DuckDBPyConnection, reader: str, file: Path) -> list[str]:
    """Names of a file's columns; raises DataRefused if the file cannot be read as what it claims to be."""
    with readable(file):
        described = con.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()
    return [str(row[0]) for row in described]


def csv(con: duckdb.DuckDBPyConnection, file: Path, required: tuple[str, ...]) -> str:
    """A CSV file (plain or gzip) as SQL: every column as text, with ``source_file`` and ``source_line`` (header is line 1)."""
    reader = f"read_csv({literal(file)}, all_varchar = true, header = true, delim = ',', quote = '\"', strict_mode = true)"
    present = columns_of(con, reader, file)
    for name in required:
        if name not in present:
            raise _no_column(file, name, present)
    return f"SELECT *, {literal(file.name)} AS source_file, row_number() OVER () + 1 AS source_line FROM {reader}"


def canonical(con: duckdb.DuckDBPyConnection, table: Table, file: Path) -> str:
    """A Parquet file that already has canonical columns, as SQL; optional columns that are absent read as unknown."""
    reader = f"read_parquet({literal(file)}, file_row_number = true)"
    present = [name for name in columns_of(con, reader, file) if name != "file_row_number"]
    known = {column.name for column in table.all_columns}
    for name in (c.name for c in table.all_columns if c.required and c.name not in present):
        raise _no_column(file, name, present)
    for name in present:
        if name not in known:
            en, zh = nearest(name, known)
            raise DataRefused(
                f"{file}: column {name} is not a column of table {table.name}; {en}",
                f"{file}:列 {name} 不属于表 {table.name};{zh}",
            )
    chosen = ", ".join(f'"{n}"' if n in present else f'NULL AS "{n}"' for n in (c.name for c in table.all_columns))
    place = f"{literal('/'.join(file.parts[-2:]))} AS source_file, file_row_number + 1 AS source_line"
    return f"SELECT {chosen}, {place} FROM {reader}"


def table_of(file: Path) -> Table:
    """The canonical table that a file named ``<table>.parquet`` or ``<table>-NNN.parquet`` holds."""
    name = file.stem.split("-")[0]
    if name not in DELIVERED:
        en, zh = nearest(name, DELIVERED)
        raise DataRefused(
            f"{file}: {name} is not a canonical table; {en} Rename the file or take it out of the folder",
            f"{file}:{name} 不是标准表;{zh} 请改名或移出该目录",
        )
    return DELIVERED[name]


def _no_column(file: Path, name: str, present: list[str]) -> DataRefused:
    en, zh = nearest(name, present)
    return DataRefused(
        f"{file}: no column {name}; it has {len(present)} columns, {en} Export it with {name}",
        f"{file}:缺少列 {name};共有 {len(present)} 列,{zh} 请导出包含 {name} 的文件",
    )
