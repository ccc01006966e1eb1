"""The parts of a dossier against the engine: records through SQL, trees through plain Python, on random worlds and models."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb
import holidays
import numpy as np
import pyarrow as pa
import pytest
import worlds
from effort import examples
from grown import Sort, sorts
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features import terms
from features.build import compute_partition
from features.catalogue import CATALOGUE, feature
from features.events import day_number
from features.feature import Feature
from features.ledger import Ledger, Manifest
from features.spine import Spine
from features.sql import query
from features.window import to_date
from models.dossier import records, tables
from models.dossier.kit import arrears as walk
from models.dossier.kit import forest as plain
from models.dossier.kit import recompute
from models.forest import Forest
from models.score import Scored
from models.shapley import Shapley

KIT = Path(recompute.__file__).parent
MANY = 25
"""Features of one case: each costs a query."""


class Remembered(Ledger):
    """A ledger of one partition in memory."""

    def __init__(self, world: worlds.World) -> None:
        self.manifest = Manifest(1, 1, "2030-01-01")
        self.world = world

    def read(self, table: str, number: int) -> pa.Table:
        return self.world[table]


def told(folder: Path, world: worlds.World, row: Spine, features: Sequence[Feature]) -> None:
    """The records of a row in a folder."""
    records.write(folder, Remembered(world), features, str(row.borrower_id[0]), to_date(row.known_by[0]))


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def auditors(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.syspath_prepend(KIT)
    return monkeypatch


@given(seed=st.integers(0, 2**31), row=st.integers(0, 11), late=st.floats(0, 1), corrected=st.floats(0, 1))
@settings(examples(4), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_features_of_any_row_follow_from_its_records(
    tmp_path_factory: pytest.TempPathFactory,
    auditors: pytest.MonkeyPatch,
    seed: int,
    row: int,
    late: float,
    corrected: float,
) -> None:
    folder, rng = tmp_path_factory.mktemp("dossier"), np.random.default_rng(seed)
    world, one = worlds.world(seed, worlds.Weather(25, late, corrected)), worlds.rows(seed).take(np.array([row]))
    features = [feature(str(name)) for name in rng.choice([*CATALOGUE], MANY, replace=False)]
    values = compute_partition(one, worlds.partition(world), features)
    told(folder, world, one, features)
    (folder / "features").mkdir()
    for f in features:
        (folder / "features" / f"{f.name}.sql").write_text(query([f]) + "\n", "utf-8")
    names = tuple(f.name for f in features)
    nothing = np.zeros((1, len(names)))
    (folder / "features.csv").write_text(tables.values(Scored(names, values, np.zeros(1), 0.0, nothing)), "utf-8")
    (folder / "terms.toml").write_text(worlds.SHIPPED, "utf-8")
    auditors.setattr(recompute, "HERE", folder)
    days = {"as_of": str(to_date(one.as_of[0])), "known_by": str(to_date(one.known_by[0]))}
    part, found = recompute.features({"borrower": str(one.borrower_id[0]), "loan": str(one.loan_id[0]), **days})
    assert part.wrong == []
    assert list(found) == list(names)


@given(seed=st.integers(0, 2**31), row=st.integers(0, 11))
@examples(2)
def test_what_became_known_later_changes_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int, row: int) -> None:
    world, one = worlds.world(seed, worlds.Weather(25)), worlds.rows(seed).take(np.array([row]))
    then, day = {}, to_date(one.known_by[0])
    for name, data in world.items():
        known = [r for r in data.to_pylist() if r["known_on"] <= day]
        for r in known:
            r["superseded_on"] = None if r["superseded_on"] and r["superseded_on"] > day else r["superseded_on"]
        then[name] = pa.Table.from_pylist(known, schema=data.schema)
    folders = [tmp_path_factory.mktemp("dossier") for _ in range(2)]
    for folder, tables_of_it in zip(folders, (world, then), strict=True):
        told(folder, tables_of_it, one, list(CATALOGUE.values()))
    assert contents(folders[0]) == contents(folders[1])


@given(
    words=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=12), max_size=8)
)
@example(words=["", " ", '"', '""', ",", "a,b", "a\nb", "NULL", "'", "\\N", "贷款", " x "])
@examples(4)
def test_texts_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, words: list[str]) -> None:
    folder = tmp_path_factory.mktemp("dossier")
    day = date(2020, 1, 1)
    row = {"borrower_id": "B1", "event_on": day, "known_on": day, "period_months": 1}
    said: list[str | None] = [*words, None]
    rows = [{**row, "record_id": f"{i:03}", "amount": i, "kind": "rent", "counterparty": word} for i, word in enumerate(said)]
    world = {name: table.slice(0, 0) for name, table in worlds.world(1).items()} | {
        "transactions": worlds.table("transactions", rows)
    }
    counting = next(f for f in CATALOGUE.values() if "transactions" in f.tables and "counterparty" in query([f]))
    told(folder, world, Spine.of([("B1", "L1")], day), [counting])
    with duckdb.connect() as con:
        con.execute((folder / "schema.sql").read_text("utf-8"))
        con.execute(f"COPY transactions FROM '{folder / 'records' / 'transactions.csv'}' ({recompute.CSV})")
        assert [word for (word,) in con.execute("SELECT counterparty FROM transactions ORDER BY record_id").fetchall()] == said


@given(sort=sorts, row=st.integers(0, 99))
@example(sort=Sort(1, category=True, unknown=0.3), row=3)
@example(sort=Sort(2, unknown=0.3, zero_unknown=True), row=4)
@example(sort=Sort(3, leaves=24, rounds=6), row=5)
@examples(10)
def test_trees_read_walked_and_explained_in_plain_python_are_ours(sort: Sort, row: int) -> None:
    text = sort.text()
    forest, x = Forest(text), sort.rows(100, apart=1)[[row]]
    nodes = plain.of_table(tables.forest(forest).splitlines())
    assert nodes == plain.of_model(text)
    values = dict(zip(forest.names, x[0].tolist(), strict=True))
    assert plain.margin(nodes, values) == forest.margins(x)[0]
    explained = Shapley(forest)
    base, added = plain.contributions(nodes, values)
    np.testing.assert_allclose(base, explained.base, atol=1e-9)
    np.testing.assert_allclose([added[name] for name in forest.names], explained.contributions(x)[0], atol=1e-9)


def test_closed_days_are_those_of_the_calendar() -> None:
    first, last = day_number(date(2021, 1, 1)), day_number(date(2021, 12, 31))
    lines = records.closed_days(("CN", "US"), first, last).splitlines()[1:]
    found = {(name, int(day)) for name, day in (line.split(",") for line in lines)}
    for name in ("CN", "US"):
        book = holidays.country_holidays(name)
        days = {day for day in range(first, last + 1) if not book.is_working_day(to_date(day))}
        assert {day for calendar, day in found if calendar == name and day <= last} == days


def test_the_digest_of_the_terms_is_ours() -> None:
    assert walk.digest(worlds.SHIPPED) == terms.digest()


@pytest.mark.parametrize(
    ("name", "expected"),
    [("worst_dpd_90", 0.0), ("overdue_amount", 0.0), ("inflow_90", 0.0), ("paid_share_90", 1e-12), ("inflow_trend", 1e-12)],
)
def test_whole_numbers_are_compared_exactly(name: str, expected: float) -> None:
    assert tables.tolerance(feature(name).measure) == expected


def test_slopes_and_spreads_are_compared_as_the_laws_do() -> None:
    loose = {f.name for f in CATALOGUE.values() if tables.tolerance(f.measure) == 1e-9}
    assert loose == {f.name for f in CATALOGUE.values() if "regr_slope" in query([f]) or "stddev_samp" in query([f])}
