"""Text files as rows of text, each with the line on which it begins.

DuckDB reads the rows. Where a value holds line breaks, or lines are empty, a row's number does not tell its line: Python's reader
then counts the lines, and both must agree on the number of rows, so no row can be lost between them.
"""

import codecs
import csv
import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import duckdb
import pyarrow as pa

from features.errors import LoanwatchError, UsageError
from features.sources.files import literal, quote
from features.sources.tables.opening import FILE, LINE, Opening, clean, own_names, plain_path

NATIVE = ("utf-8", "ascii")
CHUNK = 1 << 20
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_CELLS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@dataclass(frozen=True)
class Head:
    """What stands above the rows: the columns' names and how many lines it takes."""

    names: list[str]
    lines: int


def read_text(opening: Opening, file: Path, part: str) -> None:
    """Rows of a CSV file into the temporary table ``part``; raises DataRefused naming the line of the mapping and of the file."""
    try:
        with _readable(opening, file) as (text, lines):
            head = _head(opening, file, text)
            rows = _load(opening, file, text, part, head)
            if rows != lines - head.lines:
                _count_lines(opening, file, text, part, head, rows)
    except (UnicodeError, csv.Error, OSError, EOFError) as error:
        raise _not_text(opening, file, str(error)) from error


@contextmanager
def _readable(opening: Opening, file: Path) -> Iterator[tuple[Path, int]]:
    """A file that DuckDB can read and its number of lines; another encoding, or mixed line ends, are copied for the while."""
    encoding = _encoding(opening)
    lines = _uniform_lines(file) if encoding in NATIVE else None
    if lines is not None:
        yield file, lines
        return
    row = opening.con.execute("SELECT current_setting('temp_directory')").fetchone()
    spill = Path(str(row[0]) if row and row[0] else tempfile.gettempdir())
    spill.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spill) as folder:
        copy = Path(folder, "text.csv")
        yield copy, _copy(file, "utf-8-sig" if encoding in NATIVE else encoding, copy)


def _encoding(opening: Opening) -> str:
    try:
        return codecs.lookup(opening.spec.encoding).name
    except (LookupError, ValueError) as error:
        raise opening.fault(
            "encoding",
            f"no encoding {opening.spec.encoding}; utf-8, gb18030, utf-16, cp1252, cp1250, latin-1, iso-8859-2 are usual",
            f"没有编码 {opening.spec.encoding};常用的有 utf-8、gb18030、utf-16、cp1252、cp1250、latin-1、iso-8859-2", UsageError,
        ) from error  # fmt: skip


def _uniform_lines(file: Path) -> int | None:
    """Lines of a file whose line ends are all alike and which has no byte order mark; None for any other file."""
    feeds = pairs = returns = 0
    last = b"\n"
    with pa.input_stream(str(file), compression="detect") as stream:
        first = stream.read(CHUNK)
        if first.startswith(codecs.BOM_UTF8):
            return None
        chunk = first
        while chunk:
            feeds, returns = feeds + chunk.count(b"\n"), returns + chunk.count(b"\r")
            pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk[:1] == b"\n")
            last = chunk[-1:]
            chunk = stream.read(CHUNK)
    alike = (returns == 0) or (returns == pairs == feeds)
    return feeds + (last != b"\n") if alike else None


def _copy(file: Path, encoding: str, copy: Path) -> int:
    """The text as UTF-8 with one kind of line end; returns its number of lines."""
    lines, last = 0, "\n"
    with _opened(file, encoding, None) as source, copy.open("w", encoding="utf-8", newline="") as target:
        while chunk := source.read(CHUNK):
            target.write(chunk.removeprefix("\ufeff"))
            lines, last = lines + chunk.count("\n"), chunk[-1]
    return lines + (last != "\n")


def _opened(file: Path, encoding: str = "utf-8", newline: str | None = "") -> TextIO:
    return io.TextIOWrapper(pa.input_stream(str(file), compression="detect"), encoding=encoding, newline=newline)


