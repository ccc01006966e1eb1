"""The laws of ../../docs/architecture.md, each on every feature of the catalogue, over random ledgers."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Float
from features.build import compute_partition
from features.catalogue import CATALOGUE, ROOMS
from features.measure import Reduce
from features.sql import query
from features.window import to_date

ALL = list(CATALOGUE.values())
LEDGERS = 20
"""Ledgers that are held against SQL by one query: to plan one costs far more than to run it."""
seeds = st.integers(0, 2**31)
weathers = st.builds(
    worlds.Weather,
    records=st.integers(0, 25),
    late=st.floats(0, 1),
    corrected=st.floats(0, 1),
    unknown=st.floats(0, 0.9),
)


def same(left: Float, right: Float) -> bool:
    return bool(np.array_equal(left.view(np.int64), right.view(np.int64)))


@given(seed=seeds, weather=weathers)
@examples(40, release=10_000)
def test_parity_a_row_alone_equals_the_row_in_any_batch(seed: int, weather: worlds.Weather) -> None:
    spine, partition = worlds.rows(seed), worlds.partition(worlds.world(seed, weather))
    together = compute_partition(spine, partition, ALL)
    order = np.random.default_rng(seed).permutation(len(spine))
    shuffled = compute_partition(spine.take(order), partition, ALL)
    assert same(together[order], shuffled)
    for row in range(len(spine)):
        assert same(compute_partition(spine.take(np.array([row])), partition, ALL)[0], together[row])


@given(seed=seeds, weather=weathers)
@examples(40, release=10_000)
def test_blind_to_the_future_what_is_not_visible_changes_nothing(seed: int, weather: worlds.Weather) -> None:
    tables, spine = worlds.world(seed, weather), worlds.rows(seed, 4)
    full = compute_partition(spine, worlds.partition(tables), ALL)
    for row in range(len(spine)):
        one = spine.take(np.array([row]))
        seen = worlds.visible(tables, to_date(one.as_of[0]), to_date(one.known_by[0]))
        np.testing.assert_array_equal(compute_partition(one, worlds.partition(seen), ALL)[0], full[row])


def tolerance(name: str) -> float:
    """Integers exact, quotients 1e-12, spread and slope 1e-9."""
    kinds = {leaf.how for leaf in CATALOGUE[name].measure.leaves() if isinstance(leaf, Reduce)}
    return 1e-9 if kinds & {"spread", "slope"} else 1e-12


def against_sql(seed: int, weather: worlds.Weather, ledgers: int = 1) -> list[str]:
    """Names of the features whose SQL, run by DuckDB, gives other values than the engine."""
    tables, spine = worlds.many(seed, weather, ledgers)
    ours = pd.DataFrame(compute_partition(spine, worlds.partition(tables), ALL), columns=list(CATALOGUE))
    with worlds.database(tables, spine) as con:
        oracle = pd.concat([con.execute(query(room)).df().astype(float) for room in ROOMS.values()], axis=1)
    return [
        name
        for name in CATALOGUE
        if not np.allclose(ours[name], oracle[name], rtol=tolerance(name), atol=tolerance(name), equal_nan=True)
    ]


@given(seed=seeds, weather=weathers)
@examples(6, release=10_000 // LEDGERS)
def test_oracle_the_sql_of_every_feature_gives_the_same_values(seed: int, weather: worlds.Weather) -> None:
    assert against_sql(seed, weather, LEDGERS) == []


def test_unknown_is_not_zero_without_records_every_feature_is_unknown() -> None:
    values = compute_partition(worlds.rows(1), worlds.partition({}), ALL)
    assert np.isnan(values).all()


@pytest.mark.parametrize("name", [n for n, f in CATALOGUE.items() if f.tables not in (("borrowers",), ("loans",))])
def test_unknown_is_not_zero_when_only_the_source_of_a_feature_is_absent(name: str) -> None:
    tables = {t: data for t, data in worlds.world(3).items() if t not in CATALOGUE[name].tables}
    assert np.isnan(compute_partition(worlds.rows(2), worlds.partition(tables), [CATALOGUE[name]])).all()


def test_a_world_long_enough_makes_every_feature_known_somewhere() -> None:
    """The laws above would hold of a catalogue that is always unknown; this keeps them honest."""
    known = np.zeros(len(ALL), dtype=bool)
    for seed in range(200):
        if known.all():
            break
        tables = worlds.world(seed, worlds.Weather(records=25, unknown=0.05))
        known |= (~np.isnan(compute_partition(worlds.rows(seed), worlds.partition(tables), ALL))).any(axis=0)
    assert [f.name for f, seen in zip(ALL, known, strict=True) if not seen] == []


def test_a_settlement_after_as_of_reads_as_unpaid() -> None:
    due = date(2021, 3, 1)
    tables = {
        "instalments": worlds.table("instalments", [worlds.instalment(due, 1_000)]),
        "payments": worlds.table("payments", [worlds.payment(due + timedelta(days=40), 1_000)]),
    }
    spine = worlds.rows_at("L1", [due + timedelta(days=30), due + timedelta(days=41)])
    dpd = compute_partition(spine, worlds.partition(tables), [CATALOGUE["dpd"], CATALOGUE["overdue_amount"]])
    np.testing.assert_array_equal(dpd, [[30, 1_000], [0, 0]])
