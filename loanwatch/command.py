"""The ``loanwatch`` command: arguments in, steps run, tables or one JSON document out. Settings are read here alone."""

import json
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from features.errors import LoanwatchError, UsageError
from features.sources import names as source_names

app = typer.Typer(
    name="loanwatch", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Post-loan risk: who is getting into trouble, why, how closely to watch. 贷后风险监控。",
)  # fmt: skip
features_app = typer.Typer(no_args_is_help=True, help="The feature catalogue: list, describe, SQL, trace a value. 特征目录。")
app.add_typer(features_app, name="features")

WIDTH = None if sys.stdout.isatty() else 140
out = Console(width=WIDTH)
err = Console(stderr=True, width=WIDTH)

Book = Annotated[Path, typer.Option("--book", help="Folder of the book. 账簿目录。")]
Store = Annotated[Path, typer.Option("--mlruns", envvar="LOANWATCH_MLRUNS", help="Folder of the model store. 模型库目录。")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout. 以 JSON 输出。")]
Day = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Closed business day, YYYY-MM-DD. 营业日。")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="The mapping of the source tables. 映射文件。")]
Dask = Annotated[
    str | None,
    typer.Option(
        "--cluster", envvar="LOANWATCH_CLUSTER", metavar="ADDRESS",
        help="Dask scheduler, or `local` for two worker processes here. Dask 调度器地址,或 local。",
    ),
]  # fmt: skip
InPrefect = Annotated[bool, typer.Option("--prefect", help="Run as a Prefect flow on a temporary server. 以 Prefect 流程运行。")]
BOOK, STORE = Path("book"), Path("mlruns")


@app.command()
def simulate(
    book: Book = BOOK,
    borrowers: Annotated[int | None, typer.Option(min=10, help="Borrowers, persons and companies. 借款人数。")] = None,
    months: Annotated[int | None, typer.Option(min=3, help="Months of history. 月数。")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; the same seed gives the same bytes. 随机种子。")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML with other parameters. 参数文件。")] = None,
) -> None:
    """Make a book with a known true PD, under BOOK/simulation. 生成模拟数据。"""
    from features.sources.simulation import read_parameters
    from features.sources.simulation import simulate as make

    asked = {"borrowers": borrowers, "months": months, "seed": seed}
    try:
        parameters = read_parameters(config, {"book": {name: value for name, value in asked.items() if value is not None}})
        with err.status("simulating"):
            made = make(book / "simulation", parameters)
    except (ValueError, FileExistsError, FileNotFoundError) as problem:
        raise UsageError(str(problem), "请按提示修改参数,或换一个空目录。") from problem
    err.print(
        f"{made.borrowers:,} borrowers, {made.loans:,} loans, {sum(made.rows.values()):,} records, {made.defaults:,} defaults"
        f" in {book / 'simulation'}"
    )


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help=f"{', '.join(source_names())}. 数据源。")],
    path: Annotated[Path, typer.Option("--from", help="Folder with the files. 文件目录。")],
    book: Book = BOOK,
    mapping: MappingFile = None,
    as_json: Json = False,
) -> None:
    """Bring records into the ledger: checked, all or nothing. 导入记录。"""
    from dataclasses import asdict

    from features.ingest import ingest as bring
    from features.sources import source as named
    from loanwatch import show

    with err.status(f"ingesting {source}"):
        receipt = bring(book, named(source, mapping, date.today()), path)
    show.receipt(err if as_json else out, receipt)
    if as_json:
        _print_json(asdict(receipt))


