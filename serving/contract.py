"""The contract of a model: every feature it reads is named, and each has a value that it can have, or null for unknown.

What breaks it is never scored: the field is named, with what was seen, what was expected and the way out. A sound body is judged
by arrays that are laid out once; only one that is not is looked at name by name.
"""

import math
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from features import catalogue
from features.arrays import Float, known
from features.errors import nearest
from features.feature import Feature
from features.kernels import kernel
from models.bundle import Bundle
from serving.bodies import MOST, kind, pointer
from serving.possible import Span, believable
from serving.problems import Fault, broken

NUMBERS = frozenset([float, int, type(None)])
Whole = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@kernel
def _fits(values: Float, low: Float, high: Float, whole: Whole) -> bool:
    """Whether no value is outside its span; unknown is in all."""
    for i in range(len(values)):
        v = values[i]
        if v < low[i] or v > high[i] or (whole[i] and v != np.floor(v) and v == v):
            return False
    return True


class Contract:
    """The features of a bundle, their spans, and what a request may say of them."""

    def __init__(self, bundle: Bundle) -> None:
        self.features: dict[str, Feature] = {name: catalogue.feature(name) for name in bundle.features}
        usual = bundle.reference
        places = zip(self.features.values(), usual.low.tolist(), usual.high.tolist(), strict=True)
        self.spans: dict[str, Span] = {f.name: believable(f, low, high) for f, low, high in places}
        self._pick = itemgetter(*self.features, next(iter(self.features)))  # of one name alone it would give no tuple
        spans = self.spans.values()
        self._low, self._high = np.array([s.low for s in spans]), np.array([s.high for s in spans])
        self._whole = np.array([s.whole for s in spans])

    def values(self, given: Any, at: str = "/features") -> Float:
        """The values of a request in the order of the model, float64 (k,), NaN for unknown; raises Problem ``contract``."""
        if not isinstance(given, dict):
            fault = f"{kind(given)}; send an object with a value or null for each feature of GET /v1/model"
            raise broken([Fault(at, fault, "应为对象:为 GET /v1/model 所列每个特征给出数值或 null", kind(given), "an object")])
        try:
            found = self._pick(given)[:-1]
        except KeyError:
            return self._slowly(given, at)
        if len(given) == len(found) and NUMBERS.issuperset(map(type, found)):
            values = np.array(found, dtype=np.float64)
            if _fits(values, self._low, self._high, self._whole):
                return values
        return self._slowly(given, at)

    def _slowly(self, given: Mapping[str, Any], at: str) -> Float:
        """The same where a value says its unit, else the faults."""
        faults = [fault for _, fault in zip(range(MOST), self._faults(given, at), strict=False)]
        if faults:
            raise broken(faults)
        return np.array([_bare(given[name]) for name in self.features], dtype=np.float64)

    def _faults(self, given: Mapping[str, Any], at: str) -> Iterator[Fault]:
        for name in given:
            if name not in self.features:
                en, zh = nearest(name, self.features)
                yield Fault(
                    at + pointer(name), f"not a feature of the model in use; {en}", f"不是在用模型的特征;{zh}", name[:100],
                    "only the features of GET /v1/model",
                )  # fmt: skip
        for name, feature in self.features.items():
            if name not in given:
                yield Fault(
                    at + pointer(name), "missing; name every feature, with null where it is unknown",
                    "缺失;须列出全部特征,未知请填 null", "nothing", self.spans[name].said(),
                )  # fmt: skip
            else:
                yield from self._fault(feature, given[name], at + pointer(name))

    def _fault(self, feature: Feature, value: Any, at: str) -> Iterator[Fault]:
        if isinstance(value, dict):
            unit = value.get("unit")
            if set(value) != {"value", "unit"} or unit != feature.unit:
                yield Fault(
                    at, f"in another unit, or without one; convert it to {feature.unit!r}, or send the number alone",
                    f"单位不符或缺失;请换算为 {feature.unit!r},或只发送数值", kind(unit), f"unit {feature.unit!r}",
                )  # fmt: skip
                return
            value, at = value["value"], at + "/value"
        span = self.spans[feature.name]
        if type(value) not in NUMBERS:
            yield Fault(
                at, f"{kind(value)} where a number or null is expected; send {feature.unit} as a JSON number",
                "类型错误;应为 JSON 数值或 null", kind(value), span.said(),
            )  # fmt: skip
        elif value is not None and not _in(float(value), span):
            yield Fault(
                at, f"not a possible value; check sign and unit ({feature.unit})", f"取值不可能;请核对符号与单位({feature.unit})",
                _aside(float(value), span), span.said(),
            )  # fmt: skip

    def said(self) -> list[dict[str, Any]]:
        """The features as GET /v1/model tells them."""
        return [
            {
                "name": f.name, "unit": f.unit, "risk": f.risk, "whole": span.whole, "low": _end(span.low),
                "high": _end(span.high), "en": f.en, "zh": f.zh, "unknown": {"en": f.unknown, "zh": f.unknown_zh},
            }
            for f, span in zip(self.features.values(), self.spans.values(), strict=True)
        ]  # fmt: skip


def _bare(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) else value


def _in(value: float, span: Span) -> bool:
    return math.isfinite(value) and span.low <= value <= span.high and (not span.whole or value.is_integer())


def _aside(value: float, span: Span) -> str:
    """How a number misses its span; the number itself is about somebody and stays with who sent it."""
    if not math.isfinite(value):
        return "a number without an end"
    return "a number below" if value < span.low else "a number above" if value > span.high else "a number with a fraction"


def _end(value: float) -> float | None:
    return None if math.isinf(value) else known(value)
