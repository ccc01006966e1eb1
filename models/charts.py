"""Pictures of a validation: parts, grades, horizons, groups, stability, leaks, past retrainings."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from features.arrays import Float
from features.catalogue import feature
from models.backtest import HorizonTest
from models.limits import limits
from models.validate import Validation

MOST = 20
"""Features in a chart; the tables have all of them."""
BLUE, GREY = "#1f5a96", "#8a8f98"
LIGHTS = {"green": "#2e8b57", "amber": "#d99a1c", "red": "#c0392b"}
WIDEST = 1.0
"""PSI at which a bar is cut: beyond, a distribution has moved altogether."""


def charts(validation: Validation) -> dict[str, Figure]:
    """Every picture that there is something for."""
    drawn: dict[str, Callable[[Validation], Figure | None]] = {
        "parts": parts, "grades": grades, "horizons": horizons, "groups": groups, "psi": psi, "psi_months": psi_months,
        "leaks": leaks, "walk": walk,
    }  # fmt: skip
    found = {name: draw(validation) for name, draw in drawn.items()}
    return {name: figure for name, figure in found.items() if figure is not None}


def embedded(figure: Figure) -> str:
    """A figure as a data address for an HTML page."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode("ascii")


def _sheet(rows: int = 0, width: float = 7.5, height: float = 4.2, panels: int = 1) -> tuple[Figure, list[Any]]:
    """A figure with its panels side by side; as tall as ``rows`` lines of text need."""
    figure = Figure(figsize=(width, max(height, 1.0 + 0.24 * rows)), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, list(axes)


def _named(axis: Any, names: Sequence[str]) -> Float:
    """Lines of text down the left side, first on top; returns their heights."""
    heights = np.arange(len(names), 0, -1).astype(np.float64)
    axis.set_yticks(heights, names, fontsize=8)
    axis.set_ylim(0.3, len(names) + 0.7)
    return heights


def _whiskers(value: Float, low: Float, high: Float) -> Float:
    """Distances to both ends of an interval, which may end short of the value; (2, n)."""
    return np.maximum([value - low, high - value], 0.0)


def parts(validation: Validation) -> Figure | None:
    shown = [
        (f"{column}: {name}", part.verdict)
        for column, named in validation.parts.items() for name, part in named.items() if part.verdict is not None
    ]  # fmt: skip
    if not shown:
        return None
    figure, (axis,) = _sheet(len(shown))
    heights = _named(axis, [name for name, _ in shown])
    value, low, high = (np.array([getattr(v, end)["auc"] for _, v in shown]) for end in ("value", "low", "high"))
    axis.errorbar(value, heights, xerr=_whiskers(value, low, high), fmt="o", color=BLUE, ecolor=GREY, capsize=2)
    axis.set(title="AUC on parts of the test rows, with 95 % intervals", xlabel="AUC")
    return figure


def grades(validation: Validation) -> Figure | None:
    figure, (axis,) = _sheet()
    for g, t in validation.backtest.items():
        known = np.isfinite(t.low)
        spread = _whiskers(*(np.array([x]) for x in (t.observed, t.low, t.high))) if known else None
        axis.errorbar([g], [t.observed], yerr=spread, fmt="o", color=LIGHTS[t.light], capsize=3)
    axis.plot(list(validation.backtest), [t.expected for t in validation.backtest.values()], "_", color="black", ms=16, mew=2)
    axis.plot([], [], "_", color="black", ms=12, mew=2, label="expected PD")
    for name, colour in LIGHTS.items():
        axis.plot([], [], "o", color=colour, label=f"observed, {name}")
    axis.set(
        title="Expected and observed default rate by grade", xlabel="grade, 1 best", ylabel="default rate, square-root scale"
    )
    axis.set_xticks(range(1, 11))
    axis.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0.0)), np.square))
    axis.set_yticks([0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])
    axis.set_ylim(0, max(0.1, *(np.nanmax([t.high, t.expected, t.observed]) for t in validation.backtest.values())) * 1.05)
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axis.legend(fontsize=8)
    return figure


def horizons(validation: Validation) -> Figure | None:
    if not validation.horizons.curves:
        return None
    figure, (left, right) = _sheet(width=10.5, panels=2)
    for curve in validation.horizons.curves:
        name = f"grade {curve.grades[0]}" + (f" to {curve.grades[-1]}" if len(curve.grades) > 1 else "")
        months = np.arange(len(curve.power) + 1)
        left.plot(months, [0.0, *curve.power], label=name)
    left.axvline(validation.horizons.anchor, color=GREY, ls=":")
    left.set(title="Exponent of PD by horizon", xlabel="months", ylabel="s, 1 at the target's horizon")
    left.legend(fontsize=7)
    for found, marker, name in (
        (validation.by_horizon, "o", "test rows"),
        (validation.by_horizon_pool, "s", "pool rows, fitted"),
    ):
        seen = {h: t for h, t in found.items() if t is not None and np.isfinite(t.low)}
        _ratios(right, seen, marker, name)
    right.axhline(1.0, color=GREY, ls=":")
    right.set(title="Observed over expected defaults", xlabel="months", ylabel="ratio, with 95 % interval")
    right.set_xticks(limits().horizons)
    right.legend(fontsize=8)
    return figure


