"""The service, and the keys of those who may call it."""

import gc
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import UsageError
from loanwatch.commands.options import BOOK, STORE, Book, Json, OpenDay, Store, by_calendar, err, out, print_json

if TYPE_CHECKING:
    from monitoring.decisions.place import Place
    from serving.callers import Caller, Callers

app = typer.Typer()
keys = typer.Typer(no_args_is_help=True, help="Keys of callers: add, rotate, revoke, list. 调用方密钥。")
app.add_typer(keys, name="keys")

Database = Annotated[
    str | None,
    typer.Option(
        "--database", envvar="LOANWATCH_DATABASE_URL", metavar="URL",
        help="postgresql://... or sqlite:///...; state.db in the book by default. 数据库地址。",
    ),
]  # fmt: skip
By = Annotated[str, typer.Option(metavar="NAME", help="Who acts; declared, not authenticated. 操作人。")]
SWITCH = 0.000_5
"""Seconds for which one thread may hold the interpreter: the record's thread asks for it after every call to the database."""
GRACE = 10
"""Seconds that requests have to end when the service is told to stop."""


@app.command()
def serve(
    book: Book = BOOK,
    mlruns: Store = STORE,
    host: Annotated[
        str, typer.Option(help="Address to listen on; name it to be reached from elsewhere. 监听地址。")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port. 端口。")] = 8000,
    database: Database = None,
    day: OpenDay = "calendar",
) -> None:
    """Answer requests for scores: recorded before they are told, explained, by the model in use. 评分服务。"""
    import uvicorn

    from serving.app import create, opened
    from serving.observe import log_to

    calendar = by_calendar(day)
    log_to()
    sys.setswitchinterval(SWITCH)
    with opened(book, mlruns, _place(book, database), calendar) as service:
        config = uvicorn.Config(
            create(service), host=host, port=port, workers=1, access_log=False, log_config=None, server_header=False,
            proxy_headers=False, timeout_graceful_shutdown=GRACE, timeout_keep_alive=75, h11_max_incomplete_event_size=1 << 16,
        )  # fmt: skip
        # What is here stays until the end: to look through it for garbage would hold up every request for a fifth of a second.
        gc.collect()
        gc.freeze()
        uvicorn.Server(config).run()


@keys.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The system that calls. 调用系统。")],
    scope: Annotated[
        list[str], typer.Option(help="score, read, audit, decide, work, report or admin; as often as needed. 权限,可多次指定。")
    ],
    by: By,
    authority: Annotated[
        list[str] | None,
        typer.Option(help="As what it decides: credit committee, ...; may come again, none by default. 决定权限,可多次指定。"),
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, max=3_650, help="Days until it ends; never by default. 有效天数。")] = None,
    book: Book = BOOK,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Make a key; its text is shown once. 新建密钥,仅显示一次。"""
    ends = None if days is None else int((datetime.now(UTC) + timedelta(days=days)).timestamp() * 1e6)
    _show(_callers(book, database).make(name, scope, by, ends, authority or ()), as_json)


@keys.command("rotate")
def rotate(
    id: Annotated[str, typer.Argument(help="The key's id. 密钥编号。")],
    by: By,
    keep: Annotated[int, typer.Option(min=0, help="Hours for which the old one still works. 旧密钥保留小时数。")] = 0,
    book: Book = BOOK,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """A new key in the place of another, with its name, scopes and authorities. 轮换密钥。"""
    _show(_callers(book, database).rotate(id, by, keep * 3_600), as_json)


@keys.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id. 密钥编号。")], book: Book = BOOK, database: Database = None
) -> None:
    """End a key now; a service that runs takes notice within half a minute. 吊销密钥。"""
    ended = _callers(book, database).revoke(id)
    out.print(f"revoked: {ended.id} ({ended.name})", highlight=False, markup=False)


@keys.command("list")
def listed(book: Book = BOOK, database: Database = None, as_json: Json = False) -> None:
    """All keys that were made; secrets are not kept. 列出密钥。"""
    from loanwatch.show.tables import titled

    found = _callers(book, database).all()
    table = titled("Keys", "id", "name", "scopes", "authorities", "made", "by", "expires", "revoked")
    for c in found:
        moments = (_moment(c.made_at), c.made_by, _moment(c.expires_at), _moment(c.revoked_at))
        table.add_row(c.id, c.name, " ".join(c.scopes), ", ".join(c.authorities), *moments)
    (err if as_json else out).print(table)
    if as_json:
        print_json({"keys": [_said(caller) for caller in found]})


def _callers(book: Path, database: str | None) -> "Callers":
    from monitoring.database import database as engine_of
    from serving.callers import Callers
    from serving.key_table import KeyTable

    place = _place(book, database)
    return Callers(KeyTable(engine_of(place.book, place.url)))


def _place(book: Path, database: str | None) -> "Place":
    from monitoring.decisions.place import Place

    if not book.is_dir():
        raise UsageError(f"{book}: no book there; name it with --book", f"{book}:没有账簿;请用 --book 指定")
    return replace(Place.of(book, os.environ), url=database)


def _show(made: "tuple[Caller, str]", as_json: bool) -> None:
    caller, key = made
    may = ", ".join([" ".join(caller.scopes), *caller.authorities])
    (err if as_json else out).print(
        f"{caller.id} ({caller.name}: {may})\n{key}\nKept nowhere: write it down now. 请立即保存。",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
    if as_json:
        print_json({**_said(caller), "key": key})


def _said(caller: "Caller") -> dict[str, object]:
    return {name: value for name, value in caller.__dict__.items() if name != "secret"}


def _moment(at: int | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M}"
