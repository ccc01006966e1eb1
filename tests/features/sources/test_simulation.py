"""The simulated book: the same bytes twice, canonical records, and a truth that the records bear out."""

import datetime
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.schema import DELIVERED, TABLES, Column
from features.sources.simulation import Parameters, Summary, read_parameters, simulate
from features.sources.simulation.benign import fall_behind
from features.sources.simulation.loans import lend
from features.sources.simulation.months import calendar_of
from features.sources.simulation.population import populate
from features.sources.simulation.records import arrow_schema

BORROWERS = 600
LAST = datetime.date(2024, 12, 31)
CLEAN = {"reporting": {"faulty": 0.0}}


def small(**book: Any) -> Parameters:
    return read_parameters(changes={"book": {"borrowers": BORROWERS, "chunk_borrowers": 400, **book}, **CLEAN})


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    out = tmp_path_factory.mktemp("simulated") / "book"
    return out, simulate(out, small())


def read(out: Path, delivery: str, name: str) -> Any:
    files = sorted((out / "records" / delivery).glob(f"{name}*.parquet"))
    return pa.concat_tables([pq.read_table(file) for file in files])


def final(out: Path, name: str) -> list[dict[str, Any]]:
    """Records of a table in their last versions."""
    rows = {row["record_id"]: row for row in read(out, "01-history", name).to_pylist()}
    rows.update({row["record_id"]: row for row in read(out, "02-corrections", name).to_pylist()})
    return list(rows.values())


