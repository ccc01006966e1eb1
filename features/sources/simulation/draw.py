"""Small draws and array types that every part of the simulation uses."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Dates = NDArray[np.datetime64]
Generator = np.random.Generator


def happens(rng: Generator, chance: Floats) -> Bools:
    """True with the given chance, elementwise."""
    return np.asarray(rng.random(chance.shape) < chance)


def chosen(rng: Generator, share: float, size: int | tuple[int, ...]) -> Bools:
    """True for about ``share`` of the elements."""
    return np.asarray(rng.random(size) < share)


def scaled_odds(p: Floats, factor: float) -> Floats:
    """Probabilities whose odds are ``factor`` times those of ``p``."""
    return p * factor / (1 - p + p * factor)


def expand(counts: Ints) -> tuple[Ints, Ints]:
    """For each element its position, repeated ``counts`` times, and the number of the repeat from 0."""
    owner = np.repeat(np.arange(counts.size), counts)
    first = np.cumsum(counts) - counts
    return owner, np.arange(owner.size) - first[owner]


def group_sum(owner: Ints, values: Floats, groups: int) -> Floats:
    """Sum of ``values`` by group, shape (groups,)."""
    return np.bincount(owner, weights=values, minlength=groups).astype(np.float64)
