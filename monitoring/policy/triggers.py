"""The versions of the trigger table beside this file, read strictly: every field is checked, and what is wrong is named."""

import hashlib
import math
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

from features.catalogue import CATALOGUE
from features.errors import NotFound, UsageError, nearest
from monitoring.policy import tier_policies
from monitoring.policy.trigger import (
    APPLIES,
    COMPARE,
    PRODUCTS,
    SCORES,
    SEVERITIES,
    SUBJECTS,
    Condition,
    Trigger,
    TriggerPolicy,
    Worth,
)

FILE = "triggers.toml"
Table = Mapping[str, Any]

VERSION = {"effective_from": date, "source": str, "owner": list, "worth": dict, "trigger": list}
OWNER = {"id": str, "en": str, "zh": str}
WORTH = {"caught": int, "check": int, "most_share": float, "least_lead_days": int}
TRIGGER = {
    "id": str, "subject": str, "owner": str, "severity": str, "stays_days": int,
    "en": str, "zh": str, "source": str, "when": list,
}  # fmt: skip
TRIGGER_MAY = {"applies": str, "products": list, "demands": str, "valid_from": date, "valid_until": date}
CONDITION_MAY = {"feature": str, "score": str, "is": str, "threshold": float, "unit": str, "fitted": str}

NEVER_ALONE = ("bureau", "model")
"""Subjects that demand no tier: a bureau's word is no sole reason for a downgrade, nor is a score that may rest on it."""


@cache
def trigger_policies() -> tuple[TriggerPolicy, ...]:
    """All versions, oldest first."""
    return read(files("monitoring.policy").joinpath(FILE).read_text("utf-8"))


def trigger_policy(day: date) -> TriggerPolicy:
    """The version in force on a day; raises NotFound before the first."""
    found = [version for version in trigger_policies() if version.effective_from <= day]
    if found:
        return found[-1]
    first = trigger_policies()[0].effective_from
    raise NotFound(
        f"no triggers are in force on {day}; the first start on {first}: add a [[version]] to monitoring/policy/{FILE}",
        f"{day} 无有效预警指标,最早自 {first} 起;请在 monitoring/policy/{FILE} 增加 [[version]]",
    )


def read(text: str) -> tuple[TriggerPolicy, ...]:
    """The versions of a table, oldest first; raises UsageError naming the field, what stands there and what was expected."""
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{FILE}: not TOML ({error})", f"{FILE}:不是合法的 TOML({error})") from error
    _fields(said, FILE, {"version": list})
    return tuple(
        sorted((_version(one, f"{FILE} [{n}]") for n, one in enumerate(said["version"], 1)), key=lambda v: v.effective_from)
    )


def _version(said: Table, where: str) -> TriggerPolicy:
    _fields(said, where, VERSION)
    for n, owner in enumerate(said["owner"], 1):
        _fields(owner, f"{where} owner {n}", OWNER)
    owners = {owner["id"]: (owner["en"], owner["zh"]) for owner in said["owner"]}
    _fields(said["worth"], f"{where} worth", WORTH)
    triggers = tuple(_trigger(one, f"{where} trigger {n}", owners) for n, one in enumerate(said["trigger"], 1))
    ids = [trigger.id for trigger in triggers]
    for n, name in enumerate(ids):
        if name in ids[:n]:
            raise _wrong(f"{where} trigger {n + 1}", "id", name, "an id that no other trigger has")
    digest = hashlib.sha256(repr(sorted(said.items())).encode()).hexdigest()
    return TriggerPolicy(said["effective_from"], said["source"], owners, Worth(**said["worth"]), triggers, digest)


def _trigger(said: Table, where: str, owners: Collection[str]) -> Trigger:
    _fields(said, where, TRIGGER, TRIGGER_MAY)
    where = f"{where} ({said['id']})"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", said["id"]):
        raise _wrong(where, "id", said["id"], "small letters, digits and underscores")
    for field, known in (("subject", SUBJECTS), ("severity", SEVERITIES), ("owner", owners)):
        _one_of(where, field, said[field], known)
    _one_of(where, "applies", said.get("applies", "all"), APPLIES)
    for product in said.get("products", ()):
        _one_of(where, "products", product, PRODUCTS)
    if said["stays_days"] < 1:
        raise _wrong(where, "stays_days", said["stays_days"], "at least 1")
    for language in ("en", "zh"):
        _placeholders(where, language, said[language])
    conditions = tuple(condition(one, f"{where} when {n}") for n, one in enumerate(said["when"], 1))
    plain = {name: value for name, value in said.items() if name not in ("when", "products")}
    found = Trigger(**plain, when=conditions, products=tuple(said.get("products", ())))
    _sound(found, where)
    return found


