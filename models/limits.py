"""The limits by which a model is judged, read from ``validation.toml``; the meaning of each stands there."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from features.schema import TABLES


@dataclass(frozen=True)
class Light:
    """A colour of a traffic light in both languages."""

    name: str
    zh: str
    limit: float


@dataclass(frozen=True)
class Limits:
    """Everything in ``validation.toml``."""

    fewest_bad: int
    fewest_rows: int
    product_group: Mapping[str, str]
    most_quarters: int
    age_bands: Sequence[int]
    count_bands: Sequence[int]
    psi_bins: int
    psi_lights: tuple[Light, ...]
    backtest_lights: tuple[Light, ...]
    leak_rows: int
    leak_limit: float
    worth_rows: int
    worth_rows_over_time: int
    worth_repeats: int
    worth_errors: float
    horizons: tuple[int, ...]
    fewest_events: int
    fewest_watched: int
    carried_months: int

    def psi_light(self, psi: float) -> Light:
        """The first whose upper end lies above."""
        return next(light for light in self.psi_lights if psi < light.limit)

    def backtest_light(self, p: float) -> Light:
        """The first whose lower end is reached."""
        return next(light for light in self.backtest_lights if p >= light.limit)


@cache
def limits() -> Limits:
    said = tomllib.loads(files("models").joinpath("validation.toml").read_text("utf-8"))
    products = {p: p for p in TABLES["loans"]["product"].codes}
    groups = {product: group for group, listed in said["product_groups"].items() for product in listed}
    return Limits(
        said["fewest_bad"], said["fewest_rows"], products | groups, said["vintage"]["most_quarters"],
        said["bands"]["age"], said["bands"]["count"],
        said["psi"]["bins"], _lights(said["psi"]["light"], "below"), _lights(said["backtest"]["light"], "from"),
        said["leaks"]["rows"], said["leaks"]["limit"],
        said["worth"]["rows"], said["worth"]["rows_over_time"], said["worth"]["repeats"], said["worth"]["errors"],
        tuple(said["horizon"]["months"]), said["horizon"]["fewest_events"], said["horizon"]["fewest_watched"],
        said["horizon"]["carried_months"],
    )  # fmt: skip


def _lights(listed: list[dict[str, Any]], key: str) -> tuple[Light, ...]:
    return tuple(Light(light["name"], light["zh"], light.get(key, float("inf"))) for light in listed)
