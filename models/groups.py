"""Groups of features that say the same thing, so that one cause is told as one reason: ``groups.toml``."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

import numpy as np

from features.arrays import Int


@dataclass(frozen=True)
class Group:
    """Its names in both languages, and whether the borrower or the lender can still change what it says."""

    id: str
    en: str
    zh: str
    actionable: bool
    features: tuple[str, ...]
    """Patterns of names."""


@cache
def groups() -> tuple[Group, ...]:
    """All groups in the order of the file."""
    said = tomllib.loads(files("models").joinpath("groups.toml").read_text("utf-8"))
    return tuple(Group(name, g["en"], g["zh"], g["actionable"], tuple(g["features"])) for name, g in said.items())


@cache
def group_of(feature: str) -> Group:
    """The first group with a pattern that fits; raises LookupError for a feature of none, which a test forbids."""
    for group in groups():
        if any(fnmatchcase(feature, pattern) for pattern in group.features):
            return group
    raise LookupError(f"{feature} is in no group of models/groups.toml")


@cache
def place(feature: str) -> int:
    """The position of a feature's group among ``groups()``."""
    return groups().index(group_of(feature))


@cache
def places(features: tuple[str, ...]) -> Int:
    """That of each feature."""
    return np.array([place(name) for name in features], dtype=np.int64)
