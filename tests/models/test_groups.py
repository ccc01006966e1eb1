"""Groups of features: every feature in one, every pattern in use."""

from fnmatch import fnmatchcase

import pytest

from features.catalogue import CATALOGUE
from models.groups import group_of, groups, places


def test_every_feature_is_in_a_group_and_every_pattern_brings_one_in() -> None:
    for group in groups():
        for pattern in group.features:
            assert any(fnmatchcase(name, pattern) and group_of(name) is group for name in CATALOGUE), (group.id, pattern)
    assert {group_of(name).id for name in CATALOGUE} == {group.id for group in groups()}


def test_a_feature_of_no_group_is_said_by_name() -> None:
    with pytest.raises(LookupError, match="moon_phase is in no group"):
        group_of("moon_phase")


def test_groups_are_named_once_in_each_language() -> None:
    for names in ([g.en for g in groups()], [g.zh for g in groups()]):
        assert all(names)
        assert len(set(names)) == len(names)


def test_places_are_the_positions_of_the_groups() -> None:
    names = tuple(CATALOGUE)
    assert [groups()[p] for p in places(names)] == [group_of(name) for name in names]
