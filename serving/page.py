"""An explanation to look at: one HTML file with everything in it, or its waterfall alone as SVG, both in two languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.catalogue import feature
from features.schema import TABLES
from models.explain import Reason
from models.groups import group_of
from models.report import TEMPLATES
from models.wording import REFERENCES
from monitoring.policy import tier_policy
from serving.certificate import certificate
from serving.explanation import Comparison, Explanation

WIDTH, LEFT, RIGHT, LINE, TOP = 980, 330, 90, 40, 12
MOST = 10
"""Groups in a waterfall; the rest are one bar."""
UP, DOWN, WHOLE, REST = "#c0392b", "#2e8b57", "#1f5a96", "#8a8f98"
STARTS = {"night": ("mean of the book", "全体贷款平均"), "training": ("mean of the rows learned from", "建模样本平均"),
          "earlier": ("score then", "当时评分")}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One bar of a waterfall, from one log-odds to another."""

    en: str
    zh: str
    begin: float
    end: float
    colour: str


def html(found: Explanation) -> str:
    """The whole explanation as one page."""
    said, policy = certificate(found), tier_policy(found.as_of)
    names = {name: (feature(name).en, feature(name).zh) for name in _named(said)}
    pictures = {"book_svg": Markup(waterfall(found.book)), "review_svg": found.review and Markup(waterfall(found.review))}
    page = templates().get_template("explanation.html")
    return page.render(c=said, names=names, most=MOST, tiers=policy.zh, tables=TABLES, **pictures)


def waterfall(found: Comparison) -> str:
    """The way from the reference's score to the row's own, as SVG."""
    steps = _steps(found)
    ends = [value for step in steps for value in (step.begin, step.end)]
    low, high = min(ends), max(ends)
    scale = (WIDTH - LEFT - RIGHT - 20) / ((high - low) or 1.0)
    lines = [_line(i, step, lambda value: LEFT + (value - low) * scale) for i, step in enumerate(steps)]
    title = REFERENCES[found.against.kind][0].format(day=found.against.day)
    page = templates().get_template("waterfall.svg")
    return page.render(lines=lines, title=title, width=WIDTH, height=TOP * 2 + LINE * len(steps), left=LEFT)


def _steps(found: Comparison) -> list[Step]:
    en, zh = STARTS[found.against.kind]
    steps, at = [Step(en, zh, found.start, found.start, WHOLE)], found.start
    for reason in found.reasons[:MOST]:
        steps.append(_step(reason, at))
        at += reason.log_odds
    rest = found.reasons[MOST:]
    if rest:
        added = sum(reason.log_odds for reason in rest)
        steps.append(Step(f"{len(rest)} other groups", f"其余{len(rest)}组", at, at + added, REST))
        at += added
    return [*steps, Step("this score", "本次评分", at, at, WHOLE)]


def _step(reason: Reason, at: float) -> Step:
    group = group_of(reason.feature)
    return Step(group.en, group.zh, at, at + reason.log_odds, UP if reason.log_odds > 0 else DOWN)


def _line(i: int, step: Step, x: Any) -> dict[str, Any]:
    """A bar as the template draws it; a score is a mark, and its number stands beside it."""
    begin, end = sorted((x(step.begin), x(step.end)))
    whole = step.colour == WHOLE
    number = f"{step.end:+.2f}" if whole else f"{step.end - step.begin:+.2f}"
    return {
        "en": step.en, "zh": step.zh, "y": TOP + LINE * i, "x": round(begin - whole * 2, 1), "end": round(x(step.end), 1),
        "width": round(max(end - begin, 1.0) + whole * 4, 1), "colour": step.colour, "number": number,
        "at": round(end + 8, 1),
    }  # fmt: skip


def _named(said: Mapping[str, Any]) -> set[str]:
    return {u["feature"] for u in said["unknown"]["alone"]} | {d["feature"] for d in said["checked"]["moves_otherwise"]}


@cache
def templates() -> Environment:
    folders = [Path(__file__).parent / "templates", TEMPLATES]
    return Environment(loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
