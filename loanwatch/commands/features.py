"""The catalogue of features: what there is, what it means, and where a value came from."""

from typing import Annotated

import typer

from loanwatch.commands.options import BOOK, Book, Json, day_of, err, out, print_json

app = typer.Typer(no_args_is_help=True, help="The feature catalogue: list, describe, SQL, trace a value. 特征目录。")


@app.command("list")
def list_features() -> None:
    """Every feature with its unit and direction of risk. 列出特征。"""
    from features.catalogue import CATALOGUE
    from loanwatch.show import features as show

    show.catalogue(out, list(CATALOGUE.values()))


@app.command()
def describe(name: str) -> None:
    """What a feature means, in both languages. 特征说明。"""
    from features.catalogue import feature
    from loanwatch.show import features as show

    show.feature(out, feature(name))


@app.command()
def sql(name: str) -> None:
    """A feature as SQL over the canonical tables. 特征的 SQL。"""
    from features.catalogue import feature
    from features.sql import query

    print(query([feature(name)]))  # noqa: T201


@app.command("trace")
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
    from loanwatch.show import features as show

    said, day, later = feature(name), day_of(as_of, "AS_OF"), day_of(known_by, "--known-by")
    assert day is not None
    found = trace(Ledger(book), entity, day, said, later)
    show.trace(err if as_json else out, found)
    if as_json:
        print_json(show.trace_json(found))