@app.command("map")
def map_(
    files: Annotated[list[Path], typer.Argument(help="With --draft the files to map, otherwise one mapping. 文件。")],
    draft: Annotated[bool, typer.Option("--draft", help="Propose a mapping from the files. 起草映射。")] = False,
    to: Annotated[Path | None, typer.Option("--out", help="Write the draft here, not on the screen. 输出文件。")] = None,
    path: Annotated[Path | None, typer.Option("--from", help="Try the mapping on this folder. 试读目录。")] = None,
    as_json: Json = False,
) -> None:
    """Propose a mapping of a lender's files, or try one without writing anything. 起草或试用映射。"""
    if draft:
        _draft(files, to)
        return
    from loanwatch import show
    from pipelines import trial

    if len(files) != 1 or path is None:
        raise UsageError(
            "either --draft FILES..., or one mapping with --from FOLDER to try it",
            "请用 --draft 文件…,或给出一个映射并以 --from 指定目录",
        )
    found = trial.run(files[0], path, date.today())
    show.trial(err if as_json else out, found)
    if as_json:
        _print_json(found.as_json())


def _draft(files: list[Path], to: Path | None) -> None:
    from features.sources.draft import draft

    if to is not None and to.exists():
        raise UsageError(f"{to} exists; name a new file with --out", f"{to} 已存在;请用 --out 指定新文件")
    made = draft(files)
    if to is None:
        sys.stdout.write(made.text)
    else:
        to.write_text(made.text, "utf-8")
    from loanwatch import show

    show.draft(err, made, to)


@app.command()
def quarantine(
    book: Book = BOOK,
    ledger_version: Annotated[int | None, typer.Option(help="Which ingest; the latest by default. 账本版本。")] = None,
    table: Annotated[str | None, typer.Option(help="Only this table. 仅此表。")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every refused row, values in full. 导出全部拒收行。")] = None,
    as_json: Json = False,
) -> None:
    """Which rows an ingest refused, why, and what to do; personal values by their shape only. 拒收报告。"""
    from features.quarantine import export, report
    from loanwatch import show

    found = report(book, ledger_version, table)
    lines = None if csv is None else export(book, found, table, csv)
    target = err if as_json else out
    show.quarantine(target, found)
    if csv is not None:
        target.print(f"{lines:,} lines with values in full: {csv}", highlight=False)
    if as_json:
        _print_json(show.quarantine_json(found, csv))


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
    mlruns: Store = STORE,
    cluster: Dask = None,
    prefect: InPrefect = False,
    as_json: Json = False,
) -> None:
    """Train a model, judge it against baselines, register it; champion only if the gate is passed. 训练模型。"""
    from loanwatch import show
    from loanwatch.progress import steps
    from pipelines import training
    from pipelines.cluster import opened

    budget = _budget(search, search_minutes)
    if _prefect(prefect):
        from pipelines.flows import train_book

        result = train_book(str(book), str(mlruns), target, profile, search, search_minutes, walk_forward, cluster)
    else:
        with opened(cluster) as workers, steps(err) as done:
            result = training.run(book, mlruns, target, profile, done, budget, walk_forward, workers)
    show.training(err if as_json else out, result)
    if as_json:
        _print_json(result.as_json())
    if not result.passed:
        raise typer.Exit(5)


