"""Shapes: wide to long, splits, joins, filters, one row of many; and that no row vanishes on the way."""

from pathlib import Path

import pytest
from mappings import delivered, ingested, refused

FILES: dict[str, str | bytes] = {
    "people.csv": "no,branch,born\n1,A,1980-01-01\n1,B,1990-01-01\n2,A,x\n",
    "loans.csv": "loan,client,office,start,months,sum\nL1,1,A,2024-01-15,2,100\nL2,1,B,2024-02-10,1,50\nL3,9,A,2024-03-01,x,70\n",
    "wide.csv": "loan,paid1,paid2,day1,day2\nL1,10,20,2024-02-15,2024-03-15\nL2,30,,2024-03-10,\n",
}
MADE = """[files.people]
path = "people.csv"
[files.loans]
path = "loans.csv"
[files.wide]
path = "wide.csv"
"""
LOANS = """
[tables.loans]
from = "FROM"
[tables.loans.columns]
borrower_id = "client"
loan_id = "loan"
event_on = "start"
product = { value = "other" }
principal = "sum"
"""


def rows(folder: Path, text: str, files: dict[str, str | bytes] = FILES) -> dict[str, list[dict[str, object]]]:
    return delivered(folder / "from", MADE + text, files)


def test_a_join_on_several_keys_by_other_names(tmp_path: Path) -> None:
    text = (
        """[relations.owned]
from = "loans"
join = { with = "people", on = { client = "no", office = "branch" }, take = "born", prefix = "p_" }
"""
        + LOANS.replace("FROM", "owned")
        + 'matures_on = "p_born"'
    )
    assert [r["matures_on"] for r in rows(tmp_path, text)["loans"]] == ["1980-01-01", "1990-01-01", None]


def test_an_inner_join_counts_what_it_leaves_out(tmp_path: Path) -> None:
    text = """[relations.owned]
from = "loans"
join = { with = "people", on = { client = "no", office = "branch" }, kind = "inner" }
""" + LOANS.replace("FROM", "owned")
    found = rows(tmp_path, text)
    assert [r["loan_id"] for r in found["loans"]] == ["L1", "L2"]
    assert found["left out"] == [{"why": "loans: owned: no match in people", "rows": 1}]


def test_wide_to_long_by_pattern_and_by_list(tmp_path: Path) -> None:
    text = (
        """[relations.long]
from = "wide"
unpivot = { name = "n", values = [1, 2], columns = { paid = "paid{}", day = ["day1", "day2"] } }
[relations.paid]
from = "long"
where = "paid IS NOT NULL"
"""
        + LOANS.replace("FROM", "loans")
        + """[tables.payments]
from = "paid"
record_id = ["loan", "n"]
[tables.payments.columns]
loan_id = "loan"
event_on = "day"
amount = "paid"
"""
    )
    found = rows(tmp_path, text)["payments"]
    told = [(r["record_id"], r["borrower_id"], r["event_on"], float(str(r["amount"])), r["source_line"]) for r in found]
    assert sorted(told) == [
        ("L1:1", "1", "2024-02-15", 1000.0, 2), ("L1:2", "1", "2024-03-15", 2000.0, 2), ("L2:1", "1", "2024-03-10", 3000.0, 3),
    ]  # fmt: skip


def test_one_file_into_several_tables_and_one_column_into_several(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"all.csv": "kind,key,what\nP,7,person/Ann\nL,8,7/2024-01-01\nX,9,?\n"}
    text = """[files.all]
path = "all.csv"
[tables.borrowers]
from = "all"
where = "kind = 'P'"
[tables.borrowers.columns]
borrower_id = "key"
event_on = 2024-01-01
kind = { expression = "split_part(what, '/', 1)" }
[tables.loans]
from = "all"
where = "kind = 'L'"
[tables.loans.columns]
borrower_id = { expression = "split_part(what, '/', 1)" }
loan_id = "key"
event_on = { expression = "split_part(what, '/', 2)" }
product = { value = "other" }
"""
    found = delivered(tmp_path / "from", text, files)
    assert [(r["borrower_id"], r["kind"]) for r in found["borrowers"]] == [("7", "person")]
    assert [(r["borrower_id"], r["loan_id"], r["event_on"]) for r in found["loans"]] == [("7", "8", "2024-01-01")]
    assert [r["rows"] for r in found["left out"]] == [1]


