"""Formulas against DuckDB: the steps and the SQL of one expression say the same."""

from itertools import accumulate
from random import Random

import duckdb
import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.formula import ALWAYS, AS_IS, COUNT, LARGEST, ONE, SMALLEST, TOTAL, Expr, Program, among, column, kept

NAMES, WORDS = ("a", "b", "c"), ("x", "y", "z")
values = st.none() | st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e13]) | st.floats(-1e6, 1e6)
rows = st.lists(st.tuples(values, values, values, st.none() | st.sampled_from(WORDS)), min_size=1, max_size=40)


def condition(rng: Random, depth: int) -> Expr:
    match rng.randrange(4 if depth else 2):
        case 0:
            sign = rng.choice(["__gt__", "__ge__", "__lt__"])
            other = rng.choice([0, 1, -2.5, 30]) if rng.random() < 0.5 else number(rng, depth - 1)
            return Expr.__dict__[sign](number(rng, depth - 1), other)  # type: ignore[no-any-return]
        case 1:
            listed = WORDS[: rng.randrange(1, 4)]
            words = ", ".join(f"'{word}'" for word in listed)
            return among(f"coalesce(e.word IN ({words}), false)", column("word", "e.word"), listed)
        case 2:
            return ~condition(rng, depth - 1)
        case _:
            return condition(rng, depth - 1) & condition(rng, depth - 1)


def number(rng: Random, depth: int) -> Expr:  # noqa: PLR0911 (one per sign)
    x = column(name := rng.choice(NAMES), f"e.{name}") if depth <= 0 else number(rng, depth - 1)
    match rng.randrange(7) if depth > 0 else 0:
        case 1:
            return x + rng.choice([1, -2.5])
        case 2:
            return x - number(rng, depth - 1)
        case 3:
            return x * number(rng, depth - 1)
        case 4:
            return x / number(rng, depth - 1)
        case 5:
            return kept(condition(rng, depth - 1), x)
        case 6:
            return condition(rng, depth - 1).as_number()
        case _:
            return -x


@given(table=rows, rng=st.randoms(use_true_random=False))
@examples(100)
def test_the_steps_and_the_sql_of_a_formula_give_the_same(table: list[tuple[object, ...]], rng: Random) -> None:
    formulas = [number(rng, 3) for _ in range(4)]
    program = Program(formulas)
    data = {name: np.array([row[i] for row in table], dtype=np.float64) for i, name in enumerate(NAMES)}
    data["word"] = np.array([np.nan if row[3] is None else WORDS.index(str(row[3])) for row in table])
    inputs = np.array([data[name] for name in program.inputs]).reshape(len(program.inputs), len(table))
    ours = program.run(inputs, lambda _, word: WORDS.index(word))
    with duckdb.connect() as con:
        con.execute("CREATE TABLE e (i INTEGER, a DOUBLE, b DOUBLE, c DOUBLE, word VARCHAR)")
        con.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?)", [[i, *row] for i, row in enumerate(table)])
        listed = ", ".join(f"CAST({formula.sql} AS DOUBLE)" for formula in formulas)
        theirs = con.execute(f"SELECT {listed} FROM e ORDER BY i").fetchall()
    np.testing.assert_allclose(ours.T, np.array(theirs, dtype=np.float64), rtol=1e-12, atol=1e-9)


def test_a_block_is_no_border() -> None:
    many = np.arange(100_000, dtype=np.float64)
    (doubled,) = Program([column("a", "a") + column("a", "a")]).run(many[None])
    np.testing.assert_array_equal(doubled, 2 * many)


amounts = st.lists(st.just(np.nan) | st.integers(-(2**40), 2**40).map(float), max_size=50)


@given(given_values=amounts)
@examples(100)
def test_values_are_written_as_they_are_looked_for(given_values: list[float]) -> None:
    """Running totals and counts begin with what is before the first record, so that a difference is a window."""
    many = np.tile(np.array(given_values), 400)
    program = Program([column("a", "a")] * 5, ways=[AS_IS, LARGEST, SMALLEST, TOTAL, COUNT])
    out = np.empty((5, len(many) + 1))
    sizes = program.write(out, program.ways, many[None])
    known = np.nan_to_num(many)
    np.testing.assert_array_equal(out[0, :-1], many)
    np.testing.assert_array_equal(out[1, :-1], np.where(np.isnan(many), -np.inf, many))
    np.testing.assert_array_equal(out[2, :-1], np.where(np.isnan(many), -np.inf, -many))
    assert out[3].tolist() == list(accumulate(known.tolist(), initial=0.0))
    assert out[4].tolist() == list(accumulate((~np.isnan(many)).tolist(), initial=0))
    assert sizes.tolist() == [0, 0, 0, sum(map(abs, known.tolist())), 0]


@pytest.mark.parametrize("places", [[4, 5, 6], [6, 4, 5], [0, 2, 4], [3], []])
def test_values_go_to_their_places_and_nowhere_else(places: list[int]) -> None:
    out, values = np.zeros((2, 8)), np.arange(1.0, len(places) + 1)
    Program([column("a", "a"), -column("a", "a")]).run_into(out, np.array(places, dtype=np.int64), values[None])
    expected = np.zeros((2, 8))
    expected[:, places] = [values, -values]
    np.testing.assert_array_equal(out, expected)


def test_equal_parts_are_worked_out_once() -> None:
    part = column("a", "a") + column("b", "b")
    program = Program([part, part * part, -part])
    assert len(program._steps) == 3


@pytest.mark.parametrize(
    ("formula", "exact"),
    [
        (ONE, True), (ALWAYS, True), (column("a", "a"), False), (column("a", "a", exact=True) + 1, True),
        (column("a", "a", exact=True) - 0.5, False), (column("a", "a", exact=True) / ONE, False), (column("a", "a") > 0, True),
        (column("a", "a", exact=True) * column("b", "b", exact=True), False),
    ],
)  # fmt: skip
def test_only_what_stays_a_whole_number_counts_as_exact(formula: Expr, exact: bool) -> None:
    assert formula.exact is exact


def test_what_a_formula_reads() -> None:
    assert kept(column("a", "a") > 0, column("b", "b")).columns() == {"a", "b"}