def _records(opening: Opening, stream: TextIO) -> Any:
    quoted = opening.spec.quote
    if not quoted:
        return csv.reader(stream, delimiter=opening.spec.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(stream, delimiter=opening.spec.delimiter, quotechar=quoted)


def _head(opening: Opening, file: Path, text: Path) -> Head:
    spec = opening.spec
    with _opened(text) as stream:
        for _ in range(spec.skip):
            stream.readline()
        records = _records(opening, stream)
        first = next((record for record in records if record), None)
        if first is None:
            raise opening.fault("", f"{file.name}: nothing stands there, not even column names; export it again",
                                f"{file.name}:文件为空,连列名也没有;请重新导出")  # fmt: skip
        if spec.names and len(spec.names) != len(first):
            raise opening.fault(
                "names", f"{file.name} has {len(first)} columns, names has {len(spec.names)}; give one for each",
                f"{file.name} 有 {len(first)} 列,而 names 有 {len(spec.names)} 个;应一一对应",
            )  # fmt: skip
        unnamed = [f"column{i}" for i in range(1, len(first) + 1)]
        names = spec.names or (first if spec.header else unnamed)
        return Head(own_names(names), spec.skip + (records.line_num if spec.header else 0))


def _load(opening: Opening, file: Path, text: Path, part: str, head: Head) -> int:
    spec = opening.spec
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in head.names)
    reader = (
        f"read_csv({plain_path(text)}, auto_detect = false, header = false, columns = {{{columns}}}, skip = {head.lines},"
        f" delim = {literal(spec.delimiter)}, quote = {literal(spec.quote)}, escape = {literal(spec.quote)}, strict_mode = true,"
        f" null_padding = {str(spec.short_lines).lower()})"
    )
    place = f"{literal(file.name)} AS {FILE}, row_number() OVER () + {head.lines} AS {LINE}"
    try:
        clean(opening, part, reader, place)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _refused(opening, file, str(error)) from error
    return int(opening.con.execute(f"SELECT count(*) FROM {part}").fetchall()[0][0])


def _count_lines(opening: Opening, file: Path, text: Path, part: str, head: Head, rows: int) -> None:
    """Give each row the line on which it begins; raises DataRefused if the two readers see different rows."""
    with _opened(text) as stream:
        for _ in range(head.lines):
            stream.readline()
        begins, filled, before = [], [], 0
        records = _records(opening, stream)
        for record in records:
            begins.append(head.lines + before + 1)
            filled.append(bool(record))
            before = records.line_num
    if sum(filled) == rows:
        begins = [line for line, row in zip(begins, filled, strict=True) if row]
    if len(begins) != rows:
        raise opening.fault(
            "quote", f"{file.name}: {rows:,} rows if quotes are strict, {len(begins):,} if not: a quote is open or stands inside"
            " a value; export it again, or say quote = \"\" if quotes mean nothing",
            f"{file.name}:引号不成对(严格解析 {rows:,} 行,否则 {len(begins):,} 行);请重新导出,若引号无意义请设 quote = \"\"",
        )  # fmt: skip
    arriving = pa.table({"position": pa.array(range(head.lines + 1, head.lines + rows + 1), pa.int64()), "begins": begins})
    opening.con.register("arriving", arriving)
    opening.con.execute(
        f"CREATE OR REPLACE TEMP TABLE {part} AS SELECT p.* REPLACE (a.begins AS {quote(LINE)})"
        f" FROM {part} p JOIN arriving a ON a.position = p.{LINE}"
    )
    opening.con.unregister("arriving")


def _refused(opening: Opening, file: Path, said: str) -> LoanwatchError:
    """What DuckDB says of a text file, without the text of the line."""
    if "unicode" in said or "utf-8" in said:
        return _not_text(opening, file, "not utf-8")
    line = f" line {found[1]}" if (found := _LINE.search(said)) else ""
    cells = _CELLS.search(said)
    why = f"{cells[1]} values are expected, {cells[2]} found" if cells else _reason(said)
    return opening.fault(
        "", f"{file.name}{line}: cannot be read ({why}); check delimiter and quote, mend the line, or say short_lines = true"
        " if lines may end early",
        f"{file.name}{line}:无法读取({why});请检查 delimiter 与 quote 或修正该行;行尾可省略时设 short_lines = true",
    )  # fmt: skip


def _reason(said: str) -> str:
    """The line of a DuckDB message that gives the reason: never the one that quotes the file."""
    lines = [line for line in said.splitlines() if line and not line.startswith(("Original Line", "Invalid Input Error: CSV"))]
    return lines[0][:120] if lines else "damaged"


def _not_text(opening: Opening, file: Path, said: str) -> LoanwatchError:
    return opening.fault(
        "encoding", f"{file.name} cannot be read as {opening.spec.encoding} ({said}); name its encoding (gb18030, utf-16,"
        " cp1252, cp1250, latin-1, iso-8859-2), or export it again",
        f"{file.name} 无法按 {opening.spec.encoding} 读取({said});请指定正确编码(gb18030 等)或重新导出",
    )  # fmt: skip
