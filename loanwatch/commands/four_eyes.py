"""What needs two persons: proposals about borrowers, made and decided with keys of one's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import UsageError
from loanwatch.commands.options import BOOK, Book, Json, OpenDay, err, one_of, out, print_json, record_of, today_of

if TYPE_CHECKING:
    from monitoring.decisions.record import Record
    from serving.callers import Caller

app = typer.Typer()
proposals = typer.Typer(
    no_args_is_help=True, help="Overrides and adverse measures: one proposes, another decides. 双人复核:提议与决定。"
)
app.add_typer(proposals, name="proposals")

KEY = "LOANWATCH_KEY"


@contextmanager
def acting(book: Path, scope: str = "decide") -> Iterator[tuple["Record", "Caller"]]:
    """The record of a book, and who holds the key in LOANWATCH_KEY; raises UsageError for a key that may not do this."""
    from serving.callers import Callers
    from serving.key_table import KeyTable
    from serving.problems import Problem

    with record_of(book) as record:
        try:
            caller = Callers(KeyTable(record.engine)).verify(os.environ.get(KEY, ""))
        except Problem as error:
            raise _no_key(scope) from error
        if scope not in caller.scopes:
            raise _no_key(scope)
        yield record, caller


def _no_key(scope: str) -> UsageError:
    return UsageError(
        f"who acts? Set {KEY} to a key of your own that may {scope}; an administrator makes one with"
        f' `loanwatch keys add "YOUR NAME" --scope {scope} --by NAME`',
        f"请在 {KEY} 中提供本人具有 {scope} 权限的密钥;管理员可用 `loanwatch keys add 姓名 --scope {scope} --by 管理员` 签发",
    )


@proposals.command("add")
def add(
    kind: Annotated[str, typer.Argument(help="override, limit_cut, line_freeze, early_repayment. 提议类型。")],
    borrower: Annotated[str, typer.Option(help="Borrower id. 借款人编号。")],
    reason: Annotated[str, typer.Option(help="Why. 理由。")],
    loan: Annotated[str | None, typer.Option(help="Loan id, if it is about one. 贷款编号。")] = None,
    tier: Annotated[str | None, typer.Option(help="Of an override; none ends one. 调整后的分层,不填即终止。")] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Its last day; not of one that ends. 截止日。")] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="The day on which it is due. 生效日。")] = None,
    limit: Annotated[int | None, typer.Option(help="The new limit, in minor units. 新额度(最小货币单位)。")] = None,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Propose something that a second person has to decide. 提议。"""
    from monitoring.decisions.proposals import Asked
    from serving import proposing

    given = {"tier": tier, "until": until, "on": on, "limit": limit}
    terms = {name: value for name, value in given.items() if value is not None or (name == "tier" and kind == "override")}
    with acting(book) as (record, caller):
        today = today_of(record, book, day)
        made = proposing.told(proposing.propose(book, record, Asked(kind, borrower, loan, terms, reason), caller, today), today)
    _show([made], as_json, made)


@proposals.command("decide")
def decide(
    id: Annotated[str, typer.Argument(help="The proposal's id. 提议编号。")],
    verdict: Annotated[str, typer.Argument(help="approved, rejected or withdrawn. 决定。")],
    reason: Annotated[str, typer.Option(help="Why. 理由。")],
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Decide what another person proposed, or withdraw one's own. 决定。"""
    from monitoring.decisions.proposals import SAID
    from serving import proposing

    said = one_of(SAID, verdict)
    with acting(book) as (record, caller):
        today = today_of(record, book, day)
        done = proposing.told(proposing.decide(book, record, id, said, reason, caller, today), today)
    _show([done], as_json, done)


@proposals.command("list")
def listed(
    state: Annotated[str | None, typer.Option(help="waiting, lapsed, approved, rejected, withdrawn. 状态。")] = None,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Proposals as they stand, newest first. 列出提议。"""
    from monitoring.decisions.proposals import STATES
    from serving import proposing

    chosen = None if state is None else one_of(STATES, state)
    with acting(book, "read") as (record, _):
        found = proposing.listed(record, today_of(record, book, day), chosen)
    _show(found, as_json, {"proposals": found})


def _show(found: list[dict[str, Any]], as_json: bool, document: dict[str, Any]) -> None:
    from loanwatch.show.proposals import table

    table(err if as_json else out, found)
    if as_json:
        print_json(document)
