"""Raw inputs as relations in DuckDB: CSV, Parquet, Excel, SQLite, PostgreSQL; each row with its file and line.

Text is trimmed, and what stands for nothing (an empty field, the mapping's ``null`` words) is unknown. Nothing else is changed.
"""

import codecs
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from features.errors import DataRefused
from features.sources.files import columns_of, literal, readable
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import File

Connection = duckdb.DuckDBPyConnection
SUFFIXES = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".asc": "csv", ".parquet": "parquet", ".xlsx": "excel", ".xlsm": "excel",
    ".xlsb": "excel", ".xls": "excel", ".ods": "excel", ".db": "sqlite", ".sqlite": "sqlite", ".sqlite3": "sqlite",
}  # fmt: skip
COMPRESSED = (".gz", ".zst")
NATIVE_ENCODINGS = ("utf-8", "ascii")
CHUNK = 1 << 20


def open_file(con: Connection, document: Document, name: str, said: File, folder: Path) -> None:
    """Make relation ``name`` from a file of the mapping; raises DataRefused or UsageError naming the line."""
    here: Keys = ("files", name)
    if _format(document, here, said) == "postgresql":
        _adopt(con, name, said, [_postgresql(con, document, here, said)])
        return
    files = _found(document, here, said, folder)
    reader = READERS[_format(document, here, said)]
    parts = []
    for position, file in enumerate(files):
        parts.append(reader(con, document, here, said, file, f"part_{position}"))
    _adopt(con, name, said, parts)
    con.execute("".join(f"DROP TABLE IF EXISTS part_{position};" for position in range(len(files))))


def _adopt(con: Connection, name: str, said: File, parts: list[str]) -> None:
    """All parts as one relation, by column name; text trimmed, words for nothing made unknown."""
    union = " UNION ALL BY NAME ".join(f"({part})" for part in parts)
    described = con.execute(f"DESCRIBE {union}").fetchall()
    nothing = ", ".join(literal(word) for word in ("", *said.null))
    chosen = []
    for column, kind, *_ in described:
        quoted = quote(column)
        text = kind == "VARCHAR" and column != "source_file"
        chosen.append(
            f"CASE WHEN trim({quoted}) IN ({nothing}) THEN NULL ELSE trim({quoted}) END AS {quoted}" if text else quoted
        )
    con.execute(f"CREATE TEMP TABLE {name} AS SELECT {', '.join(chosen)} FROM ({union})")


