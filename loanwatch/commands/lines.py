"""Requests from a file, one a line, each taken in as the service takes it in; a line that is refused keeps no other back."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from features.errors import DataRefused, LoanwatchError, NotFound
from loanwatch.commands.four_eyes import acting
from loanwatch.commands.options import err, out, print_json

if TYPE_CHECKING:
    from serving.arriving import Desk

Take = Callable[["Desk", dict[str, Any], bytes], bytes]


def taken_in(file: Path, take: Take, book: Path, mlruns: Path, calendar: bool) -> list[dict[str, Any]]:
    """What became of each line of a file; raises NotFound where there is none."""
    return list(_each(_lines(file), take, book, mlruns, calendar))


def show(title: str, name: str, file: Path, told: list[dict[str, Any]], as_json: bool) -> None:
    """How many were taken in, and why others were not; raises DataRefused if any was refused."""
    from loanwatch.show.tables import titled

    if not told:
        err.print(f"{file}: nothing is in it, and nothing was taken in. 文件为空,未导入任何记录。", highlight=False, markup=False)
        if as_json:
            print_json({name: told})
        return
    refused = [one for one in told if "refused" in one]
    counts = Counter("refused" if "refused" in one else "again" if one["again"] else "taken in" for one in told)
    table = titled(title, *counts)
    table.add_row(*(f"{count:,}" for count in counts.values()))
    (err if as_json else out).print(table)
    for one in refused:
        err.print(f"{file}:{one['line']}: {one['refused']}", highlight=False, markup=False)
    if as_json:
        print_json({name: told})
    if refused:
        raise DataRefused(
            f"{file}: {len(refused)} of {len(told)} lines were refused; mend them and import the file again, the rest is known",
            f"{file}:{len(told)} 行中有 {len(refused)} 行被拒绝;请更正后重新导入,其余行不会重复计入",
        )


def _lines(file: Path) -> list[tuple[int, bytes]]:
    if not file.is_file():
        raise NotFound(f"{file}: no such file", f"{file}:文件不存在")
    return [(number, line) for number, line in enumerate(file.read_bytes().split(b"\n"), 1) if line.strip()]


def _each(lines: list[tuple[int, bytes]], take: Take, book: Path, mlruns: Path, calendar: bool) -> Iterator[dict[str, Any]]:
    from serving.arriving import Desk, day_to_arrive
    from serving.bodies import parse
    from serving.book import Book as Shown
    from serving.current import Models
    from serving.observe import Meters
    from serving.problems import Problem

    with acting(book, "report") as (record, caller):
        shown, ready = Shown(book), Models(book, mlruns, Meters()).champion
        desk = Desk(shown, ready, record, day_to_arrive(shown, record.clock(), calendar), caller.id, "en")
        for number, line in lines:
            try:
                yield {"line": number, **orjson.loads(take(desk, parse(line), line))}
            except Problem as problem:
                yield {"line": number, "refused": "; ".join(f"{f.pointer}: {f.en}" for f in problem.faults) or problem.en}
            except LoanwatchError as error:
                yield {"line": number, "refused": error.en}
