"""The champion beside a challenger: its scores on the challenger's test rows, or the reason why there are none."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from features import catalogue
from features.arrays import Float
from features.build import compute
from features.errors import LoanwatchError
from features.labels import Target
from features.ledger import Ledger
from features.window import add_months, to_date
from models.bundle import Bundle, load
from models.keys import Trusted
from models.sample import Sample
from models.score import Scorer


@dataclass(frozen=True)
class Incumbent:
    """A champion and its log-odds of a sample's test rows, float64 (n,), or None.

    ``en`` and ``zh`` say why there are none, or what to bear in mind when they are compared; often nothing.
    """

    digest: str
    log_odds: Float | None
    en: str = ""
    zh: str = ""


def incumbent(digest: str, bundles: Path, trusted: Trusted, sample: Sample, ledger: Ledger, target: Target) -> Incumbent:
    """Score the sample's test rows with the champion of that digest; features that the sample lacks are computed.

    There are no scores if the champion belongs to another book, is damaged, is not signed by a ``trusted`` key, or reads features
    that have another meaning now, nor where no rows are kept apart for judging.
    """
    if not (bundles / digest).is_dir():
        return Incumbent(digest, None, "the champion was not trained on this book", "冠军模型并非由该账簿训练")
    if sample.crossed:
        return Incumbent(digest, None, "no rows are kept apart to compare the champion on", "未留出用于比较的样本")
    try:
        bundle = load(bundles / digest, trusted)
        scorer = Scorer(bundle)
    except LoanwatchError as error:
        return Incumbent(digest, None, error.en, error.zh)
    if (fault := bundle.other_meaning()) is not None:
        return Incumbent(digest, None, *fault)
    return Incumbent(digest, _scores(scorer, sample, ledger), *_caveat(bundle, sample, target))


def _scores(scorer: Scorer, sample: Sample, ledger: Ledger) -> Float:
    rows = np.flatnonzero(sample.test)
    x = sample.x.iloc[rows].reset_index(drop=True)
    lacking = [catalogue.feature(name) for name in scorer.bundle.features if name not in x]
    if lacking:
        x = x.join(compute(sample.people.spine.take(rows), ledger, lacking))
    return scorer.log_odds(x)


def _caveat(bundle: Bundle, sample: Sample, target: Target) -> tuple[str, str]:
    """What makes the comparison unfair: the champion learned from outcomes inside the test months, or learned something else."""
    said, periods = bundle.said["target"], bundle.said.get("periods")
    en, zh = [], []
    if periods is None:
        en.append("the champion does not say which months it learned from")
        zh.append("冠军模型未记录训练月份")
    else:
        last = max(date.fromisoformat(day) for part in ("fit", "stop", "calibrate") for day in periods[part])
        first = to_date(int(sample.people.spine.as_of[sample.test].min()))
        if add_months(last, said["months"]) > first:
            en.append(f"the champion learned from outcomes after {first}, the first test month, which flatters it")
            zh.append(f"冠军模型的训练标签晚于首个测试月{first},比较对其有利")
    if said["name"] != target.name:
        en.append(f"the champion predicts {said['name']} and is judged on {target.name}, which flatters the new model")
        zh.append(f"冠军模型预测{said['name']},此处按{target.name}评判,比较对新模型有利")
    return "; ".join(en), ";".join(zh)
