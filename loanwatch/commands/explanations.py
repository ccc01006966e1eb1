"""Why: one score, or all of a book, explained on the terminal, as a page and as a picture; one score as a dossier."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from features.errors import UsageError
from loanwatch.commands.options import BOOK, STORE, Book, Day, Json, Store, day_of, err, out, print_json

if TYPE_CHECKING:
    from models.score import Scorer

app = typer.Typer()
Explained = tuple[dict[str, Any], Callable[[], str], Callable[[], str]]
"""A document, and how to make its page and its picture."""


@app.command()
def explain(
    book: Book = BOOK,
    loan: Annotated[str | None, typer.Option(help="Loan id. 贷款编号。")] = None,
    borrower: Annotated[str | None, typer.Option(help="Borrower id; neither: the book. 借款人编号;均不指定则为全体。")] = None,
    as_of: Day = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Compare with; the last review by default. 对照日。")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to look at. 输出网页。")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write the waterfall, or the groups, as SVG. 输出 SVG 图。")] = None,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """Why a loan, or the book, is scored as it is: reasons, thresholds, what is unknown, what was checked. 评分解释。"""
    from features.ledger import Ledger
    from models.score import Scorer
    from pipelines.nightly import champion

    if loan is not None and borrower is not None:
        raise UsageError("name --loan or --borrower, not both", "--loan 与 --borrower 只能指定一个")
    day, scorer = day_of(as_of) or Ledger(book).known_through, Scorer(champion(book, mlruns))
    target = err if as_json else out
    if loan is None and borrower is None:
        said, page, picture = _overview(target, book, scorer, day)
    else:
        said, page, picture = _explained(target, book, scorer, loan, borrower, day, day_of(since, "--since"))
    for path, make in ((html, page), (svg, picture)):
        if path is not None:
            path.write_text(make(), "utf-8")
            target.print(f"written: {path}", highlight=False)
    if as_json:
        print_json(said)


@app.command()
def dossier(
    loan: Annotated[str, typer.Option(help="Loan id. 贷款编号。")],
    to: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder to make. 输出目录。")],
    as_of: Day = None,
    book: Book = BOOK,
    known_by: Annotated[
        str | None, typer.Option(metavar="DATE", help="As known by this day; --as-of by default. 截至该日可知。")
    ] = None,
    mlruns: Store = STORE,
    as_json: Json = False,
) -> None:
    """One loan's score for an auditor: from its records to the PD, to recompute without loanwatch. 审计卷宗。"""
    from features.ledger import Ledger
    from loanwatch.show import dossier as show
    from models.dossier.write import write
    from models.score import Scorer
    from pipelines.nightly import champion

    ledger = Ledger(book)
    day, bundle = day_of(as_of) or ledger.known_through, champion(book, mlruns)
    made = write(to, ledger, Scorer(bundle), book / "bundles" / bundle.digest, loan, day, day_of(known_by, "--known-by"))
    show.made(err if as_json else out, made)
    if as_json:
        print_json(show.as_json(made))


def _explained(
    target: Console, book: Path, scorer: "Scorer", loan: str | None, borrower: str | None, day: date, since: date | None
) -> Explained:
    """One score: its document, and how to make its page and its picture."""
    from loanwatch.show.explanation import explanation
    from serving import page
    from serving.certificate import certificate
    from serving.explanation import explain_borrower, explain_loan

    if loan is not None:
        found = explain_loan(book, scorer, loan, day, since)
    else:
        found = explain_borrower(book, scorer, str(borrower), day, since)
    explanation(target, found)
    return certificate(found), lambda: page.html(found), lambda: page.waterfall(found.book)


def _overview(target: Console, book: Path, scorer: "Scorer", day: date) -> Explained:
    """The book: the same."""
    from loanwatch.show.explanation import overview
    from serving import overview as whole

    found = whole.look(book, scorer, day)
    overview(target, found)
    return found.as_json(), lambda: whole.html(found), lambda: whole.picture(found)
