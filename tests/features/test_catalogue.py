"""Every declaration says what it means, in both languages, and its SQL stands alone."""

import re
from collections import Counter
from typing import get_args

import numpy as np
import pytest
import worlds

from features.catalogue import CATALOGUE, ROOMS, digest, feature
from features.errors import NotFound
from features.feature import Feature, Unit
from features.schema import PROHIBITED, TABLES
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


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="did you mean dpd"):
        feature("dpdd")


def test_the_digest_of_a_catalogue_depends_on_meaning_and_order() -> None:
    names = list(CATALOGUE)[:3]
    assert digest(names) == digest(names) != digest(names[::-1])
    assert len(digest(names)) == 64
