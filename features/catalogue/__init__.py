"""The catalogue: every feature, one declaration each, in rooms by subject."""

import hashlib
import json
from functools import lru_cache

from features.catalogue import (
    balances,
    bureau,
    cards,
    cashflow,
    conduct,
    context,
    distress,
    financial,
    freshness,
    guarantors,
    incidents,
    lines,
    others,
    peers,
    progress,
    repayment,
    security,
    status,
    surroundings,
    uses,
)
from features.errors import NotFound, nearest
from features.feature import Feature
from features.sql import query

ROOMS = {
    "repayment": repayment.FEATURES,
    "status": status.FEATURES,
    "cards": cards.FEATURES,
    "lines": lines.FEATURES,
    "cashflow": cashflow.FEATURES,
    "balances": balances.FEATURES,
    "uses": uses.FEATURES,
    "financial": financial.FEATURES,
    "progress": progress.FEATURES,
    "distress": distress.FEATURES,
    "bureau": bureau.FEATURES,
    "others": others.FEATURES,
    "security": security.FEATURES,
    "guarantors": guarantors.FEATURES,
    "conduct": conduct.FEATURES,
    "incidents": incidents.FEATURES,
    "context": context.FEATURES,
    "surroundings": surroundings.FEATURES,
    "peers": peers.FEATURES,
    "freshness": freshness.FEATURES,
}
CATALOGUE: dict[str, Feature] = {feature.name: feature for room in ROOMS.values() for feature in room}


def feature(name: str) -> Feature:
    """The feature of that name; raises NotFound with the nearest names."""
    if name not in CATALOGUE:
        en, zh = nearest(name, CATALOGUE)
        raise NotFound(f"no feature {name!r}; {en}", f"没有特征 {name!r};{zh}")
    return CATALOGUE[name]


def digest(names: list[str]) -> str:
    """sha256 over what the named features mean: name, unit, direction and SQL, in order."""
    return _digest(tuple(names))


@lru_cache(maxsize=32)
def _digest(names: tuple[str, ...]) -> str:
    said = [[f.name, f.unit, f.risk, query([f])] for f in map(feature, names)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
