"""Whether a model may become champion: criteria read from ``gate.toml``, the answer with every number that led to it.

The digest of the table is taken before a model is trained and compared before the alias moves: nobody can fit the criteria to
a model that he has already seen.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files
from typing import Any

from features.errors import GateNotPassed, UsageError, nearest
from models.baselines import BASELINES
from models.evaluate import METRICS, Verdict

AT_LEAST, AT_MOST = "at least", "at most"
ALWAYS, WITH_CHAMPION = "always", "with_champion"
TARGET, CHAMPION = "target", "model_minus_champion"
SCORES = ("model", "held_out", *(f"model_minus_{name}" for name in BASELINES), CHAMPION, TARGET)
CHOICES = {"score": SCORES, "bound": ("value", "low", "high"), "must_be": (AT_LEAST, AT_MOST), "applies": (ALWAYS, WITH_CHAMPION)}
WHERE = "models/gate.toml"
UNSTATED = (
    "how far the lender's outcome looks ahead is not stated; if all of it is settled 12 months after the day it is asked about,"
    " say outcome_months = 12 in the profile (models/profiles.toml) and train again",
    "未说明机构结果的期限;若均在观察日后12个月确定,请在配置(models/profiles.toml)中写明 outcome_months = 12 并重新训练",
)
BESIDE = (
    "it stays challenger; `models:/loanwatch@challenger` scores with it beside the model in use",
    "该模型仍为挑战者;可用 `models:/loanwatch@challenger` 与在用模型并行评分",
)
"""What can be done with a model of no stated horizon, and of another one."""


@dataclass(frozen=True)
class Criterion:
    """One condition on one number; the meaning of each field stands in ``gate.toml``."""

    name: str
    score: str
    metric: str
    bound: str
    must_be: str
    limit: float
    applies: str
    overrule: bool
    en: str
    zh: str
    reason_en: str
    reason_zh: str


@dataclass(frozen=True)
class Gate:
    """The table of criteria and the sha256 of what it says; comments, layout and order do not count."""

    criteria: tuple[Criterion, ...]
    digest: str


@dataclass(frozen=True)
class Finding:
    """One criterion with the number seen, and what a reader should know of that number."""

    criterion: Criterion
    seen: float
    en: str = ""
    zh: str = ""

    @property
    def met(self) -> bool:
        """A number that could not be computed meets nothing."""
        c = self.criterion
        return self.seen >= c.limit if c.must_be == AT_LEAST else self.seen <= c.limit

    def say(self) -> tuple[str, str]:
        c = self.criterion
        side = "至少" if c.must_be == AT_LEAST else "至多"
        en, zh = (f"; {self.en}", f";{self.zh}") if self.en else ("", "")
        return f"{c.en} is {self.seen:.4f}, must be {c.must_be} {c.limit}{en}", f"{c.zh}为{self.seen:.4f},应{side}{c.limit}{zh}"


def gate(text: str | None = None) -> Gate:
    """The criteria of a TOML text, ``gate.toml`` by default; raises UsageError for anything that is not a criterion."""
    tables = tomllib.loads(files("models").joinpath("gate.toml").read_text("utf-8") if text is None else text)
    criteria = tuple(_criterion(name, table) for name, table in tables.items())
    if not any(c.applies == ALWAYS for c in criteria):
        raise UsageError(f"{WHERE}: no criterion that always applies; any model would pass", f"{WHERE}:没有始终适用的标准")
    said = {c.name: {**asdict(c), "limit": float(c.limit)} for c in criteria}
    return Gate(criteria, hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest())


def judge_for_promotion(
    verdicts: Mapping[str, Verdict], months: int = 12, table: Gate | None = None, caveat: tuple[str, str] = ("", "")
) -> list[Finding]:
    """Every criterion that applies with what was seen, in the order of the table, for a model that looks ``months`` ahead.

    ``months`` is 0 for an outcome whose horizon is not stated. ``caveat`` is what must be said (English, Chinese) of the
    comparison with the champion.
    """
    applying = [c for c in (table or gate()).criteria if c.applies == ALWAYS or CHAMPION in verdicts]
    plain = [Finding(c, _seen(c, verdicts, months)) for c in applying]
    return [replace(f, en=en, zh=zh) for f in plain for en, zh in [_remark(f, months, caveat)]]


def _remark(found: Finding, months: int, caveat: tuple[str, str]) -> tuple[str, str]:
    if found.criterion.score == CHAMPION:
        return caveat
    if found.criterion.score != TARGET or found.met:
        return "", ""
    return BESIDE if months else UNSTATED


def unchanged(table: Gate, now: Gate) -> None:
    """Raise GateNotPassed if the criteria are no longer those that were hashed before training."""
    if now.digest != table.digest:
        raise GateNotPassed(
            f"{WHERE} changed while the model was trained (it was {table.digest[:12]}, is {now.digest[:12]}): the model stays"
            " challenger. Train again under the new table, or promote by two persons with `loanwatch promote`",
            f"{WHERE} 在训练期间被修改(原 {table.digest[:12]},现 {now.digest[:12]}):模型仍为挑战者;"
            "请按新标准重新训练,或用 `loanwatch promote` 由两人批准",
        )


def _seen(c: Criterion, verdicts: Mapping[str, Verdict], months: int) -> float:
    if c.score == TARGET:
        return months
    number: float = getattr(verdicts[c.score], c.bound)[c.metric]
    return number


def _criterion(name: str, table: Any) -> Criterion:
    if not isinstance(table, dict):
        raise _wrong(name, f"{table!r} stands outside a table; write it under a [criterion]", f"{table!r} 不在任何 [标准] 之下")
    wanted = {f.name: f.type for f in fields(Criterion) if f.name != "name"}
    for key in table:
        if key not in wanted:
            en, zh = nearest(key, wanted)
            raise _wrong(name, f"unknown key {key!r}; {en}", f"未知键 {key!r};{zh}")
    missing = [key for key in wanted if key not in table]
    if missing:
        raise _wrong(name, f"{', '.join(missing)} missing; a criterion needs all its keys", f"缺少 {', '.join(missing)}")
    for key, kind in wanted.items():
        _typed(name, key, table[key], kind)
    metrics = ("months",) if table["score"] == TARGET else METRICS
    for key, known in {**CHOICES, "metric": metrics}.items():
        if table[key] not in known:
            en, zh = nearest(table[key], known)
            raise _wrong(name, f"{key} = {table[key]!r}; {en}", f"{key} = {table[key]!r};{zh}")
    _meetable(name, table)
    return Criterion(name=name, **table)


def _typed(name: str, key: str, value: object, kind: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number if kind is float else isinstance(value, kind)):
        words = {float: ("a number", "数字"), bool: ("true or false", "true 或 false"), str: ("text", "文本")}[kind]
        raise _wrong(name, f"{key} = {value!r} is not {words[0]}", f"{key} = {value!r} 应为{words[1]}")
    if value != value or value == "":  # NaN is not a limit, and nothing is not a reason
        raise _wrong(name, f"{key} = {value!r} says nothing", f"{key} = {value!r} 没有内容")


def _meetable(name: str, table: dict[str, Any]) -> None:
    """A comparison with the champion can only be asked where there is one."""
    if (table["score"] == CHAMPION) != (table["applies"] == WITH_CHAMPION):
        raise _wrong(
            name,
            f"score {table['score']} applies {table['applies']}; a comparison with the champion applies with_champion, all else"
            " always, or a first model could never meet it",
            f"{table['score']} 的 applies 为 {table['applies']};与冠军模型的比较须为 with_champion,其余须为 always",
        )


def _wrong(name: str, en: str, zh: str) -> UsageError:
    return UsageError(f"{WHERE} [{name}]: {en}", f"{WHERE} [{name}]:{zh}")
