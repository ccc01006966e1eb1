"""What a fall of an industry or a region does to its borrowers."""

import os
from typing import Annotated

import typer

from loanwatch.commands.exports import Export
from loanwatch.commands.options import (
    BOOK,
    STORE,
    Book,
    Day,
    InPrefect,
    Json,
    Store,
    day_of,
    err,
    in_prefect,
    out,
    print_json,
)

app = typer.Typer()


@app.command()
def shock(
    book: Book = BOOK,
    mlruns: Store = STORE,
    industry: Annotated[list[str] | None, typer.Option(help="Industry by its code; may come again. 行业代码。")] = None,
    region: Annotated[list[str] | None, typer.Option(help="Region by its code; may come again. 地区代码。")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(metavar="MEASURE=CHANGE", help="sales_index=-20% of the last value, or default_rate=+0.03. 指标变动。"),
    ] = None,
    arrived_since: Annotated[
        str | None, typer.Option(metavar="DATE", help="In place of changes: what figures known after this day did. 到达起始日。")
    ] = None,
    as_of: Day = None,
    most: Annotated[int, typer.Option(min=1, help="Rows on the terminal. 显示行数。")] = 10,
    export: Export = None,
    prefect: InPrefect = False,
    as_json: Json = False,
) -> None:
    """Score a sector's borrowers as if its figures had changed, and list who would move; changes nothing. 行业冲击。"""
    from loanwatch.progress import steps
    from loanwatch.show import shock as show
    from loanwatch.show.worklist import export as write
    from monitoring.decisions.place import Place
    from monitoring.policy import tier_policy
    from pipelines.shock import asked, report
    from pipelines.shock.run import run

    question = asked.shock(industry or [], region or [], change or [], day_of(arrived_since, "--arrived-since"))
    if in_prefect(prefect):
        from pipelines.flows import shock_run

        found = shock_run(str(book), question, day_of(as_of), str(mlruns))
    else:
        with steps(err) as done:
            found = run(Place.of(book, os.environ), mlruns, question, day_of(as_of), done)
    if export is not None:
        write(report.flat(found), export)
        err.print(f"written to {export}", highlight=False)
    show.result(err if as_json else out, found, tier_policy(found.as_of), most)
    if as_json:
        print_json(report.as_json(found))
