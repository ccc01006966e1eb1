"""What happens between two nights, from a file: a request a line, each taken in as the service takes it in."""

from pathlib import Path
from typing import Annotated

import typer

from loanwatch.commands.lines import show, taken_in
from loanwatch.commands.options import BOOK, STORE, Book, Json, OpenDay, Store, by_calendar

app = typer.Typer()


@app.command()
def events(
    file: Annotated[Path, typer.Argument(help="As POST /v1/events takes them, one a line (JSON Lines). 每行一个事件请求。")],
    book: Book = BOOK,
    mlruns: Store = STORE,
    day: OpenDay = "calendar",
    as_json: Json = False,
) -> None:
    """Take in what happened: recorded, scored, and joined to cases; a line that is refused keeps no other back. 导入事件。"""
    from serving.arriving import arrive

    show("Events", "events", file, taken_in(file, arrive, book, mlruns, by_calendar(day)), as_json)
