"""Parts and groups of rows, against DuckDB's answer to the same question, as known on each row's day."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest
from books import Book

from features.events import day_number
from features.window import to_date
from models.limits import limits
from models.profile import profile
from models.segments import SMALL, UNKNOWN, _banded, _grouped, _vintages, attributes, segments

PROHIBITED = profile().prohibited


@pytest.fixture(scope="module")
def rows(book: Book) -> pd.DataFrame:
    """Some test rows with their words, and those of an independent reading of the ledger's files."""
    some = np.flatnonzero(book.sample.test)[::3]
    people = book.sample.people.take(some)
    spine = pd.DataFrame(
        {
            "row": np.arange(len(some)), "borrower_id": people.spine.borrower_id, "loan_id": people.spine.loan_id,
            "as_of": pd.to_datetime([to_date(d) for d in people.spine.as_of]),
        }
    )  # fmt: skip
    con = duckdb.connect()
    con.register("spine", spine)
    found = spine
    for table, key, columns in (("borrowers", "borrower_id", PROHIBITED), ("loans", "loan_id", ("product",))):
        con.register("r", con.read_parquet([str(p) for p in book.ledger.files(table)]).arrow().read_all())
        for column in columns:
            latest = con.sql(
                f"SELECT row, r.{column} AS true_{column} FROM spine JOIN r USING ({key}) WHERE r.event_on <= as_of AND"
                f" r.known_on <= as_of AND (superseded_on IS NULL OR superseded_on > as_of) AND r.{column} IS NOT NULL"
                " QUALIFY row_number() OVER (PARTITION BY row ORDER BY event_on DESC, known_on DESC, record_id DESC) = 1"
            ).df()
            found = found.merge(latest, on="row", how="left")
    ours = pd.concat([segments(people, book.ledger), attributes(people, book.ledger, PROHIBITED)], axis=1)
    return pd.concat([found, ours, people.facts[["company"]]], axis=1)


def test_the_product_and_the_month_are_the_rows(rows: pd.DataFrame) -> None:
    assert (rows["product"] == rows["true_product"]).all()
    assert (rows["month"] == rows["as_of"].dt.strftime("%Y-%m")).all()


def test_a_segment_is_the_kind_of_borrower_and_the_product_group(rows: pd.DataFrame) -> None:
    expected = np.where(rows["company"], "company", "person") + ", " + rows["true_product"].map(dict(limits().product_group))
    assert (rows["segment"] == expected).all()
    assert set(rows["segment"]) == {"company, business", "person, consumer", "person, mortgage"}


@pytest.mark.parametrize("column", ["sex", "marriage", "education"])
def test_words_are_those_known_on_the_day_and_companies_have_none(rows: pd.DataFrame, column: str) -> None:
    told = rows[column] != SMALL
    assert (rows.loc[told, column] == rows.loc[told, f"true_{column}"].fillna(UNKNOWN)).all()
    assert (rows.loc[rows["company"] == 1, column] == UNKNOWN).all()


def test_ages_are_in_bands_of_years_on_the_day(rows: pd.DataFrame) -> None:
    persons = rows[rows["true_born_on"].notna() & (rows["born_on"] != SMALL)]
    assert len(persons) > 100
    years = np.floor((persons["as_of"] - pd.to_datetime(persons["true_born_on"])).dt.days / 365.2425)
    for band, year in zip(persons["born_on"], years, strict=True):
        low, _, high = band.replace(" or less", "").replace(" or more", " to 999").partition(" to ")
        low, high = ("0", low) if not high else (low, high)
        assert int(low) <= year <= int(high)


def test_only_what_is_prohibited_is_asked_for(book: Book) -> None:
    people = book.sample.people.take(np.arange(50))
    assert list(attributes(people, book.ledger, ("sex",))) == ["sex"]
    assert list(attributes(people, book.ledger, ())) == []


def test_bands_are_named_by_their_ends_and_unknown_is_one_of_them() -> None:
    banded = _banded(pd.Series([24.0, 25.0, 34.0, 35.0, np.nan]), [25, 35])
    assert banded.tolist() == ["24 or less", "25 to 34", "25 to 34", "35 or more", UNKNOWN]
    assert _banded(pd.Series([0.0, 1.0, 3.0, 7.0]), limits().count_bands).tolist() == ["0", "1", "3 or more", "3 or more"]


def test_few_rows_are_not_a_group_of_their_own() -> None:
    few, enough = limits().fewest_rows - 1, limits().fewest_rows
    words = pd.Series(["rare"] * few + ["common"] * enough + [UNKNOWN] * 2)
    found = _grouped(words, "text", np.zeros(len(words), dtype=np.int64), limits())
    assert found.value_counts().to_dict() == {"common": enough, SMALL: few, UNKNOWN: 2}


def test_vintages_are_quarters_while_there_are_few_and_years_after() -> None:
    days = [float(day_number(date(2020, month, 1))) for month in (1, 3, 4, 12)]
    assert _vintages(np.array([*days, np.nan]), limits()) == ["2020 Q1", "2020 Q1", "2020 Q2", "2020 Q4", UNKNOWN]
    many = [float(day_number(date(year, 5, 1))) for year in range(2000, 2000 + limits().most_quarters + 1)]
    assert _vintages(np.array(many), limits())[:2] == ["2000", "2001"]
