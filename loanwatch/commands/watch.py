"""The book watched: the night, one score, and a check of the whole installation."""

import os
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from features.arrays import plain
from features.errors import NotFound, UsageError
from loanwatch.commands.options import (
    BOOK,
    STORE,
    Book,
    Dask,
    Day,
    InPrefect,
    Json,
    MappingFile,
    Store,
    day_of,
    err,
    in_prefect,
    out,
    print_json,
)

app = typer.Typer()


@app.command()
def nightly(
    as_of: Day = None,
    book: Book = BOOK,
    mlruns: Store = STORE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compute and show, write nothing. 试运行。")] = False,
    against: Annotated[
        str | None, typer.Option(metavar="DATE", help="With --dry-run: who would move since that night, or `last`. 对比。")
    ] = None,
    backfill: Annotated[bool, typer.Option("--backfill", help="A shadow run for a past day. 补跑(影子)。")] = False,
    only: Annotated[bool, typer.Option("--only", help="This night alone, though others were missed. 仅此一晚。")] = False,
    path: Annotated[Path | None, typer.Option("--from", help="Records that arrived, to ingest first. 先导入的目录。")] = None,
    source: Annotated[str | None, typer.Option(help="The source of --from. 数据源。")] = None,
    mapping: MappingFile = None,
    cluster: Dask = None,
    prefect: InPrefect = False,
    as_json: Json = False,
) -> None:
    """Ingest what arrived, score every live loan, place borrowers in tiers, write the night's folder. 夜间运行。"""
    from features.ledger import Ledger
    from loanwatch.progress import steps
    from loanwatch.show import records
    from loanwatch.show import watch as show
    from monitoring import runs
    from monitoring.decisions.moves import moved
    from monitoring.decisions.place import Place
    from monitoring.policy import tier_policy
    from pipelines import nightly as night
    from pipelines.cluster import opened

    delivery, asked = _delivery(source, path, mapping, dry_run), day_of(as_of)
    if against is not None and (not dry_run or backfill):
        raise UsageError("--against compares an official dry run: add --dry-run", "--against 须与 --dry-run 同用")
    beside = None if against is None else _beside(book, asked or Ledger(book).known_through, against)
    if in_prefect(prefect) and not dry_run:
        from pipelines.flows import nightly_run

        run = nightly_run(str(book), asked, str(mlruns), backfill, delivery, cluster, only)
    else:
        if asked is not None and not dry_run:
            night.in_order(book, asked, backfill)
        if delivery is not None:
            records.receipt(err, night.receive(book, delivery))
        with opened(cluster) as workers, steps(err) as done:
            day = asked or Ledger(book).known_through
            place, executor = Place.of(book, os.environ), workers.executor if workers else None
            for gone in [] if only or dry_run or backfill else night.missed(book, day):
                err.print(f"the night of {gone} was missed: it comes first", highlight=False)
                night.run(book, mlruns, gone, done=done, executor=executor, place=place)
            run = night.run(book, mlruns, day, backfill, dry_run, done, executor, place)
    day = run.night.as_of
    target = err if as_json else out
    show.book_by_tier(target, run.night, tier_policy(day))
    show.worst_borrowers(target, run.night)
    show.warnings(err, run.night)
    then = None if beside is None else runs.read(beside)
    moves = None if then is None else moved(run.night, then)
    if then is not None and moves is not None:
        show.moves(target, moves, then.as_of)
    target.print(f"written to {run.folder}" if run.folder else "dry run: nothing written")
    if as_json:
        print_json({**_night_json(run.night, run.folder), **({} if moves is None else {"moves": list(plain(moves))})})


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
    from loanwatch.show import watch as show
    from models.score import Scorer
    from pipelines.nightly import champion
    from serving.scorer import score_borrower, score_loan

    if (loan is None) == (borrower is None):
        raise UsageError("name either --loan or --borrower", "请指定 --loan 或 --borrower 之一")
    day = day_of(as_of) or Ledger(book).known_through
    scorer = Scorer(champion(book, mlruns))
    answer = score_loan(book, scorer, loan, day) if loan else score_borrower(book, scorer, str(borrower), day)
    show.answer(err if as_json else out, answer, day)
    if as_json:
        print_json(show.answer_json(answer, day, scorer.bundle.digest))


@app.command()
def doctor(book: Book = BOOK, mlruns: Store = STORE) -> None:
    """Check that this machine, the book and the model store are fit to run. 自检。"""
    from loanwatch.doctor import examine
    from loanwatch.show import watch as show

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


def _beside(book: Path, as_of: date, against: str) -> Path:
    """The official run that a night is compared with: that of a day, or the last one before the night; raises NotFound."""
    from monitoring import runs

    day = None if against == "last" else day_of(against, "--against")
    folder = runs.last_folder(book, day or as_of - timedelta(days=1))
    if folder is None or (day is not None and folder.name != f"as_of={day}"):
        en, zh = (f"before {as_of}", f"{as_of} 之前") if day is None else (f"of {day}", f"{day} ")
        way_en, way_zh = _what_else(runs.last_folder(book, date.max))
        raise NotFound(
            f"{book}: no official run {en} to compare with; {way_en}", f"{book}:{zh}没有可供对比的正式夜间运行;{way_zh}"
        )
    return folder


def _what_else(last: Path | None) -> tuple[str, str]:
    """What can be compared with instead, in English and Chinese."""
    if last is None:
        return "there is none yet: leave --against out", "尚无正式夜间运行,请去掉 --against"
    day = last.name.removeprefix("as_of=")
    return f"the last one is of {day}: name it with --against {day}", f"最近一次为 {day},可用 --against {day} 指定"


def _night_json(night: Any, folder: Path | None) -> dict[str, Any]:
    tiers = night.borrowers.groupby("tier").size().to_dict()
    return {
        "as_of": night.as_of, "kind": night.kind, "loans": len(night.loans), "borrowers": len(night.borrowers),
        "tiers": tiers, "warnings": list(night.warnings), "folder": folder,
    }  # fmt: skip
