"""Which way of choosing whom to look at finds more of the coming defaults, and what the ways that remember have learned."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import UsageError
from loanwatch.commands.options import BOOK, STORE, Book, Json, Store, err, out, print_json

if TYPE_CHECKING:
    from pipelines.schedule_backtest.configurations import Checks, Configurations

app = typer.Typer()
SEEDS, BORROWERS = 6, 4_000


@app.command("backtest-schedule")
def backtest_schedule(
    config: Annotated[
        list[str] | None, typer.Option(help="Configuration by name, or a TOML file of them; all frozen ones by default. 配置。")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Books per configuration, by the frozen seeds. 账簿数。")] = SEEDS,
    borrowers: Annotated[int, typer.Option(min=100, help="Borrowers of each of these books. 借款人数。")] = BORROWERS,
    training_borrowers: Annotated[
        int | None, typer.Option(min=100, help="Borrowers of the books that are learned from. 训练账簿借款人数。")
    ] = None,
    budget: Annotated[
        list[float] | None, typer.Option(help="Checks a month as a share of the book; 0.01, 0.03, 0.05 by default. 检查预算。")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes. 进程数。")] = 2,
    work: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep simulated books here and use them again. 工作目录。")
    ] = None,
    book: Annotated[
        Path | None, typer.Option("--book", help="A real book instead: its months after the champion's training. 真实账簿。")
    ] = None,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """Compare policies of whom to look at first on simulated books, with the same score and budget. 检查排期回测。"""
    from loanwatch.progress import steps
    from loanwatch.show import backtests as show
    from pipelines.schedule_backtest import configurations, report
    from pipelines.schedule_backtest.run import Plan, run

    named = config or []
    own = [Path(name) for name in named if name.endswith(".toml")]
    found = configurations.read(own[0] if own else None)
    chosen = found.named([name for name in named if not name.endswith(".toml")])
    if seeds > len(found.seeds.result):
        raise UsageError(
            f"--seeds {seeds}: the configurations name {len(found.seeds.result)} seeds of results",
            f"--seeds {seeds}:配置中仅有 {len(found.seeds.result)} 个结果种子",
        )
    budgets = _budgets(budget, found.replay.budgets)
    if book is not None:
        _on_a_real_book(book, mlruns, found, chosen[0].checks, found.seeds.result[:seeds], budgets, as_json)
        return
    with _place(work) as place, steps(err) as done:
        plan = Plan(
            found, chosen, found.seeds.result[:seeds], borrowers, budgets, workers, place, training_borrowers,
        )  # fmt: skip
        result = run(plan, done)
    show.schedule(err if as_json else out, result)
    if as_json:
        print_json(report.as_json(result))


def _on_a_real_book(
    book: Path, mlruns: Path, found: "Configurations", checks: "Checks", seeds: tuple[int, ...], budgets: tuple[float, ...],
    as_json: bool,
) -> None:  # fmt: skip
    from loanwatch.progress import steps
    from loanwatch.show import backtests as show
    from pipelines import nightly
    from pipelines.schedule_backtest import real

    with steps(err) as done:
        told = real.run(book, nightly.champion(book, mlruns), found.replay, checks, seeds, budgets, done)
    show.real(err if as_json else out, told)
    if as_json:
        print_json(real.as_json(told))


@app.command("learn-beliefs")
def learn_beliefs(
    book: Book = BOOK,
    mlruns: Store = STORE,
    months: Annotated[int, typer.Option(min=6, max=240, help="Month ends gone by that are learned from. 学习月数。")] = 36,
    as_json: Json = False,
) -> None:
    """Learn how borrowers change from the book's past, for the policies that remember; the next night uses it. 学习信念。"""
    from loanwatch.progress import steps
    from loanwatch.show import backtests as show
    from pipelines import beliefs, nightly

    with steps(err) as done:
        learned = beliefs.learn(book, nightly.champion(book, mlruns), months, done)
    show.beliefs(err if as_json else out, learned)
    if as_json:
        print_json({**learned.beliefs.as_json(), "first": str(learned.first), "last": str(learned.last),
                    "borrowers": learned.borrowers, "defaults": learned.defaults})  # fmt: skip


def _budgets(asked: list[float] | None, usual: tuple[float, ...]) -> tuple[float, ...]:
    for budget in asked or []:
        if not 0 < budget <= 1:
            raise UsageError(
                f"--budget {budget:g}: expected a share over 0, at most 1", f"--budget {budget:g}:应为 0 至 1 的比例"
            )
    return tuple(asked) if asked else usual


@contextmanager
def _place(work: Path | None) -> Iterator[Path]:
    """Where books are kept: the folder that was named, or one that is gone afterwards."""
    if work is not None:
        yield work
        return
    with tempfile.TemporaryDirectory() as aside:
        yield Path(aside)
