"""Every declaration says what it means, in both languages, and its SQL stands alone."""

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import get_args

import numpy as np
import pytest
import worlds

from features import arrears
from features.catalogue import CATALOGUE, ROOMS, digest, feature
from features.errors import NotFound
from features.feature import Feature, Unit
from features.measure import Leaf, Reduce, records
from features.schema import DELIVERED, PROHIBITED, TABLES
from features.sql import query

ALL = list(CATALOGUE.values())
every_feature = pytest.mark.parametrize("one", ALL, ids=list(CATALOGUE))
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@every_feature
def test_texts_are_whole_and_in_their_language(one: Feature) -> None:
    english, chinese = (one.en, one.en_text, one.unknown), (one.zh, one.zh_text, one.unknown_zh)
    assert all(text and text == text.strip() for text in english + chinese)
    assert all(CHINESE.search(text) for text in chinese) and not any(CHINESE.search(text) for text in english)
    for text in (one.en_text, one.zh_text):
        assert re.findall(r"{(.*?)}", text) == ["value"]
    for text in (one.en, one.zh, one.unknown, one.unknown_zh):
        assert not re.search(r"[{}]|None", text)


@every_feature
def test_names_units_and_tables_exist(one: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", one.name)
    assert one.unit in get_args(Unit) and one.risk in (-1, 0, 1)
    assert one.tables and set(one.tables) <= set(TABLES)
    assert not any(f"e.{column}" in leaf.formula().sql for leaf in one.measure.leaves() for column in PROHIBITED)


def test_nothing_is_declared_twice() -> None:
    assert sum(map(len, ROOMS.values())) == len(CATALOGUE)
    for said in ("name", "en", "zh", "en_text", "zh_text"):
        repeated = [text for text, n in Counter(getattr(one, said) for one in ALL).items() if n > 1]
        assert repeated == [], said


def test_the_sql_of_each_feature_alone_gives_what_the_joint_query_gives() -> None:
    tables, spine = worlds.world(5, worlds.Weather(records=25)), worlds.rows(5, 6)
    with worlds.database(tables, spine) as con:
        joint = con.execute(query(ALL)).df().astype(float)
        for one in ALL:
            alone = con.execute(query([one])).df().astype(float)
            np.testing.assert_array_equal(alone[one.name], joint[one.name], one.name)


LINKS = {
    ("borrowers", "industry"), ("borrowers", "region"), ("industry", "industry"), ("macro", "region"),
    ("industry_peers", "industry"), ("region_peers", "region"),
}  # fmt: skip
CLOCKS = ("event_on", "known_on")


@cache
def read() -> set[tuple[str, str]]:
    """Every (table, column) that some feature reads, beside the clocks."""
    leaves = [leaf for one in ALL for leaf in one.measure.leaves() if len(leaf.tables) == 1]
    reduced = {(leaf.tables[0], column) for leaf in leaves for column in re.findall(r"\be\.(\w+)", leaf.name)}
    in_force = [leaf.records for leaf in leaves if isinstance(leaf, Reduce)]
    reduced |= {(one.table.name, column) for one in in_force for column in (one.since, one.until) if column}
    return reduced | LINKS | {(table, column) for table, columns in arrears.READS.items() for column in columns}


def listed() -> dict[tuple[str, str], str]:
    """Every (table, column) that is declared not predictive, and why."""
    text = files("features.catalogue").joinpath("not_predictive.toml").read_text("utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    found = {(table, column): why for table, columns in tables.items() for column, why in columns.items()}
    general = tables["every_table"]
    own = {(t.name, c.name): general[c.name] for t in TABLES.values() for c in t.all_columns if c.name in general}
    return {key: why for key, why in found.items() if key[0] != "every_table"} | {k: w for k, w in own.items() if k not in read()}


def test_every_column_is_read_by_a_feature_or_declared_not_predictive() -> None:
    columns = {(t.name, c.name) for t in TABLES.values() for c in t.all_columns if c.name not in CLOCKS}
    assert columns - read() - set(listed()) == set()


def test_what_is_declared_not_predictive_exists_is_not_read_and_has_a_reason() -> None:
    assert set(listed()) & read() == set()
    assert all(column in {c.name for c in TABLES[table].all_columns} for table, column in listed())
    assert all(len(why) > 8 or why == "prohibited" for why in listed().values())
    assert {column for _, column in listed()} >= set(PROHIBITED)


def test_the_silence_of_every_source_is_a_feature() -> None:
    said = {one.measure.name for one in ALL if isinstance(one.measure, Leaf)}
    assert [t for t in DELIVERED if t != "outcomes" and records(t).days_since().name not in said] == []


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean dpd"):
        feature("dpdd")


def test_the_digest_of_a_catalogue_depends_on_meaning_and_order() -> None:
    names = list(CATALOGUE)[:3]
    assert digest(names) == digest(names) != digest(names[::-1])
    assert len(digest(names)) == 64