def condition(said: Table, where: str) -> Condition:
    """One condition of a trigger as the table states it; raises UsageError."""
    _fields(said, where, {"is": str}, CONDITION_MAY)
    if ("feature" in said) == ("score" in said):
        raise _wrong(where, "feature", said.get("feature"), "either a feature of the catalogue or a score")
    field, known = ("feature", CATALOGUE) if "feature" in said else ("score", SCORES)
    _one_of(where, field, said[field], known)
    _one_of(where, "is", said["is"], COMPARE)
    unknown = said["is"] == "unknown"
    if unknown and said.keys() & {"threshold", "unit", "fitted"}:
        raise _wrong(where, "threshold", said.get("threshold"), "none where a value has to be unknown")
    found = Condition(said[field], said["is"], math.nan if unknown else _number(said, where), said.get("fitted", ""))
    if not unknown and said.get("unit") != found.unit:
        raise _wrong(where, "unit", said.get("unit"), f"{found.unit}, the unit of {found.name}")
    return found


def _number(said: Table, where: str) -> float:
    if "threshold" not in said or not math.isfinite(said["threshold"]):
        raise _wrong(where, "threshold", said.get("threshold"), "a number in the unit of the quantity")
    return float(said["threshold"])


def _sound(trigger: Trigger, where: str) -> None:
    """What holds between the fields of a trigger."""
    if not trigger.when:
        raise _wrong(where, "when", "nothing", "at least one condition")
    scores = [condition.name in SCORES for condition in trigger.when]
    if scores != [trigger.subject == "model"] * len(scores):
        raise _wrong(where, "when", trigger.subject, "scores in triggers of the subject model, features in all others")
    if trigger.subject == "model" and trigger.products:
        raise _wrong(where, "products", trigger.products[0], "none: the night's scores are one per borrower")
    unknown = [condition.compare == "unknown" for condition in trigger.when]
    if unknown[0] or (any(unknown) and trigger.subject != "information"):
        raise _wrong(where, "is", "unknown", "a comparison; unknown only behind one, and where information is late")
    contrary = trigger.subject != "model" and CATALOGUE[trigger.first.name].risk == -trigger.first.worse
    if contrary:
        raise _wrong(where, "is", trigger.first.compare, f"the side of {trigger.first.name} that means more risk")
    if trigger.valid_from > trigger.valid_until:
        raise _wrong(where, "valid_until", trigger.valid_until, f"not before {trigger.valid_from}")
    if trigger.demands is not None:
        _demand(trigger, where)


def _demand(trigger: Trigger, where: str) -> None:
    """A tier is demanded only on grounds that stand without the bureau, and never by what is only told."""
    _one_of(where, "demands", trigger.demands, tier_policies()[-1].names)
    bureau = any("bureau" in CATALOGUE[name].tables for name in trigger.reads)
    if bureau or trigger.subject in NEVER_ALONE or trigger.severity == "info":
        raise _wrong(
            where, "demands", trigger.demands, "nothing in a trigger that is only told, or rests on the bureau or a score"
        )


def _placeholders(where: str, field: str, text: str) -> None:
    try:
        names = sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)
    except ValueError as error:
        raise _wrong(where, field, text, "braces in pairs") from error
    if names != ["threshold", "value"]:
        raise _wrong(where, field, text, "{value} and {threshold}, each once")


def _fields(said: object, where: str, must: Mapping[str, type], may: Mapping[str, type] | None = None) -> None:
    known = {**must, **(may or {})}
    if not isinstance(said, Mapping):
        raise _wrong(where, "this", said, f"a table with {', '.join(must)}")
    for name, value in said.items():
        if name not in known:
            en, zh = nearest(name, known)
            raise UsageError(f"{where}: unknown field {name!r}; {en}", f"{where}:未知字段 {name!r};{zh}")
        whole = known[name] is float and type(value) is int
        if (type(value) is not known[name] and not whole) or value == "":
            raise _wrong(where, name, value, f"a {known[name].__name__}")
    for name in must:
        if name not in said:
            raise _wrong(where, name, None, f"a {must[name].__name__}")


def _one_of(where: str, field: str, value: object, known: Iterable[str]) -> None:
    if value not in (names := [*known]):
        en, zh = nearest(str(value), names)
        raise UsageError(f"{where}, {field}: saw {value!r}; {en}", f"{where},{field}:实际为 {value!r};{zh}")


def _wrong(where: str, field: str, seen: object, expected: str) -> UsageError:
    shown = repr(seen)[:60]
    return UsageError(f"{where}, {field}: saw {shown}, expected {expected}", f"{where},{field}:实际为 {shown},应为 {expected}")
