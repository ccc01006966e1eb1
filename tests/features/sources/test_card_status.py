"""Month-end card status: what each raw value becomes, and that every raw row is accounted for."""

import gzip
import os
from datetime import date
from pathlib import Path

import duckdb
import pytest
import worlds

from features.checks import REASONS
from features.errors import DataRefused
from features.ingest import Receipt, ingest
from features.sources import source

APPLICATION = (
    "CODE_GENDER", "FLAG_OWN_CAR", "FLAG_OWN_REALTY", "CNT_CHILDREN", "AMT_INCOME_TOTAL", "NAME_INCOME_TYPE",
    "NAME_EDUCATION_TYPE", "NAME_FAMILY_STATUS", "NAME_HOUSING_TYPE", "DAYS_BIRTH", "DAYS_EMPLOYED", "FLAG_MOBIL",
    "FLAG_WORK_PHONE", "FLAG_PHONE", "FLAG_EMAIL", "OCCUPATION_TYPE", "CNT_FAM_MEMBERS",
)  # fmt: skip
CARDS = source("card_status")
ANN = "F,Y,N,1,270000.5,Working,Higher education,Married,Rented apartment,-12000,-4000,1,1,0,0,Drivers,2.0"
BEN = "M,N,Y,0,112500.0,Pensioner,Secondary,Widow,House / apartment,-21000,365243,1,0,0,0,,1.0"
CREDIT = ["1,0,C", "1,-1,0", "1,-2,X", "2,0,1", "2,-1,5", "3,0,0", "4,-1,7", "4,0,2", "4,-2,3", "4,-3,4"]
APPLICATIONS = [f"1,{ANN}", f"2,{ANN}", f"3,{ANN}", f"3,{BEN}", f"5,{BEN}"]


def lay(folder: Path, credit: list[str], applications: list[str], packed: bool = False) -> Path:
    folder.mkdir()
    for name, header, rows in (
        ("credit_record.csv", "ID,MONTHS_BALANCE,STATUS", credit),
        ("application_record.csv", ",".join(("ID", *APPLICATION)), applications),
    ):
        text = "\n".join([header, *rows, ""]).encode()
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(text) if packed else text)
    return folder


def counts(receipt: Receipt) -> dict[str, tuple[int, int, int, int]]:
    return {t.table: (t.rows_in, t.used, t.repeats, t.quarantined) for t in receipt.tallies}


@pytest.mark.parametrize("packed", [False, True])
def test_every_row_finds_its_place(tmp_path: Path, packed: bool) -> None:
    book = tmp_path / "book"
    receipt = ingest(book, CARDS, lay(tmp_path / "from", CREDIT, APPLICATIONS, packed), partitions=2)
    assert counts(receipt) == {"borrowers": (5, 3, 0, 2), "loans": (4, 4, 0, 0), "statuses": (10, 9, 0, 1)}
    assert list(receipt.left_out.values()) == [1, 1]
    assert receipt.assumed == ("borrowers", "loans", "statuses")

    statuses = {(r["loan_id"], r["event_on"]): (r["state"], r["dpd"]) for r in worlds.stored(book, "statuses")}
    december, november, october = date(2020, 12, 31), date(2020, 11, 30), date(2020, 10, 31)
    assert statuses == {
        ("1", december): ("paid_off", 0), ("1", november): ("late", 1), ("1", october): ("no_loan", 0),
        ("2", december): ("late", 30), ("2", november): ("late", 150), ("3", december): ("late", 1),
        ("4", december): ("late", 60), ("4", october): ("late", 90), ("4", date(2020, 9, 30)): ("late", 120),
    }  # fmt: skip

    loans = {r["loan_id"]: (r["borrower_id"], r["event_on"]) for r in worlds.stored(book, "loans")}
    assert loans["1"][0] == loans["2"][0] != loans["3"][0]
    assert (loans["3"], loans["4"]) == (("N3", december), ("N4", date(2020, 9, 30)))
    assert [loans[loan][1] for loan in "12"] == [october, november]


def test_an_applicant_becomes_a_borrower_known_since_the_first_account(tmp_path: Path) -> None:
    ingest(tmp_path / "book", CARDS, lay(tmp_path / "from", CREDIT, APPLICATIONS), partitions=2)
    people = {str(r["borrower_id"])[0]: r for r in worlds.stored(tmp_path / "book", "borrowers")}
    ann, stranger = people["A"], people["N"]
    assert (ann["kind"], ann["income"], ann["income_type"], ann["occupation"]) == ("person", 27_000_050, "Working", "Drivers")
    assert (ann["owns_car"], ann["owns_realty"], ann["dependants"]) == (True, False, 1)
    assert (ann["born_on"], ann["employed_on"]) == (date(1988, 2, 23), date(2010, 1, 18))
    assert ann["event_on"] == ann["known_on"] == date(2020, 10, 31)
    assert (stranger["income"], stranger["born_on"], stranger["owns_car"]) == (None, None, None)


