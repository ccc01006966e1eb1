"""Mistakes people make in a mapping: each is refused with the file, the line, the key, what was seen and the way out."""

import re
from pathlib import Path

import pytest
from mappings import delivered, write

from features.errors import LoanwatchError, UsageError
from features.sources.tables.reading import read_mapping

GOOD = """name = "made_up"
en = "Made up"
zh = "虚构"

[money]
unit = 1

[numbers]
decimal = "."

[files.f]
path = "f.csv"
delimiter = ","

[files.g]
path = "g.csv"

[relations.both]
from = "f"
join = { with = "g", on = "id" }
compute = { double = "number(sum) * 2" }
where = "sum IS NOT NULL"

[relations.firsts]
from = "f"
keep = { which = "first", by = "id", order = "day" }

[relations.long]
from = "g"

[relations.long.unpivot]
name = "n"
values = [1, 2]
columns.paid = "paid{}"

[tables.loans]
from = "both"
where = "id <> 'x'"

[tables.loans.columns]
borrower_id = "name"
loan_id = "id"
event_on = { column = "day", format = "%Y-%m-%d" }
product = { value = "other" }
principal = "sum"
rate = { value = 0.1 }

[tables.payments]
from = "long"
record_id = ["id", "n"]
known_on = { event_plus_days = 1 }

[tables.payments.columns]
borrower_id = { value = "b" }
loan_id = "id"
event_on = { value = 2024-01-01 }
amount = "paid"
"""
FILES: dict[str, str | bytes] = {"f.csv": "id,name,day,sum\n1,Ann,2024-01-02,5\n", "g.csv": "id,paid1,paid2\n1,2,3\n"}

