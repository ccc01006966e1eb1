"""Files as lenders send them: encodings, packing, titles, quotes, sheets, databases; each row with its file and line."""

import io
import sqlite3
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mappings import HEAD, delivered, lay, write
from postgres import served

from features.errors import DataRefused, LoanwatchError
from features.sources.tables.deliver import deliver
from features.sources.tables.opening import own_names
from features.sources.tables.reading import read_mapping

TABLE = """[tables.loans]
from = "f"
[tables.loans.columns]
borrower_id = "name"
loan_id = "id"
event_on = "day"
principal = "sum"
product = { value = "other" }
"""
CSV = "id,name,day,sum\n1,Ann,2024-01-02,10.50\n2,Ben,2024-01-03,20\n"
WANTED = [("1", "Ann", "2024-01-02", 1050.0), ("2", "Ben", "2024-01-03", 2000.0)]


def read(
    folder: Path, file: str, content: str | bytes, keys: str = "", columns: str = "", head: str = ""
) -> list[dict[str, object]]:
    text = f'{head}\n[files.f]\npath = "{file}"\n{keys}\n{TABLE}{columns}'
    return delivered(folder / "from", text, {file.replace("*", "x"): content})["loans"]


def told(rows: list[dict[str, object]]) -> list[tuple[str, str, str, float]]:
    return [(str(r["loan_id"]), str(r["borrower_id"]), str(r["event_on"]), float(str(r["principal"]))) for r in rows]


@pytest.mark.parametrize(
    ("file", "content", "keys"),
    [
        ("f.csv", CSV, ""),
        ("f.csv", CSV.rstrip("\n"), ""),
        ("f.csv", "\ufeff" + CSV, ""),
        ("f.csv", CSV.replace("\n", "\r\n"), ""),
        ("f.csv", ("\ufeff" + CSV).replace("\n", "\r\n"), ""),
        ("f.csv", CSV.replace("\n", "\r"), ""),
        ("f.csv", CSV.replace("\n", "\r\n", 1), ""),
        ("f.csv.gz", CSV, ""),
        ("f*.gz", CSV, 'format = "csv"'),
        ("f.txt", CSV.replace(",", "\t"), 'delimiter = "\\t"'),
        ("f.csv", CSV.replace(",", "|"), 'delimiter = "|"'),
        ("f.csv", "Report of today\n\n" + CSV, "skip = 2"),
        ("f.csv", CSV.partition("\n")[2], 'header = false\nnames = ["id", "name", "day", "sum"]'),
        ("f.csv", CSV, 'names = ["id", "name", "day", "sum"]'),
        ("f.csv", CSV.replace("Ann", "  Ann "), ""),
    ],
)  # fmt: skip
def test_text_files(tmp_path: Path, file: str, content: str, keys: str) -> None:
    rows = read(tmp_path, file, content, keys)
    assert told(rows) == WANTED
    first = 3 if "skip" in keys else 0 if "header" in keys else 1
    assert [r["source_line"] for r in rows] == [first + 1, first + 2]


