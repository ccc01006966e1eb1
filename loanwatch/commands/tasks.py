"""Tasks: the actions that came into question, each with a day, a person and how it ended."""

from typing import Annotated, Any

import typer

from loanwatch.commands.four_eyes import acting
from loanwatch.commands.options import BOOK, Book, Json, OpenDay, err, one_of, out, print_json, record_of, today_of

app = typer.Typer()
tasks = typer.Typer(no_args_is_help=True, help="Actions to decide, each by a day, by a person. 措施任务:查看与处理。")
app.add_typer(tasks, name="tasks")


@tasks.command("list")
def listed(
    state: Annotated[str, typer.Option(help="open, done, declined, lapsed. 状态。")] = "open",
    action: Annotated[str | None, typer.Option(help="Of one action: contingency_plan, limit_cut, ... 措施。")] = None,
    authority: Annotated[str | None, typer.Option(help="Who decides: credit committee, ... 决定权限。")] = None,
    side: Annotated[str | None, typer.Option(help="risk or reward. 风险或奖励。")] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only those past the day they were due. 仅逾期。")] = False,
    after: Annotated[str | None, typer.Option(metavar="PLACE", help="Where the list before ended. 续前页。")] = None,
    most: Annotated[int, typer.Option(min=1, max=100, help="How many. 条数。")] = 100,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Tasks by the day they are due, those overdue first. 按到期日列出任务,逾期在前。"""
    from loanwatch.show.tasks import table
    from monitoring.cases.looking import place
    from monitoring.policy.actions import SIDES, action_policies
    from monitoring.tasks.looking import Wanted
    from monitoring.tasks.state import STATES
    from serving import taskwork

    every = [one for policy in action_policies() for one in policy.actions.values()]
    wanted = Wanted(
        one_of(STATES, state), _word([one.id for one in every], action), _word([one.authority for one in every], authority),
        _word(SIDES, side), overdue or None,
    )  # fmt: skip
    if after is not None:
        place(after)
    with acting(book, "read") as (record, _):
        found = taskwork.listed(record, wanted, today_of(record, book, day), most, after)
    table(err if as_json else out, found)
    if as_json:
        print_json(found)


@tasks.command("show")
def show(
    id: Annotated[str, typer.Argument(help="The task's id. 任务编号。")],
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """A task with what was done. 查看任务。"""
    from serving import taskwork

    with acting(book, "read") as (record, _):
        found = taskwork.one(record, id, today_of(record, book, day))
    _told(found, as_json)


@tasks.command("act")
def act(
    id: Annotated[str, typer.Argument(help="The task's id. 任务编号。")],
    what: Annotated[str, typer.Argument(metavar="ACT", help="done, declined or assign. 操作。")],
    reason: Annotated[str, typer.Option(help="Why. 理由。")],
    proposal: Annotated[str | None, typer.Option(help="Of done, to his harm: the approved proposal. 已批准提议的编号。")] = None,
    owner: Annotated[str | None, typer.Option(help="Of assign: who has it now. 负责人。")] = None,
    day: OpenDay = "calendar",
    book: Book = BOOK,
    as_json: Json = False,
) -> None:
    """Say that a task is done or declined, or who has it. 处理任务。"""
    from serving import taskwork

    given = {"proposal": proposal, "owner": owner}
    said = {"act": what, "reason": reason, **{name: value for name, value in given.items() if value is not None}}
    with acting(book, "work") as (record, caller):
        found = taskwork.act(record, id, said, caller, today_of(record, book, day))
    _told(found, as_json)


@tasks.command("rebuild")
def rebuild(book: Book = BOOK, as_json: Json = False) -> None:
    """Make the table of tasks again from the record. 依据留痕重建任务表。"""
    from monitoring.tasks import rebuild as rebuilding

    with record_of(book) as record:
        differing = rebuilding.rebuild(record)
    (err if as_json else out).print(f"{differing} tasks were otherwise than the record has them", highlight=False)
    if as_json:
        print_json({"differing": differing})


def _word(known: Any, said: str | None) -> str | None:
    """The word that was said, if one was."""
    return None if said is None else one_of(tuple(dict.fromkeys(known)), said)


def _told(found: dict[str, Any], as_json: bool) -> None:
    from loanwatch.show.tasks import whole

    whole(err if as_json else out, found)
    if as_json:
        print_json(found)
