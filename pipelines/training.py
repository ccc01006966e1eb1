"""The training run: a sample from the ledger, a model, its trial in full, a bundle, a version in MLflow with its documents.

Plain functions that run anywhere; ``flows.py`` gives them to Prefect.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from features.labels import Target
from features.ledger import Ledger
from models import keys
from models.assess import Assessment, assess
from models.bundle import Bundle
from models.crossfit import cross_assess
from models.gate import Finding, Gate, gate, judge_for_promotion, unchanged
from models.incumbent import Incumbent, incumbent
from models.profile import Profile, profile
from models.promotions import Promotions
from models.registry import CHAMPION, CRITERIA_TAG, NOT_MET_TAG, Published, Registry
from models.report import Criterion, documents
from models.sample import Sample, draw
from models.search import Budget, search
from models.train import Fits, Trained, fits_here, train
from models.validate import Validation, validate
from models.walk import walk
from pipelines.cluster import Cluster
from pipelines.numbers import against, faithful, flat, shown, slices_json, verdicts_json
from pipelines.package import look, package, watch_from
from pipelines.promotion import now, reconcile

Progress = Callable[[str, int], None]


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


def publish(book: Path, mlruns: Path, trained: Trained, trial: Trial, rows: Sample, run: Begun) -> Training:
    """Write the bundle into the book and register it with its documents; champion only if every criterion is met.

    The bundle holds nothing of the comparison with the champion: the same data give the same bundle whoever is champion.
    Raises GateNotPassed if a model that met the criteria may not become champion because they, or the champion, changed.
    """
    beside = trial.beside
    caveat = (beside.en, beside.zh) if beside is not None else ("", "")
    findings = judge_for_promotion(trial.assessment.whole, trained.target.months, run.criteria, caveat)
    bundle = package(book, trained, trial.assessment, trial.validation, rows, run.criteria, run.key)
    figures, groups = look(bundle, trial.assessment, rows)
    criteria = [Criterion(*finding.say(), finding.met) for finding in findings]
    pages = documents(bundle, trial.assessment, trial.validation, rows, Ledger(book).manifest, criteria, figures)
    pages |= {"worth.csv": trial.validation.worth.table().to_csv(index=False), "feature_groups.csv": groups.to_csv(index=False)}
    registry, tags = Registry(mlruns), {CRITERIA_TAG: run.criteria.digest, NOT_MET_TAG: ",".join(_not_met(findings))}
    metrics = {**flat(trial.assessment), **shown(trial.validation), **faithful(bundle)}
    published = registry.publish(run.run_id, bundle, book / "bundles" / bundle.digest, metrics, figures, tags, pages)
    if not _not_met(findings):
        unchanged(run.criteria, gate())
        Promotions(registry).by_criteria(published.version, beside.digest if beside is not None else None, now())
    champion = registry.aliases().get(CHAMPION) == published.version
    registry.say(run.run_id, state="champion" if champion else "challenger")
    return Training(bundle, replace(published, champion=champion), trial, findings)


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