def _ratios(axis: Any, seen: dict[int, HorizonTest], marker: str, name: str) -> None:
    months = np.array(list(seen), dtype=np.float64) + (0.25 if marker == "s" else -0.25)
    ratio, low, high = (np.array([getattr(t, end) for t in seen.values()]) for end in ("ratio", "low", "high"))
    colour = BLUE if marker == "o" else GREY
    axis.errorbar(months, ratio, yerr=_whiskers(ratio, low, high), fmt=marker, color=colour, capsize=3, label=name)


def groups(validation: Validation) -> Figure | None:
    shown = [(f"{column}: {name}", e) for column, named in validation.groups.items() for name, e in named.items()]
    if not shown:
        return None
    figure, axes = _sheet(len(shown), width=10.5, panels=2)
    rates = {"false_positive": "flagged though they did not default", "false_negative": "not flagged though they did"}
    for axis, (rate, title) in zip(axes, rates.items(), strict=True):
        heights = _named(axis, [name for name, _ in shown] if axis is axes[0] else [""] * len(shown))
        value, low, high = (np.array([getattr(e, f"{rate}{end}") for _, e in shown]) for end in ("", "_low", "_high"))
        axis.errorbar(value, heights, xerr=_whiskers(value, low, high), fmt="o", color=BLUE, ecolor=GREY, capsize=2)
        axis.set(title=f"Share {title}", xlim=(0, None))
        axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axis.xaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def psi(validation: Validation) -> Figure | None:
    moved = sorted(validation.stability.features.items(), key=lambda named: -named[1].psi)[:MOST]
    shown = [("the score", validation.stability.score), *((feature(name).en, shift) for name, shift in moved)]
    figure, (axis,) = _sheet(len(shown))
    heights = _named(axis, [name for name, _ in shown])
    axis.barh(heights, [min(s.psi, WIDEST) for _, s in shown], color=[LIGHTS[s.light] for _, s in shown], height=0.7)
    for height, (_, s) in zip(heights, shown, strict=True):
        axis.annotate(
            f"{s.psi:.2f}", (min(s.psi, WIDEST), height), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
        )
    _limits(axis.axvline)
    axis.set(title="PSI from pool to test: what moved most", xlabel=f"PSI, cut at {WIDEST:g}", xlim=(0, WIDEST * 1.1))
    return figure


def psi_months(validation: Validation) -> Figure | None:
    months = validation.stability.months
    figure, (axis,) = _sheet(height=3.2)
    axis.bar(list(months), [s.psi for s in months.values()], color=[LIGHTS[s.light] for s in months.values()])
    axis.plot(
        list(months), [s.noise for s in months.values()], "_", color="black", ms=12, label="passed by chance once in twenty"
    )
    _limits(axis.axhline)
    axis.tick_params(axis="x", rotation=60, labelsize=8)
    axis.set(title="Population stability index of the score, month by month against the pool", ylabel="PSI")
    axis.legend(fontsize=8)
    return figure


def _limits(line: Callable[..., object]) -> None:
    for light in limits().psi_lights:
        if np.isfinite(light.limit):
            line(light.limit, color=GREY, ls=":", lw=1)


def leaks(validation: Validation) -> Figure | None:
    gains = sorted(validation.leaks.features.items(), key=lambda named: -abs(named[1].gain))[:MOST]
    shown = [("the score", validation.leaks.score), *((feature(name).en, gain) for name, gain in gains)]
    figure, (axis,) = _sheet(len(shown))
    heights = _named(axis, [name for name, _ in shown])
    axis.barh(heights, [g.gain for _, g in shown], color=[LIGHTS["red" if g.flagged else "green"] for _, g in shown], height=0.7)
    axis.axvline(limits().leak_limit, color=GREY, ls=":", lw=1)
    axis.set(title="AUC gained if known_on were ignored", xlabel="difference of AUC; the line is the limit")
    return figure


def walk(validation: Validation) -> Figure | None:
    steps = [s for s in validation.walk.steps if s.verdict is not None] if validation.walk else []
    if not steps:
        return None
    figure, (left, right) = _sheet(width=10.5, panels=2)
    at, names = np.arange(len(steps)), [s.day.strftime("%Y-%m") for s in steps]
    value, low, high = (np.array([getattr(s.verdict, end)["auc"] for s in steps]) for end in ("value", "low", "high"))
    left.errorbar(at, value, yerr=_whiskers(value, low, high), fmt="o-", color=BLUE, capsize=3)
    left.set(title="AUC on the months after each retraining", ylabel="AUC")
    right.plot(at, [s.mean_pd for s in steps], "o-", color=BLUE, label="mean PD")
    right.plot(at, [s.rate for s in steps], "s-", color=LIGHTS["red"], label="default rate")
    right.set(title="Expected and observed", ylim=(0, None))
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    right.legend(fontsize=8)
    for axis in (left, right):
        axis.set_xticks(at, names, rotation=45, fontsize=8)
    return figure