def files_of(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_same_parameters_give_the_same_bytes(tmp_path: Path) -> None:
    parameters = small(borrowers=120, chunk_borrowers=50)
    simulate(tmp_path / "one", parameters)
    simulate(tmp_path / "two", parameters)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_another_seed_gives_another_book(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate(tmp_path / str(seed), small(borrowers=60, seed=seed))
    assert files_of(tmp_path / "1") != files_of(tmp_path / "2")


def test_written_parameters_read_back_as_they_were(book: tuple[Path, Summary]) -> None:
    assert read_parameters(book[0] / "parameters.toml") == small()


def test_refuses_a_folder_in_use(book: tuple[Path, Summary]) -> None:
    with pytest.raises(FileExistsError, match="not empty"):
        simulate(book[0], small())


def wrong(column: Column, values: Any) -> int:
    """How many values break the column's own rules."""
    low, high = column.bounds
    breaks = [values.null_count if column.required else 0]
    if column.codes:
        breaks.append(pc.sum(pc.invert(pc.is_in(values.drop_null(), pa.array(column.codes)))).as_py() or 0)
    if column.kind in ("money", "count", "number"):
        breaks += [pc.sum(pc.less(values, low)).as_py() or 0] if low is not None else []
        breaks += [pc.sum(pc.greater(values, high)).as_py() or 0] if high is not None else []
    return sum(breaks)


def breaches(out: Path) -> dict[str, int]:
    """Broken rules and doubled ids by file; a file of another shape raises."""
    found = {}
    for path in sorted((out / "records").rglob("*.parquet")):
        table = pq.read_table(path)
        name = path.stem.split("-")[0]
        assert table.schema.equals(arrow_schema(name)), path
        broken = sum(wrong(column, table.column(column.name)) for column in TABLES[name].all_columns)
        doubled = len(table) - pc.count_distinct(table.column("record_id")).as_py()
        found[str(path.relative_to(out))] = broken + doubled
    return found


def test_every_file_follows_the_schema(book: tuple[Path, Summary]) -> None:
    found = breaches(book[0])
    assert {name: count for name, count in found.items() if count} == {}
    names = {Path(name).stem.split("-")[0] for name in found}
    assert names == set(DELIVERED) - {"card_cycles", "outcomes"}


def test_planted_faults_are_all_that_breaks(tmp_path: Path) -> None:
    parameters = read_parameters(changes={"book": {"borrowers": 100}, "reporting": {"faulty": 0.01}})
    summary = simulate(tmp_path / "book", parameters)
    found = sum(breaches(tmp_path / "book").values())
    assert summary.faulty > 100
    # A doubled id is two planted rows and one breach.
    assert summary.faulty / 2 <= found <= summary.faulty


def test_ids_are_unique_over_chunks(book: tuple[Path, Summary]) -> None:
    out, summary = book
    assert pc.count_distinct(read(out, "01-history", "borrowers").column("borrower_id")).as_py() == BORROWERS
    assert pc.count_distinct(read(out, "01-history", "loans").column("loan_id")).as_py() == summary.loans


AHEAD_OF_TIME = {"instalments"}


def test_nothing_is_known_before_it_happens_or_after_the_book(book: tuple[Path, Summary]) -> None:
    for path in sorted((book[0] / "records").rglob("*.parquet")):
        table = pq.read_table(path)
        assert pc.max(table.column("known_on")).as_py() <= LAST, path
        if path.stem.split("-")[0] not in AHEAD_OF_TIME:
            assert pc.all(pc.greater_equal(table.column("known_on"), table.column("event_on"))).as_py(), path


def test_corrections_are_known_later_than_what_they_correct(book: tuple[Path, Summary]) -> None:
    for name in ("loans", "payments", "transactions", "borrowers"):
        first = {row["record_id"]: row for row in read(book[0], "01-history", name).to_pylist()}
        later = read(book[0], "02-corrections", name).to_pylist()
        changed = [row for row in later if row != first[row["record_id"]]]
        assert changed, name
        assert all(row["known_on"] >= first[row["record_id"]]["known_on"] for row in changed)


def first_day_90(due: list[tuple[datetime.date, int]], paid: list[tuple[datetime.date, int]]) -> datetime.date | None:
    """First day that ends 90 days or more after the due date of the oldest instalment not covered: a naive walk."""
    day = due[0][0]
    while day <= LAST:
        money = sum(amount for on, amount in paid if on <= day)
        for on, amount in due:
            money -= amount
            if money < 0:
                if (day - on).days >= 90:
                    return day
                break
        day += datetime.timedelta(days=1)
    return None


def by_loan(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["event_on"]):
        groups[row["loan_id"]].append(row)
    return groups


def chain_defaults(out: Path) -> dict[str, datetime.date]:
    """Month-end at which each defaulted loan first no longer performs, for loans seen performing before."""
    found: dict[str, datetime.date] = {}
    for row in pq.read_table(out / "truth.parquet").to_pylist():
        if not row["performing"]:
            found.setdefault(row["loan_id"], row["as_of"])
    return {loan: day for loan, day in found.items() if day > datetime.date(2022, 1, 31)}


def test_records_bear_out_the_chain(book: tuple[Path, Summary]) -> None:
    out, _ = book
    due, paid, chain = by_loan(final(out, "instalments")), by_loan(final(out, "payments")), chain_defaults(out)
    # What the last quarter brought may be reported after the book's end.
    settled = {loan: day for loan, day in chain.items() if day < datetime.date(2024, 9, 1)}
    good = sorted(set(due) - set(chain_all(out)))[:60]
    assert len(settled) > 15
    for loan in [*settled, *good]:
        schedule = [(row["event_on"], row["principal"] + row["interest"]) for row in due[loan]]
        day = first_day_90(schedule, [(row["event_on"], row["amount"]) for row in paid[loan]])
        expected = settled.get(loan)
        assert (day and (day.year, day.month)) == (expected and (expected.year, expected.month)), loan


def chain_all(out: Path) -> set[str]:
    truth = pq.read_table(out / "truth.parquet")
    return set(truth.filter(pc.invert(truth.column("performing"))).column("loan_id").to_pylist())


def test_closed_loans_are_paid_in_full(book: tuple[Path, Summary]) -> None:
    due, paid = by_loan(final(book[0], "instalments")), by_loan(final(book[0], "payments"))
    closed = [row for row in final(book[0], "loans") if row["closed_on"]]
    assert len(closed) > 100
    for row in closed:
        owed = sum(x["principal"] + x["interest"] for x in due[row["loan_id"]])
        assert sum(x["amount"] for x in paid[row["loan_id"]]) == owed
        assert sum(x["principal"] for x in due[row["loan_id"]]) == row["principal"]


@pytest.mark.parametrize("as_of", [datetime.date(2022, 12, 31), datetime.date(2023, 12, 31)])
def test_true_pd_is_borne_out(tmp_path_factory: pytest.TempPathFactory, as_of: datetime.date, cohort_book: Path) -> None:
    truth = pq.read_table(cohort_book / "truth.parquet").to_pandas()
    now = truth[(truth.as_of == as_of) & truth.performing]
    until = as_of.replace(year=as_of.year + 1)
    bad = truth[~truth.performing & (truth.as_of > as_of) & (truth.as_of <= until)].loan_id.unique()
    defaulted = now.loan_id.isin(bad)
    expected = now.pd_12m.sum()
    # Loans of one borrower share its health, so the binomial deviation is widened.
    margin = 3.5 * math.sqrt((now.pd_12m * (1 - now.pd_12m)).sum() * 1.3)
    assert abs(defaulted.sum() - expected) < margin
    low = now.pd_12m < now.pd_12m.median()
    assert defaulted[~low].mean() > 5 * defaulted[low].mean()


@pytest.fixture(scope="module")
def cohort_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohorts") / "book"
    simulate(out, read_parameters(changes={"book": {"borrowers": 4_000, "account_share": 0.05}, **CLEAN}))
    return out


def test_benign_anomalies_are_in_the_figures(cohort_book: Path) -> None:
    benign = pq.read_table(cohort_book / "benign.parquet").to_pandas()
    assert set(benign.kind) == {"pause", "outlay", "investment"}
    years = benign[benign.kind == "investment"].set_index("borrower_id")["until"]
    statements = read(cohort_book, "01-history", "statements").to_pandas()
    yearly = statements[statements.period_months == 12]
    hit = yearly.borrower_id.map(years) == yearly.event_on
    assert hit.sum() > 10
    dent = yearly.operating_cash_flow / yearly.revenue
    assert dent[hit].median() < 0 < dent[~hit].median()


ARREARS = {"benign": {"arrears_person": 0.5, "arrears_company": 0.5}}


def test_benign_arrears_look_like_trouble_and_are_none(cohort_book: Path, tmp_path: Path) -> None:
    book = {"borrowers": 4_000, "account_share": 0.05}
    simulate(tmp_path / "book", read_parameters(changes={"book": book, **ARREARS, **CLEAN}))
    benign = pq.read_table(tmp_path / "book" / "benign.parquet").to_pandas()
    hit = benign[benign.kind == "arrears"].set_index("borrower_id")
    assert len(hit) > 200
    statuses = read(tmp_path / "book", "01-history", "statuses").to_pandas()
    inside = _inside(statuses.borrower_id, statuses.event_on, hit)
    assert (statuses.dpd[inside] > 0).mean() > 0.9
    assert (statuses.dpd[inside] >= 90).mean() < 0.01  # a payment reported late
    truth, without = (pq.read_table(path / "truth.parquet").to_pandas() for path in (tmp_path / "book", cohort_book))
    inside = _inside(truth.borrower_id, truth.as_of, hit)
    assert inside.sum() > 1_000
    assert truth.performing[inside].all()
    both = truth.merge(without, on=["loan_id", "as_of"], suffixes=("", "_without"))
    assert (both.pd_12m == both.pd_12m_without)[both.performing_without].all()


def _inside(borrower: Any, day: Any, hit: Any) -> Any:
    return (day >= borrower.map(hit["from"])) & (day <= borrower.map(hit["until"]))


def test_without_benign_arrears_nothing_is_changed() -> None:
    parameters, calendar = small(), calendar_of(small())
    people = populate(parameters, calendar, 1, 300, np.random.default_rng(1))
    loans = lend(parameters, calendar, people, np.random.default_rng(2))
    shown, same = fall_behind(parameters, calendar, people, loans, np.random.default_rng(3))
    for before, after in ((people, shown), (loans, same)):
        assert all(np.array_equal(value, vars(after)[name]) for name, value in vars(before).items())


def test_statement_identity_fails_rarely(cohort_book: Path) -> None:
    statements = read(cohort_book, "01-history", "statements").to_pandas()
    gap = statements.total_assets - statements.total_liabilities - statements.equity
    assert 0 < (gap.abs() > 2).mean() < 0.03


def test_balances_run(cohort_book: Path) -> None:
    rows = read(cohort_book, "01-history", "transactions").to_pandas()
    one = rows[rows.borrower_id == rows.borrower_id.iloc[0]]
    steps = one.balance.diff().iloc[1:] - one.amount.iloc[1:]
    assert np.mean(steps == 0) > 0.9
    assert (rows.balance >= 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"book": {"borrower": 5}}, "book.borrower is not known; did you mean borrowers"),
        ({"bok": {}}, "parameter bok is not known; did you mean book"),
        ({"book": {"months": "x"}}, "book.months: saw 'x', expected int"),
        ({"book": {"company_share": 1.5}}, "book.company_share: saw 1.5, expected 0 to 1"),
        ({"book": {"first_month": "2022/01"}}, "expected a month like 2022-01"),
        ({"book": 3}, "parameter book: saw 3, expected a table"),
        ({"arrears": {"miss": [0.1]}}, "arrears.miss: saw .*, expected a list of 5 values"),
        (
            {"health": {"person": {"start": [1.0, 1.0, 0.0, 0.0, 0.0]}}},
            "health.person.start: saw a sum of 2, expected 1",
        ),
        ({"health": {"person": {"worsen": [0.97] * 5}}}, "health.person: saw chances of"),
        ({"product": {"online": {"term": [24, 6]}}}, "product.online.term: saw 24 to 6"),
        ({"benign": {"arrears_months": [9, 3]}}, "benign.arrears_months: saw 9 to 3"),
    ],
)
def test_bad_parameters_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_parameters(changes=changes)


def test_a_user_file_overrides(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[book]\nborrowers = 3\n", encoding="utf-8")
    assert read_parameters(tmp_path / "mine.toml").book.borrowers == 3
