"""What commands share: consoles, the options that several take, and one JSON document on stdout."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from features.errors import UsageError

if TYPE_CHECKING:
    from monitoring.decisions.record import Record

WIDTH = None if sys.stdout.isatty() else 140
out = Console(width=WIDTH)
err = Console(stderr=True, width=WIDTH)

Book = Annotated[Path, typer.Option("--book", help="Folder of the book. 账簿目录。")]
Store = Annotated[Path, typer.Option("--mlruns", envvar="LOANWATCH_MLRUNS", help="Folder of the model store. 模型库目录。")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout. 以 JSON 输出。")]
Day = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Closed business day, YYYY-MM-DD. 营业日。")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="The mapping of the source tables. 映射文件。")]
Dask = Annotated[
    str | None,
    typer.Option(
        "--cluster", envvar="LOANWATCH_CLUSTER", metavar="ADDRESS",
        help="Dask scheduler, or `local` for two worker processes here. Dask 调度器地址,或 local。",
    ),
]  # fmt: skip
InPrefect = Annotated[bool, typer.Option("--prefect", help="Run as a Prefect flow on a temporary server. 以 Prefect 流程运行。")]
OpenDay = Annotated[
    str,
    typer.Option(
        "--day", help="Which business day is open: the lender's by the calendar, or (a book of the past) the next after the last"
        " that was closed. 当前营业日:calendar 日历日,next 下一营业日(历史账簿)。",
    ),
]  # fmt: skip
CALENDAR, NEXT = "calendar", "next"
Word = TypeVar("Word", bound=str)
BOOK, STORE = Path("book"), Path("mlruns")


def day_of(text: str | None, name: str = "--as-of") -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as problem:
        raise UsageError(
            f"{name} {text}: not a date; write it as 2024-12-31", f"{name} {text}:不是日期,请写作 2024-12-31"
        ) from problem


def one_of(known: tuple[Word, ...], said: str) -> Word:
    """The word that was said, of those that can be; raises UsageError."""
    for word in known:
        if word == said:
            return word
    raise UsageError(f"{said}: say {', '.join(known)}", f"{said}:应为 {'、'.join(known)} 之一")


def today_of(record: "Record", book: Path, day: str) -> date:
    """The business day that is open in a book, by an ``OpenDay``."""
    from serving.arriving import open_day
    from serving.book import Book as Shown

    return open_day(Shown(book), record.clock(), by_calendar(day))


def by_calendar(day: str) -> bool:
    """Whether the open business day is the calendar's; raises UsageError for a word that is none."""
    return one_of((CALENDAR, NEXT), day) == CALENDAR


def in_prefect(asked: bool) -> bool:
    """Whether to run under Prefect: asked for, or a server is named in the environment."""
    os.environ.setdefault("PREFECT_HOME", str(Path(".prefect").resolve()))
    return asked or "PREFECT_API_URL" in os.environ


@contextmanager
def record_of(book: Path) -> Iterator["Record"]:
    """The record of a book; raises NotFound where there is no book."""
    from features.ledger import Ledger
    from monitoring.decisions.place import Place, opened

    Ledger(book)
    with opened(Place.of(book, os.environ)) as record:
        yield record


def print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n")
