"""Pictures of a model for the people who judge it: ROC, KS, calibration, lift, and what moves the score."""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import shap
from matplotlib.figure import Figure
from sklearn.metrics import roc_curve

from features.catalogue import feature
from models.assess import Assessment
from models.score import Scored, probability

mpl.use("Agg")
BINS = 10
NAMES = {
    "model": "loanwatch",
    "worst_dpd": "worst days past due",
    "logistic": "logistic regression",
    "scorecard": "WOE scorecard",
}


def pictures(assessment: Assessment) -> dict[str, Figure]:
    """ROC, KS, calibration and lift on the test rows, by file name."""
    drawn: dict[str, Callable[[Assessment], Figure]] = {
        "roc": roc, "ks": ks, "calibration": calibration, "lift": lift,
    }  # fmt: skip
    return {name: draw(assessment) for name, draw in drawn.items()}


def _sheet(title: str, x: str, y: str) -> Figure:
    figure = Figure(figsize=(6, 5), layout="constrained")
    figure.subplots().set(title=title, xlabel=x, ylabel=y)
    return figure


def roc(assessment: Assessment) -> Figure:
    figure = _sheet("ROC on the test months", "share of good loans flagged", "share of defaults caught")
    for name, label in NAMES.items():
        fpr, tpr, _ = roc_curve(assessment.bad, assessment.scores[name], sample_weight=assessment.weight)
        figure.axes[0].plot(fpr, tpr, label=f"{label} {assessment.whole[name].value['auc']:.3f}")
    figure.axes[0].plot([0, 1], [0, 1], ":", color="grey")
    figure.axes[0].legend(title="AUC")
    return figure


def ks(assessment: Assessment) -> Figure:
    figure = _sheet("Kolmogorov-Smirnov on the test months", "share of loans, riskiest first", "share of the group")
    fpr, tpr, _ = roc_curve(assessment.bad, assessment.scores["model"], sample_weight=assessment.weight, drop_intermediate=False)
    rate = np.average(assessment.bad, weights=assessment.weight)
    flagged = tpr * rate + fpr * (1 - rate)
    figure.axes[0].plot(flagged, tpr, label="defaults")
    figure.axes[0].plot(flagged, fpr, label="good loans")
    widest = int(np.argmax(tpr - fpr))
    figure.axes[0].vlines(flagged[widest], fpr[widest], tpr[widest], color="black", label=f"KS {(tpr - fpr)[widest]:.3f}")
    figure.axes[0].legend()
    return figure


def calibration(assessment: Assessment) -> Figure:
    figure = _sheet("Calibration on the test months", "predicted PD", "observed default rate")
    pd_12m = probability(assessment.scores["model"])
    bins = [b for b in np.array_split(np.argsort(pd_12m, kind="stable"), BINS) if len(b)]
    weight = [assessment.weight[b] for b in bins]
    predicted, observed = (
        np.array([np.average(of[b], weights=w) for b, w in zip(bins, weight, strict=True)]) for of in (pd_12m, assessment.bad)
    )
    spread = 1.96 * np.sqrt(predicted * (1 - predicted) * np.array([(w**2).sum() / w.sum() ** 2 for w in weight]))
    figure.axes[0].errorbar(predicted, observed, yerr=spread, fmt="o-", capsize=3)
    top = float(max(predicted.max(), observed.max()) * 1.1)
    figure.axes[0].plot([0, top], [0, top], ":", color="grey")
    return figure


def lift(assessment: Assessment) -> Figure:
    figure = _sheet("Lift on the test months", "share of loans looked at, riskiest first", "times the average default rate")
    share = np.linspace(0.01, 1, 100)
    for name, label in NAMES.items():
        order = np.argsort(-assessment.scores[name], kind="stable")
        caught = np.cumsum(assessment.bad[order]) / assessment.bad.sum()
        seen = np.cumsum(assessment.weight[order])
        at = np.maximum(np.searchsorted(seen, share * seen[-1], side="right"), 1) - 1
        figure.axes[0].plot(share, caught[at] / share, label=label)
    figure.axes[0].legend()
    return figure


def beeswarm(scored: Scored) -> Figure:
    """What moves the score, one dot a row, by shap."""
    from matplotlib import pyplot

    names = [feature(name).en for name in scored.features]
    told = shap.Explanation(scored.contributions, np.full(len(scored), scored.base), scored.values, feature_names=names)
    np.random.seed(7)  # shap jitters its dots with the global generator
    pyplot.figure()
    shap.plots.beeswarm(told, max_display=20, show=False, plot_size=(10, 7))
    figure = pyplot.gcf()
    figure.axes[0].set_xlabel("contribution to the log-odds of default")
    figure.tight_layout()
    pyplot.close(figure)
    return figure
