"""Who is looked at next, by whom, and what there is no room for."""

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import NotFound, UsageError
from loanwatch.commands.exports import Export
from loanwatch.commands.options import BOOK, Book, Day, Json, day_of, err, out, print_json, record_of

if TYPE_CHECKING:
    from monitoring.runs import Night

app = typer.Typer()


@app.command()
def worklist(
    book: Book = BOOK,
    as_of: Day = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Visits of the next so many days. 未来天数。")] = 30,
    team: Annotated[str | None, typer.Option(help="Of one team. 团队。")] = None,
    most: Annotated[int, typer.Option(min=1, help="Rows on the terminal. 显示行数。")] = 10,
    export: Export = None,
    as_json: Json = False,
) -> None:
    """The visits of the last official run, those worth most first, and the price of one more inspector. 工作清单。"""
    from loanwatch.show import worklist as show
    from loanwatch.show.tasks import summary
    from monitoring import worklist as work
    from monitoring.policy.lender import Lender
    from monitoring.policy.schedule import schedule_policy
    from monitoring.standing import looked_at_first
    from monitoring.tasks.looking import counts, open_actions

    night, said = _last(book, as_of)
    by, until = Lender.model_validate(said["lender"]), night.as_of + timedelta(days=days)
    if team is not None and team not in (names := [one.name for one in by.team]):
        raise UsageError(f"--team {team}: the teams are {', '.join(names)}", f"--team {team}:现有团队为 {', '.join(names)}")
    found, first = work.worklist(night, until), looked_at_first(by, night.as_of)
    found = found if team is None else found[found["team"] == team].reset_index(drop=True)
    with record_of(book) as record:
        found = work.with_tasks(found, open_actions(record, found["borrower_id"]))
        offers = open_actions(record, night.borrowers["borrower_id"], "reward")
        tasks = counts(record, night.as_of)
    more = [one for one in work.one_more(night, by, schedule_policy(night.as_of)) if team in (None, one.team)]
    if export is not None:
        show.export(found, export)
        err.print(f"{len(found):,} visits written to {export}", highlight=False)
    if as_json:
        print_json(show.as_json(night.as_of, until, found, more, tasks, first))
        return
    show.room(out, more)
    show.visits(out, found, until, most, first)
    show.rewards(out, offers)
    summary(out, tasks)


def _last(book: Path, as_of: str | None) -> tuple["Night", dict[str, Any]]:
    """The last official run up to a day, and its manifest."""
    from features.ledger import Ledger
    from monitoring import runs
    from monitoring.worklist import SCORES

    day = day_of(as_of) or Ledger(book).known_through
    folder = runs.last_folder(book, day)
    if folder is None or "standing" not in runs.files_of(folder):
        raise NotFound(
            f"{book}: no official run up to {day} has a plan of visits; run `loanwatch nightly --book {book}`",
            f"{book}:截至 {day} 没有含检查计划的正式夜间运行;请运行 `loanwatch nightly --book {book}`",
        )
    read = {"loans": ["loan_id"], "borrowers": SCORES}
    return runs.read(folder, read), json.loads((folder / "manifest.json").read_text("utf-8"))