@app.command()
def promote(
    version: Annotated[int | None, typer.Argument(help="Version in the model store. 版本号。")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who acts; declared, not authenticated. 操作人。")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why. 理由。")] = "",
    approve: Annotated[
        bool, typer.Option("--approve", help="Agree, as another person than who proposed it. 由他人批准。")
    ] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the proposal back. 撤回提议。")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="Versions, proposals and history; changes nothing. 列出。")] = False,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """Put a version into use by two persons: one proposes, another approves. 双人审批晋升模型。"""
    from dataclasses import asdict

    from loanwatch import show
    from models.promotions import Decision
    from pipelines import promotion

    if list_all:
        found = promotion.overview(mlruns)
        show.promotions(err if as_json else out, found)
        if as_json:
            _print_json(found)
        return
    if version is None or by is None:
        raise UsageError("name a VERSION and who acts with --by, or use --list", "请指定版本号与 --by,或使用 --list")
    if approve and withdraw:
        raise UsageError("--approve and --withdraw exclude each other", "--approve 与 --withdraw 不能同时使用")
    act = promotion.approve if approve else promotion.withdraw if withdraw else promotion.propose
    step = act(mlruns, Decision(version, by, reason, promotion.now()))
    show.promotion_step(err if as_json else out, step)
    if as_json:
        _print_json(asdict(step))


@app.command()
def nightly(
    as_of: Day = None,
    book: Book = BOOK,
    mlruns: Store = STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute and show, write nothing. 试运行。")] = False,
    backfill: Annotated[bool, typer.Option("--backfill", help="A shadow run for a past day. 补跑(影子)。")] = False,
    path: Annotated[Path | None, typer.Option("--from", help="Records that arrived, to ingest first. 先导入的目录。")] = None,
    source: Annotated[str | None, typer.Option(help="The source of --from. 数据源。")] = None,
    mapping: MappingFile = None,
    cluster: Dask = None,
    prefect: InPrefect = False,
    as_json: Json = False,
) -> None:
    """Ingest what arrived, score every live loan, place borrowers in tiers, write the night's folder. 夜间运行。"""
    from features.ledger import Ledger
    from loanwatch import show
    from loanwatch.progress import steps
    from monitoring.policy import tier_policy
    from pipelines import nightly as night
    from pipelines.cluster import opened

    delivery = _delivery(source, path, mapping, dry_run)
    if _prefect(prefect) and not dry_run:
        from pipelines.flows import nightly_run

        run = nightly_run(str(book), _day(as_of), str(mlruns), backfill, delivery, cluster)
    else:
        if delivery is not None:
            show.receipt(err, night.receive(book, delivery))
        with opened(cluster) as workers, steps(err) as done:
            day = _day(as_of) or Ledger(book).known_through
            run = night.run(book, mlruns, day, backfill, dry_run, done, workers.executor if workers else None)
    day = run.night.as_of
    target = err if as_json else out
    show.book_by_tier(target, run.night, tier_policy(day))
    show.worst_borrowers(target, run.night)
    target.print(f"written to {run.folder}" if run.folder else "dry run: nothing written")
    if as_json:
        _print_json(_night_json(run.night, run.folder))