def test_a_name_that_looks_like_a_pattern_is_a_name(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a [b] 'c'.csv": CSV}
    assert told(delivered(tmp_path / "from", f'[files.f]\npath = "a*.csv"\n{TABLE}', files)["loans"]) == WANTED


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16", "utf-16-le", "cp1252", "cp1250", "latin-1", "iso-8859-2"])
@pytest.mark.parametrize("packed", [False, True])
def test_other_encodings(tmp_path: Path, encoding: str, packed: bool) -> None:
    who = {"cp1252": "Zoë", "cp1250": "Łucja", "latin-1": "Zoë", "iso-8859-2": "Łucja"}.get(encoding, "王芳")
    data = CSV.replace("Ann", who).encode(encoding)
    rows = read(tmp_path, "f.csv.gz" if packed else "f.csv", data, f'encoding = "{encoding}"')
    assert [r["borrower_id"] for r in rows] == [who, "Ben"]
    assert [p.name for p in (tmp_path / "from").iterdir()] == ["f.csv.gz" if packed else "f.csv"]  # no copy beside the data


def test_a_row_knows_the_line_on_which_it_begins(tmp_path: Path) -> None:
    lines = (
        'id,name,day,sum\n1,"A\nnn",2024-01-02,1\n\n2,"say ""hi""",2024-01-03,2\n3,"x\n\ny",2024-01-04,3\n4,Dan,2024-01-05,4\n'
    )
    rows = read(tmp_path, "f.csv", lines)
    assert [(r["loan_id"], r["source_line"]) for r in rows] == [("1", 2), ("2", 5), ("3", 6), ("4", 9)]
    assert rows[1]["borrower_id"] == 'say "hi"'


def test_short_lines_are_refused_unless_they_are_said_to_be_meant(tmp_path: Path) -> None:
    short = CSV + "3,Cem\n"
    with pytest.raises(DataRefused, match=r"f.csv line 4: cannot be read \(4 values are expected, 2 found\)"):
        read(tmp_path, "f.csv", short)
    assert read(tmp_path, "f.csv", short, "short_lines = true")[2]["event_on"] is None


def test_several_files_of_one_pattern_with_different_columns(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "f1.csv": CSV,
        "f2.csv": "sum,day,id,name,more\n5,2024-02-01,3,Cem,x\n",
        "f3.csv": "id,name,day\n4,Dan,2024-03-01\n",
    }
    rows = delivered(tmp_path / "from", f'[files.f]\npath = "f?.csv"\n{TABLE}currency = "more"', files)["loans"]
    assert [(r["source_file"], r["loan_id"], r["currency"]) for r in rows] == [
        ("f1.csv", "1", None), ("f1.csv", "2", None), ("f2.csv", "3", "x"), ("f3.csv", "4", None),
    ]  # fmt: skip
    assert rows[3]["principal"] is None


def test_columns_by_any_name(tmp_path: Path) -> None:
    lines = '"贷款 编号","Na""me",Day,day,day,\n1,Ann,x,2024-01-02,y,z\n'
    text = (
        TABLE.replace('"name"', "'Na\"me'")
        .replace('"id"', '"贷款 编号"')
        .replace('"day"', '"day_2"')
        .replace('"sum"', '"贷款 编号"')
    )
    text += 'currency = { expression = "\\"column6\\" || \\"day_3\\"" }'
    rows = delivered(tmp_path / "from", f'[files.f]\npath = "f.csv"\n{text}', {"f.csv": lines})["loans"]
    assert (rows[0]["borrower_id"], rows[0]["event_on"], rows[0]["currency"]) == ("Ann", "2024-01-02", "zy")
    assert own_names(["A", "a", "A", "", None]) == ["A", "a_2", "A_3", "column4", "column5"]


def test_a_file_of_nothing_and_a_file_of_a_heading(tmp_path: Path) -> None:
    with pytest.raises(DataRefused, match="nothing stands there"):
        read(tmp_path, "f.csv", "")
    assert read(tmp_path, "f.csv", "id,name,day,sum\n") == []


def test_links_and_paths_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    lay(tmp_path / "elsewhere", {"f.csv": CSV})
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "f.csv").symlink_to(tmp_path / "elsewhere" / "f.csv")
    text = f'[files.f]\npath = "PATH"\n{TABLE}'
    for path, word in (
        ("f.csv", "is a link to a place outside"),
        ("../elsewhere/f.csv", "leaves the folder"),
        (str(tmp_path / "elsewhere/f.csv"), "leaves the folder"),
    ):
        with pytest.raises(LoanwatchError, match=word):
            delivered(tmp_path / "from", text.replace("PATH", path), {})


