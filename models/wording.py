"""Reasons as sentences, in English and Chinese, and read back: every number in a text is one of the reason's, and no other.

A text says the value, what it is in the reference, what the group adds to the log-odds, and the reference by name. Texts are not
stored: they follow from ids, numbers and the catalogue.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from features.catalogue import CATALOGUE, feature
from features.feature import Feature, Unit
from models.explain import Against, Reason

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

REFERENCES = {
    "night": ("against the book of {day}", "较{day}全体贷款平均"),
    "training": ("against the book the model learned from", "较建模样本平均"),
    "earlier": ("since {day}", "自{day}以来"),
}
USUAL = {
    "night": ("usual: {value}", "通常:{value}"),
    "training": ("usual: {value}", "通常:{value}"),
    "earlier": ("then: {value}", "当时:{value}"),
}
UNKNOWN = ("unknown", "未知")
CONTRARY = ("; against its usual direction", ";与其通常方向相反")
LOG_ODDS = ("{part} log-odds {reference}", "{reference},对数几率{part}")


def sentence(reason: Reason, against: Against, language: Language) -> str:
    """A reason with its value, the usual one, its part, and the name of the reference."""
    at = language == "zh"
    said = feature(reason.feature)
    usual = USUAL[against.kind][at].format(value=UNKNOWN[at] if np.isnan(reason.usual) else worded(said, reason.usual, language))
    reference = REFERENCES[against.kind][at].format(day=against.day)
    part = LOG_ODDS[at].format(part=f"{_rounded(reason.log_odds, 'ratio'):+.2f}", reference=reference)
    text = _FORMS[at].format(text=meaning(reason.feature, reason.value, language), usual=usual, part=part)
    return text + (CONTRARY[at] if contrary(reason) else "")


def named(against: Against) -> str:
    """The reference, in both languages."""
    return " | ".join(text.format(day=against.day) for text in REFERENCES[against.kind])


_FORMS = ("{text} ({usual}): {part}", "{text}({usual}):{part}")


def contrary(reason: Reason) -> bool:
    """Whether the group moves the score the other way than its leading value, beside the usual one, is said to."""
    return bool(feature(reason.feature).risk * (reason.value - reason.usual) * reason.log_odds < 0)


def meaning(name: str, value: float, language: Language) -> str:
    """A value in its feature's sentence, or what its being unknown means."""
    said = feature(name)
    if np.isnan(value):
        return f"{said.en}: unknown, {said.unknown}" if language == "en" else f"{said.zh}:未知,{said.unknown_zh}"
    template = said.en_text if language == "en" else said.zh_text
    return template.format(value=worded(said, value, language))


class Read(NamedTuple):
    """What a text says: the feature, and its numbers as they are written, None where the text says unknown."""

    feature: str
    value: str | None
    usual: str | None
    log_odds: str


def parse(text: str, against: Against, language: Language) -> list[Read]:
    """Every reading of a text that ``sentence`` could have written; one where it is what was written."""
    return list(_readings(text, against, language))


def _readings(text: str, against: Against, language: Language) -> Iterator[Read]:
    at = language == "zh"
    reference = REFERENCES[against.kind][at].format(day=against.day)
    part = re.escape(LOG_ODDS[at].format(part="\0", reference=reference)).replace("\0", r"(?P<part>[+-]\d[\d,]*\.\d\d)")
    usual = re.escape(USUAL[against.kind][at].format(value="\0")).replace("\0", "(?P<usual>.+)")
    form = re.escape(_FORMS[at].format(text="\0", usual="\1", part="\2"))
    whole = form.replace("\0", "(?P<text>.+)").replace("\1", usual).replace("\2", part) + f"(?:{re.escape(CONTRARY[at])})?"
    found = re.fullmatch(whole, text)
    if found is None:
        return
    for name, value in _meant(found["text"], language):
        shown = None if found["usual"] == UNKNOWN[at] else found["usual"]
        yield Read(name, value, shown, found["part"])


def _meant(text: str, language: Language) -> Iterator[tuple[str, str | None]]:
    for name, pattern in _patterns(language).items():
        if text == meaning(name, np.nan, language):
            yield name, None
        elif found := pattern.fullmatch(text):
            yield name, found[1]


@cache
def _patterns(language: Language) -> dict[str, re.Pattern[str]]:
    """For each feature its sentence with any value of its unit."""
    found = {}
    for name, said in CATALOGUE.items():
        before, after = (said.en_text if language == "en" else said.zh_text).split("{value}")
        found[name] = re.compile(f"{re.escape(before)}({_shape(said, language)}){re.escape(after)}")
    return found


def _shape(said: Feature, language: Language) -> str:
    """A pattern of all values of a unit: digits stand for any number, words for themselves."""
    if said.unit == "yes/no":
        return "|".join(re.escape(worded(said, value, language)) for value in (0.0, 1.0))
    one, more = (re.sub(r"\d", "#", re.sub(r"[\d.,]+", "#", worded(said, value, language))) for value in (1.0, 2.0))
    number = r"-?\d[\d,]*(?:\.\d+)?"
    return "|".join(re.escape(text).replace(r"\#", number) for text in dict.fromkeys((one, more)))


def worded(said: Feature, value: float, language: Language) -> str:
    """A value with its unit."""
    return in_unit(said.unit, value, language)


def in_unit(unit: Unit, value: float, language: Language) -> str:
    """A value of a unit."""
    return _UNITS[unit](_rounded(value, unit), language == "zh")


def _rounded(value: float, unit: str) -> float:
    """The value as precise as it is written; adding zero makes minus nothing nothing."""
    return round(value, _DIGITS.get(unit, 0)) + 0.0


def step(unit: str) -> float:
    """The smallest difference between two values that are said differently; of money, one unit on paper."""
    return 100.0 if unit == "money" else 10.0 ** -_DIGITS.get(unit, 0) if unit != "yes/no" else 1.0


def _plural(word: str, zh: str) -> Callable[[float, bool], str]:
    def write(value: float, chinese: bool) -> str:
        if chinese:
            return f"{value:,.0f}{zh}"
        return f"{value:,.0f} {word}" + ("" if round(value) == 1 else "s")

    return write


def _yes(value: float, chinese: bool) -> str:
    words = ("否", "是") if chinese else ("no", "yes")
    return words[value >= 0.5]


_DIGITS = {"share": 3, "ratio": 2, "index": 2, "per year": 4, "yes/no": 3}
_UNITS: dict[str, Callable[[float, bool], str]] = {
    "money": lambda v, _: f"{v / 100:,.2f}",
    "days": _plural("day", "天"),
    "months": _plural("month", "个月"),
    "count": lambda v, _: f"{v:,.0f}",
    "grade": lambda v, _: f"{v:.0f}",
    "share": lambda v, _: f"{v:.1%}",
    "ratio": lambda v, _: f"{v:,.2f}",
    "index": lambda v, _: f"{v:,.2f}",
    "points": lambda v, _: f"{v:,.0f}",
    "per year": lambda v, _: f"{v:.2%}",
    "yes/no": _yes,
}
