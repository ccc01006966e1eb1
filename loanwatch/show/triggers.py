"""Triggers and what speaks for them on the terminal, and as documents."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled
from models.wording import LANGUAGES, in_unit
from monitoring.policy.trigger import SCORES, SEVERITIES, SUBJECTS
from monitoring.trigger_backtest import VERDICTS

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from monitoring.policy.trigger import Condition, Trigger, TriggerPolicy
    from monitoring.trigger_fit import Fitted, Yield

Told = dict[str, Any]
NO_EVIDENCE = "no evidence is kept in this book: run `loanwatch triggers backtest` | 账簿中无检验证据"


def table(console: Console, policy: TriggerPolicy) -> None:
    shown = titled(f"{len(policy.triggers)} triggers, in force from {policy.effective_from}", "name", "what", "tier", "why")
    for one in by_subject(policy):
        when = " and ".join(map(condition, one.when))
        shown.add_row(one.id, f"{SUBJECTS[one.subject][0]}, {one.severity}", one.demands or "", escape(when))
    console.print(shown)


def by_subject(policy: TriggerPolicy) -> list[Trigger]:
    """The triggers in the order of their subjects."""
    return sorted(policy.triggers, key=lambda one: list(SUBJECTS).index(one.subject))


def condition(said: Condition) -> str:
    """A condition in a few words; money in units of the currency."""
    if said.compare == "unknown":
        return f"{said.name} unknown"
    return f"{said.name} {said.compare} {in_unit(said.unit, said.threshold, 'en')}"


def trigger(console: Console, said: Trigger, policy: TriggerPolicy) -> None:
    en, zh = policy.owners[said.owner]
    console.print(f"[bold]{said.id}[/]  {said.en} | {said.zh}", highlight=False)
    console.print(f"fires where {' and '.join(map(condition, said.when))}; {whom(said)}", highlight=False)
    for one in said.when:
        known = f"fitted to {one.fitted}" if one.fitted else "set by hand"
        about = f" ({SCORES[one.name].en} | {SCORES[one.name].zh})" if one.name in SCORES else ""
        console.print(f"  {one.name}{about}: {known}", highlight=False)
    demand = f"demands the tier {said.demands}" if said.demands else "demands no tier by itself"
    console.print(
        f"severity {said.severity} {SEVERITIES[said.severity]}; {demand}; stays {said.stays_days} days", highlight=False
    )
    console.print(f"owner: {en} | {zh}; source: {escape(said.source)}", highlight=False)


def whom(said: Trigger) -> str:
    """Who a trigger applies to."""
    who = {"all": "all borrowers", "person": "persons", "company": "companies"}[said.applies]
    return f"{who}, loans: {', '.join(said.products)}" if said.products else who


def evidence_of(console: Console, name: str, told: Told | None, stale: list[tuple[str, str]]) -> None:
    """The evidence of one trigger, and what has changed since it was found."""
    found = None if told is None else told["triggers"].get(name)
    if told is None or found is None:
        console.print(NO_EVIDENCE, highlight=False)
        return
    verdict = " | ".join(VERDICTS[found["verdict"]])
    console.print(f"evidence, {told['target']}, month ends {told['first']} to {told['last']}: {verdict}", highlight=False)
    for en, zh in stale:
        console.print(f"[yellow]{en} | {zh}[/]", highlight=False)
    for label, text in _lines(found):
        console.print(f"  {label}: {text}", highlight=False)


def _lines(found: Told) -> list[tuple[str, str]]:
    if not found["episodes"]:
        return []
    precision, recall = found["precision"], found["recall"]
    return [
        ("its value is known for", _percent(found["known"])),
        ("episodes", f"{found['episodes']:,}, {_number(found['a_month'])} a month"),
        ("precision", f"{precision['hits']:,} of {precision['n']:,}, {_share(precision)}"),
        (
            "base rate",
            f"{_percent(found['base'])}, lift {_number(found['lift'])} ({_between(found['lift_low'], found['lift_high'])})",
        ),
        ("recall", f"{recall['hits']:,} of {recall['n']:,} defaults, {_share(recall)}"),
        ("days before default", " / ".join(_number(day, 0) for day in found["lead_days"]) + " (quartiles)"),
    ]


def evidence(console: Console, policy: TriggerPolicy, told: Told) -> None:
    """All triggers with what the history says of them."""
    title = f"{told['months']} month ends, {told['first']} to {told['last']}, {told['moments']:,} borrower-months"
    columns = ("name", "a month", "precision", "95 %", "lift", "95 %", "recall", "days ahead", "seen")
    shown = titled(title, *columns)
    rows = [(one.id, told["triggers"][one.id]) for one in policy.triggers]
    for name, found in [*rows, *((f"any, {severity} or worse", found) for severity, found in told["together"].items())]:
        precision = found["precision"]
        shown.add_row(
            name, _number(found["a_month"]), _percent(precision["share"]), _between(precision["low"], precision["high"], True),
            _number(found["lift"]), _between(found["lift_low"], found["lift_high"]), _percent(found["recall"]["share"]),
            _number(found["lead_days"][1], 0), found["verdict"],
        )  # fmt: skip
    console.print(shown)
    for verdict in dict.fromkeys(found["verdict"] for found in told["triggers"].values()):
        console.print(f"{verdict}: {' | '.join(VERDICTS[verdict])}", highlight=False)


def fitted(console: Console, found: Fitted) -> None:
    """A proposal: what it and the threshold in force bring, and the line of the table."""
    limit = f"at most {found.most_share:.2%} a month of {found.borrowers:,} borrowers"
    shown = titled(f"{found.trigger}, {limit}", "name", "months", "signals", "a month", "defaults", "caught early", "worth")
    rows = [("in force, chosen on", found.now_on), ("proposed, chosen on", found.on)]
    rows += [("in force, looked at again", found.now_again), ("proposed, looked at again", found.again)]
    for label, bring in rows:
        if bring is not None:
            shown.add_row(label, *_brings(bring))
    console.print(shown)
    if found.chosen is None:
        console.print("no threshold within the limit is worth its checks | 在限额内没有值得的阈值", highlight=False)
        return
    if found.again is not None and found.again.share > found.most_share:
        console.print(
            "[yellow]in the months looked at again it raises more than the limit: the book has changed since it was chosen\n"
            "在复核月份中,建议阈值的信号数超过限额:账簿此后已有变化[/]",
            highlight=False,
        )
    console.print(
        "For a person to judge and to put into a new [[version]] of monitoring/policy/triggers.toml | 供人工复核:", markup=False
    )
    console.print(found.toml, highlight=False, markup=False, soft_wrap=True)


def _brings(bring: Yield) -> tuple[str, ...]:
    days = f"{bring.first} to {bring.last}"
    return (
        days,
        f"{bring.episodes:,}",
        f"{bring.share:.2%}",
        f"{bring.defaults:,}",
        f"{bring.caught:,}",
        f"{bring.worth / 100:,.2f}",
    )


def _percent(share: float | None, digits: int = 1) -> str:
    return "" if share is None else f"{share:.{digits}%}"


def _number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _between(low: float | None, high: float | None, percent: bool = False) -> str:
    if low is None or high is None:
        return ""
    return f"{low:.1%} to {high:.1%}" if percent else f"{low:.1f} to {high:.1f}"


def _share(found: Told) -> str:
    return f"{_percent(found['share'])} ({_between(found['low'], found['high'], True)})" if found["n"] else "unknown"


def table_json(policy: TriggerPolicy) -> Told:
    """All triggers as one document."""
    triggers = [_trigger(one, policy) for one in policy.triggers]
    return {"effective_from": policy.effective_from, "source": policy.source, "policy": policy.digest, "triggers": triggers}


def trigger_json(said: Trigger, policy: TriggerPolicy, told: Told | None, stale: list[tuple[str, str]]) -> Told:
    """One trigger with its evidence, null without, and what has changed since."""
    found = None if told is None else told["triggers"].get(said.id)
    return {**_trigger(said, policy), "evidence": found, "outdated": [dict(zip(LANGUAGES, one, strict=True)) for one in stale]}


def _trigger(said: Trigger, policy: TriggerPolicy) -> Told:
    en, zh = policy.owners[said.owner]
    since, until = (None if day in (date.min, date.max) else day for day in (said.valid_from, said.valid_until))
    told = {**dataclasses.asdict(said), "valid_from": since, "valid_until": until}
    return {**told, "owner": {"id": said.owner, "en": en, "zh": zh}, "when": [_condition(one) for one in said.when]}


def _condition(said: Condition) -> Told:
    threshold = None if np.isnan(said.threshold) else said.threshold
    return {"reads": said.name, "is": said.compare, "threshold": threshold, "unit": said.unit, "fitted": said.fitted or None}


def fitted_json(found: Fitted) -> Told:
    """A proposal as one document."""
    brings = {name: bring and bring._asdict() for name, bring in (
        ("chosen_on", found.on), ("in_force_on", found.now_on), ("again", found.again), ("in_force_again", found.now_again),
    )}  # fmt: skip
    chosen = None if found.chosen is None else _condition(found.chosen)
    return {"trigger": found.trigger, "most_share": found.most_share, "in_force": _condition(found.now), "proposed": chosen,
            **brings, "toml": found.toml}  # fmt: skip
