"""One raw value, one rule, one canonical value: units, notations, dates, codes; what cannot be read stays as it stands."""

from pathlib import Path

import pytest
from mappings import delivered, ingested, refused

from features.sources.tables.columns import NOT_READ

LOAN = """{extra}
[files.f]
path = "f.csv"
delimiter = ";"
[tables.loans]
from = "f"
[tables.loans.columns]
borrower_id = "id"
loan_id = "id"
event_on = {event_on}
product = {{ value = "other" }}
"""


def loan(
    folder: Path, lines: str, extra: str = "", event_on: str = "2024-01-01", head: str = "", add: str = ""
) -> dict[str, object]:
    text = LOAN.format(extra=head, event_on=event_on) + extra + "\n" + add
    return delivered(folder / "from", text, {"f.csv": lines})["loans"][0]


GERMAN = '[numbers]\ndecimal = ","\nthousands = "."'
MONEY = [
    ("1234.56", "", "123456"),
    ("  12 ", "", "1200"),
    ("0.1", "", "10"),
    ("1.234567", "unit = 10000", "1234567"),  # 万元
    ("8.12", "unit = 10_000", "8120000"),
    ("12345", "unit = 0.01", "12345"),  # cents
    ("1.5", "unit = 1000", "150000"),
    ("0.00000123", "unit = 1_000_000", "123"),
    ("12.345", "round = true", "1235"),
    ("-0.005", "round = true", "-1"),
    ("1.234,56", 'decimal = ",", thousands = "."', "123456"),
    ("1,234,567.89", 'thousands = ","', "123456789"),
    ("12,34,567.00", 'thousands = ","', "123456700"),
    ("1'000.50", 'thousands = "\'"', "100050"),
]


@pytest.mark.parametrize(("raw", "rule", "minor"), MONEY)
def test_money_is_exact_to_the_minor_unit(tmp_path: Path, raw: str, rule: str, minor: str) -> None:
    row = loan(tmp_path, f"id;x\n1;{raw}\n", 'principal = { column = "x"' + (f", {rule}" if rule else "") + " }")
    assert float(str(row["principal"])) == float(minor)
    assert str(row["principal"]).rstrip("0").rstrip(".") in (minor, minor.rstrip("0"))


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        ("1.234,56", ""), ("1234.5", GERMAN), ("12.34", GERMAN), ("1.2345", GERMAN), ("twelve", ""), ("12 EUR", ""),
        ("1,234.56", ""), ("--5", GERMAN),
    ],
)  # fmt: skip
def test_an_amount_in_another_notation_is_not_guessed_at(tmp_path: Path, raw: str, head: str) -> None:
    for rule in ('principal = "x"', 'principal = { column = "x", round = true }', 'rate = "x"', 'term_months = "x"'):
        stands = loan(tmp_path, f"id;x\n1;{raw}\n", rule, head=head)[rule.split()[0]]
        assert stands in (raw, raw + NOT_READ)
        assert _as_number(str(stands)) is None


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("raw", "minor"),
    [
        ("1.234,56", "123456"),
        ("1234", "123400"),
        ("-1.000", "-100000"),
        ("(2.500,5)", "-250050"),
        ("7,5-", "-750"),
        ("€ 3", "300"),
    ],
)
def test_a_notation_for_all_numbers(tmp_path: Path, raw: str, minor: str) -> None:
    head = GERMAN + '\nstrip = ["€"]\naccounting = true'
    assert float(str(loan(tmp_path, f"id;x\n1;{raw}\n", 'principal = "x"', head=head)["principal"])) == float(minor)


def test_the_notation_is_that_of_text_and_not_of_computed_or_constant_numbers(tmp_path: Path) -> None:
    extra = 'principal = { expression = "number(x) * 2" }\nrate = { value = 0.055 }'
    row = loan(tmp_path, "id;x\n1;1.234,50\n", extra, head=GERMAN)
    assert (float(str(row["principal"])), row["rate"]) == (246_900, "0.055")