@app.command()
def score(
    book: Book = BOOK,
    loan: Annotated[str | None, typer.Option(help="Loan id. 贷款编号。")] = None,
    borrower: Annotated[str | None, typer.Option(help="Borrower id. 借款人编号。")] = None,
    as_of: Day = None,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """Score one loan or borrower as of a day, with reasons; changes nothing. 单笔评分。"""
    from features.ledger import Ledger
    from loanwatch import show
    from models.score import Scorer
    from pipelines.nightly import champion
    from serving.scorer import score_borrower, score_loan

    if (loan is None) == (borrower is None):
        raise UsageError("name either --loan or --borrower", "请指定 --loan 或 --borrower 之一")
    day = _day(as_of) or Ledger(book).known_through
    scorer = Scorer(champion(book, mlruns))
    answer = score_loan(book, scorer, loan, day) if loan else score_borrower(book, scorer, str(borrower), day)
    show.answer(err if as_json else out, answer, day)
    if as_json:
        _print_json(show.answer_json(answer, day, scorer.bundle.digest))


@features_app.command("list")
def list_features() -> None:
    """Every feature with its unit and direction of risk. 列出特征。"""
    from features.catalogue import CATALOGUE
    from loanwatch import show

    show.catalogue(out, list(CATALOGUE.values()))


@features_app.command()
def describe(name: str) -> None:
    """What a feature means, in both languages. 特征说明。"""
    from features.catalogue import feature
    from loanwatch import show

    show.feature(out, feature(name))


@features_app.command()
def sql(name: str) -> None:
    """A feature as SQL over the canonical tables. 特征的 SQL。"""
    from features.catalogue import feature
    from features.sql import query

    print(query([feature(name)]))  # noqa: T201


@features_app.command("trace")
def trace_value(
    entity: Annotated[str, typer.Argument(help="Loan or borrower id. 贷款或借款人编号。")],
    as_of: Annotated[str, typer.Argument(metavar="AS_OF", help="Closed business day, YYYY-MM-DD. 营业日。")],
    name: Annotated[str, typer.Argument(help="Feature. 特征。")],
    book: Book = BOOK,
    known_by: Annotated[
        str | None, typer.Option(metavar="DATE", help="As known by this day; AS_OF by default. 截至该日可知。")
    ] = None,
    as_json: Json = False,
) -> None:
    """The records that one value came from. 追溯一个特征值的来源记录。"""
    from features.catalogue import feature
    from features.ledger import Ledger
    from features.trace import trace
    from loanwatch import show

    said, day, later = feature(name), _day(as_of, "AS_OF"), _day(known_by, "--known-by")
    assert day is not None
    found = trace(Ledger(book), entity, day, said, later)
    show.trace(err if as_json else out, found)
    if as_json:
        _print_json(show.trace_json(found))


@app.command()
def doctor(book: Book = BOOK, mlruns: Store = STORE) -> None:
    """Check that this machine, the book and the model store are fit to run. 自检。"""
    from loanwatch import show
    from loanwatch.doctor import examine

    findings = examine(book, mlruns)
    show.examination(out, findings)
    if not all(f.fit for f in findings):
        raise typer.Exit(1)


@app.command()
def demo(
    book: Book = Path("book/demo"),
    mlruns: Store = STORE,
    borrowers: Annotated[int, typer.Option(min=1_000, help="Borrowers. 借款人数。")] = 20_000,
    months: Annotated[int, typer.Option(min=36, help="Months of history. 月数。")] = 36,
) -> None:
    """The whole path on a simulated book: simulate, ingest, train, nightly. 演示。"""
    from loanwatch.demo import run

    run(out, err, book, mlruns, borrowers, months)


def _prefect(asked: bool) -> bool:
    """Whether to run under Prefect: asked for, or a server is named in the environment."""
    os.environ.setdefault("PREFECT_HOME", str(Path(".prefect").resolve()))
    return asked or "PREFECT_API_URL" in os.environ


def _budget(trials: int | None, minutes: float | None) -> Any:
    """The budget of a search for parameters, if one is asked for."""
    if trials is None and minutes is None:
        return None
    if trials is None:
        raise UsageError("--search-minutes ends a --search; name its trials too", "--search-minutes 须与 --search 同时指定")
    from models.search import Budget

    return Budget(trials, minutes)


def _delivery(source: str | None, path: Path | None, mapping: Path | None, dry_run: bool) -> Any:
    """The records to ingest before the night, if any are named."""
    from pipelines.nightly import Delivery

    if (source is None) != (path is None):
        raise UsageError("--source and --from go together", "--source 与 --from 须同时指定")
    if source is None or path is None:
        return None
    if dry_run:
        raise UsageError("a dry run writes nothing, so it cannot ingest --from first", "试运行不写入任何内容,不能先导入 --from")
    return Delivery(source, path, mapping)


def _day(text: str | None, name: str = "--as-of") -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as problem:
        raise UsageError(
            f"{name} {text}: not a date; write it as 2024-12-31", f"{name} {text}:不是日期,请写作 2024-12-31"
        ) from problem


def _night_json(night: Any, folder: Path | None) -> dict[str, Any]:
    tiers = night.borrowers.groupby("tier").size().to_dict()
    return {
        "as_of": night.as_of, "kind": night.kind, "loans": len(night.loans), "borrowers": len(night.borrowers),
        "tiers": tiers, "folder": folder,
    }  # fmt: skip


def _print_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def main() -> None:
    """Run the command; an error that a user can act on becomes one clear message and its exit code."""
    try:
        app()
    except LoanwatchError as problem:
        err.print(f"[bold red]{type(problem).__name__}[/]: {escape(problem.en)}\n{escape(problem.zh)}", highlight=False)
        sys.exit(problem.exit_code)