def test_what_cannot_be_trusted_is_set_aside_with_its_line(tmp_path: Path) -> None:
    receipt = ingest(tmp_path / "book", CARDS, lay(tmp_path / "from", CREDIT, APPLICATIONS), partitions=2)
    with duckdb.connect() as con:
        sql = "SELECT table_name, file, line, value, reason FROM read_parquet(?, hive_partitioning = false)"
        found = set(con.execute(sql, [str(receipt.quarantine)]).fetchall())
    codes = REASONS["codes"].format(codes="current revolving late paid_off no_loan written_off")
    assert found == {
        ("statuses", "credit_record.csv", 8, "7", codes),
        ("borrowers", "application_record.csv", 4, "A3", REASONS["twice"]),
        ("borrowers", "application_record.csv", 5, "A3", REASONS["twice"]),
    }


def test_no_job_is_not_a_date(tmp_path: Path) -> None:
    ingest(tmp_path / "book", CARDS, lay(tmp_path / "from", ["5,0,0"], [f"5,{BEN}"]), partitions=2)
    (ben,) = worlds.stored(tmp_path / "book", "borrowers")
    assert (ben["employed_on"], ben["occupation"]) == (None, None)


def test_a_month_that_is_no_number_is_named(tmp_path: Path) -> None:
    receipt = ingest(tmp_path / "book", CARDS, lay(tmp_path / "from", ["1,0,0", "1,last,0"], []), partitions=2)
    assert counts(receipt)["statuses"] == (2, 1, 0, 1)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "credit_record.csv",
            None,
            ["card_status.toml line", "no file credit_record.csv*", "found application_record.csv", "--from"],
        ),
        (
            "credit_record.csv",
            "ID,MONTH_BALANCE,STATUS\n1,0,0\n",
            ["card_status.toml line", "no column MONTHS_BALANCE", "did you mean MONTH_BALANCE"],
        ),
        ("credit_record.csv", "ID,MONTHS_BALANCE,STATUS\n1,0,0\n1,-1\n2,0,0\n", ["credit_record.csv", "cannot be read"]),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, name: str, text: str | None, words: list[str]) -> None:
    folder = lay(tmp_path / "from", CREDIT, APPLICATIONS)
    (folder / name).unlink()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(DataRefused) as refused:
        ingest(tmp_path / "book", CARDS, folder)
    assert [word for word in words if word not in refused.value.en] == []


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    folder = lay(tmp_path / "from", [f"{i},0,0" for i in range(200_000)], APPLICATIONS, packed=True)
    whole = (folder / "credit_record.csv.gz").read_bytes()
    (folder / "credit_record.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataRefused, match="credit_record"):
        ingest(tmp_path / "book", CARDS, folder)


DATA = Path(os.environ.get("LOANWATCH_DATA", ""), "card_status")


@pytest.mark.skipif(
    "LOANWATCH_DATA" not in os.environ or not DATA.is_dir(),
    reason="the real data are not there: set LOANWATCH_DATA to a folder with card_status/credit_record.csv.gz",
)
def test_nothing_of_the_real_data_is_lost(tmp_path: Path) -> None:
    receipt = ingest(tmp_path / "book", CARDS, DATA)
    with duckdb.connect() as con:
        rows = {
            name: con.execute(f"SELECT count(*) FROM read_csv('{DATA}/{name}*', all_varchar = true)").fetchall()[0][0]
            for name in ("credit_record.csv", "application_record.csv")
        }
    refused = applications_set_aside(receipt)
    for tally in receipt.tallies:
        assert tally.rows_in == tally.used + tally.repeats + tally.quarantined
    used = {tally.table: tally for tally in receipt.tallies}
    assert rows["credit_record.csv"] == used["statuses"].rows_in
    applied = sum(str(row["borrower_id"]).startswith("A") for row in worlds.stored(tmp_path / "book", "borrowers"))
    assert rows["application_record.csv"] == applied + sum(receipt.left_out.values()) + refused


def applications_set_aside(receipt: Receipt) -> int:
    if receipt.quarantine is None:
        return 0
    with duckdb.connect() as con:
        lines = "SELECT DISTINCT line FROM read_parquet(?, hive_partitioning = false) WHERE file LIKE 'application%'"
        return len(con.execute(lines, [str(receipt.quarantine)]).fetchall())
