"""What an early-warning trigger is; ``triggers`` reads them from the table beside this file.

A trigger is a conjunction of conditions on what is known of a loan (features of the catalogue) or of a borrower's score of the
night (``SCORES``). What the bureau says, and what a model makes of everything, may call a person but not move a tier by itself:
such a trigger cannot demand one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from features.arrays import Float, Mask
from features.catalogue import CATALOGUE
from features.errors import NotFound, nearest
from features.feature import Unit

SEVERITIES = {"info": "提示", "attention": "关注", "serious": "严重", "critical": "危急"}
"""Mildest first."""
SUBJECTS = {
    "financial": ("Financial statements", "财务"),
    "account": ("Account flow", "账户资金"),
    "repayment": ("Repayment", "还款"),
    "bureau": ("Credit bureau", "征信"),
    "guarantee": ("Guarantees", "保证"),
    "collateral": ("Collateral", "押品"),
    "industry": ("Industry and region", "行业与地区"),
    "non_financial": ("Non-financial events and conduct", "非财务"),
    "information": ("Information that is late", "信息迟滞"),
    "model": ("The night's scores", "模型"),
}
APPLIES = ("all", "person", "company")
PRODUCTS = ("working_capital", "fixed_assets", "mortgage", "consumer", "online")
"""Kinds of loan that a trigger may be limited to; each is a feature that is 1 for loans of the kind."""


def milder(severity: str) -> tuple[str, ...]:
    """The severities below one."""
    known = tuple(SEVERITIES)
    return known[: known.index(severity)]


@dataclass(frozen=True)
class Score:
    """A quantity of the night's scores, one per borrower; more of any means more risk."""

    unit: Unit
    en: str
    zh: str


SCORES = {
    "log_odds_change": Score("index", "log-odds now less those of the last official run", "对数几率较上次正式评分的变动"),
    "pd": Score("share", "PD within 12 months", "12个月违约概率"),
    "peer_quantile": Score("share", "share of the peers of the night with a lower PD", "当晚同业中违约概率较低者占比"),
    "guarantor_pd": Score("share", "highest PD of a guarantor that borrows here", "在本机构借款的保证人最高违约概率"),
    "new_reasons": Score("count", "leading three reasons that were not leading before", "前三位原因中新出现的个数"),
}

COMPARE: dict[str, Callable[[Float, float], Mask]] = {
    ">=": np.greater_equal, ">": np.greater, "<=": np.less_equal, "<": np.less, "unknown": lambda values, _: np.isnan(values),
}  # fmt: skip
"""How a value is held against a threshold: what is unknown meets none but ``unknown`` itself."""


@dataclass(frozen=True)
class Condition:
    """A quantity (a feature, or one of SCORES), how it is compared and with what, in the quantity's unit.

    ``fitted`` says what a threshold was fitted to; empty for one set by hand.
    """

    name: str
    compare: str
    threshold: float
    fitted: str = ""

    def holds(self, values: Float) -> Mask:
        """Where the condition is met; values are float64 (n,)."""
        return COMPARE[self.compare](values, self.threshold)

    @property
    def worse(self) -> int:
        """1 if more of the quantity is worse, -1 if less."""
        return -1 if self.compare.startswith("<") else 1

    @property
    def unit(self) -> Unit:
        return SCORES[self.name].unit if self.name in SCORES else CATALOGUE[self.name].unit


@dataclass(frozen=True)
class Trigger:
    """One early warning; the first condition is the one whose value and threshold a signal and its text tell.

    ``demands`` is the tier that a signal demands by itself, ``stays_days`` how long a signal stays after it was last raised.
    """

    id: str
    subject: str
    owner: str
    severity: str
    stays_days: int
    en: str
    zh: str
    source: str
    when: tuple[Condition, ...]
    applies: str = "all"
    products: tuple[str, ...] = ()
    demands: str | None = None
    valid_from: date = date.min
    valid_until: date = date.max

    @property
    def first(self) -> Condition:
        return self.when[0]

    @property
    def reads(self) -> tuple[str, ...]:
        """Features that it reads of each loan."""
        return () if self.subject == "model" else (*(condition.name for condition in self.when), *self.products)


@dataclass(frozen=True)
class Worth:
    """What fitting a threshold weighs, money in minor units: a default caught at least ``least_lead_days`` before, one check,
    and how many signals a month the lender can look at, as a share of its borrowers.
    """

    caught: int
    check: int
    most_share: float
    least_lead_days: int


@dataclass(frozen=True)
class TriggerPolicy:
    """The triggers in force from a day; ``owners`` are roles with their names in English and Chinese."""

    effective_from: date
    source: str
    owners: Mapping[str, tuple[str, str]]
    worth: Worth
    triggers: tuple[Trigger, ...]
    digest: str

    @cached_property
    def _by_id(self) -> dict[str, Trigger]:
        return {trigger.id: trigger for trigger in self.triggers}

    def __getitem__(self, name: str) -> Trigger:
        """The trigger of that id; raises NotFound with the nearest ids."""
        if name not in self._by_id:
            en, zh = nearest(name, self._by_id)
            raise NotFound(f"no trigger {name!r}; {en}", f"没有预警指标 {name!r};{zh}")
        return self._by_id[name]

    def on(self, day: date) -> tuple[Trigger, ...]:
        """The triggers that are valid on a day."""
        return tuple(trigger for trigger in self.triggers if trigger.valid_from <= day <= trigger.valid_until)
