"""A draft of the files alone: what can be told is told, what cannot is marked, and no value of a row is written."""

import io
import os
import re
import sqlite3
import sys
import tomllib
from pathlib import Path
from typing import Any

import layouts
import openpyxl
import pytest
from mappings import delivered, lay

from features.errors import DataRefused, UsageError
from features.schema import TABLES
from features.sources.draft import draft
from features.sources.draft.guess import plain, words
from features.sources.tables.reading import read_mapping
from loanwatch import command

GERMAN = (
    "Kunde;Vertrag;Auszahlung;Betrag;Laufzeit;Zinssatz\nK1;V1;15.01.2023;12.000,00;12;5,9\n"
    "K2;V2;01.02.2023;8.400,00;24;6,4\nK2;V3;28.02.2023;1.250,50;6;6,4\n"
)
PAID = "Vertrag;Zahlungsdatum;Zahlung\nV1;15.02.2023;1.032,27\nV1;20.03.2023;1.032,27\nV2;01.03.2023;373,13\n"


def proposed(folder: Path, files: dict[str, str | bytes]) -> tuple[str, dict[str, Any]]:
    lay(folder, files)
    text = draft([folder / name for name in files]).text
    return text, tomllib.loads(text)


def test_a_german_export(tmp_path: Path) -> None:
    text, said = proposed(tmp_path / "from", {"vertraege.csv": GERMAN.encode("cp1252"), "zahlungen.csv": PAID})
    assert said["numbers"] == {"decimal": ",", "thousands": "."}
    assert said["files"]["vertraege"]["delimiter"] == ";"
    loans = said["tables"]["loans"]["columns"]
    assert (loans["borrower_id"], loans["loan_id"], loans["principal"]) == ("Kunde", "Vertrag", "Betrag")
    assert loans["rate"] == {"column": "Zinssatz", "unit": 0.01}
    assert loans["event_on"] == {"column": "Auszahlung", "format": "%d.%m.%Y"}
    assert (loans["product"], loans["term_months"]) == ("?", "Laufzeit")
    assert said["tables"]["payments"]["columns"]["amount"] == "Zahlung"
    assert "key: vertraege.Vertrag = zahlungen.Vertrag (100% of the values found)" in text
    with pytest.raises(UsageError, match=r"draft\.toml line \d+, tables\..*still to be decided"):
        (tmp_path / "draft.toml").write_text(text)
        read_mapping(tmp_path / "draft.toml")


def test_a_finished_draft_reads(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"vertraege.csv": GERMAN, "zahlungen.csv": PAID}
    text, _ = proposed(tmp_path / "from", files)
    decided = {"product": '{ value = "consumer" }', "kind": '{ value = "person" }'}
    for name, value in decided.items():
        text = text.replace(f'{name} = "?"', f"{name} = {value}")
    assert '"?"' not in re.sub(r"#.*", "", text)
    rows = delivered(tmp_path / "from", text, {})
    assert [(r["loan_id"], r["event_on"], float(str(r["principal"]))) for r in rows["loans"]][:2] == [
        ("V1", "2023-01-15", 1_200_000.0), ("V2", "2023-02-01", 840_000.0),
    ]  # fmt: skip
    assert {r["borrower_id"] for r in rows["payments"]} == {"K1", "K2"}
    assert [r["borrower_id"] for r in rows["borrowers"]] == ["K1", "K2"]


