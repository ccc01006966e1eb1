"""Checks that were made: templates, import from a file, the queue of those with flags, and a person's look."""

from pathlib import Path
from typing import Annotated, Any

import typer

from loanwatch.commands.four_eyes import acting
from loanwatch.commands.lines import show as show_lines
from loanwatch.commands.lines import taken_in
from loanwatch.commands.options import (
    BOOK,
    STORE,
    Book,
    Day,
    Json,
    OpenDay,
    Store,
    by_calendar,
    day_of,
    err,
    out,
    print_json,
    today_of,
)

app = typer.Typer()
checks = typer.Typer(
    no_args_is_help=True, help="Checks that were made: their evidence, and what is flagged about them. 贷后检查:证据与标记。"
)
app.add_typer(checks, name="checks")
Id = Annotated[str, typer.Argument(help="The check's id. 检查编号。")]


@checks.command("templates")
def templates(as_of: Day = None, as_json: Json = False) -> None:
    """What each kind of check looks at and has to bring. 各类检查的内容与必需证据。"""
    from loanwatch.show import checks as show
    from serving.checking import templates

    found = templates(day_of(as_of))
    show.templates(err if as_json else out, found)
    if as_json:
        print_json(found)


@checks.command("import")
def bring(
    file: Annotated[Path, typer.Argument(help="As POST /v1/checks takes them, one a line (JSON Lines). 每行一个检查请求。")],
    book: Book = BOOK,
    mlruns: Store = STORE,
    day: OpenDay = "calendar",
    as_json: Json = False,
) -> None:
    """Take in checks: recorded, flagged, scored; a line that is refused keeps no other back. 导入检查。"""
    from loanwatch.show import checks as show
    from serving.checking import check

    told = taken_in(file, check, book, mlruns, by_calendar(day))
    show.table(err if as_json else out, {"checks": [one for one in told if one.get("flags")], "next": None})
    show_lines("Checks", "checks", file, told, as_json)


@checks.command("list")
def listed(
    flagged: Annotated[bool, typer.Option("--flagged", help="Only those with flags nobody has looked at. 仅待复核。")] = False,
    after: Annotated[int, typer.Option(min=0, help="Where the list before ended. 续前页。")] = 0,
    most: Annotated[int, typer.Option(min=1, max=100, help="How many. 条数。")] = 100,
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Checks in the order in which they came. 按到达次序列出检查。"""
    from loanwatch.show import checks as show
    from monitoring.checks.looking import Wanted
    from serving import checking

    with acting(book, "read") as (record, _):
        found = checking.listed(record, Wanted(open=True if flagged else None), "en", most, after)
    show.table(err if as_json else out, found)
    if as_json:
        print_json(found)


@checks.command("show")
def show(id: Id, book: Book = BOOK, as_json: Json = False) -> None:
    """A check with its report, its evidence and who looked at its flags. 查看检查。"""
    from serving import checking

    with acting(book, "read") as (record, _):
        found = checking.one(record, id, "en")
    _told(found, as_json)


@checks.command("look")
def look(
    id: Id,
    reason: Annotated[str, typer.Option(help="Why the flags are settled. 理由。")],
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Say that the flags of a check have been looked at; it leaves the queue, and nothing else follows. 复核标记。"""
    from serving import checking

    with acting(book, "work") as (record, caller):
        found = checking.look(record, id, reason, caller, today_of(record, book, day), "en")
    _told(found, as_json)


def _told(found: dict[str, Any], as_json: bool) -> None:
    from loanwatch.show import checks as show

    show.whole(err if as_json else out, found)
    if as_json:
        print_json(found)
