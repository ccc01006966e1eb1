"""Who is reminded before an instalment falls due, and the table of late payment behind it."""

from typing import Annotated

import typer

from loanwatch.commands.exports import Export
from loanwatch.commands.options import BOOK, STORE, Book, Day, Json, Store, day_of, err, out, print_json

app = typer.Typer()


@app.command("learn-lateness")
def learn_lateness(
    book: Book = BOOK,
    mlruns: Store = STORE,
    months: Annotated[int, typer.Option(min=6, max=240, help="Month ends gone by, the last 3 held out. 学习月数。")] = 24,
    as_json: Json = False,
) -> None:
    """Learn from the book's past which instalments are paid late, and judge it on the last 3 months. 学习逾期还款概率。"""
    from loanwatch.progress import steps
    from loanwatch.show import reminders as show
    from pipelines import lateness, nightly

    with steps(err) as done:
        learned = lateness.learn(book, nightly.champion(book, mlruns), months, done)
    show.lateness(err if as_json else out, learned)
    if as_json:
        print_json(show.lateness_json(learned))


@app.command()
def reminders(
    book: Book = BOOK,
    mlruns: Store = STORE,
    as_of: Day = None,
    days: Annotated[int, typer.Option(min=1, max=62, help="Instalments of the next so many days. 未来天数。")] = 7,
    most: Annotated[int, typer.Option(min=1, help="Rows on the terminal. 显示行数。")] = 10,
    export: Export = None,
    as_json: Json = False,
) -> None:
    """Who is reminded before an instalment falls due, and who is not and why; sends nothing. 逾期预防提醒清单。"""
    from features.ledger import Ledger
    from loanwatch.progress import steps
    from loanwatch.show import reminders as show
    from loanwatch.show.worklist import export as write
    from models.score import Scorer
    from monitoring.lateness import kept
    from monitoring.policy.reminders import reminder_policy
    from monitoring.reminders import reminders as listed
    from pipelines.nightly import champion

    bundle, ledger = champion(book, mlruns), Ledger(book)
    day = day_of(as_of) or ledger.known_through
    table, policy = kept(book, bundle.digest), reminder_policy(day)
    with steps(err) as done:
        found = listed(ledger, Scorer(bundle), table, policy, day, days, done)
    if export is not None:
        write(found.rows, export)
        err.print(f"{len(found.rows):,} loans written to {export}", highlight=False)
    show.reminders(err if as_json else out, found, most)
    if as_json:
        print_json(show.reminders_json(found, policy))
