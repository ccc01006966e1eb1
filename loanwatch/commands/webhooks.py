"""Systems that are told of decisions: how far each is, what is due sent now, and one that was gone tried again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loanwatch.commands.options import BOOK, Book, Json, err, out, print_json

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(no_args_is_help=True, help="Systems that are told of decisions, by webhooks.toml. 事件推送。")


@app.command("list")
def listed(book: Book = BOOK, as_json: Json = False) -> None:
    """How far each endpoint is, what waits for it, and why. 各接收端的推送进度。"""
    with _engine_of(book) as engine:
        _show(book, engine, as_json)


@app.command("deliver")
def deliver(book: Book = BOOK, as_json: Json = False) -> None:
    """Send what is due now, and end: 1 if an attempt failed. 立即推送到期事件。"""
    from collections import Counter

    from monitoring.webhooks import delivering
    from monitoring.webhooks.endpoints import endpoints
    from monitoring.webhooks.sending import DELIVERED

    tried: Counter[str] = Counter()
    with _engine_of(book) as engine:
        delivering.deliver(delivering.Desk(engine, endpoints(book), lambda _, outcome: tried.update([outcome])))
        _show(book, engine, as_json)
    if set(tried) - {DELIVERED}:
        raise typer.Exit(1)


@app.command("enable")
def enable(
    name: Annotated[str, typer.Argument(help="The endpoint's name. 接收端名称。")], book: Book = BOOK, as_json: Json = False
) -> None:
    """Try an endpoint again that was gone, or that waits for its next attempt. 重新启用接收端。"""
    from monitoring.webhooks import state

    with _engine_of(book) as engine:
        state.enable(engine, name)
        _show(book, engine, as_json)


@contextmanager
def _engine_of(book: Path) -> Iterator["Engine"]:
    """The database of a book; whoever delivers needs none of its keys. Raises NotFound where there is no book."""
    from features.ledger import Ledger
    from monitoring.database import database
    from monitoring.decisions.place import Place

    Ledger(book)
    place = Place.of(book, os.environ)
    engine = database(place.book, place.url)
    try:
        yield engine
    finally:
        engine.dispose()


def _show(book: Path, engine: "Engine", as_json: bool) -> None:
    from dataclasses import asdict

    from loanwatch.show.webhooks import table
    from monitoring.webhooks.looking import looked

    found = looked(engine, book)
    (err if as_json else out).print(table(found))
    if as_json:
        print_json({"endpoints": [asdict(one) for one in found]})