def test_currencies_are_converted_and_rounded_to_the_minor_unit(tmp_path: Path) -> None:
    head = '[money]\ncurrency = "cur"\nrates = { USD = 7.1234, CNY = 1 }'
    lines = "id;x;cur\n1;10.01;USD\n"
    assert loan(tmp_path, lines, 'principal = "x"', head=head)["principal"] == "7131"
    assert loan(tmp_path, lines.replace("USD", "EUR"), 'principal = "x"', head=head)["principal"] == "10.01" + NOT_READ


@pytest.mark.parametrize(
    ("money", "table", "column", "minor"),
    [
        ('currency = { value = "BRL" }', "", "", "300"), ('currency = "cur"', "", "", "7123"),
        ('currency = { column = "cur" }', "", "", "7123"), ('currency = "cur"', 'currency = { value = "BRL" }', "", "300"),
        ('currency = { value = "BRL" }', 'currency = "cur"', "", "7123"), ("", 'currency = { value = "BRL" }', "", "300"),
        ("", 'currency = { value = "USD" }', 'currency = { value = "BRL" }', "300"), ("", "", "", "1000"),
    ],
)  # fmt: skip
def test_the_nearest_currency_counts(tmp_path: Path, money: str, table: str, column: str, minor: str) -> None:
    text = LOAN.format(extra=f"[money]\n{money}\nrates = {{ USD = 7.1234, BRL = 0.3 }}", event_on="2024-01-01")
    text = text.replace('from = "f"', f'from = "f"\n{table}')
    rule = 'principal = { column = "x"' + (f", {column}" if column else "") + " }\n"
    row = delivered(tmp_path / "from", text + rule, {"f.csv": "id;x;cur\n1;10;USD\n"})["loans"][0]
    assert float(str(row["principal"])) == float(minor)


def test_the_amount_without_a_rate_is_refused_and_not_taken_as_it_is(tmp_path: Path) -> None:
    """A raw amount that stands for itself must not pass for one in the book's currency."""
    head = '[money]\ncurrency = "cur"\nrates = { CNY = 1 }'
    text = (
        LOAN.format(extra=head, event_on="2024-01-01")
        + 'principal = "x"\n'
        + '[tables.borrowers]\nfrom = "f"\n[tables.borrowers.columns]\n'
    )
    text += 'borrower_id = "id"\nevent_on = 2024-01-01\nkind = { value = "person" }\n'
    receipt = ingested(tmp_path / "from", text, {"f.csv": "id;x;cur\n1;10;CNY\n2;20;EUR\n"})
    assert {(line, column) for _, line, column, _ in refused(receipt)} == {(3, "principal")}


DATES = [
    ("2024-03-05", ""),
    ("2024-03-05 23:59:59", ""),
    ("2024/3/5", ""),
    ("05.03.2024", 'format = "%d.%m.%Y"'),
    ("5.3.2024", 'format = ["%Y%m%d", "%d.%m.%Y"]'),
    ("20240305", 'format = ["%Y%m%d", "%d.%m.%Y"]'),
    ("2024年3月5日", 'format = "%Y年%m月%d日"'),
    ("45356", 'format = "excel"'),
    ("45356.75", 'format = ["%d/%m/%Y", "excel"]'),
    ("1709596800", 'format = "epoch"'),
    ("1709596800000", 'format = "epoch_ms"'),
    ("5-Mar-24", 'format = "%d-%b-%y"'),
    ("050324", 'format = "%d%m%y"'),
    ("2024-03-05", 'format = "%d.%m.%Y"'),  # a typed date in a sheet where others are text
]


@pytest.mark.parametrize(("raw", "rule"), DATES)
def test_a_day_in_its_format(tmp_path: Path, raw: str, rule: str) -> None:
    row = loan(tmp_path, f"id;x\n1;{raw}\n", event_on='{ column = "x"' + (f", {rule}" if rule else "") + " }")
    assert row["event_on"] == row["known_on"] == "2024-03-05"


