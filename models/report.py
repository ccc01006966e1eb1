"""The validation report and the model card: one HTML file each, with everything in it, about rows and never about a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from features.catalogue import feature
from features.ledger import Manifest
from features.window import to_date
from models.assess import Assessment
from models.bundle import Bundle
from models.charts import charts, embedded
from models.limits import limits
from models.sample import Sample
from models.score import probability
from models.validate import Validation

TEMPLATES = Path(__file__).parent / "templates"
DOCUMENTS = ("validation.html", "card.html")
NOTHING = "–"
MOST = 40
"""Features in the table of what each adds; worth.csv has all of them."""

SCORES = {
    "model": ("loanwatch", "本模型"),
    "held_out": ("loanwatch on unseen borrowers", "本模型(未见过的借款人)"),
    "champion": ("champion in use", "现用冠军模型"),
    "worst_dpd": ("worst days past due", "最大逾期天数"),
    "logistic": ("logistic regression", "逻辑回归"),
    "scorecard": ("WOE scorecard", "WOE 评分卡"),
}
METRIC_NAMES = {
    "auc": "AUC", "ks": "KS", "pr_auc": "PR-AUC", "brier": "Brier", "log_loss": "log loss", "ece": "ECE",
    "calibration_slope": "calibration slope", "calibration_intercept": "calibration intercept",
    "capture_1": "capture at 1 %", "capture_5": "capture at 5 %", "capture_10": "capture at 10 %",
}  # fmt: skip
PERIODS = {
    "fit": ("fitting", "拟合"), "stop": ("stopping", "早停"), "calibrate": ("calibration", "校准"), "test": ("test", "测试"),
}  # fmt: skip
PARTS = {
    "month": ("Month", "月份"),
    "product": ("Product", "产品"),
    "vintage": ("Vintage", "放款批次"),
    "segment": ("Segment", "客群"),
}


@dataclass(frozen=True)
class Criterion:
    """One criterion of the gate as it is said in both languages, and whether it is met."""

    en: str
    zh: str
    met: bool


def documents(
    bundle: Bundle,
    assessment: Assessment,
    validation: Validation,
    sample: Sample,
    ledger: Manifest,
    criteria: Sequence[Criterion],
    figures: Mapping[str, Figure],
) -> dict[str, str]:
    """The report and the card as HTML by file name; ``figures`` are the pictures that are drawn already."""
    pages = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters |= {"pct": percent, "num": number, "span": span, "p": p_value, "whole": whole}
    drawn = {name: embedded(figure) for name, figure in {**figures, **charts(validation)}.items()}
    said = {
        "bundle": bundle, "said": bundle.said, "whole": assessment.whole, "validation": validation, "criteria": criteria,
        "figures": drawn, "limits": limits(), "ledger": ledger, "assumed": assumed(ledger), "periods": _periods(sample),
        "features": [feature(name) for name in bundle.features], "scores": _scores(assessment),
        "metrics": METRIC_NAMES, "part_names": PARTS, "most": MOST, "differences": _differences(assessment),
        "faithfulness": bundle.metrics["faithfulness"], "thinned": bundle.said.get("thinned"), "stands_for": sample.stands_for,
        "mean_pd": float(np.average(probability(assessment.scores["model"]), weights=assessment.weight)),
        "rate": float(np.average(assessment.bad, weights=assessment.weight)),
    }  # fmt: skip
    return {name: pages.get_template(name).render(said) for name in DOCUMENTS}


def assumed(ledger: Manifest) -> list[str]:
    """Tables whose arrival days are a rule of the mapping instead of a column of the source."""
    return sorted({table for ingest in ledger.ingests for table in ingest["assumed_known_on"]})


def _periods(sample: Sample) -> list[dict[str, Any]]:
    """Rows, the rows of the book they stand for, and defaults, by what they are for."""
    found = []
    for name, (en, zh) in PERIODS.items():
        rows = getattr(sample.roles, name)
        days, bad, stand_for = np.unique(sample.people.spine.as_of[rows]), sample.y[rows], float(sample.weight[rows].sum())
        first, last = to_date(int(days[0])), to_date(int(days[-1]))
        found.append(
            {
                "en": en,
                "zh": zh,
                "first": first,
                "last": last,
                "months": len(days),
                "n": len(bad),
                "bad": int(bad.sum()),
                "represented": round(stand_for),
                "rate": float(bad.sum() / stand_for),
            }
        )
    return found


def _scores(assessment: Assessment) -> list[tuple[str, str, str]]:
    return [(name, *words) for name, words in SCORES.items() if name in assessment.whole]


def _differences(assessment: Assessment) -> list[tuple[str, str, Any]]:
    """The model less each other score: AUC with its paired interval."""
    return [
        (*words, assessment.whole[f"model_minus_{name}"])
        for name, words in SCORES.items()
        if f"model_minus_{name}" in assessment.whole and name != "held_out"
    ]


def percent(value: float | None, digits: int = 1) -> str:
    return NOTHING if value is None or not np.isfinite(value) else f"{value:.{digits}%}"


def number(value: float | None, digits: int = 3, sign: bool = False) -> str:
    if value is None or not np.isfinite(value):
        return NOTHING
    return f"{value:+.{digits}f}" if sign else f"{value + 0.0:.{digits}f}"


def span(ends: tuple[float, float], digits: int = 3, share: bool = False) -> str:
    """An interval."""
    if not np.isfinite(ends).all():
        return NOTHING
    return " to ".join(percent(end, digits) if share else number(end, digits) for end in ends)


def p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def whole(value: int) -> str:
    return f"{value:,}"
