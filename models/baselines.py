"""What a lender would use without us, on the same rows: a days-past-due rule, a logistic regression, a WOE scorecard.

Rows may weigh more than one; the weights go into the fit. Medians, scales, bins and weights of evidence are those of the rows as
they are: which good rows were drawn moves no weight of evidence but by chance, since bad and good shares are taken apart, and the
others are conventions that a fit makes up for.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd
from category_encoders import WOEEncoder
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from features.arrays import Float

Score = Callable[[pd.DataFrame], Float]


class Baseline(Protocol):
    """From features, outcomes and weights of rows (1 unless told) to a score."""

    def __call__(self, x: pd.DataFrame, bad: Float, weight: Float | None = None) -> Score: ...


WORST = ("worst_dpd_365", "status_worst_365")
BINS = 10
UNKNOWN = -1


def worst_dpd(x: pd.DataFrame, bad: Float, weight: Float | None = None) -> Score:
    """The worst days past due of a year, from payments or month ends; a loan without either was not seen late."""

    def score(x: pd.DataFrame) -> Float:
        seen = x.reindex(columns=list(WORST)).max(axis=1)
        return np.asarray(np.log1p(np.nan_to_num(seen.to_numpy(dtype=np.float64))))

    return score


def logistic(x: pd.DataFrame, bad: Float, weight: Float | None = None) -> Score:
    """Logistic regression on all features: median for unknown with an indicator, standardised, ridge."""
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.01, solver="newton-cholesky"),
    )
    model.fit(x.to_numpy(), bad, logisticregression__sample_weight=weight)
    return lambda x: np.asarray(model.decision_function(x.to_numpy()), dtype=np.float64)


def scorecard(x: pd.DataFrame, bad: Float, weight: Float | None = None) -> Score:
    """A weight-of-evidence scorecard (Siddiqi 2017): ten bins of equal count per feature, unknown a bin of its own."""
    edges = {str(name): _edges(x[name].to_numpy()) for name in x}
    encoder = WOEEncoder(cols=list(x.columns), regularization=1.0)
    model = LogisticRegression(C=0.01, solver="newton-cholesky")
    model.fit(encoder.fit_transform(_binned(x, edges), bad), bad, weight)

    def score(x: pd.DataFrame) -> Float:
        return np.asarray(model.decision_function(encoder.transform(_binned(x, edges))), dtype=np.float64)

    return score


def _edges(values: Float) -> Float:
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known


def _binned(x: pd.DataFrame, edges: dict[str, Float]) -> pd.DataFrame:
    bins = {}
    for name, cuts in edges.items():
        values = x[name].to_numpy()
        bins[name] = np.where(np.isnan(values), UNKNOWN, np.searchsorted(cuts, values, side="right"))
    return pd.DataFrame(bins, index=x.index)


BASELINES: dict[str, Baseline] = {"worst_dpd": worst_dpd, "logistic": logistic, "scorecard": scorecard}