def workbook(sheets: dict[str, list[list[object]]], merge: str | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if merge:
            sheet.merge_cells(merge)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_workbook_with_titles_typed_cells_and_empty_rows(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["贷款台账"], [], ["id", "name", "day", "sum", "rate"], [1, "Ann", datetime(2024, 1, 2), 10.5, 0.125],
        [None] * 5, [2.0, "Ben", date(2024, 1, 3), "20", 0.1],
    ]  # fmt: skip
    data = workbook({"empty": [], "loans": rows}, "A1:E1")
    found = read(tmp_path, "f.xlsx", data, 'sheet = "loans"\nskip = 2', 'rate = "rate"')
    assert told(found) == WANTED
    assert [(r["source_file"], r["source_line"], r["rate"]) for r in found] == [
        ("f.xlsx:loans", 4, "0.125"),
        ("f.xlsx:loans", 6, "0.1"),
    ]
    german = read(
        tmp_path, "f.xlsx", data, 'sheet = "loans"\nskip = 2', 'rate = "rate"', '[numbers]\ndecimal = ","\nthousands = "."'
    )
    assert (told(german), [float(str(r["rate"])) for r in german]) == (WANTED, [0.125, 0.1])
    for sheet, word in (("empty", "has no row"), ("loan", "it has empty, loans")):
        with pytest.raises(DataRefused, match=word):
            read(tmp_path, "f.xlsx", data, f'sheet = "{sheet}"')
    with pytest.raises(DataRefused, match="cannot be read"):
        read(tmp_path, "g.xlsx", b"not a workbook")


def database(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(folder / "a b.db") as con:
        con.execute('CREATE TABLE "my loans" (id, name TEXT, day TEXT, sum REAL)')
        con.executemany(
            'INSERT INTO "my loans" VALUES (?, ?, ?, ?)', [(1, "Ann", "2024-01-02", 10.5), ("2", "Ben", "2024-01-03", 20)]
        )
    con.close()


def test_sqlite_with_a_column_of_mixed_types(tmp_path: Path) -> None:
    database(tmp_path / "from")
    for keys in ('table = "my loans"', "query = 'SELECT * FROM \"my loans\" WHERE id IS NOT NULL'"):
        rows = delivered(tmp_path / "from", f'[files.f]\npath = "a b.db"\n{keys}\n{TABLE}', {})["loans"]
        assert (told(rows), [r["source_line"] for r in rows]) == (WANTED, [1, 2])


@pytest.mark.parametrize(
    "query",
    [
        'DELETE FROM "my loans"', "ATTACH '/etc/passwd' AS x", "PRAGMA journal_mode = delete",
        "SELECT 1); DROP TABLE x; SELECT (1",
        'SELECT 1) AS q UNION SELECT load_extension("x") --', "not sql", "INSERT INTO x VALUES (1) RETURNING 1",
    ],
)  # fmt: skip
def test_a_query_can_only_read(tmp_path: Path, query: str) -> None:
    database(tmp_path / "from")
    before = (tmp_path / "from" / "a b.db").read_bytes()
    with pytest.raises(LoanwatchError, match=r"made_up\.toml line 6, files.f"):
        delivered(tmp_path / "from", f"[files.f]\npath = \"a b.db\"\nquery = '''{query}'''\n{TABLE}", {})
    assert (tmp_path / "from" / "a b.db").read_bytes() == before


NUMBERS = """[relations.r]
from = "f"
[relations.r.compute]
twice = "sum * 2"
also = "number(sum) * 2"
other = "number(sum, ',', '.') * 2"
next = "date_of(day, '%d/%m/%Y') + 1"
"""
DOUBLED = (
    TABLE.replace('"f"', '"r"')
    + """rate = "twice"
matures_on = "next"
term_months = { expression = "if(twice = also AND twice = other, 1, 0)" }
"""
)
GERMAN = '[numbers]\ndecimal = ","\nthousands = "."\n'


def doubled(rows: list[dict[str, object]]) -> list[tuple[float, object, object]]:
    return [(float(str(r["rate"])), r["matures_on"], r["term_months"]) for r in rows]


@pytest.mark.parametrize("head", ["", GERMAN])
def test_numbers_of_sheets_and_databases_are_numbers_in_expressions_and_typed_days_are_days(tmp_path: Path, head: str) -> None:
    """A day may be typed where another row has text in the format that the expression names."""
    rows: list[list[object]] = [["id", "name", "day", "sum"], [1, "Ann", date(2024, 1, 2), 10.5], [2, "Ben", "03/01/2024", 20]]
    lay(tmp_path / "from", {"f.xlsx": workbook({"loans": rows})})
    with sqlite3.connect(tmp_path / "from" / "f.db") as con:
        con.execute("CREATE TABLE loans (id, name TEXT, day TEXT, sum REAL)")
        con.executemany("INSERT INTO loans VALUES (?, ?, ?, ?)", [(1, "Ann", "2024-01-02", 10.5), (2, "Ben", "03/01/2024", 20)])
    con.close()
    for keys in ('path = "f.xlsx"', 'path = "f.db"\ntable = "loans"', 'path = "f.db"\nquery = "SELECT * FROM loans"'):
        found = delivered(tmp_path / "from", f"{head}[files.f]\n{keys}\n{NUMBERS}{DOUBLED}", {})["loans"]
        assert doubled(found) == [(21.0, "2024-01-03", "1"), (40.0, "2024-01-04", "1")]
        assert [r["loan_id"] for r in found] == ["1", "2"]


def test_a_column_with_a_word_among_its_numbers_is_text_unless_the_word_stands_for_nothing(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "name", "day", "sum"], [1, "Ann", "2024-01-02", 10.5], [2, "Ben", "2024-01-03", "n/a"]]
    text = f'[files.f]\npath = "f.xlsx"\nKEYS\n{NUMBERS}{DOUBLED}'
    files: dict[str, str | bytes] = {"f.xlsx": workbook({"loans": rows})}
    with pytest.raises(LoanwatchError, match=r"twice: .*with a word among its values, is text: number\(x\)"):
        delivered(tmp_path / "a" / "from", text.replace("KEYS", ""), files)
    found = delivered(tmp_path / "b" / "from", text.replace("KEYS", 'null = ["n/a"]'), files)["loans"]
    assert [r["rate"] for r in found] == ["21.0", None]


def test_words_for_nothing_may_be_numbers(tmp_path: Path) -> None:
    rows: list[list[object]] = [["id", "name", "day", "sum"], [1, "Ann", "2024-01-02", 10.5], [2, "Ben", "2024-01-03", -999]]
    table = pa.table({"id": [1, 2], "name": ["Ann", "Ben"], "day": ["2024-01-02"] * 2, "sum": [10.5, -999.0]})
    data = io.BytesIO()
    pq.write_table(table, data)
    for name, content in (("f.xlsx", workbook({"loans": rows})), ("f.parquet", data.getvalue())):
        found = read(tmp_path / name, name, content, 'null = ["-999"]')
        assert [r["principal"] for r in found] == ["1050.00000000", None]
        found = read(tmp_path / name, name, content, columns='rate = { column = "sum", null = ["-999"] }')
        assert [r["rate"] for r in found] == ["10.5", None]


def test_numbers_that_are_names_keep_their_digits(tmp_path: Path) -> None:
    """Cards of 16 and 19 digits, and a code 2 among 1.5."""
    ids: list[object] = [6222021234567890, 9007199254740992]
    rows: list[list[object]] = [
        ["id", "name", "day", "sum"],
        *([n, code, "2024-01-02", 1] for n, code in zip(ids, (1.5, 2), strict=True)),
    ]
    found = read(tmp_path, "f.xlsx", workbook({"loans": rows}))
    assert [(r["loan_id"], r["borrower_id"]) for r in found] == [("6222021234567890", "1.5"), ("9007199254740992", "2")]
    rows[1][0] = 6222021234567890123
    assert read(tmp_path, "f.xlsx", workbook({"loans": rows}))[0]["loan_id"] == str(int(float(6222021234567890123)))
    rows[1][0] = 62220212345678901230
    assert read(tmp_path, "f.xlsx", workbook({"loans": rows}))[0]["loan_id"] == str(int(float(62220212345678901230)))


def test_a_column_that_is_numbers_in_one_file_and_text_in_another_is_read_in_one_notation(tmp_path: Path) -> None:
    head: list[list[object]] = [["id", "name", "day", "sum"]]
    files: dict[str, str | bytes] = {
        "f1.xlsx": workbook({"loans": [*head, [1, "Ann", "2024-01-02", 1.125]]}),
        "f2.xlsx": workbook({"loans": [*head, [2, "Ben", "2024-01-03", "1.125,5"]]}),
    }
    found = delivered(tmp_path / "from", f'{GERMAN}[files.f]\npath = "f*.xlsx"\n{TABLE}rate = "sum"', files)["loans"]
    assert [float(str(r["rate"])) for r in found] == [1.125, 1125.5]


def test_an_empty_column_of_a_database_is_what_it_is_declared_to_be(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    with sqlite3.connect(tmp_path / "from" / "f.db") as con:
        con.execute("CREATE TABLE loans (id, name TEXT, day TEXT, sum DECIMAL(12, 2))")
    con.close()
    text = f'[files.f]\npath = "f.db"\ntable = "loans"\n{NUMBERS}{DOUBLED}'
    assert delivered(tmp_path / "from", text, {})["loans"] == []


def test_parquet_with_typed_columns(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0, None], pa.float64()),
            "name": pa.array(["Ann", "Ben", "Cem"]).dictionary_encode(),
            "day": pa.array([date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)], pa.date32()),
            "sum": pa.array([Decimal("10.50"), Decimal("20.00"), None], pa.decimal128(12, 2)),
            "at": pa.array([datetime(2024, 5, 6, 7, 8)] * 3, pa.timestamp("us")),
            "rate": pa.array([0.5, float("nan"), None], pa.float64()),
            "yes": pa.array([True, False, None]),
        }
    )
    data = io.BytesIO()
    pq.write_table(table, data)
    rows = read(tmp_path, "f.parquet", data.getvalue(), columns='closed_on = "at"\nrate = "rate"')
    assert told(rows[:2]) == WANTED
    told_of = [(r["closed_on"], r["rate"], r["source_line"]) for r in rows]
    assert told_of == [
        ("2024-05-06", "0.5", 1),
        ("2024-05-06", None, 2),
        ("2024-05-06", None, 3),
    ]
    assert rows[2]["loan_id"] is None
    with pytest.raises(DataRefused, match="cannot be read"):
        read(tmp_path, "g.parquet", data.getvalue()[:200])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL that lives as long as these tests."""
    with served(tmp_path_factory.mktemp("postgres")) as home:
        home.psql("CREATE TABLE loans (id bigint, name text, day date, sum numeric(12,2), at timestamptz, yes boolean);")
        rows = "(1, 'Ann', '2024-01-02', 10.50, now(), true), (2, 'Ben', '2024-01-03', 20, NULL, false)"
        home.psql(f"INSERT INTO loans VALUES {rows};")
        yield home.get_uri()


def test_postgresql(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDER_DATABASE", server)
    for keys in ('table = "loans"', 'table = "public.loans"', 'query = "SELECT * FROM loans WHERE id < 9"'):
        text = f'[files.f]\nurl = "LENDER_DATABASE"\n{keys}\n{TABLE}closed_on = {{ column = "at", null = ["x"] }}'
        rows = delivered(tmp_path / "from", text, {})["loans"]
        assert told(rows) == WANTED
        found = delivered(tmp_path / "from", f'{GERMAN}[files.f]\nurl = "LENDER_DATABASE"\n{keys}\n{NUMBERS}{DOUBLED}', {})[
            "loans"
        ]
        assert doubled(found) == [(21.0, "2024-01-03", "1"), (40.0, "2024-01-04", "1")]
        assert told(found) == WANTED
    for query in (
        "DELETE FROM loans",
        "WITH d AS (DELETE FROM loans RETURNING 1) SELECT * FROM d",
        "SELECT 1) q; DROP TABLE loans --",
    ):
        with pytest.raises(LoanwatchError, match=r"made_up\.toml line 6, files.f"):
            delivered(tmp_path / "from", f'[files.f]\nurl = "LENDER_DATABASE"\nquery = "{query}"\n{TABLE}', {})
    assert len(delivered(tmp_path / "from", f'[files.f]\nurl = "LENDER_DATABASE"\ntable = "loans"\n{TABLE}', {})["loans"]) == 2
    monkeypatch.delenv("LENDER_DATABASE")
    with pytest.raises(LoanwatchError, match="is not set"):
        delivered(tmp_path / "from", f'[files.f]\nurl = "LENDER_DATABASE"\ntable = "loans"\n{TABLE}', {})


def test_one_file_may_be_named_instead_of_its_folder(tmp_path: Path) -> None:
    folder = lay(tmp_path / "from", {"f.csv": CSV})
    mapping = read_mapping(write(folder, f'{HEAD}[files.f]\npath = "f.csv"\n{TABLE}'))
    import duckdb

    with duckdb.connect() as con:
        assert list(deliver(con, mapping, folder / "f.csv").relations) == ["loans"]
        with pytest.raises(DataRefused, match="no such folder"):
            deliver(con, mapping, folder / "g.csv")
