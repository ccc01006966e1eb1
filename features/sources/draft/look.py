"""A first look at a lender's files: how they are written, and what kind of values stand in each column of a sample."""

import codecs
import csv
import io
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from features.errors import DataRefused
from features.sources.tables.document import Document
from features.sources.tables.mapping import File, Notation
from features.sources.tables.opening import FAULT, FILE, LINE, Opening, stored
from features.sources.tables.raw import SUFFIXES, open_file, suffix_of

SAMPLE, HEAD = 5_000, 1 << 18
DELIMITERS = ",;\t|"
DATES = (
    "%Y-%m-%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y年%m月%d日", "%Y%m%d", "%Y%m", "%d-%b-%Y",
    "%d-%b-%y", "%b-%Y", "%d.%m.%y", "%y%m%d",
)  # fmt: skip
ISO = "%Y-%m-%d"
"""What is read as a day without being told the format; strokes may stand for the hyphens."""
POINT = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d+)?%?")
COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d+)?%?")
ONE_BYTE = ("cp1252", "cp1250", "cp1251", "latin-1", "iso-8859-2")
"""Encodings of Europe, most usual first; latin-1 can read any bytes."""
FEW = 20
NEARLY = 0.98
"""Share of different values from which a column counts as an identity: a few repeats are for the checks to find."""


@dataclass(frozen=True)
class Seen:
    """One column: its name, what kind of values, and facts that decide what it may be; never a value, save a few codes."""

    name: str
    kind: str
    """empty, day, number, text."""
    formats: tuple[str, ...] = ()
    comma: bool = False
    thousands: bool = False
    unique: bool = False
    low: float | None = None
    high: float | None = None
    whole: bool = False
    codes: tuple[str, ...] = ()
    values: frozenset[str] = field(default=frozenset(), repr=False)
    """Distinct values of the sample, to compare keys between files; they go nowhere else."""


@dataclass(frozen=True)
class Looked:
    """One file, sheet or table: how it is to be read, and its columns."""

    name: str
    keys: dict[str, Any]
    columns: tuple[Seen, ...]
    rows: int
    encodings: tuple[str, ...] = ()
    """Encodings that can all read the file; the first was tried. Empty if there is no doubt."""

    def __getitem__(self, name: str) -> Seen:
        return next(column for column in self.columns if column.name == name)


def look(path: Path, taken: Sequence[str] = ()) -> list[Looked]:
    """What is in a file: one entry, or one for each sheet or table. Raises DataRefused for a file that cannot be read."""
    kind = SUFFIXES.get(suffix_of(path.name))
    ways: dict[str | None, Any] = {"csv": _as_text, "excel": _sheets, "sqlite": _tables, "parquet": lambda _: [{}]}
    if kind not in ways:
        raise DataRefused(
            f"{path}: not a kind of file that can be drafted from; show CSV, Excel, Parquet or SQLite files",
            f"{path}:无法据此起草;请提供 CSV、Excel、Parquet 或 SQLite 文件",
        )
    if not path.is_file():
        raise DataRefused(f"{path}: no such file", f"{path}:没有该文件")
    found: list[Looked] = []
    for keys in ways[kind](path):
        label = keys.get("sheet") or keys.get("table")
        found.append(_looked(path, _name(label or path.name, [*taken, *(f.name for f in found)]), keys))
    if kind == "csv":
        found = [replace(file, encodings=tuple(_encodings(_head(path))[1:])) for file in found]
    return found


