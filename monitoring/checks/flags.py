"""What is flagged about a check: a table of rules, each of which says what it saw or nothing. What is unknown flags nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from models.wording import Language
from monitoring.policy.checks import CheckPolicy

Said = dict[str, Any]
"""What a rule saw, as JSON has it."""


@dataclass(frozen=True)
class Piece:
    """A piece of evidence: its kind, the day it is of, and the sha256 of its file, which is kept elsewhere."""

    item: str
    taken_on: date
    sha256: str


@dataclass(frozen=True)
class Check:
    """An inspection with its report and evidence; kind, channel and finding are codes of the table ``inspections``."""

    borrower: str
    kind: str
    channel: str
    checked_on: date
    finding: str
    report: str
    evidence: tuple[Piece, ...]
    look_again_on: date | None = None

    @property
    def newest(self) -> dict[str, date]:
        """The day of the newest piece of each kind of evidence."""
        return {one.item: one.taken_on for one in sorted(self.evidence, key=lambda one: one.taken_on)}


@dataclass(frozen=True)
class Like:
    """An earlier check whose report is a near copy, and how alike the two are."""

    other: str
    likeness: float


@dataclass(frozen=True)
class Around:
    """What is known around a check: when it was reported, when the borrower's visit was due, and the report most like it of the
    same borrower and of another; None where there is none, or it is not known.
    """

    known_on: date
    due_on: date | None = None
    own: Like | None = None
    another: Like | None = None


Rule = Callable[[Check, CheckPolicy, Around], Said | None]


def _report_late(check: Check, policy: CheckPolicy, around: Around) -> Said | None:
    days, within = (around.known_on - check.checked_on).days, policy.templates[check.kind].within_days
    return {"days": days, "within": within} if days > within else None


def _visit_late(check: Check, _: CheckPolicy, around: Around) -> Said | None:
    if around.due_on is None or check.checked_on <= around.due_on:
        return None
    return {"days": (check.checked_on - around.due_on).days, "due_on": str(around.due_on)}


def _evidence_missing(check: Check, policy: CheckPolicy, _: Around) -> Said | None:
    needed = policy.templates[check.kind].needs[check.channel]
    return _items(name for name in needed if name not in check.newest)


def _evidence_old(check: Check, policy: CheckPolicy, _: Around) -> Said | None:
    """By the newest piece of each kind: older ones beside it do no harm."""
    ages = {name: (check.checked_on - day).days for name, day in check.newest.items()}
    return _items(name for name, age in ages.items() if age > policy.evidence[name].most_days)


def _evidence_after(check: Check, _: CheckPolicy, __: Around) -> Said | None:
    return _items(name for name, day in check.newest.items() if day > check.checked_on)


def _report_like_own(_: Check, __: CheckPolicy, around: Around) -> Said | None:
    return None if around.own is None else asdict(around.own)


def _report_like_another(_: Check, __: CheckPolicy, around: Around) -> Said | None:
    return None if around.another is None else asdict(around.another)


def _items(names: Iterable[str]) -> Said | None:
    found = sorted(names)
    return {"items": found} if found else None


@dataclass(frozen=True)
class Flag:
    """A flag: its rule, and what is told, with what the rule saw in braces."""

    rule: Rule
    en: str
    zh: str


FLAGS: Mapping[str, Flag] = {
    "report_late": Flag(
        _report_late, "reported {days} days after the check; due within {within}", "检查后{days}天才报告,应在{within}天内报告"
    ),
    "visit_late": Flag(
        _visit_late, "made {days} days after the visit was due, on {due_on}", "检查应于{due_on}前完成,晚了{days}天"
    ),
    "evidence_missing": Flag(_evidence_missing, "evidence that is required is missing: {items}", "缺少必需的证据:{items}"),
    "evidence_old": Flag(_evidence_old, "evidence is older than the check by more than it may be: {items}", "证据过旧:{items}"),
    "evidence_after": Flag(_evidence_after, "evidence is of a day after the check: {items}", "证据日期晚于检查日:{items}"),
    "report_like_own": Flag(
        _report_like_own, "the report is {likeness:.0%} like that of an earlier check of this borrower, {other}",
        "报告与该借款人此前检查 {other} 的报告相似度为{likeness:.0%}",
    ),
    "report_like_another": Flag(
        _report_like_another, "the report is {likeness:.0%} like that of a check of another borrower, {other}",
        "报告与另一借款人检查 {other} 的报告相似度为{likeness:.0%}",
    ),
}  # fmt: skip
"""All flags, in the order in which they are told."""


def flags(check: Check, policy: CheckPolicy, around: Around) -> dict[str, Said]:
    """What is flagged about a check, and what was seen."""
    found = {code: flag.rule(check, policy, around) for code, flag in FLAGS.items()}
    return {code: said for code, said in found.items() if said is not None}


def text(code: str, said: Said, policy: CheckPolicy, language: Language) -> str:
    """What a flag tells a reader."""
    items = [getattr(policy.evidence[name], language) for name in said.get("items", ())]
    told: str = getattr(FLAGS[code], language).format(**{**said, "items": {"en": "; ", "zh": ";"}[language].join(items)})
    return told