def test_a_table_from_several_relations_and_relations_together(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"a.csv": "id,x\n1,5\n", "b.csv": "no,x\n2,6\n", "c.csv": "x,id\n7,3\n"}
    text = "".join(f'[files.{n}]\npath = "{n}.csv"\n' for n in "abc") + '[relations.ac]\nfrom = ["a", "c"]\n'
    for source, key in (("ac", "id"), ("b", "no")):
        text += LOANS.replace("[tables.loans]", "[[tables.loans]]").replace("FROM", source).replace('"client"', f'"{key}"')
        text = text.replace('loan_id = "loan"', f'loan_id = "{key}"').replace('"start"', "2024-01-01").replace('"sum"', '"x"')
    found = delivered(tmp_path / "from", text, files)["loans"]
    assert [(r["source_file"], r["loan_id"], float(str(r["principal"]))) for r in found] == [
        ("a.csv", "1", 500.0), ("c.csv", "3", 700.0), ("b.csv", "2", 600.0),
    ]  # fmt: skip


def test_a_row_for_each_instalment_and_a_count_that_cannot_be_read(tmp_path: Path) -> None:
    text = (
        """[relations.due]
from = "loans"
repeat = { count = "number(months)", name = "n" }
[relations.dues]
from = "due"
compute = { day = "date_of(start) + to_months(CAST(n AS INTEGER))" }
"""
        + LOANS.replace("FROM", "loans")
        + """[tables.instalments]
from = "dues"
record_id = ["loan", "n"]
[tables.instalments.columns]
loan_id = "loan"
event_on = "day"
principal = { expression = "number(sum) / number(months)", round = true }
interest = 0
"""
    )
    found = rows(tmp_path, text)["instalments"]
    assert [(r["record_id"], r["event_on"]) for r in found] == [
        ("L1:1", "2024-02-15"), ("L1:2", "2024-03-15"), ("L2:1", "2024-03-10"),
        ("L3:1", "repeat: months=x"),
    ]  # fmt: skip


def test_groups_and_the_rows_they_pass_over(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"f.csv": "id,day,x\n1,2024-02-01,5\n1,2024-01-01,7\n1,never,8\n2,2024-03-01,y\n"}
    text = """[files.f]
path = "f.csv"
[relations.firsts]
from = "f"
group = { by = "id", compute = { first = "min(date_of(day))", total = "sum(number(x))", n = "count(*)" } }
""" + LOANS.replace("FROM", "firsts").replace('"client"', '"id"').replace('"loan"', '"id"').replace('"start"', '"first"').replace(
        '"sum"', '"total"'
    )
    found = delivered(tmp_path / "from", text, files)
    assert [(r["loan_id"], r["event_on"], r["source_line"]) for r in found["loans"]] == [
        ("1", "2024-01-01", 2),
        ("2", "2024-03-01", 5),
    ]
    assert (float(str(found["loans"][0]["principal"])), found["loans"][1]["principal"]) == (2000.0, None)
    assert found["left out"] == [{"why": "f: firsts: put together, one row for each id", "rows": 2}]
    assert found["passed over"] == [{"column": "firsts.first", "values": 1}, {"column": "firsts.total", "values": 1}]


def test_every_row_in_no_table_is_counted_once_with_what_left_it_out(tmp_path: Path) -> None:
    """Steps that lead to no table say nothing; a row that one table leaves out and another takes is not left out."""
    lines = "id,kind,n,day\n" + "".join(f"{row},2024-01-01\n" for row in ("1,A,1", "1,A,2", "2,A,0", "3,B,1", "4,C,1", "5,D,1"))
    text = """[files.f]
path = "f.csv"
[files.known]
path = "known.csv"
[relations.elsewhere]
from = "f"
where = "false"
[relations.of_a]
from = "f"
where = "kind IN ('A', 'C')"
[relations.first]
from = "of_a"
keep = { which = "first", by = "id" }
[relations.met]
from = "first"
join = { with = "known", on = "id", kind = "inner" }
[relations.due]
from = "met"
repeat = { count = "number(n)", name = "nr" }
[tables.loans]
from = "due"
[tables.loans.columns]
borrower_id = "id"
loan_id = "id"
event_on = "day"
product = { value = "other" }
[tables.payments]
from = "f"
where = "kind = 'B'"
record_id = "id"
[tables.payments.columns]
loan_id = "id"
event_on = "day"
amount = "n"
"""
    found = delivered(tmp_path / "from", text, {"f.csv": lines, "known.csv": "id\n1\n2\n"})
    assert [r["source_line"] for t in ("loans", "payments") for r in found[t]] == [2, 5]
    b = "not kind = 'B' (payments)"
    assert {r["why"]: r["rows"] for r in found["left out"]} == {
        f"f: of_a: not kind IN ('A', 'C'); {b}": 1, f"f: first: not the first of its id; {b}": 1,
        f"f: met: no match in known; {b}": 1, f"f: due: repeated no times; {b}": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ('which = "first", by = "id", order = "date_of(day)"', ["3", "4"]),
        ('which = "last", by = "id", order = "date_of(day)"', ["2", "4"]),
        ('which = "only", by = "id"', ["4"]), ('which = "repeated", by = "id"', ["1", "2", "3"]),
        ('which = "first", by = "id"', ["1", "4"]),
    ],
)  # fmt: skip
def test_one_row_of_many(tmp_path: Path, keep: str, kept: list[str]) -> None:
    files: dict[str, str | bytes] = {"f.csv": "id,row,day\n1,1,2024-02-01\n1,2,2024-02-02\n1,3,2024-01-01\n2,4,2024-01-01\n"}
    text = f'[files.f]\npath = "f.csv"\n[relations.k]\nfrom = "f"\nkeep = {{ {keep} }}\n'
    text += (
        LOANS.replace("FROM", "k")
        .replace('"client"', '"id"')
        .replace('"loan"', '"row"')
        .replace('"start"', '"day"')
        .replace('"sum"', '"row"')
    )
    assert [r["loan_id"] for r in delivered(tmp_path / "from", text, files)["loans"]] == kept


