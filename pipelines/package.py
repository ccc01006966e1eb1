"""What a training leaves behind: the signed bundle with all that is said of the model, and pictures of what moves its scores."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from features.arrays import spaced
from features.ledger import Ledger
from models import bundle as bundles
from models import keys
from models.assess import Assessment
from models.bundle import Bundle
from models.explain import training as learned_from
from models.faithful import faithfulness
from models.gate import Gate
from models.overview import dependences, group_chart, importance
from models.plots import beeswarm, pictures
from models.reference import ROWS, reference_of
from models.sample import Sample
from models.score import Scorer
from models.train import Trained
from models.validate import Validation
from monitoring.policy import tier_policy
from pipelines.numbers import by_itself, slices_json, verdicts_json

WATCHED = "watch"
SHOWN_ROWS = 5_000
"""Rows of the test months in the pictures of what moves the score: enough to see the shape."""


def package(
    book: Path, trained: Trained, assessment: Assessment, validation: Validation, rows: Sample, criteria: Gate, key: Path | None
) -> Bundle:  # fmt: skip
    """The bundle in the book: the trees, what is usual of their rows, how faithful their reasons are, made-up rows; signed."""
    ledger = Ledger(book)
    metrics = {
        **verdicts_json(by_itself(assessment.whole)), "slices": slices_json(assessment),
        "validation": validation.as_json(), "criteria": criteria.digest,
    }  # fmt: skip
    known = {"digest": ledger.manifest.digest(), "version": ledger.manifest.ledger_version}
    draft, taught = bundles.drafted(trained, validation.horizons, metrics, known), spaced(np.flatnonzero(rows.pool), ROWS)
    scorer = Scorer(draft)
    reference = reference_of(scorer.contributions, rows.x[list(trained.features)].iloc[taught], rows.weight[taught])
    whole, test = Scorer(replace(draft, reference=reference)), rows.x.iloc[np.flatnonzero(rows.test)]
    judged = {**metrics, "faithfulness": faithfulness(whole, test, watch_from(ledger)).as_json()}
    return bundles.write(book / "bundles", replace(draft, metrics=judged), reference, scorer.golden(), keys.signer(book, key))


def look(bundle: Bundle, assessment: Assessment, rows: Sample) -> tuple[Mapping[str, Figure], pd.DataFrame]:
    """Pictures by name, and the groups of features by what they add to test rows."""
    scored = Scorer(bundle).score(rows.x.iloc[spaced(np.flatnonzero(rows.test), SHOWN_ROWS)])
    groups = importance(scored, learned_from(bundle))
    drawn = {f"dependence_{name}": figure for name, figure in dependences(scored).items()}
    return {**pictures(assessment), "beeswarm": beeswarm(scored), "feature_groups": group_chart(groups), **drawn}, groups


def watch_from(ledger: Ledger) -> float:
    """The PD from which the tier policy in force on the ledger's last day watches a borrower."""
    policy = tier_policy(ledger.known_through)
    found = policy.general.tiers[policy.names.index(WATCHED) - 1].pd_below
    assert found is not None  # only the last tier has no limit
    return found
