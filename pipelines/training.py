"""The training run: a sample from the ledger, a model, its trial in full, a bundle, a version in MLflow with its documents.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.labels import Target, target
from features.ledger import Ledger
from models import bundle as bundles
from models.assess import Assessment, assess
from models.bundle import Bundle
from models.crossfit import cross_assess
from models.gate import Finding, judge_for_promotion
from models.plots import beeswarm, pictures
from models.profile import Profile, profile
from models.registry import Published, Registry
from models.report import Criterion, documents
from models.sample import Sample, draw
from models.score import Scorer
from models.train import Trained, train
from models.validate import Validation, validate
from models.walk import walk
from monitoring.policy import tier_policy

Progress = Callable[[str, int], None]
BASELINE_NAMES = ("worst_dpd", "logistic", "scorecard")
WATCHED = "watch"
SHOWN_ROWS = 2_000
"""Rows of the test months in the beeswarm: enough to see the shape."""


@dataclass(frozen=True)
class Training:
    """What a training run made, and what it is worth."""

    bundle: Bundle
    published: Published
    assessment: Assessment
    validation: Validation
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        return all(finding.met for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The document of ``loanwatch train --json``."""
        return {
            **_judged(self.assessment),
            "slices": {name: verdicts_json(verdicts) for name, verdicts in self.assessment.slices.items()},
            "validation": self.validation.as_json(),
            "gate": {f.criterion.name: {"seen": f.seen, "limit": f.criterion.limit, "met": f.met} for f in self.findings},
            "bundle": self.bundle.digest,
            "data": self.bundle.said["data"],
            "run_id": self.published.run_id,
            "version": self.published.version,
            "champion": self.published.champion,
        }


def choose(target_name: str | None, profile_name: str) -> tuple[Target, Profile]:
    """The profile and its target, or another target if one is named."""
    chosen = profile(profile_name)
    return target(target_name or chosen.target), chosen


def sample(book: Path, goal: Target, how: Profile, done: Progress = lambda *_: None) -> Sample:
    return draw(Ledger(book), goal, how, done)


def judge(trained: Trained, rows: Sample, done: Progress = lambda *_: None) -> Assessment:
    """The model beside its baselines, on rows that were kept apart or, where none were, by cross-fitting."""
    return cross_assess(trained, rows, done) if rows.crossed else assess(trained, rows)


def examine(
    book: Path, trained: Trained, assessment: Assessment, rows: Sample, steps: int = 0, done: Progress = lambda *_: None
) -> Validation:
    """Judge the model in full; ``steps`` past retrainings are walked through first."""
    ledger = Ledger(book)
    walked = walk(ledger, trained.target, trained.profile, steps, done) if steps else None
    return validate(trained, rows, assessment, ledger, watch_from(ledger), walked, done)


def watch_from(ledger: Ledger) -> float:
    """The PD from which the tier policy in force on the ledger's last day watches a borrower."""
    limits = [tier.pd_below for tier in tier_policy(ledger.known_through).tiers]
    names = [tier.name for tier in tier_policy(ledger.known_through).tiers]
    found = limits[names.index(WATCHED) - 1]
    assert found is not None  # only the last tier has no limit
    return found


def publish(book: Path, mlruns: Path, trained: Trained, assessment: Assessment, validation: Validation, rows: Sample) -> Training:
    """Write the bundle into the book and register it; it becomes champion only if every criterion is met."""
    findings = judge_for_promotion(assessment.whole, trained.target.months)
    ledger = Ledger(book).manifest
    metrics = {
        **_judged(assessment), "slices": {n: verdicts_json(v) for n, v in assessment.slices.items()},
        "validation": validation.as_json(),
    }  # fmt: skip
    known = {"digest": ledger.digest(), "version": ledger.ledger_version}
    bundle = bundles.write(book / "bundles", trained, validation.horizons, metrics, known)
    test = np.flatnonzero(rows.test)[:SHOWN_ROWS]
    figures = {**pictures(assessment), "beeswarm": beeswarm(Scorer(bundle).score(rows.x.iloc[test]))}
    criteria = [Criterion(*finding.say(), finding.met) for finding in findings]
    pages = documents(bundle, assessment, validation, rows, ledger, criteria, figures)
    passed = all(finding.met for finding in findings)
    named = {**flat(assessment), **shown(validation)}
    published = Registry(mlruns).publish(bundle, book / "bundles" / bundle.digest, named, figures, passed, pages)
    return Training(bundle, published, assessment, validation, findings)


def run(
    book: Path,
    mlruns: Path,
    target_name: str | None = None,
    profile_name: str = "default",
    done: Progress = lambda *_: None,
    steps: int = 0,
) -> Training:
    """The whole run, step by step, without Prefect; ``steps`` past retrainings are judged too."""
    goal, how = choose(target_name, profile_name)
    rows = sample(book, goal, how, done)
    trained = train(rows, goal, how, done)
    assessment = judge(trained, rows, done)
    return publish(book, mlruns, trained, assessment, examine(book, trained, assessment, rows, steps, done), rows)


def shown(validation: Validation) -> dict[str, float]:
    """What MLflow shows of a validation beside the verdicts: how far the score moved, what is flagged, horizons."""
    horizons = {f"horizon_{h}.ratio": t.ratio for h, t in validation.by_horizon.items() if t is not None}
    return {
        "psi": validation.stability.score.psi,
        "psi_red": float(sum(shift.light == "red" for shift in validation.stability.features.values())),
        "backtest_red": float(sum(test.light == "red" for test in validation.backtest.values())),
        "leaks_flagged": float(sum(gain.flagged for gain in validation.leaks.features.values())),
        **horizons,
    }


def flat(assessment: Assessment) -> dict[str, float]:
    """Metrics by the names MLflow shows: ``auc`` for the model, ``logistic.auc`` for a baseline, ``live/auc`` for a part."""
    named: dict[str, float] = {}
    for place, verdicts in {"": assessment.whole, **{f"{k}/": v for k, v in assessment.slices.items()}}.items():
        for name, verdict in verdicts.items():
            who = "" if name == "model" else f"{name}."
            named |= {f"{place}{who}{k}": v for k, v in verdict.as_json().items() if v is not None}
    return named


def _judged(assessment: Assessment) -> dict[str, Any]:
    return verdicts_json(assessment.whole)


def verdicts_json(verdicts: dict[str, Any]) -> dict[str, Any]:
    """Model, held-out borrowers, baselines and the champion, the model with its paired differences ``auc_minus_<other>``.

    The champion's verdict is ``present_champion``: ``champion`` says whether this model became one.
    """
    others = [name for name in (*BASELINE_NAMES, "champion") if name in verdicts]
    spoken = {"champion": "present_champion"}
    said = {spoken.get(name, name): verdicts[name].as_json() for name in ("model", "held_out", *others)}
    for name in others:
        paired = verdicts[f"model_minus_{name}"].as_json()
        said["model"] |= {
            f"auc_minus_{name}": paired["auc"],
            f"auc_minus_{name}_low": paired["auc_low"],
            f"auc_minus_{name}_high": paired["auc_high"],
        }
    return said