def quote(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _format(document: Document, here: Keys, said: File) -> str:
    if said.format:
        return said.format
    if said.url:
        return "postgresql"
    suffix = _suffix(said.path or "")
    if suffix not in SUFFIXES:
        raise document.fault(
            here, f"what {said.path or 'this'} is cannot be told from its name; add format = \"csv\" (or parquet, excel, sqlite,"
            " postgresql)", f"无法从文件名判断格式:{said.path or ''};请添加 format",
        )  # fmt: skip
    return SUFFIXES[suffix]


def _suffix(path: str) -> str:
    name = path.rstrip("*").lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def _found(document: Document, here: Keys, said: File, folder: Path) -> list[Path]:
    """The files a pattern names, in order; none outside the folder the user pointed at."""
    if not said.path:
        raise document.fault(here, "path is missing", "缺少 path")
    if Path(said.path).is_absolute() or ".." in Path(said.path).parts:
        raise document.fault((*here, "path"), f"{said.path} leaves the folder given by --from; name a file inside it",
                             f"{said.path} 超出 --from 指定的目录;应为其中的文件")  # fmt: skip
    single = folder.is_file() and folder.match(said.path)
    files = [folder] if single else sorted(p for p in folder.glob(said.path) if p.is_file())
    if not files and not said.optional:
        there = sorted(p.name for p in folder.iterdir())[:8] if folder.is_dir() else []
        raise document.fault(
            (*here, "path"), f"no file {said.path} in {folder}, found {', '.join(there) or 'nothing'}; pass the folder that holds"
            " it with --from", f"{folder} 中没有文件 {said.path},实际为 {', '.join(there) or '空'};请用 --from 指定所在目录", DataRefused,
        )  # fmt: skip
    return files


def _csv(con: Connection, document: Document, here: Keys, said: File, file: Path, part: str) -> str:
    with _as_utf8(file, said.encoding, document, here) as text:
        names = f", names = [{', '.join(literal(n) for n in said.names)}]" if said.names else ""
        reader = (
            f"read_csv({literal(text)}, all_varchar = true, header = {str(said.header).lower()}, delim = {literal(said.delimiter)},"
            f" quote = {literal(said.quote)}, escape = {literal(said.quote)}, skip = {said.skip}, strict_mode = true{names})"
        )
        columns_of(con, reader, file)
        line = f"row_number() OVER () + {said.skip + int(said.header)}"
        with readable(file):
            con.execute(
                f"CREATE TEMP TABLE {part} AS SELECT *, {literal(file.name)} AS source_file, {line} AS source_line FROM {reader}"
            )
    return f"SELECT * FROM {part}"


@contextmanager
def _as_utf8(file: Path, encoding: str, document: Document, here: Keys) -> Iterator[Path]:
    """A file whose text DuckDB can read; in another encoding (GB18030, say) it is copied for the while."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise document.fault((*here, "encoding"), f"no encoding {encoding}; utf-8, gb18030 and latin-1 are usual",
                             f"没有编码 {encoding};常用的有 utf-8、gb18030、latin-1") from error  # fmt: skip
    if name in NATIVE_ENCODINGS:
        yield file
        return
    copy = file.with_name(f".{file.name}.{os.getpid()}.utf8")
    try:
        with file.open(encoding=name, newline="") as source, copy.open("w", encoding="utf-8", newline="") as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
        yield copy
    except UnicodeDecodeError as error:
        raise document.fault((*here, "encoding"), f"{file.name} is not {encoding} ({error}); name its encoding",
                             f"{file.name} 不是 {encoding} 编码({error});请指定正确编码", DataRefused) from error  # fmt: skip
    finally:
        copy.unlink(missing_ok=True)


def _parquet(con: Connection, document: Document, here: Keys, said: File, file: Path, part: str) -> str:
    reader = f"read_parquet({literal(file)}, file_row_number = true)"
    columns_of(con, reader, file)
    return f"SELECT * EXCLUDE (file_row_number), {literal(file.name)} AS source_file, file_row_number + 1 AS source_line FROM {reader}"


def _excel(con: Connection, document: Document, here: Keys, said: File, file: Path, part: str) -> str:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(file)
        sheet = said.sheet or book.sheet_names[0]
        if sheet not in book.sheet_names:
            listed = ", ".join(book.sheet_names)
            raise document.fault((*here, "sheet"), f"{file.name} has no sheet {sheet}; it has {listed}",
                                 f"{file.name} 没有工作表 {sheet};现有 {listed}", DataRefused)  # fmt: skip
        rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)[said.skip :]
    except (CalamineError, OSError) as error:
        raise DataRefused(
            f"{file}: cannot be read ({error}); save it again as .xlsx", f"{file}:无法读取({error});请另存为 .xlsx"
        ) from error
    head = [str(cell).strip() or f"column{i}" for i, cell in enumerate(rows[0])] if said.header and rows else []
    names = list(said.names) or head or [f"column{i}" for i in range(len(rows[0]) if rows else 0)]
    body = [(n, row) for n, row in enumerate(rows[int(said.header) :], said.skip + int(said.header) + 1) if any(map(_cell, row))]
    data = {name: pa.array([_cell(row[i]) for _, row in body], pa.string()) for i, name in enumerate(names)}
    data |= {
        "source_file": pa.array([f"{file.name}:{sheet}"] * len(body)),
        "source_line": pa.array([n for n, _ in body], pa.int64()),
    }
    return _registered(con, part, pa.table(data).to_reader())


def _cell(value: object) -> str | None:
    """A cell as the text a person sees: whole numbers without a point, dates as ISO."""
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _sqlite(con: Connection, document: Document, here: Keys, said: File, file: Path, part: str) -> str:
    from adbc_driver_sqlite.dbapi import connect

    with readable(file):
        con.execute("SELECT 1")
    return _database(con, document, here, said, lambda: connect(f"file:{file}?mode=ro"), file.name, part)


def _postgresql(con: Connection, document: Document, here: Keys, said: File) -> str:
    from adbc_driver_postgresql.dbapi import connect

    variable = said.url or ""
    if variable not in os.environ:
        raise document.fault(
            (*here, "url"), f"url names the environment variable that holds the address (no secrets in a mapping), and {variable!r}"
            " is not set", f"url 应为存放数据库地址的环境变量名(映射中不写密码),而 {variable!r} 未设置",
        )  # fmt: skip
    return _database(con, document, here, said, lambda: connect(os.environ[variable]), "postgresql", "part_0")


def _database(
    con: Connection, document: Document, here: Keys, said: File, connect: Callable[[], object], place: str, part: str
) -> str:
    """A table or query of a database, streamed as Arrow."""
    from adbc_driver_manager import Error

    if bool(said.table) == bool(said.query):
        raise document.fault(here, "name either table or query", "table 与 query 二者须居其一")
    sql = said.query or "SELECT * FROM " + ".".join(quote(p) for p in (said.table or "").split("."))
    try:
        with connect() as database, database.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute(sql)
            read = _registered(con, f"{part}", cursor.fetch_record_batch())
    except Error as error:
        said_first = str(error).splitlines()[0]
        raise document.fault(
            here, f"{place}: cannot be read ({said_first})", f"{place}:无法读取({said_first})", DataRefused
        ) from error
    label = literal(f"{place}:{said.table or 'query'}")
    return f"SELECT *, {label} AS source_file, row_number() OVER () AS source_line FROM ({read})"


def _registered(con: Connection, part: str, reader: pa.RecordBatchReader) -> str:
    con.register("arriving", reader)
    con.execute(f"CREATE TEMP TABLE {part} AS SELECT * FROM arriving")
    con.unregister("arriving")
    return f"SELECT * FROM {part}"


Reader = Callable[[Connection, Document, Keys, File, Path, str], str]
READERS: dict[str, Reader] = {"csv": _csv, "parquet": _parquet, "excel": _excel, "sqlite": _sqlite}
