"""Early-warning triggers: what there is, what it was worth on a book's history, and thresholds proposed from it."""

from typing import TYPE_CHECKING, Annotated

import typer

from loanwatch.commands.options import BOOK, Book, Dask, Day, Json, day_of, err, out, print_json

if TYPE_CHECKING:
    from datetime import date

    from monitoring.policy.trigger import TriggerPolicy

app = typer.Typer(no_args_is_help=True, help="Early-warning triggers: list, describe, back-test, fit a threshold. 预警指标。")
Name = Annotated[str, typer.Argument(metavar="ID", help="Trigger. 预警指标编号。")]


def _policy(day: "date | None") -> "TriggerPolicy":
    """The triggers in force on a day; those of the latest version without one."""
    from monitoring.policy.triggers import trigger_policies, trigger_policy

    return trigger_policies()[-1] if day is None else trigger_policy(day)


@app.command("list")
def list_triggers(as_of: Day = None, as_json: Json = False) -> None:
    """Every trigger in force, by subject. 列出预警指标。"""
    from loanwatch.show import triggers as show

    policy = _policy(day_of(as_of))
    show.table(err if as_json else out, policy)
    if as_json:
        print_json(show.table_json(policy))


@app.command()
def describe(name: Name, book: Book = BOOK, as_of: Day = None, as_json: Json = False) -> None:
    """What a trigger says, and its evidence in the book if it has any. 预警指标说明及证据。"""
    from features.ledger import Ledger
    from loanwatch.show import triggers as show
    from monitoring.trigger_evidence import kept, outdated

    policy = _policy(day_of(as_of))
    trigger, told = policy[name], kept(book)
    stale = [] if told is None else outdated(told, Ledger(book), policy)
    show.trigger(err if as_json else out, trigger, policy)
    show.evidence_of(err if as_json else out, name, told, stale)
    if as_json:
        print_json(show.trigger_json(trigger, policy, told, stale))


@app.command()
def backtest(book: Book = BOOK, cluster: Dask = None, as_json: Json = False) -> None:
    """Try every trigger on the book's history and keep the evidence in the book. 预警指标回溯检验。"""
    from features.ledger import Ledger
    from loanwatch.progress import steps
    from loanwatch.show import triggers as show
    from monitoring import trigger_backtest, trigger_evidence
    from pipelines.cluster import opened

    ledger = Ledger(book)
    policy = _policy(ledger.known_through)
    with opened(cluster) as workers, steps(err) as done:
        history, found = trigger_backtest.backtest(ledger, policy, done, workers.executor if workers else None)
    told = trigger_evidence.document(ledger, policy, history, found)
    path = trigger_evidence.keep(book, told)
    target = err if as_json else out
    show.evidence(target, policy, told)
    target.print(f"kept in {path}", highlight=False)
    if as_json:
        print_json(told)


@app.command()
def fit(
    name: Name,
    book: Book = BOOK,
    caught: Annotated[
        int | None, typer.Option(min=0, help="Worth of a default caught, minor units. 识别一笔违约的价值。")
    ] = None,
    check: Annotated[int | None, typer.Option(min=0, help="Cost of one check, minor units. 一次检查的成本。")] = None,
    most: Annotated[int | None, typer.Option(min=1, help="New signals a month that can be looked at. 每月可处理信号数。")] = None,
    as_json: Json = False,
) -> None:
    """Propose a threshold from the book's history, as a line of the table; nothing is changed. 依据历史建议阈值(仅供复核)。"""
    from dataclasses import replace

    from features.labels import target
    from features.ledger import Ledger
    from loanwatch.progress import steps
    from loanwatch.show import triggers as show
    from monitoring.trigger_backtest import TARGET
    from monitoring.trigger_fit import fit as fitted
    from monitoring.trigger_history import look_back

    ledger = Ledger(book)
    policy = _policy(ledger.known_through)
    trigger = policy[name]
    given = {key: value for key, value in (("caught", caught), ("check", check)) if value is not None}
    with steps(err) as done:
        history = look_back(ledger, [trigger], target(TARGET), every_value=True, done=done)
    found = fitted(trigger, history, replace(policy.worth, **given), most)
    show.fitted(err if as_json else out, found)
    if as_json:
        print_json(show.fitted_json(found))