def test_a_chinese_workbook_with_a_title(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "台账"
    for row in (
        ["贷款台账"],
        ["客户编号", "合同号", "放款日期", "贷款金额", "年利率"],
        ["C1", "H1", "2024/3/5", 12.5, 0.1],
        ["C2", "H2", "2024/3/6", 3, 0.2],
    ):
        sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    _, said = proposed(tmp_path / "from", {"a.xlsx": data.getvalue()})
    (file,) = said["files"].values()
    assert (file["sheet"], file["skip"]) == ("台账", 1)
    assert said["tables"]["loans"]["columns"] == {
        "borrower_id": "客户编号", "loan_id": "合同号", "event_on": "放款日期", "product": "?", "principal": "贷款金额",
        "rate": "年利率",
    }  # fmt: skip


def test_other_ways_of_writing(tmp_path: Path) -> None:
    lines = "合同号|借款人|放款日|贷款金额\n" + "".join(f"H{i}|甲{i}|{20240100 + i}|{i}\n" for i in range(1, 9))
    _, said = proposed(tmp_path / "from", {"a.txt": lines.encode("gb18030")})
    assert said["files"]["a"] == {"path": "a.txt", "delimiter": "|", "encoding": "gb18030"}
    assert said["tables"]["loans"]["columns"]["event_on"] == {"column": "放款日", "format": "%Y%m%d"}


def test_a_database_has_an_entry_for_each_table(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    with sqlite3.connect(tmp_path / "from" / "x.db") as con:
        con.execute("CREATE TABLE loans (loan_id, customer_id, start_date, amount)")
        con.execute("CREATE TABLE payments (loan_id, paid_on, amount)")
        con.executemany("INSERT INTO loans VALUES (?, ?, ?, ?)", [(f"L{i}", f"K{i}", f"2024-01-0{i}", i) for i in range(1, 9)])
        con.execute("INSERT INTO payments VALUES ('L1', '2024-02-01', 5), ('L1', '2024-03-01', 5), ('L2', '2024-02-02', 6)")
    con.close()
    said = tomllib.loads(draft([tmp_path / "from" / "x.db"]).text)
    assert {name: file["table"] for name, file in said["files"].items()} == {"loans": "loans", "payments": "payments"}
    assert {"loans", "payments"} <= set(said["tables"])


def test_days_that_can_be_read_in_two_ways_are_left_open(tmp_path: Path) -> None:
    lines = "loan_id,customer_id,start_date,amount\n" + "".join(f"L{i},K{i},0{i}/0{i + 1}/2024,{i}\n" for i in range(1, 8))
    text, said = proposed(tmp_path / "from", {"a.csv": lines})
    assert said["tables"]["loans"]["columns"]["event_on"] == "?"
    assert "start_date: several formats fit: %d/%m/%Y, %m/%d/%Y" in text


WIDE = [
    ("month_{}", range(1, 13), "statuses", "state", ["0", "1", "X"]),
    ("M{:02}", range(1, 13), "statuses", "dpd", ["0", "30", "60"]),
    ("bill_{}", range(1, 7), "card_cycles", "balance", ["100.5", "200", "7"]),
    ("BILL{}_AMT", range(1, 7), "card_cycles", "balance", ["100.5", "200", "7"]),
    ("{}_bill", range(1, 7), "card_cycles", "balance", ["100.5", "200", "7"]),
    ("bill_amt_2024{:02}", range(1, 7), "card_cycles", "balance", ["100.5", "200", "7"]),
    ("第{}期逾期", range(1, 7), "statuses", "dpd", ["0", "30", "60"]),
    ("fatura{}", range(1, 7), "card_cycles", "balance", ["100.5", "200", "7"]),
]


@pytest.mark.parametrize(("name", "numbers", "table", "column", "values"), WIDE, ids=[case[0] for case in WIDE])
def test_columns_with_a_running_number_become_rows(
    tmp_path: Path, name: str, numbers: range, table: str, column: str, values: list[str]
) -> None:
    names = [name.format(n) for n in numbers]
    lines = [",".join(["loan_id", *names])]
    lines += [",".join([f"L{i}", *(values[(i + n) % 3] for n in numbers)]) for i in range(9)]
    _, said = proposed(tmp_path / "from", {"a.csv": "\n".join(lines)})
    mapped = said["tables"][table]
    (wide,) = (r for r in said["relations"].values() if "unpivot" in r)
    used = mapped["columns"][column]
    assert wide["unpivot"]["columns"][used if isinstance(used, str) else used["column"]] == names
    assert wide["unpivot"]["values"] == [n + (202400 if "2024" in name else 0) for n in numbers]
    assert mapped["columns"]["event_on"] == {"column": "position", "months_from": "?", "at": "month_end"}
    assert "position" in mapped["record_id"]


def test_wide_columns_that_nobody_knows_are_proposed_as_rows_and_others_are_not(tmp_path: Path) -> None:
    head = [
        "loan_id",
        "position",
        *(f"zorb_{n}" for n in (1, 2, 3)),
        *(f"phone{n}" for n in (1, 2, 3)),
        *(f"X{n}" for n in (1, 2, 3)),
    ]
    rows: list[list[object]] = [[f"L{i}", i, 5, 6, i, *(f"+{i}-{n}" for n in range(3)), 7, "a", "b"] for i in range(9)]
    table: list[list[object]] = [[*head], *rows]
    text, said = proposed(tmp_path / "from", {"a.csv": "\n".join(",".join(map(str, row)) for row in table)})
    (wide,) = (r["unpivot"] for r in said["relations"].values() if "unpivot" in r)
    assert wide == {"name": "position_long", "values": [1, 2, 3], "columns": {"zorb": ["zorb_1", "zorb_2", "zorb_3"]}}
    assert "columns with a running number" in text


def test_nothing_recognised_is_said_plainly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lay(tmp_path / "from", {"a.csv": "qx,zz\n1,2\n3,4\n", "b.csv": GERMAN})
    made = draft([folder / "a.csv"])
    assert (made.tables, made.unknown, "No table was recognised" in made.text) == ((), ("a",), True)
    both = draft([folder / "a.csv", folder / "b.csv"])
    assert (both.tables, both.unknown) == (("loans",), ("a",))
    assert "No table was recognised" not in both.text
    cases = ((["a.csv"], "nothing in these files was recognised"), (["a.csv", "b.csv"], "like no table: a"))
    for files, phrase in cases:
        out = tmp_path / f"{len(files)}.toml"
        monkeypatch.setattr(sys, "argv", ["loanwatch", "map", "--draft", *(str(folder / f) for f in files), "--out", str(out)])
        with pytest.raises(SystemExit):
            command.main()
        told = " ".join(capsys.readouterr().err.split())
        assert phrase in told
        assert "0 places" not in told
        assert tomllib.loads(out.read_text("utf-8"))


@pytest.mark.parametrize(("word", "encoding"), [("Müller", "cp1252"), ("Šťastný Łódź", "cp1250"), ("Łódź żółw", "iso-8859-2")])
def test_a_guessed_encoding_waits_for_a_person(tmp_path: Path, word: str, encoding: str) -> None:
    lines = GERMAN.replace("K1", word).encode(encoding)
    text, said = proposed(tmp_path / "from", {"vertraege.csv": lines})
    assert said["files"]["vertraege"]["encoding"] == "?"
    candidates = text.partition("these can read it: ")[2].partition(".")[0].split(", ")
    assert encoding in candidates
    assert said["tables"]["loans"]["columns"]["principal"] == "Betrag"


NAMES = {
    "pt": (
        "id_cliente,numero_contrato,data_contratação,valor_emprestado,taxa_juros,prazo_meses",
        "contrato,data_pagamento,valor_pago",
    ),
    "es": ("id_cliente,id_préstamo,fecha_desembolso,monto,tasa_interés,plazo", "id_préstamo,fecha_de_pago,monto_pagado"),
    "de": (
        "Kundennr,Darlehensnummer,Auszahlungstag,Darlehensbetrag,Sollzins,Laufzeit Monate",
        "Vertragsnummer,Zahltag,Zahlungsbetrag",
    ),
    "fr": ("numéro client,numéro prêt,date octroi,montant prêt,taux,durée", "numéro prêt,date paiement,montant"),
}


@pytest.mark.parametrize("language", NAMES)
def test_names_in_other_languages(tmp_path: Path, language: str) -> None:
    lent, paid = NAMES[language]
    loans = "".join(f"K{i},L{i},2023-01-1{i},{1000 + i}.5,0.1,12\n" for i in range(9))
    payments = "".join(f"L{i % 4},2023-02-1{i},{100 + i % 3}\n" for i in range(9))
    _, said = proposed(tmp_path / "from", {"loans.csv": f"{lent}\n{loans}", "payments.csv": f"{paid}\n{payments}"})
    mapped = said["tables"]["loans"]["columns"]
    found = [mapped[c] for c in ("borrower_id", "loan_id", "event_on", "principal", "rate", "term_months")]
    assert found == lent.split(",")
    mapped = said["tables"]["payments"]["columns"]
    assert [mapped[c] for c in ("loan_id", "event_on", "amount")] == paid.split(",")


def test_no_value_of_a_row_is_written(tmp_path: Path) -> None:
    names = [f"Person{i} Secret{i}" for i in range(50)]
    lines = "customer_id,name,date_of_birth,occupation,gender,income\n"
    lines += "".join(f"C9{i:03},{name},19{50 + i}-01-01,job{i},F,{7_000 + i}\n" for i, name in enumerate(names))
    text, _ = proposed(tmp_path / "from", {"a.csv": lines})
    assert [word for word in (*names, "C9001", "1951-01-01", "job3", "7003") if word in text] == []


@pytest.mark.parametrize(
    "files", [layouts.CARDS, layouts.TAIWAN, layouts.SUPERLENDER, layouts.STATEMENTS, layouts.BANK, layouts.BERKA]
)
def test_a_draft_is_toml_and_names_only_what_is_there(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    _, said = proposed(tmp_path / "from", {**files})
    assert set(said["tables"]) <= set(TABLES)
    assert len(said["files"]) == len(files)


def test_the_table_of_names_knows_only_canonical_columns() -> None:
    for table, known in words().items():
        if table != "values":
            columns = {column.name for column in TABLES[table].all_columns}
            assert set(known["columns"]) | set(known["needs"]) <= columns
            assert [name for names in known["columns"].values() for name in names if name != plain(name)] == []


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for name in ("a.docx", "a.parquet", "a.xlsx", "a.db"):
        (tmp_path / name).write_bytes(b"nothing of the kind, whatever its name says")
        with pytest.raises(DataRefused):
            draft([tmp_path / name])
    with pytest.raises(DataRefused):
        draft([tmp_path / "not there.csv"])


DATA = Path(os.environ.get("LOANWATCH_DATA", ""))


@pytest.mark.skipif("LOANWATCH_DATA" not in os.environ, reason="set LOANWATCH_DATA to a folder with the published sets")
def test_a_draft_of_real_statements_finds_their_items() -> None:
    said = tomllib.loads(draft([DATA / "american_statements" / "windows_5y_train.csv.gz"]).text)
    columns = said["tables"]["statements"]["columns"]
    assert {name: columns[name] for name in ("receivables", "debt", "market_value")} == {
        "receivables": "total_receivables", "debt": "total_long_term_debt", "market_value": "market_value",
    }  # fmt: skip