@pytest.mark.parametrize(
    ("raw", "rule", "day"),
    [
        ("202402", 'format = "%Y%m", at = "month_end"', "2024-02-29"),
        ("2024-05-20", 'at = "quarter_end"', "2024-06-30"),
        ("2024-05-20", 'at = "year_end"', "2024-12-31"),
        ("2024-05-20", 'at = "month_start"', "2024-05-01"),
        ("-10", "months_from = 2020-12-31", "2020-02-29"),
        ("-45", "days_from = 2020-12-31", "2020-11-16"),
        ("2", 'months_from = "start"', "2020-03-31"),
        ("30", 'days_from = "start"', "2020-03-01"),
        ("120531", 'format = "%d%m%y", not_after = 2024-12-31', "1931-05-12"),
        ("never", 'null = ["never"]', None),
        ("31.02.2024", 'format = "%d.%m.%Y"', "31.02.2024"),
        ("2024-13-01", "", "2024-13-01"),
        ("soon", "months_from = 2020-12-31", "soon"),
        ("999999999999", "months_from = 2020-12-31", "999999999999"),
        ("2024-01-01", "months_from = 2020-12-31", "2024-01-01" + NOT_READ),
    ],
)
def test_days_laid_on_a_calendar_or_left_as_they_stand(tmp_path: Path, raw: str, rule: str, day: str | None) -> None:
    rule = '{ column = "x"' + (f", {rule}" if rule else "") + " }"
    assert loan(tmp_path, f"id;x;start\n1;{raw};2020-01-31\n", f"matures_on = {rule}")["matures_on"] == day


@pytest.mark.parametrize(
    ("raw", "rule", "value"),
    [
        ("12.5", "unit = 0.01", 0.125), ("0,5", 'decimal = ","', 0.5), ("7", "", 7.0), ("1e-3", "", 0.001),
    ],
)  # fmt: skip
def test_numbers(tmp_path: Path, raw: str, rule: str, value: float) -> None:
    row = loan(tmp_path, f"id;x\n1;{raw}\n", 'rate = { column = "x"' + (f", {rule}" if rule else "") + " }")
    assert float(str(row["rate"])) == value


def test_years_become_months(tmp_path: Path) -> None:
    assert loan(tmp_path, "id;x\n1;2.5\n", 'term_months = { column = "x", unit = 12, round = true }')["term_months"] in (
        "30",
        "30.00000000",
    )


def test_codes_and_what_stands_for_the_rest(tmp_path: Path) -> None:
    rule = '{ column = "x", codes = { A = "EUR", B = "USD" }, otherwise = "CNY" }'
    said = [loan(tmp_path, f"id;x\n1;{raw}\n", f"currency = {rule}")["currency"] for raw in ("A", "B", "C", "")]
    assert said == ["EUR", "USD", "CNY", None]


def test_a_pseudonym_of_several_columns(tmp_path: Path) -> None:
    rule = LOAN.replace('borrower_id = "id"', 'borrower_id = {{ hash = ["x", "y"], prefix = "P" }}')
    rows = delivered(
        tmp_path / "from", rule.format(extra="", event_on="2024-01-01"), {"f.csv": "id;x;y\n1;a;b\n2;a;b\n3;a;\n4;;\n"}
    )
    names = [row["borrower_id"] for row in rows["loans"]]
    assert names[0] == names[1] != names[2]
    assert (str(names[0])[0], len(str(names[0])), names[3]) == ("P", 17, None)


def test_an_expression_that_cannot_be_computed_leaves_what_stood_there(tmp_path: Path) -> None:
    rule = '{ expression = "make_date(2000, CAST(x AS INTEGER), 1)" }'
    assert loan(tmp_path, "id;x\n1;13\n", f"matures_on = {rule}")["matures_on"] == "x=13"
    assert loan(tmp_path, "id;x\n1;\n", f"matures_on = {rule}")["matures_on"] is None


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ('"x"', "2024-02-01"),
        ("{ event_plus_days = 90 }", "2024-03-31"),
        ('"ingest"', "2024-06-30"),
        ("2024-05-05", "2024-05-05"),
        ('{ expression = "date_of(x) + 1" }', "2024-02-02"),
    ],
)
def test_when_a_record_could_be_known(tmp_path: Path, rule: str, day: str) -> None:
    text = LOAN.format(extra="", event_on="2024-01-01").replace('from = "f"', f'from = "f"\nknown_on = {rule}')
    assert delivered(tmp_path / "from", text, {"f.csv": "id;x\n1;2024-02-01\n"})["loans"][0]["known_on"] == day