def _name(text: str, taken: Sequence[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", text.split(".")[0].lower()).strip("_") or "file"
    base = base if base[0].isalpha() else f"file_{base}"
    return next(n for i in range(1, 1_000) if (n := base if i == 1 else f"{base}_{i}") not in taken)


def _looked(path: Path, name: str, keys: dict[str, Any]) -> Looked:
    spec = File.model_validate({"path": path.name, **keys})
    with duckdb.connect() as con:
        open_file(Opening(con, Document(path.name, {}, {}), name, spec, Notation()), path)
        rows = int(con.execute(f"SELECT count(*) FROM {stored(name)}").fetchall()[0][0])
        chosen = f"SELECT * EXCLUDE ({FILE}, {LINE}, {FAULT}) FROM {stored(name)}"
        cursor = con.execute(f"{chosen} USING SAMPLE {SAMPLE} ROWS (reservoir, 7)")
        names = [str(column[0]) for column in cursor.description]
        sample = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
    return Looked(name, {"path": path.name, **keys}, tuple(_column(n, v) for n, v in zip(names, sample, strict=True)), rows)


def _column(name: str, values: Sequence[Any]) -> Seen:
    known = [str(value) for value in values if value is not None]
    distinct = frozenset(known)
    if not known:
        return Seen(name, "empty")
    facts: dict[str, Any] = {"unique": len(known) == len(values) and len(distinct) > NEARLY * len(known), "values": distinct}
    facts["codes"] = tuple(sorted(distinct)) if len(distinct) <= FEW and len(distinct) < max(len(known) / 2, 3) else ()
    if formats := _formats(distinct):
        return Seen(name, "day", formats=formats, **facts)
    for pattern, comma in ((POINT, False), (COMMA, True)):
        if all(pattern.fullmatch(value) for value in distinct):
            return _number(name, distinct, comma, facts)
    return Seen(name, "text", **facts)


def _number(name: str, distinct: frozenset[str], comma: bool, facts: dict[str, Any]) -> Seen:
    group, mark = (".", ",") if comma else (",", ".")
    numbers = [float(value.rstrip("%").replace(group, "").replace(mark, ".") or "nan") for value in distinct]
    grouped = any(group in value for value in distinct)
    return Seen(
        name, "number", comma=comma, thousands=grouped, low=min(numbers), high=max(numbers),
        whole=all(n == int(n) for n in numbers if n == n), **facts,
    )  # fmt: skip


def _formats(distinct: frozenset[str]) -> tuple[str, ...]:
    """Formats in which the values are days, a slip aside; several where the values cannot tell."""
    sample = sorted(distinct)[:: max(1, len(distinct) // 200)]
    bare = [re.split("[ T]", value)[0].replace("/", "-") if re.match(r"\d{4}[-/]", value) else value for value in sample]
    hits = {form: sum(_is_day(value, form) for value in bare) for form in DATES}
    best = max(hits.values())
    enough = len(bare) - (len(bare) > 2) if len(bare) < FEW else NEARLY * len(bare)
    return tuple(form for form, count in hits.items() if count == best) if best and best >= enough else ()


def _is_day(value: str, form: str) -> bool:
    wanted = {"%Y%m%d": 8, "%Y%m": 6, "%y%m%d": 6}.get(form)
    if wanted is not None and (len(value) != wanted or not value.isdigit()):
        return False
    try:
        return 1900 <= datetime.strptime(value, form).year <= 2100
    except ValueError:
        return False


def _as_text(path: Path) -> list[dict[str, Any]]:
    data = _head(path)
    encoding = _encodings(data)[0]
    text = data.decode(encoding, "ignore")
    lines = text.splitlines()[:200]
    delimiter = max(DELIMITERS, key=lambda mark: (_regular(lines, mark), -DELIMITERS.index(mark)))
    rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
    width = _usual([len(row) for row in rows if row])
    skip = next((i for i, row in enumerate(rows) if len(row) == width and sum(map(bool, row)) > width / 2), 0)
    keys: dict[str, Any] = {}
    if delimiter != ",":
        keys["delimiter"] = delimiter
    if encoding not in ("utf-8", "utf-8-sig"):
        keys["encoding"] = encoding
    if skip:
        keys["skip"] = skip
    if rows and any(re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell.strip()) for cell in rows[skip]):
        keys["header"] = False
    return [keys]


def _head(path: Path) -> bytes:
    with pa.input_stream(str(path), compression="detect") as stream:
        return bytes(stream.read(HEAD))


def _encodings(data: bytes) -> list[str]:
    """The encoding to try first; more than one where the bytes cannot tell: then all that can read them follow it."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    if _reads(data, "utf-8"):
        return ["utf-8"]
    if _chinese(data):
        return ["gb18030"]
    able = [name for name in ONE_BYTE if _reads(data, name)]
    return [able[0], *able]


def _reads(data: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _chinese(data: bytes) -> bool:
    """Whether nearly all letters beyond ASCII are of the common set: those of other languages make rare signs in pairs."""
    if not _reads(data, "gb18030"):
        return False
    signs = [c for c in data.decode("gb18030", "ignore") if c > "\x7f"]
    common = sum(bool(c.encode("gb2312", "ignore")) for c in signs)
    return common >= NEARLY * len(signs)


def _regular(lines: list[str], mark: str) -> int:
    widths = [len(row) for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=mark) if row]
    usual = _usual(widths)
    return usual * widths.count(usual) if usual > 1 else 0


def _usual(widths: list[int]) -> int:
    return max(set(widths), key=lambda w: (widths.count(w), w)) if widths else 0


def _sheets(path: Path) -> list[dict[str, Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
    except (CalamineError, OSError) as error:
        raise DataRefused(
            f"{path}: cannot be read ({error}); save it again as .xlsx", f"{path}:无法读取({error});请另存为 .xlsx"
        ) from error
    found = []
    for sheet in book.sheet_names:
        rows = [
            [cell for cell in row if cell not in ("", None)]
            for row in book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)[:200]
        ]
        if any(rows):
            width = max(map(len, rows))
            skip = next(i for i, row in enumerate(rows) if len(row) > width / 2)
            found.append({"sheet": sheet} | ({"skip": skip} if skip else {}))
    return found


def _tables(path: Path) -> list[dict[str, Any]]:
    try:
        with sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True) as con:
            names = con.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
            ).fetchall()
        con.close()
    except sqlite3.Error as error:
        raise DataRefused(f"{path}: cannot be read ({error})", f"{path}:无法读取({error})") from error
    return [{"table": str(name)} for (name,) in names]
