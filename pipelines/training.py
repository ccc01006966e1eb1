"""The training run: a sample from the ledger, a model, its trial against baselines and champion, a bundle, a version in MLflow.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from features.labels import Target, target
from features.ledger import Ledger
from models import bundle as bundles
from models.bundle import Bundle
from models.evaluate import judge
from models.gate import Finding, Gate, gate, judge_for_promotion, unchanged
from models.incumbent import Incumbent, incumbent
from models.plots import beeswarm, pictures
from models.profile import Profile, profile
from models.promotions import Promotions
from models.registry import CHAMPION, CRITERIA_TAG, NOT_MET_TAG, Published, Registry
from models.sample import Sample, draw
from models.score import Scorer
from models.search import Budget, search
from models.train import Assessment, Trained, assess, train
from pipelines.promotion import now, reconcile

Progress = Callable[[str, int], None]
BASELINE_NAMES = ("worst_dpd", "logistic", "scorecard")
SHOWN_ROWS = 2_000
"""Rows of the test months in the beeswarm: enough to see the shape."""


@dataclass(frozen=True)
class Begun:
    """A training run as it stands in MLflow before anything is trained: its id, and the criteria as they were then."""

    run_id: str
    criteria: Gate


@dataclass(frozen=True)
class Training:
    """What a training run made, and what it is worth."""

    bundle: Bundle
    published: Published
    assessment: Assessment
    findings: list[Finding]
    beside: Incumbent | None = None

    @property
    def passed(self) -> bool:
        return all(finding.met for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The document of ``loanwatch train --json``."""
        return {
            **_judged_beside(self.assessment),
            "against_champion": _against(self.assessment, self.beside),
            "slices": {name: _verdicts(verdicts) for name, verdicts in self.assessment.slices.items()},
            "gate": {f.criterion.name: {"seen": f.seen, "limit": f.criterion.limit, "met": f.met} for f in self.findings},
            "criteria": self.bundle.metrics["criteria"],
            "search": self.bundle.said["search"],
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


@contextmanager
def begun(book: Path, mlruns: Path, goal: Target, how: Profile) -> Iterator[Begun]:
    """A run in MLflow around a training, opened when the store is in order and the criteria are read and hashed."""
    Ledger(book)  # a book that is not there is said before a model store is made
    reconcile(book, mlruns)
    criteria = gate()
    said = {CRITERIA_TAG: criteria.digest, "loanwatch.target": goal.name, "loanwatch.profile": how.name}
    with Registry(mlruns).opened(f"{goal.name} {how.name}", said) as run_id:
        yield Begun(run_id, criteria)


def fit(
    mlruns: Path, rows: Sample, goal: Target, how: Profile, budget: Budget | None, run: Begun,
    done: Progress = lambda *_: None,
) -> Trained:  # fmt: skip
    """Train, after a search for parameters if there is a budget for one; its trials are kept with the run."""
    Registry(mlruns).say(run.run_id, data=rows.digest())
    if budget is None:
        return train(rows, goal, how, done)
    found = search(rows, how, budget, done)
    Registry(mlruns).show(run.run_id, "search/trials.json", found.trials)
    return replace(train(rows, goal, found.profile, done), search=found.said)


def present_champion(book: Path, mlruns: Path, rows: Sample, goal: Target) -> Incumbent | None:
    """The champion with its scores of the test rows, if there is one."""
    registry = Registry(mlruns)
    if CHAMPION not in registry.aliases():
        return None
    return incumbent(registry.champion(), book / "bundles", rows, Ledger(book), goal)


def against(assessment: Assessment, beside: Incumbent | None, rows: Sample) -> Assessment:
    """The assessment with the paired difference to the champion on the same test rows."""
    if beside is None or beside.log_odds is None:
        return assessment
    borrowers = rows.borrowers[rows.during(rows.periods.test)]
    found = judge({"model": assessment.scores["model"], "champion": beside.log_odds}, assessment.bad, borrowers)
    return replace(assessment, whole={**assessment.whole, **{k: found[k] for k in ("champion", "model_minus_champion")}})


def publish(
    book: Path, mlruns: Path, trained: Trained, assessment: Assessment, rows: Sample, run: Begun, beside: Incumbent | None
) -> Training:
    """Write the bundle into the book and register it; it becomes champion only if every criterion is met.

    The bundle holds nothing of the comparison with the champion: the same data give the same bundle whoever is champion.
    Raises GateNotPassed if a model that met the criteria may not become champion because they, or the champion, changed.
    """
    caveat = (beside.en, beside.zh) if beside is not None else ("", "")
    findings = judge_for_promotion(assessment.whole, trained.target.months, run.criteria, caveat)
    ledger = Ledger(book).manifest
    metrics = {
        **_judged(assessment), "slices": {n: _verdicts(v) for n, v in assessment.slices.items()},
        "criteria": run.criteria.digest,
    }  # fmt: skip
    bundle = bundles.write(book / "bundles", trained, metrics, {"digest": ledger.digest(), "version": ledger.ledger_version})
    test = np.flatnonzero(rows.during(rows.periods.test))[:SHOWN_ROWS]
    figures = {**pictures(assessment), "beeswarm": beeswarm(Scorer(bundle).score(rows.x.iloc[test]))}
    registry, tags = Registry(mlruns), {CRITERIA_TAG: run.criteria.digest, NOT_MET_TAG: ",".join(_not_met(findings))}
    published = registry.publish(run.run_id, bundle, book / "bundles" / bundle.digest, flat(assessment), figures, tags)
    if not _not_met(findings):
        unchanged(run.criteria, gate())
        Promotions(registry).by_criteria(published.version, beside.digest if beside is not None else None, now())
    champion = registry.aliases().get(CHAMPION) == published.version
    registry.say(run.run_id, state="champion" if champion else "challenger")
    return Training(bundle, replace(published, champion=champion), assessment, findings, beside)


def run(
    book: Path, mlruns: Path, target_name: str | None = None, profile_name: str = "default", done: Progress = lambda *_: None,
    budget: Budget | None = None,
) -> Training:  # fmt: skip
    """The whole run, step by step, without Prefect."""
    goal, how = choose(target_name, profile_name)
    with begun(book, mlruns, goal, how) as opened:
        rows = sample(book, goal, how, done)
        trained = fit(mlruns, rows, goal, how, budget, opened, done)
        beside = present_champion(book, mlruns, rows, goal)
        assessment = against(assess(trained, rows), beside, rows)
        return publish(book, mlruns, trained, assessment, rows, opened, beside)


def _not_met(findings: list[Finding]) -> list[str]:
    return [finding.criterion.name for finding in findings if not finding.met]


def _judged_beside(assessment: Assessment) -> dict[str, Any]:
    """As ``_judged``, the model with its paired difference to the champion too, where there is one."""
    said, paired = _judged(assessment), assessment.whole.get("model_minus_champion")
    if paired is not None:
        numbers = paired.as_json()
        said["model"] |= {f"auc_minus_champion{end}": numbers[f"auc{end}"] for end in ("", "_low", "_high")}
    return said


def _against(assessment: Assessment, beside: Incumbent | None) -> dict[str, Any] | None:
    """The champion that the model was held against: its bundle, the paired differences, what to bear in mind."""
    if beside is None:
        return None
    paired = assessment.whole.get("model_minus_champion")
    return {"bundle": beside.digest, "model_minus_champion": paired and paired.as_json(), "note": beside.en, "note_zh": beside.zh}


def flat(assessment: Assessment) -> dict[str, float]:
    """Metrics by the names MLflow shows: ``auc`` for the model, ``logistic.auc`` for a baseline, ``live/auc`` for a part."""
    named: dict[str, float] = {}
    for place, verdicts in {"": assessment.whole, **{f"{k}/": v for k, v in assessment.slices.items()}}.items():
        for name, verdict in verdicts.items():
            who = "" if name == "model" else f"{name}."
            named |= {f"{place}{who}{k}": v for k, v in verdict.as_json().items() if v is not None}
    return named


def _judged(assessment: Assessment) -> dict[str, Any]:
    return _verdicts(assessment.whole)


def _verdicts(verdicts: dict[str, Any]) -> dict[str, Any]:
    """Model, held-out borrowers and baselines, the model with its paired differences ``auc_minus_<baseline>``."""
    said = {name: verdicts[name].as_json() for name in ("model", "held_out", *BASELINE_NAMES)}
    for name in BASELINE_NAMES:
        paired = verdicts[f"model_minus_{name}"].as_json()
        said["model"] |= {
            f"auc_minus_{name}": paired["auc"],
            f"auc_minus_{name}_low": paired["auc_low"],
            f"auc_minus_{name}_high": paired["auc_high"],
        }
    return said
