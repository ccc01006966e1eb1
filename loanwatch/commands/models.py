"""Models: train one, and let two persons put it into use."""

from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import UsageError
from loanwatch.commands.options import (
    BOOK,
    STORE,
    Book,
    Dask,
    InPrefect,
    Json,
    Store,
    err,
    in_prefect,
    out,
    print_json,
    record_of,
)

app = typer.Typer()


@app.command()
def train(
    book: Book = BOOK,
    target: Annotated[
        str | None, typer.Option(help="default_12m, dpd60_12m, dpd30_6m, outcome; the profile's by default. 目标。")
    ] = None,
    profile: Annotated[str, typer.Option(help="How the model is made: default, cards, companies, ... 模型配置。")] = "default",
    walk_forward: Annotated[int, typer.Option(min=0, help="Past quarterly retrainings to judge too. 滚动再训练次数。")] = 0,
    search: Annotated[
        int | None, typer.Option(min=1, metavar="TRIALS", help="Look for better parameters first. 参数搜索次数。")
    ] = None,
    search_minutes: Annotated[
        float | None, typer.Option(metavar="M", help="End --search after M minutes. 搜索时限(分钟)。")
    ] = None,
    signing_key: Annotated[
        Path | None,
        typer.Option(
            envvar="LOANWATCH_SIGNING_KEY", metavar="FILE", help="Ed25519 key in PEM; the book's own by default. 签名密钥。"
        ),
    ] = None,
    mlruns: Store = STORE,
    cluster: Dask = None,
    prefect: InPrefect = False,
    as_json: Json = False,
) -> None:
    """Train a model, judge it against baselines, register it; champion only if the gate is passed. 训练模型。"""
    from loanwatch.progress import steps
    from loanwatch.show import models as show
    from pipelines import training
    from pipelines.cluster import opened

    budget = _budget(search, search_minutes)
    if in_prefect(prefect):
        from pipelines.flows import train_book

        result = train_book(
            str(book), str(mlruns), target, profile, search, search_minutes, walk_forward, cluster, str(signing_key or "")
        )
    else:
        with opened(cluster) as workers, steps(err) as done:
            result = training.run(book, mlruns, target, profile, done, budget, walk_forward, workers, signing_key)
    show.training(err if as_json else out, result)
    if as_json:
        print_json(result.as_json())
    _remember(book, mlruns)
    if not result.passed:
        raise typer.Exit(5)


@app.command()
def promote(
    version: Annotated[int | None, typer.Argument(help="Version in the model store. 版本号。")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why. 理由。")] = "",
    approve: Annotated[
        bool, typer.Option("--approve", help="Agree, as another person than who proposed it. 由他人批准。")
    ] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the proposal back. 撤回提议。")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Versions, proposals and history; changes nothing. 列出。")] = False,
    book: Book = BOOK,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """Put a version into use by two persons, each with a key of his own in LOANWATCH_KEY. 双人审批晋升模型。"""
    from dataclasses import asdict

    from loanwatch.commands.four_eyes import acting
    from loanwatch.show import models as show
    from models.promotions import Decision
    from pipelines import promotion

    if list_all:
        found = promotion.overview(mlruns)
        show.promotions(err if as_json else out, found)
        if as_json:
            print_json(found)
        return
    if version is None:
        raise UsageError("name a VERSION, or use --list", "请指定版本号,或使用 --list")
    if approve and withdraw:
        raise UsageError("--approve and --withdraw exclude each other", "--approve 与 --withdraw 不能同时使用")
    act = promotion.approve if approve else promotion.withdraw if withdraw else promotion.propose
    with acting(book) as (record, caller):
        step = act(mlruns, Decision(version, caller.name, reason, promotion.now(), caller.made_by))
        promotion.remember(record, mlruns)
    show.promotion_step(err if as_json else out, step)
    if as_json:
        print_json(asdict(step))


def _remember(book: Path, mlruns: Path) -> None:
    """What came into use, in the record of decisions."""
    from pipelines import promotion

    with record_of(book) as record:
        promotion.remember(record, mlruns)


def _budget(trials: int | None, minutes: float | None) -> Any:
    """The budget of a search for parameters, if one is asked for."""
    if trials is None and minutes is None:
        return None
    if trials is None:
        raise UsageError("--search-minutes ends a --search; name its trials too", "--search-minutes 须与 --search 同时指定")
    from models.search import Budget

    return Budget(trials, minutes)
