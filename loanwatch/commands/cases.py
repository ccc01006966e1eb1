"""Cases: who has to be looked at because of a signal, what was done, and what became of it."""

from typing import Annotated, Any

import typer

from loanwatch.commands.four_eyes import acting
from loanwatch.commands.options import (
    BOOK,
    Book,
    Json,
    OpenDay,
    by_calendar,
    day_of,
    err,
    one_of,
    out,
    print_json,
    record_of,
    today_of,
)

app = typer.Typer()
cases = typer.Typer(no_args_is_help=True, help="Cases that signals opened, and what persons do with them. 预警案件:查看与处置。")
app.add_typer(cases, name="cases")


@cases.command("list")
def listed(
    state: Annotated[str | None, typer.Option(help="open, snoozed, closed. 状态。")] = None,
    severity: Annotated[str | None, typer.Option(help="info, attention, serious, critical. 级别。")] = None,
    owner: Annotated[str | None, typer.Option(help="Who has it. 负责人。")] = None,
    due_before: Annotated[str | None, typer.Option(metavar="DATE", help="Due before this day. 到期日早于。")] = None,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="Where the list before ended. 续前页。")] = None,
    most: Annotated[int, typer.Option(min=1, max=100, help="How many. 条数。")] = 100,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Cases by the day they are due. 按到期日列出案件。"""
    from loanwatch.show.cases import table
    from monitoring.cases.looking import Wanted, place
    from monitoring.cases.state import STATES
    from monitoring.policy.cases import case_policies
    from serving import casework

    wanted = Wanted(
        _word(STATES, state), _word(case_policies()[-1].severities, severity), owner, day_of(due_before, "--due-before")
    )
    if after is not None:
        place(after)
    with acting(book, "read") as (record, _):
        found = casework.listed(record, wanted, today_of(record, book, day), most, after)
    table(err if as_json else out, found)
    if as_json:
        print_json(found)


@cases.command("show")
def show(
    id: Annotated[str, typer.Argument(help="The case's id. 案件编号。")],
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """A case with its signals and with what was done. 查看案件。"""
    from serving import casework

    with acting(book, "read") as (record, _):
        found = casework.one(record, id, today_of(record, book, day))
    _told(found, as_json)


@cases.command("act")
def act(
    id: Annotated[str, typer.Argument(help="The case's id. 案件编号。")],
    what: Annotated[str, typer.Argument(metavar="ACT", help="snooze, escalate, assign or close. 操作。")],
    reason: Annotated[str, typer.Option(help="Why. 理由。")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Of snooze: the day it is open again. 暂缓至。")] = None,
    level: Annotated[str | None, typer.Option(help="Of escalate: officer, team_lead, risk, committee. 升级层级。")] = None,
    owner: Annotated[str | None, typer.Option(help="Of assign, or escalate: who has it now. 负责人。")] = None,
    outcome: Annotated[str | None, typer.Option(help="Of close: confirmed, benign or none. 结论。")] = None,
    look_again_on: Annotated[
        str | None, typer.Option(metavar="DATE", help="Of benign: the day until which that holds. 再检查日。")
    ] = None,
    cause: Annotated[str | None, typer.Option(help="Of benign: known, seasonal, one_off, data, other. 原因。")] = None,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Put a case off, escalate it, assign it, or close it. 处置案件。"""
    from serving import casework
    from serving.arriving import day_to_arrive
    from serving.book import Book as Shown

    given = {
        "until": until, "level": level, "owner": owner, "outcome": outcome, "look_again_on": look_again_on, "cause": cause,
    }  # fmt: skip
    said = {"act": what, "reason": reason, **{name: value for name, value in given.items() if value is not None}}
    with acting(book, "work") as (record, caller):
        found = casework.act(record, id, said, caller, day_to_arrive(Shown(book), record.clock(), by_calendar(day)))
    _told(found, as_json)


@cases.command("report")
def report(day: OpenDay = "calendar", book: Book = BOOK, as_json: Json = False) -> None:
    """How many cases were confirmed, by trigger, and what was suppressed. 案件统计:命中率与抑制情况。"""
    from loanwatch.show.cases import as_document, counts
    from monitoring.cases.report import report as reported

    with record_of(book) as record:
        found = reported(record, today_of(record, book, day))
    counts(err if as_json else out, found)
    if as_json:
        print_json(as_document(found))


@cases.command("rebuild")
def rebuild(book: Book = BOOK, as_json: Json = False) -> None:
    """Make the tables of cases again from the record, and account for every signal. 依据留痕重建案件表。"""
    from dataclasses import asdict

    from monitoring.cases import rebuild as rebuilding

    with record_of(book) as record:
        differing = rebuilding.rebuild(record)
        account = rebuilding.account(record)
    (err if as_json else out).print(
        f"{differing} cases were otherwise than the record has them; {account.raised} signals: {account.open} in open cases,"
        f" {sum(account.closed.values())} in closed ones, {account.suppressed} suppressed, {account.erased} erased;"
        f" raised again {account.again} times, too slight for a case {account.slight} times",
        highlight=False,
    )  # fmt: skip
    if as_json:
        print_json({"differing": differing, "signals": asdict(account), "complete": account.complete})


def _word(known: tuple[str, ...], said: str | None) -> str | None:
    """The word that was said, if one was."""
    return None if said is None else one_of(known, said)


def _told(found: dict[str, Any], as_json: bool) -> None:
    from loanwatch.show.cases import whole

    whole(err if as_json else out, found)
    if as_json:
        print_json(found)
