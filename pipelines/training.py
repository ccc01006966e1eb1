"""The training run: a sample from the ledger, a model, its trial in full, a bundle, a version in MLflow with its documents.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from features.labels import Target
from features.ledger import Ledger
from models import bundle as bundles
from models import keys
from models.assess import Assessment, assess
from models.bundle import Bundle
from models.crossfit import cross_assess
from models.explain import training as learned_from
from models.faithful import faithfulness
from models.gate import Finding, Gate, gate, judge_for_promotion, unchanged
from models.incumbent import Incumbent, incumbent
from models.overview import dependences, group_chart, importance
from models.plots import beeswarm, pictures
from models.profile import Profile, profile
from models.promotions import Promotions
from models.reference import reference_of, spaced
from models.registry import CHAMPION, CRITERIA_TAG, NOT_MET_TAG, Published, Registry
from models.report import Criterion, documents
from models.sample import Sample, draw
from models.score import Scorer
from models.search import Budget, search
from models.train import Fits, Trained, fits_here, train
from models.validate import Validation, validate
from models.walk import walk
from monitoring.policy import tier_policy
from pipelines.cluster import Cluster
from pipelines.numbers import against, by_itself, faithful, flat, shown, slices_json, verdicts_json
from pipelines.promotion import now, reconcile

Progress = Callable[[str, int], None]
WATCHED = "watch"
SHOWN_ROWS = 5_000
"""Rows of the test months in the pictures of what moves the score: enough to see the shape."""


@dataclass(frozen=True)
class Begun:
    """A training run as it stands in MLflow before anything is trained: its id, and the criteria as they were then.

    ``key`` is the file of the key that will sign its bundle, None for the book's own.
    """

    run_id: str
    criteria: Gate
    key: Path | None = None


@dataclass(frozen=True)
class Trial:
    """Everything a model was judged by: beside its baselines and the champion, and in full."""

    assessment: Assessment
    validation: Validation
    beside: Incumbent | None = None


@dataclass(frozen=True)
class Training:
    """What a training run made, and what it is worth."""

    bundle: Bundle
    published: Published
    trial: Trial
    findings: list[Finding]

    @property
    def assessment(self) -> Assessment:
        return self.trial.assessment

    @property
    def validation(self) -> Validation:
        return self.trial.validation

    @property
    def beside(self) -> Incumbent | None:
        return self.trial.beside

    @property
    def passed(self) -> bool:
        return all(finding.met for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The document of ``loanwatch train --json``."""
        return {
            **verdicts_json(self.assessment.whole),
            "against_champion": against(self.assessment, self.beside),
            "slices": slices_json(self.assessment),
            "validation": self.validation.as_json(),
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
    return chosen.goal(target_name), chosen


def sample(book: Path, goal: Target, how: Profile, done: Progress = lambda *_: None, executor: Executor | None = None) -> Sample:
    return draw(Ledger(book), goal, how, done, executor)


@contextmanager
def begun(book: Path, mlruns: Path, goal: Target, how: Profile, key: Path | None = None) -> Iterator[Begun]:
    """A run in MLflow around a training, opened when the store is in order and the criteria are read and hashed.

    Raises what ``keys.signer`` does of a ``key`` that could not sign in the end.
    """
    Ledger(book)  # a book that is not there is said before a model store is made
    keys.signer(book, key)
    reconcile(book, mlruns)
    criteria = gate()
    said = {CRITERIA_TAG: criteria.digest, "loanwatch.target": goal.name, "loanwatch.profile": how.name}
    with Registry(mlruns).opened(f"{goal.name} {how.name}", said) as run_id:
        yield Begun(run_id, criteria, key)


def fit(
    mlruns: Path, rows: Sample, goal: Target, how: Profile, budget: Budget | None, run: Begun,
    done: Progress = lambda *_: None, fits: Fits = fits_here,
) -> Trained:  # fmt: skip
    """Train, after a search for parameters if there is a budget for one; its trials are kept with the run."""
    Registry(mlruns).say(run.run_id, data=rows.digest())
    if budget is None:
        return train(rows, goal, how, done, fits)
    found = search(rows, how, budget, done)
    Registry(mlruns).show(run.run_id, "search/trials.json", found.trials)
    return replace(train(rows, goal, found.profile, done, fits), search=found.said)


def present_champion(book: Path, mlruns: Path, rows: Sample, goal: Target) -> Incumbent | None:
    """The champion with its scores of the test rows, if there is one."""
    registry = Registry(mlruns)
    if CHAMPION not in registry.aliases():
        return None
    return incumbent(registry.champion(), book / "bundles", keys.of_book(book), rows, Ledger(book), goal)


def judge(trained: Trained, rows: Sample, beside: Incumbent | None = None, done: Progress = lambda *_: None) -> Assessment:
    """The model beside baselines and champion, on rows that were kept apart or, where none were, by cross-fitting."""
    if rows.crossed:
        return cross_assess(trained, rows, done)
    return assess(trained, rows, None if beside is None else beside.log_odds)


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


def publish(book: Path, mlruns: Path, trained: Trained, trial: Trial, rows: Sample, run: Begun) -> Training:
    """Write the bundle into the book and register it with its documents; champion only if every criterion is met.

    The bundle holds nothing of the comparison with the champion: the same data give the same bundle whoever is champion.
    Raises GateNotPassed if a model that met the criteria may not become champion because they, or the champion, changed.
    """
    beside = trial.beside
    caveat = (beside.en, beside.zh) if beside is not None else ("", "")
    findings = judge_for_promotion(trial.assessment.whole, trained.target.months, run.criteria, caveat)
    bundle = _bundle(book, trained, trial, rows, run)
    figures = _figures(bundle, trial, rows)
    criteria = [Criterion(*finding.say(), finding.met) for finding in findings]
    pages = documents(bundle, trial.assessment, trial.validation, rows, Ledger(book).manifest, criteria, figures)
    pages["worth.csv"] = trial.validation.worth.table().to_csv(index=False)
    registry, tags = Registry(mlruns), {CRITERIA_TAG: run.criteria.digest, NOT_MET_TAG: ",".join(_not_met(findings))}
    metrics = {**flat(trial.assessment), **shown(trial.validation), **faithful(bundle)}
    published = registry.publish(run.run_id, bundle, book / "bundles" / bundle.digest, metrics, figures, tags, pages)
    if not _not_met(findings):
        unchanged(run.criteria, gate())
        Promotions(registry).by_criteria(published.version, beside.digest if beside is not None else None, now())
    champion = registry.aliases().get(CHAMPION) == published.version
    registry.say(run.run_id, state="champion" if champion else "challenger")
    return Training(bundle, replace(published, champion=champion), trial, findings)


def _bundle(book: Path, trained: Trained, trial: Trial, rows: Sample, run: Begun) -> Bundle:
    ledger = Ledger(book).manifest
    metrics = {
        **verdicts_json(by_itself(trial.assessment.whole)), "slices": slices_json(trial.assessment),
        "validation": trial.validation.as_json(), "criteria": run.criteria.digest,
    }  # fmt: skip
    known = {"digest": ledger.digest(), "version": ledger.ledger_version}
    draft, taught = bundles.drafted(trained, trial.validation.horizons, metrics, known), spaced(np.flatnonzero(rows.pool))
    scorer = Scorer(draft)
    reference = reference_of(scorer, rows.x.iloc[taught], rows.weight[taught])
    whole, test = Scorer(replace(draft, reference=reference)), rows.x.iloc[np.flatnonzero(rows.test)]
    judged = {**metrics, "faithfulness": faithfulness(whole, test, watch_from(Ledger(book))).as_json()}
    return bundles.write(book / "bundles", replace(draft, metrics=judged), reference, scorer.golden(), keys.signer(book, run.key))


def _figures(bundle: Bundle, trial: Trial, rows: Sample) -> dict[str, Any]:
    test = np.flatnonzero(rows.test)
    scored = Scorer(bundle).score(rows.x.iloc[test[:: -(-len(test) // SHOWN_ROWS)]])
    drawn = {f"dependence_{name}": figure for name, figure in dependences(scored).items()}
    return {
        **pictures(trial.assessment), "beeswarm": beeswarm(scored),
        "groups": group_chart(importance(scored, learned_from(bundle))), **drawn,
    }  # fmt: skip


def run(
    book: Path, mlruns: Path, target_name: str | None = None, profile_name: str = "default", done: Progress = lambda *_: None,
    budget: Budget | None = None, steps: int = 0, cluster: Cluster | None = None, key: Path | None = None,
) -> Training:  # fmt: skip
    """The whole run, step by step, without Prefect; ``steps`` past retrainings are judged too.

    On a ``cluster`` its workers compute the rows and grow the trees; everything else happens here. ``key`` is the file of the key
    that signs, None for the book's own.
    """
    goal, how = choose(target_name, profile_name)
    with begun(book, mlruns, goal, how, key) as opened:
        rows = sample(book, goal, how, done, cluster.executor if cluster else None)
        trained = fit(mlruns, rows, goal, how, budget, opened, done, cluster.fits if cluster else fits_here)
        beside = present_champion(book, mlruns, rows, goal)
        assessment = judge(trained, rows, beside, done)
        trial = Trial(assessment, examine(book, trained, assessment, rows, steps, done), beside)
        return publish(book, mlruns, trained, trial, rows, opened)


def _not_met(findings: list[Finding]) -> list[str]:
    return [finding.criterion.name for finding in findings if not finding.met]