BORROWERS = """[tables.borrowers]
from = "f"
[tables.borrowers.columns]
borrower_id = "id"
event_on = 2020-01-01
kind = { value = "person" }
"""


def test_a_row_of_which_something_cannot_be_computed_is_quarantined_with_its_line(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"f.csv": "id,day,x\n1,2024-01-01,1\n2,2024-31-12,2\n3,2024-01-03,three\n4,2024-01-04,4\n"}
    text = (
        """[files.f]
path = "f.csv"
[relations.dated]
from = "f"
compute = { start = "date_of(day) + 1", twice = "number(x) * 2" }
[relations.small]
from = "dated"
where = "twice < 8"
"""
        + BORROWERS
        + LOANS.replace("FROM", "small").replace('"client"', '"id"').replace('"loan"', '"id"').replace('"sum"', '"twice"')
    )
    receipt = ingested(tmp_path / "from", text, files)
    blamed = {fault for fault in refused(receipt) if fault[2] == "event_on"}
    assert blamed == {("f.csv", 3, "event_on", "start: day=2024-31-12"), ("f.csv", 4, "event_on", "twice: x=three")}
    loans = next(t for t in receipt.tallies if t.table == "loans")
    assert (loans.rows_in, loans.used, loans.quarantined) == (3, 1, 2)


def test_a_condition_that_nobody_can_judge_leaves_the_row_to_the_checks(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"f.csv": "id,day,x\n1,2024-01-01,1\n2,2024-01-02,many\n3,2024-01-03,0\n"}
    text = '[files.f]\npath = "f.csv"\n' + BORROWERS + LOANS.replace('from = "FROM"', 'from = "f"\nwhere = "number(x) > 0"')
    text = text.replace('"client"', '"id"').replace('"loan"', '"id"').replace('"start"', '"day"').replace('"sum"', '"x"')
    receipt = ingested(tmp_path / "from", text, files)
    assert ("f.csv", 3, "event_on", "where: x=many") in refused(receipt)


def test_names_of_the_work_are_free(tmp_path: Path) -> None:
    names = ("step", "arriving", "quarantine", "good_loans", "chained", "known_loans", "select", "part_0", "expelled")
    text = "".join(f'[relations.{name}]\nfrom = "f"\ncompute = {{ z{n} = "id" }}\n' for n, name in enumerate(names))
    text = '[files.f]\npath = "f.csv"\n' + text + BORROWERS + LOANS.replace("FROM", "quarantine").replace('"client"', '"id"')
    text = text.replace('"loan"', '"id"').replace('"start"', "2024-01-01").replace('"sum"', '"id"')
    receipt = ingested(tmp_path / "from", text, {"f.csv": "id\n1\n"})
    assert [t.used for t in receipt.tallies] == [1, 1]


@pytest.mark.parametrize("name", ["loan_id", "borrower_id"])
def test_who_borrowed_is_found_whatever_the_columns_of_a_file_are_called(tmp_path: Path, name: str) -> None:
    """A column of the payments' own that is named like one of the loans is read where it stands."""
    files: dict[str, str | bytes] = {
        "loans.csv": "loan,client,start\nL1,C1,2024-01-15\nL2,C2,2024-02-10\n",
        "paid.csv": f"{name},day,sum\nL1,2024-02-15,10\nL2,2024-03-10,20\n",
    }
    text = f"""[files.loans]
path = "loans.csv"
[files.paid]
path = "paid.csv"
[tables.loans]
from = "loans"
[tables.loans.columns]
borrower_id = "client"
loan_id = "loan"
event_on = "start"
product = {{ value = "other" }}
[tables.payments]
from = "paid"
record_id = "day"
[tables.payments.columns]
loan_id = {{ expression = "upper({name})" }}
event_on = "day"
amount = "sum"
"""
    found = delivered(tmp_path / "from", text, files)["payments"]
    assert [(row["loan_id"], row["borrower_id"]) for row in found] == [("L1", "C1"), ("L2", "C2")]
