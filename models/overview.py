"""A model as a whole: which groups of features move scores most, and how each leading feature does it.

Everything drawn here is about bins of many rows, never about one: it goes into MLflow.
"""

import io

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from features.arrays import Float, Int
from features.catalogue import feature
from models.explain import Against
from models.groups import groups, places
from models.score import Scored
from models.wording import worded

LEADING = 6
"""Features whose dependence is drawn."""
BINS, FEWEST = 20, 50
"""Bins of a dependence, and the rows that each has at least."""
MOST = 20
BLUE, GREY = "#1f5a96", "#8a8f98"


def importance(scored: Scored, against: Against) -> pd.DataFrame:
    """By group, largest first: the mean size of what it adds beyond the reference, and the share of all groups' sizes."""
    beyond = scored.contributions - against.of(scored.features)
    added = np.zeros((len(groups()), len(scored)))
    np.add.at(added, places(scored.features), beyond.T)
    size = np.abs(added).mean(axis=1)
    table = pd.DataFrame({"group": [g.id for g in groups()], "en": [g.en for g in groups()], "zh": [g.zh for g in groups()],
                          "log_odds": size, "share": size / size.sum() if size.sum() else np.nan})  # fmt: skip
    return table[table["log_odds"] > 0].sort_values("log_odds", ascending=False, kind="stable").reset_index(drop=True)


def group_chart(table: pd.DataFrame) -> Figure:
    """The largest groups as bars."""
    shown = table.head(MOST).iloc[::-1]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(shown)), layout="constrained")
    axis = figure.subplots()
    axis.barh(shown["en"], shown["log_odds"], color=BLUE)
    axis.set(title="What moves scores", xlabel="mean size of what the group adds, log-odds")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def dependences(scored: Scored) -> dict[str, Figure]:
    """For the features that move scores most: what each value adds, by bins of at least ``FEWEST`` rows."""
    size = np.abs(scored.contributions - scored.contributions.mean(axis=0)).mean(axis=0)
    leading = [int(j) for j in np.argsort(-size, kind="stable")[:LEADING] if size[j] > 0]
    found = {scored.features[j]: _dependence(scored, j) for j in leading}
    return {name: figure for name, figure in found.items() if figure is not None}


def _dependence(scored: Scored, j: int) -> Figure | None:
    """The median and the middle 80 % of contributions by the value; None where too few values are known."""
    values, parts = scored.values[:, j], scored.contributions[:, j]
    bins = binned(values)
    if not bins:
        return None
    said = feature(scored.features[j])
    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axis = figure.subplots()
    low, middle, high = (np.array([np.quantile(parts[rows], q) for rows in bins]) for q in (0.1, 0.5, 0.9))
    at = np.arange(len(bins))
    axis.fill_between(at, low, high, color=BLUE, alpha=0.2, step="mid")
    axis.plot(at, middle, "o-", color=BLUE, markersize=3)
    gone = np.isnan(values)
    if gone.sum() >= FEWEST:
        axis.axhline(float(np.median(parts[gone])), linestyle=":", color=GREY, label="unknown")
        axis.legend()
    ticks = at[:: max(1, len(at) // 5)]
    axis.set_xticks(ticks, [worded(said, float(np.median(values[bins[t]])), "en") for t in ticks], fontsize=8)
    axis.set(title=said.en, xlabel="median of the bin", ylabel="adds to the log-odds")
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def binned(values: Float) -> list[Int]:
    """Rows by value, lowest first: equal values together, at least ``FEWEST`` rows in each of at most ``BINS`` bins."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    wanted = max(FEWEST, -(-len(order) // BINS))
    bins, first = list[Int](), 0
    while len(order) - first >= wanted:
        last = int(np.searchsorted(values[order], values[order[first + wanted - 1]], side="right"))
        bins.append(order[first:last])
        first = last
    if first < len(order) and bins:
        bins[-1] = np.concatenate([bins[-1], order[first:]])
    return bins


def svg(figure: Figure) -> str:
    """A figure as SVG, the same text each time."""
    out = io.StringIO()
    with rc_context({"svg.hashsalt": "loanwatch", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