MISTAKES = [
    # what is written, what stands in its place, (line, words of the error)
    ("unit = 1\n", "unit = \n", "line 6|not TOML"),
    ('name = "made_up"', 'nmae = "made_up"', "line 1, nmae: unknown key 'nmae'; did you mean name"),
    ('zh = "虚构"\n', "", "line 1: 'zh' is missing"),
    ('name = "made_up"', 'name = "Made Up"', "line 1, name: a name here has lower-case letters"),
    ("[money]", "[moneys]", "line 5, moneys: unknown key 'moneys'; did you mean money"),
    ("unit = 1\n", "unti = 1\n", "line 6, money.unti: unknown key 'unti'; did you mean unit"),
    ("unit = 1\n", "unit = -1\n", "line 6, money.unit: Input should be greater than 0; seen: -1"),
    ("unit = 1\n", 'unit = "many"\n', "line 6, money.unit: .*seen: many"),
    ("unit = 1\n", 'currency = "sum"\n', "line 45, tables.loans.columns.principal: .*need \\[money.rates\\]"),
    ("unit = 1\n", 'currency = { value = "BRL" }\nrates = { CNY = 1, BLR = 2 }\n',
     "line 46, tables.loans.columns.principal: no rate for BRL under \\[money.rates\\]; did you mean BLR"),
    ("unit = 1\n", 'currency = { vlaue = "BRL" }\n', "line 6, money.currency.vlaue: unknown key 'vlaue'; did you mean value"),
    ("unit = 1\n", "currency = {}\n", 'line 6, money.currency: a column, as "cur", or one currency'),
    ('path = "f.csv"', 'path = "f.csv"\nnull = ["", "-"]', "line 13, files.f.null: an empty field is unknown already"),
    ('decimal = "."', 'decimal = ".."', "line 9, numbers.decimal"),
    ('decimal = "."', 'decimal = ","\nthousands = ","', "line 8, numbers: decimal and thousands are the same"),
    ('path = "f.csv"', 'paht = "f.csv"', "line 12, files.f.paht: unknown key 'paht'; did you mean path"),
    ('path = "f.csv"', 'path = "h.csv"', "line 12, files.f.path: no file h.csv in .*found f.csv, g.csv.*--from"),
    ('path = "f.csv"', 'path = "../f.csv"', "line 12, files.f.path: .*leaves the folder"),
    ('path = "f.csv"', 'path = "**bad"', "line 12, files.f.path"),
    ('path = "f.csv"', 'path = "f.dat"', 'line 12, files.f.path: what f.dat is cannot be told.*format = "csv"'),
    ('path = "f.csv"\n', "", "line 11, files.f: path is missing"),
    ('path = "f.csv"', 'path = "f.csv"\nencoding = "klingon"', "line 13, files.f.encoding: no encoding klingon"),
    ('path = "f.csv"', 'path = "f.csv"\nformat = "cvs"', "line 13, files.f.format: Input should be 'csv'.*seen: cvs"),
    ('path = "f.csv"', 'path = "f.csv"\nnames = ["a"]', "line 13, files.f.names: f.csv has 4 columns, names has 1"),
    ('path = "f.csv"', 'path = "f.csv"\nformat = "sqlite"', "line 11, files.f: name either table or query"),
    ('path = "f.csv"', 'path = "f.csv"\nformat = "sqlite"\ntable = "t"', "line 14, files.f.table: f.csv: cannot be read"),
    ('path = "f.csv"', 'path = "f.csv"\nformat = "excel"', "line 12, files.f.path: f.csv: cannot be read"),
    ('path = "f.csv"', 'url = "NO_SUCH_VARIABLE"\ntable = "t"', "line 12, files.f.url: .*'NO_SUCH_VARIABLE' is not set"),
    ('delimiter = ","', 'delimiter = ";"', "line 20, relations.both.join.on: f has no column id; did you mean id,name"),
    ('delimiter = ","', 'delimiter = ",,"', "line 13, files.f.delimiter"),
    ('with = "g"', 'with = "gg"', "line 20, relations.both.join.with: no file or relation gg above; did you mean g"),
    ('on = "id"', 'on = "idd"', "line 20, relations.both.join.on: f has no column idd; did you mean id"),
    ('on = "id"', 'on = "id", kind = "outer"', "line 20, relations.both.join.kind: .*seen: outer"),
    ('on = "id"', 'on = { name = "idd" }', "line 20, relations.both.join.on: g has no column idd"),
    ('double = "number(sum) * 2"', 'double = "nubmer(sum) * 2"',
     "line 21, relations.both.compute.double: no function nubmer.*number"),
    ('double = "number(sum) * 2"', 'double = "DATEFROMPARTS(2024, 1, 1)"',
     "line 21, relations.both.compute.double: no function datefromparts.*date_of\\(concat_ws\\('-', year, month, day\\)\\)"),
    ('double = "number(sum) * 2"', "double = \"to_date(day, 'DD')\"", "no function to_date in a mapping; write date_of"),
    ('double = "number(sum) * 2"', 'double = "number(smu) * 2"',
     "line 21, relations.both.compute.double: no column smu; did you mean sum"),
    ('double = "number(sum) * 2"', 'double = "sum * 2"',
     "line 21, relations.both.compute.double: .*number\\(x\\) makes one a number"),
    ('double = "number(sum) * 2"', 'double = "number(sum"', "line 21, relations.both.compute.double: not an expression"),
    ('double = "number(sum) * 2"', 'double = "(SELECT 1)"', "line 21, relations.both.compute.double: .*cannot be used"),
    ('double = "number(sum) * 2"', 'double = "1 FROM f"', "line 21, relations.both.compute.double: one expression is expected"),
    ('double = "number(sum) * 2"', "double = \"getenv('HOME')\"", "line 21, relations.both.compute.double: no function getenv"),
    ('double = "number(sum) * 2"', 'name = "1"', "line 21, relations.both.compute.name: there is a column name already"),
    ('"sum IS NOT NULL"', '"sum IS NOT NUL"', "line 22, relations.both.where: not an expression"),
    ('which = "first"', 'which = "frist"', "line 26, relations.firsts.keep.which: .*seen: frist"),
    ('order = "day"', 'ordre = "day"', "line 26, relations.firsts.keep.ordre: unknown key 'ordre'; did you mean order"),
    ('by = "id", order', 'by = "idd", order', "line 26, relations.firsts.keep.by: f has no column idd"),
    ("values = [1, 2]", "values = []", "line 33, relations.long.unpivot.values"),
    ("values = [1, 2]", "values = [1, 3]",
     "line 34, relations.long.unpivot.columns.paid: g has no column paid3; did you mean paid"),
    ('columns.paid = "paid{}"', 'columns.paid = ["paid1"]',
     "line 34, relations.long.unpivot.columns.paid: 1 columns for 2 values"),
    ("[tables.loans]\n", "[tables.loan]\n", "line 36, tables.loan: no canonical table loan; did you mean loans"),
    ('from = "both"', 'from = "boths"', "line 37, tables.loans.from: no file or relation boths above; did you mean both"),
    ("\"id <> 'x'\"", "\"idd <> 'x'\"", "line 38, tables.loans.where: no column idd; did you mean id"),
    ('loan_id = "id"\nevent_on = { c', 'loanid = "id"\nevent_on = { c',
     "line 42, tables.loans.columns.loanid: .*did you mean loan_id"),
    ('borrower_id = "name"\n', "", "line 40, tables.loans.columns: loans needs borrower_id"),
    ('event_on = { column = "day", format', 'event_on = { column = "dya", format',
     "line 43, tables.loans.columns.event_on: both has no column dya; did you mean day"),
    ('format = "%Y-%m-%d" }', 'fromat = "%Y-%m-%d" }',
     "line 43, tables.loans.columns.event_on.fromat: unknown key 'fromat'; did you mean format"),
    ('format = "%Y-%m-%d" }', 'format = "%Q" }', "line 43, tables.loans.columns.event_on: "),
    ('format = "%Y-%m-%d" }', "unit = 100 }",
     "line 43, tables.loans.columns.event_on: unit does not apply to event_on, which is a date"),
    ('format = "%Y-%m-%d" }', 'value = "x" }', "line 43, tables.loans.columns.event_on: one of column.*seen: column and value"),
    ('format = "%Y-%m-%d" }', 'otherwise = "x" }', "line 43, tables.loans.columns.event_on: otherwise goes with codes"),
    ('format = "%Y-%m-%d" }', 'format = "%Y", days_from = 2024-01-01 }', "line 43, .*use one of format, months_from, days_from"),
    ('format = "%Y-%m-%d" }', 'at = "week_end" }', "line 43, tables.loans.columns.event_on.at: .*seen: week_end"),
    ('product = { value = "other" }\n', "", "line 40, tables.loans.columns: loans needs product"),
    ('product = { value = "other" }', "product = {}", "line 44, tables.loans.columns.product: one of column.*none of them"),
    ('product = { value = "other" }', 'product = "?"', "line 44, tables.loans.columns.product: still to be decided"),
    ("rate = { value = 0.1 }", 'known_on = "day"', "line 46, tables.loans.columns.known_on: known_on stands above"),
    ('record_id = ["id", "n"]\n', "", "line 48, tables.payments: payments need record_id"),
    ('record_id = ["id", "n"]', 'record_id = ["id", "m"]', "line 50, tables.payments.record_id: long has no column m"),
    ("event_plus_days = 1", "event_plus_day = 1",
     "line 51, tables.payments.known_on.event_plus_day: unknown key.*event_plus_days"),
    ("event_plus_days = 1", 'event_plus_days = 1, column = "id"',
     "line 51, tables.payments.known_on: one of column.*event_plus_days"),
    ("event_plus_days = 1", "event_plus_days = -1", "line 51, tables.payments.known_on.event_plus_days"),
    ('amount = "paid"\n', 'amount = "paid1"\n',
     "line 57, tables.payments.columns.amount: long has no column paid1; did you mean paid"),
    ("[tables.payments]\n", "[tables.bureau]\n", "line 48, tables.bureau"),
]  # fmt: skip


