"""From raw files to the ledger: simulate, ingest, map, and what was refused."""

import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from features.errors import UsageError
from features.sources import names as source_names
from loanwatch.commands.options import BOOK, Book, Json, MappingFile, err, out, print_json

app = typer.Typer()


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
    from loanwatch.show import records as show

    with err.status(f"ingesting {source}"):
        receipt = bring(book, named(source, mapping, date.today()), path)
    show.receipt(err if as_json else out, receipt)
    if as_json:
        print_json(asdict(receipt))


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
    from loanwatch.show import records as show
    from pipelines import trial

    if len(files) != 1 or path is None:
        raise UsageError(
            "either --draft FILES..., or one mapping with --from FOLDER to try it",
            "请用 --draft 文件…,或给出一个映射并以 --from 指定目录",
        )
    found = trial.run(files[0], path, date.today())
    show.trial(err if as_json else out, found)
    if as_json:
        print_json(found.as_json())


def _draft(files: list[Path], to: Path | None) -> None:
    from features.sources.draft import draft

    if to is not None and to.exists():
        raise UsageError(f"{to} exists; name a new file with --out", f"{to} 已存在;请用 --out 指定新文件")
    made = draft(files)
    if to is None:
        sys.stdout.write(made.text)
    else:
        to.write_text(made.text, "utf-8")
    from loanwatch.show import records as show

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
    from loanwatch.show import records as show

    found = report(book, ledger_version, table)
    lines = None if csv is None else export(book, found, table, csv)
    target = err if as_json else out
    show.quarantine(target, found)
    if csv is not None:
        target.print(f"{lines:,} lines with values in full: {csv}", highlight=False)
    if as_json:
        print_json(show.quarantine_json(found, csv))
