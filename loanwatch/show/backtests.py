"""A back-test of the schedule on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from loanwatch.show.tables import titled

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from pipelines.beliefs import Learned
    from pipelines.schedule_backtest.real import Real
    from pipelines.schedule_backtest.report import Aim, Mean
    from pipelines.schedule_backtest.run import Found

SHARES = ("in_time_count", "in_time_money", "looked_count", "looked_money", "found_count")


def beliefs(console: Console, found: Learned) -> None:
    """What was learned of the three states that borrowers are in."""
    from monitoring.belief import STATES

    by = found.beliefs
    table = titled(
        f"Learned from {found.borrowers:,} borrowers and {found.defaults:,} defaults, {found.first} to {found.last}",
        "state", "begins", "stays a month", "defaults a month", "highest score bands",
    )  # fmt: skip
    for at, name in enumerate(STATES):
        high = f"{by.shows[at, -4:].sum():.1%}"
        table.add_row(name, f"{by.start[at]:.1%}", f"{by.moves[at, at]:.1%}", f"{by.defaults[at]:.2%}", high)
    console.print(table)
    console.print(f"{found.path}: in use from the next night", highlight=False)


def real(console: Console, found: Real) -> None:
    """Per budget what each policy found of the defaults of a real book."""
    from pipelines.schedule_backtest.real import FIXED, difference

    for budget, tried in found.tried.items():
        table = titled(
            f"{found.borrowers:,} borrowers, {found.defaults:,} defaults from {found.first} to {found.last};"
            f" {budget:.0%} of the book a month",
            "name", "in time", "in time minus fixed", "ever", "confirmed", "lead", "checks a hit",
        )  # fmt: skip
        for name, one in tried.items():
            mean, low, high = difference(one, tried[FIXED])
            minus = "" if name == FIXED else f"{mean:+.1%} ({low:+.1%} to {high:+.1%})"
            shares = (f"{one.measures[measure]:.1%}" for measure in ("looked_count", "found_count"))
            numbers = (f"{one.measures['lead_months']:.1f}", f"{one.measures['checks_per_hit']:.1f}")
            table.add_row(name, f"{one.measures['in_time_count']:.1%}", minus, *shares, *numbers)
        console.print(table)


def schedule(console: Console, found: Found) -> None:
    """Per configuration and budget what each policy found, then where the index does not win."""
    from pipelines.schedule_backtest.report import FIXED, aims, difference, mean

    for configuration in found.plan.chosen:
        months = {policy.name: policy.months for policy in found.learned[configuration.name].policies if policy.remembers}
        defaults = sum(found.defaults[configuration.name].values())
        for budget, tried in found.measures[configuration.name].items():
            table = titled(
                f"{configuration.en}, {budget:.0%} of the book a month: {defaults:,} defaults in {len(found.plan.seeds)} books",
                "name", "months", "in time", "by money", "ever", "by money", "confirmed", "in time minus fixed", "lead",
                "checks a hit",
            )  # fmt: skip
            for name, seeds in tried.items():
                shares = [_share(mean([seeds[seed][m] for seed in seeds])) for m in SHARES]
                ahead = _points(difference(seeds, tried[FIXED], "in_time_count")) if name != FIXED else ""
                lead, checks = (mean([seeds[seed][m] for seed in seeds]) for m in ("lead_months", "checks_per_hit"))
                table.add_row(name, str(months.get(name, "")), *shares, ahead, _number(lead), _number(checks))
            console.print(table)
    _aims(console, aims(found))


def _aims(console: Console, aims: list[Aim]) -> None:
    lost = [aim for aim in aims if not aim.met]
    console.print(f"aims met: {len(aims) - len(lost)} of {len(aims)}. Where the index does not win as far as it should:")
    for aim in lost:
        console.print(
            f"  {aim.configuration}, {aim.budget:.0%}, {aim.measure}: {aim.index} minus {aim.against} is {_points(aim.seen)},"
            f" wanted {aim.wanted * 100:+.0f}",
            highlight=False,
        )
    if not lost:
        console.print("  nowhere")


def _share(found: Mean) -> str:
    return "unknown" if found.mean is None else f"{found.mean:.1%}"


def _number(found: Mean) -> str:
    return "unknown" if found.mean is None else f"{found.mean:.1f}"


def _points(found: Mean) -> str:
    if found.mean is None:
        return "unknown"
    between = "" if found.low is None or found.high is None else f" ({found.low * 100:+.1f} to {found.high * 100:+.1f})"
    return f"{found.mean * 100:+.1f}{between}"