def test_without_a_mistake_it_reads(tmp_path: Path) -> None:
    assert [len(rows) for rows in delivered(tmp_path / "from", GOOD, FILES).values()] == [1, 2, 0, 0]


@pytest.mark.parametrize(("seen", "instead", "words"), MISTAKES, ids=[f"{i}-{m[1][:30]!r}" for i, m in enumerate(MISTAKES)])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, seen: str, instead: str, words: str) -> None:
    assert seen in GOOD
    with pytest.raises(LoanwatchError) as refused:
        delivered(tmp_path / "from", GOOD.replace(seen, instead), FILES)
    assert re.search(words, refused.value.en), refused.value.en
    assert re.search(r"made_up\.toml line \d+|not TOML", refused.value.en)
    assert re.search(r"[一-鿿]", refused.value.zh)


def test_statements_say_when_they_became_known(tmp_path: Path) -> None:
    text = GOOD.replace("[tables.payments", "[tables.statements").replace('amount = "paid"\n', "period_months = 12\n")
    text = text.replace('loan_id = "id"\nevent_on = { v', "event_on = { v")
    assert len(delivered(tmp_path / "a" / "from", text, FILES)["statements"]) == 2
    with pytest.raises(UsageError, match=r"line 48, tables.statements: statements arrive later"):
        delivered(tmp_path / "b" / "from", text.replace("known_on = { event_plus_days = 1 }", ""), FILES)


def test_a_join_that_would_double_rows_is_refused(tmp_path: Path) -> None:
    twice = FILES | {"g.csv": "id,paid1,paid2\n1,2,3\n1,4,5\n"}
    with pytest.raises(LoanwatchError, match=r"line 20, relations\.both\.join: g has several rows for one key"):
        delivered(tmp_path / "a" / "from", GOOD, twice)
    doubled = GOOD.replace('on = "id"', 'on = "id", many = true')
    assert len(delivered(tmp_path / "b" / "from", doubled, twice)["loans"]) == 2


def test_keys_have_their_line_whatever_stands_around_them(tmp_path: Path) -> None:
    text = 'name = "a"\nen = """\nzh = "not here"\n[files.no]\n"""\nzh = "z"\n[files.f]\npath = "f.csv"\n'
    text += 'null = [\n  "[x]",\n  "y = 1",\n]\n'
    text += '[[tables.loans]]\nfrom = "f"\ncolumns = {}\n[[tables.loans]]\nfrom = "f"\n[tables.loans.columns]\n"event_on" = "?"\n'
    with pytest.raises(UsageError, match=r"line 19, tables.loans.columns.event_on: still to be decided"):
        read_mapping(write(tmp_path / "from", text))


def test_a_question_mark_may_be_a_word_for_nothing(tmp_path: Path) -> None:
    text = GOOD.replace('path = "f.csv"', 'path = "f.csv"\nnull = "?"')
    assert (
        delivered(tmp_path / "from", text, FILES | {"f.csv": "id,name,day,sum\n1,?,2024-01-02,5\n"})["loans"][0]["borrower_id"]
        is None
    )


def test_a_mapping_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such mapping file"):
        read_mapping(tmp_path / "x.toml")
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not TOML"):
        read_mapping(tmp_path / "x.toml")
