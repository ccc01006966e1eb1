"""Made-up rows with the bits of their scores: a bundle is used only where it still scores them as on the day it was made.

Their values lie where a forest may go wrong: at its thresholds, the numbers next to them, zero and unknown. They are nobody's.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from features.arrays import Float
from features.errors import IntegrityFailed

if TYPE_CHECKING:
    from models.forest import Forest

ROWS, SEED = 32, 20_261_122
CLOSE = 1e-12


@dataclass(frozen=True, eq=False)
class Golden:
    """n rows: values and contributions of the features that the trees split on, (n, used); log-odds and PD, (n,); all float64."""

    values: Float
    log_odds: Float
    pd_12m: Float
    contributions: Float

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Golden) and self.as_json() == other.as_json()

    def as_json(self) -> list[dict[str, str]]:
        """Rows of numbers as ``float.hex`` writes them, so that no bit is lost."""
        rows = zip(self.values, self.log_odds, self.pd_12m, self.contributions, strict=True)
        return [{"values": _hex(v), "log_odds": _hex([z]), "pd_12m": _hex([p]), "contributions": _hex(c)} for v, z, p, c in rows]

    @classmethod
    def from_json(cls, said: Sequence[Mapping[str, Any]]) -> Golden:
        log_odds, pd_12m = (np.array([float.fromhex(row[name]) for row in said]) for name in ("log_odds", "pd_12m"))
        return cls(_table([row["values"] for row in said]), log_odds, pd_12m, _table([row["contributions"] for row in said]))

    @classmethod
    def nothing(cls) -> Golden:
        """Of a draft, which has scored nothing yet."""
        return cls(np.empty((0, 0)), np.empty(0), np.empty(0), np.empty((0, 0)))


def made_up(forest: Forest) -> Float:
    """Values of the features in ``forest.used``, (ROWS, used): the first row unknown, the second zero, the others drawn."""
    rng, drawn = np.random.default_rng(SEED), np.empty((ROWS, len(forest.used)))
    for column, feature in enumerate(forest.used):
        at = forest.threshold[forest.feature == feature]
        telling = np.concatenate([at, np.nextafter(at, -np.inf), np.nextafter(at, np.inf)])
        seldom = np.array([np.nan, np.nan, 0.0, -0.0, 1.0, 2.0])
        drawn[:, column] = np.where(rng.random(ROWS) < 0.8, rng.choice(telling, ROWS), rng.choice(seldom, ROWS))
    drawn[0], drawn[1] = np.nan, 0.0
    return drawn


def compare(expected: Golden, found: Golden, said: Mapping[str, Any], digest: str) -> None:
    """Raise IntegrityFailed unless ``found`` has the bits of ``expected``; ``said`` is what the bundle says of its origin."""
    pairs = [(getattr(expected, name), getattr(found, name)) for name in ("log_odds", "pd_12m", "contributions")]
    if all(one.tobytes() == other.tobytes() for one, other in pairs):
        return
    gap = max(_gap(one, other) for one, other in pairs)
    holds, zh = ("holds", "成立") if gap <= CLOSE else ("does not hold", "不成立")
    why = _differences(said)
    raise IntegrityFailed(
        f"bundle {digest[:12]} does not score here as it did where it was made: its golden rows differ by up to {gap:.1e}"
        f" (equality to {CLOSE} {holds}). {why[0]}. It is not used: use it where it was made, or train again here",
        f"模型包 {digest[:12]} 在本机的评分与制作时不同:标准样本最大相差{gap:.1e}(在{CLOSE}以内相等{zh})。{why[1]}。"
        "模型包已拒用:请在原环境使用,或在本机重新训练",
    )


def _differences(said: Mapping[str, Any]) -> tuple[str, str]:
    """What is recorded and what is present where these differ."""
    recorded = {"architecture": said["architecture"], **said["libraries"]}
    present = {"architecture": platform.machine(), **{name: _version(name) for name in said["libraries"]}}
    found = [f"{name} {recorded[name]} / {present[name]}" for name in recorded if recorded[name] != present[name]]
    if found:
        return f"Recorded / present: {', '.join(found)}", f"记录/当前:{', '.join(found)}"
    listed = ", ".join(f"{name} {seen}" for name, seen in present.items())
    return (
        f"Architecture and versions are those recorded ({listed}), so the processor, the C library or a file of a library is"
        " another",
        f"架构与版本均与记录一致({listed}),应为处理器、C 库或某个库文件不同",
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _gap(one: Float, other: Float) -> float:
    """The largest difference; infinite where only one of two is a number, or there are not as many."""
    if one.shape != other.shape:
        return np.inf
    with np.errstate(invalid="ignore"):
        apart = np.where((one == other) | (np.isnan(one) & np.isnan(other)), 0.0, np.abs(one - other))
    return float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0))


def _hex(numbers: Float | list[float]) -> str:
    return " ".join(float(number).hex() for number in numbers)


def _table(texts: Sequence[str]) -> Float:
    rows = [[float.fromhex(number) for number in text.split()] for text in texts]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0)
