"""A sheet of a workbook as rows of text: typed cells as a person would write them, dates as YYYY-MM-DD.

A column of which every cell is a number is a column of numbers.
"""

from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa

from features.sources.files import literal
from features.sources.tables.mapping import Notation
from features.sources.tables.notation import shown
from features.sources.tables.opening import FILE, LINE, SHOWN, Opening, Sorts, clean, own_names


def read_workbook(opening: Opening, file: Path, part: str) -> None:
    """Rows of the sheet into the temporary table ``part``; the whole sheet is held in memory."""
    sheet, rows = _sheet(opening, file)
    spec = opening.spec
    if not rows:
        raise opening.fault("sheet", f"{file.name}: sheet {sheet} has no row below {spec.skip}; name another with sheet",
                            f"{file.name}:工作表 {sheet} 在第 {spec.skip} 行之下为空;请用 sheet 指定其他工作表")  # fmt: skip
    width = len(rows[0])
    if spec.names and len(spec.names) != width:
        raise opening.fault("names", f"{file.name} has {width} columns, names has {len(spec.names)}; give one for each",
                            f"{file.name} 有 {width} 列,而 names 有 {len(spec.names)} 个;应一一对应")  # fmt: skip
    names = own_names(spec.names or (rows[0] if spec.header else [None] * width))
    first = spec.skip + int(spec.header) + 1
    body = [
        (line, row) for line, row in enumerate(rows[int(spec.header) :], first) if any(cell not in ("", None) for cell in row)
    ]
    data = {name: pa.array([text(row[i], opening.notation) for _, row in body], pa.string()) for i, name in enumerate(names)}
    data[LINE] = pa.array([line for line, _ in body], pa.int64())
    opening.con.register("arriving", pa.table(data))
    sorts = Sorts(spec.null)
    for i, name in enumerate(names):
        sorts.see(name, (row[i] for _, row in body))
    clean(opening, part, "arriving", f"{literal(f'{file.name}:{sheet}')} AS {FILE}, {LINE}", sorts.numeric())
    opening.con.unregister("arriving")


def _sheet(opening: Opening, file: Path) -> tuple[str, list[list[object]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(file)
        sheet = opening.spec.sheet or next(iter(book.sheet_names), "")
        if sheet not in book.sheet_names:
            listed = ", ".join(book.sheet_names[:SHOWN])
            raise opening.fault("sheet", f"{file.name} has no sheet {sheet}; it has {listed}",
                                f"{file.name} 没有工作表 {sheet};现有 {listed}")  # fmt: skip
        return sheet, book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)[opening.spec.skip :]
    except (CalamineError, OSError) as error:
        raise opening.fault("path", f"{file.name}: cannot be read ({error}); save it again as .xlsx",
                            f"{file.name}:无法读取({error});请另存为 .xlsx") from error  # fmt: skip


def text(cell: object, notation: Notation) -> str | None:
    """A cell as text in the mapping's notation: whole numbers without a point, midnight without a time."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date):
        return str(cell)
    return shown(cell, notation)
