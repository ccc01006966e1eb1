"""Whether a model may become champion: criteria as data, the answer with every number that led to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.evaluate import Verdict

AT_LEAST, AT_MOST = "at least", "at most"


@dataclass(frozen=True)
class Criterion:
    """One condition on one metric of one verdict; ``bound`` is value, low or high."""

    name: str
    verdict: str
    metric: str
    bound: str
    side: str
    limit: float
    en: str
    zh: str


CRITERIA = (
    Criterion("discriminates", "model", "auc", "low", AT_LEAST, 0.65, "AUC, lower end", "AUC下限"),
    Criterion("beats_rule", "model_minus_worst_dpd", "auc", "low", AT_LEAST, 0.0,
              "AUC above the days-past-due rule, lower end", "AUC高于逾期天数规则的下限"),
    Criterion("holds_logistic", "model_minus_logistic", "auc", "value", AT_LEAST, -0.005,
              "AUC above logistic regression", "AUC高于逻辑回归"),
    Criterion("calibrated_low", "model", "calibration_slope", "high", AT_LEAST, 0.8,
              "calibration slope, upper end", "校准斜率上限"),
    Criterion("calibrated_high", "model", "calibration_slope", "low", AT_MOST, 1.25,
              "calibration slope, lower end", "校准斜率下限"),
)  # fmt: skip


HORIZON = Criterion("horizon", "", "", "value", AT_LEAST, 12, "months ahead", "预测月数")
"""The score in use is the 12-month PD; a model of a shorter horizon may stand beside it, not in its place."""


@dataclass(frozen=True)
class Finding:
    """One criterion with the number seen."""

    criterion: Criterion
    seen: float

    @property
    def met(self) -> bool:
        """A number that could not be computed meets nothing."""
        return self.seen >= self.criterion.limit if self.criterion.side == AT_LEAST else self.seen <= self.criterion.limit

    def say(self) -> tuple[str, str]:
        c = self.criterion
        side = "至少" if c.side == AT_LEAST else "至多"
        return f"{c.en} is {self.seen:.4f}, must be {c.side} {c.limit}", f"{c.zh}为{self.seen:.4f},应{side}{c.limit}"


def judge_for_promotion(verdicts: Mapping[str, Verdict], months: int = 12) -> list[Finding]:
    """Every criterion with what was seen, in the order of the table, for a model that looks ``months`` ahead."""
    seen = [Finding(c, getattr(verdicts[c.verdict], c.bound)[c.metric]) for c in CRITERIA]
    return [*seen, Finding(HORIZON, months)]
