"""What a person sees on the terminal: tables and sentences, never a calculation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.explain import Reason, sentence, told
from models.journal import PROPOSED

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from pathlib import Path

    from features.feature import Feature
    from features.ingest import Receipt
    from features.quarantine import Report
    from features.sources.draft import Draft
    from features.trace import Record, Trace
    from loanwatch.doctor import Finding
    from models.journal import Step
    from monitoring.policy import TierPolicy
    from monitoring.runs import Night
    from pipelines.training import Training
    from pipelines.trial import Trial
    from serving.scorer import Answer

NAMES = {
    "model": "loanwatch", "held_out": "… on unseen borrowers", "worst_dpd": "worst days past due",
    "logistic": "logistic regression", "scorecard": "WOE scorecard",
}  # fmt: skip
BASELINES = ("worst_dpd", "logistic", "scorecard")
WORST = 5
MASKED = (
    "Ids, texts and other values that may point to a person are shown by their shape (A a letters, 9 digits, 字 ideographs), so"
    " that this may be shown to others; the file and line have them."
    " | 可能指向个人的值仅显示形态(A a 字母、9 数字、字 汉字),便于转发;原值见文件行。"
)
LATEST = 20
"""Records of a trace on the terminal; the JSON has all of them."""


def receipt(console: Console, found: Receipt) -> None:
    """Rows by table, what was refused and where to read it."""
    table = _table(f"Ledger version {found.ledger_version}", "table", "rows in", "used", "repeats", "quarantined")
    for t in found.tallies:
        table.add_row(t.table, *(f"{n:,}" for n in (t.rows_in, t.used, t.repeats, t.quarantined)))
    console.print(table)
    _left_out(console, found)
    if found.assumed:
        console.print(f"arrival date assumed by rule: {', '.join(found.assumed)}")
    if found.quarantine:
        console.print(f"quarantined rows with their reasons: {found.quarantine}")
        console.print("what to do about them: loanwatch quarantine --book BOOK")


def quarantine(console: Console, found: Report) -> None:
    """Each group of refused rows: how many, where, why, what stood there, and what to do."""
    console.print(
        f"Ledger version {found.ledger_version}, source {found.source}: {found.rows:,} of {found.rows_in:,} rows refused",
        highlight=False,
    )
    for g in found.groups:
        console.print(
            f"\n[bold]{g.rows:,}[/] x {escape(g.table)}.{g.column} in {escape(g.file)}: {escape(g.reason)}", highlight=False
        )
        for example in g.examples:
            console.print(f"  line {example.line}: {_stood(example.value)}", highlight=False)
        console.print("  " + escape(" | ".join(g.remedy)), highlight=False)
        if g.follow:
            listed = ", ".join(f"{rows:,} of {table}" for table, rows in g.follow.items())
            console.print(f"  refused with them, as they hang on these | 因此连带拒收: {listed}", highlight=False)
    if found.groups:
        console.print("\n" + MASKED, highlight=False)


def quarantine_json(found: Report, csv: Path | None) -> dict[str, Any]:
    """The report as one document; values as on the terminal."""
    groups = [{**asdict(g), "reason": g.reason.split(" | ")} for g in found.groups]
    return {**asdict(found), "groups": groups, "csv": csv}


def draft(console: Console, made: Draft, to: Path | None) -> None:
    """What was recognised, and how much waits for a person."""
    name = "the draft" if to is None else str(to)
    if not made.tables:
        console.print(
            f"{escape(name)} has no table: nothing in these files was recognised. Write \\[tables.*] yourself: docs/tables.md"
            " says what each table means, docs/mapping.md shows how."
            " | 未识别出任何表;请按 docs/mapping.md 自行编写 \\[tables.*]。",
            highlight=False,
        )
        return
    console.print(f"{escape(name)}: {', '.join(made.tables)}; {made.waiting} places wait for you, marked ?", highlight=False)
    if made.unknown:
        console.print(f"like no table: {escape(', '.join(made.unknown))}; map them yourself or leave them out", highlight=False)


def trial(console: Console, found: Trial) -> None:
    """What a mapping would bring, and the first reasons for which it would not."""
    table = _table("Tried, nothing written", "table", "rows in", "refused")
    for name, rows in found.seen.items():
        table.add_row(name, f"{rows:,}", f"{found.refused[name]:,}")
    console.print(table)
    _left_out(console, found)
    for fault in found.faults:
        place = f"{fault.rows:,} of {fault.table}.{fault.column}, first in {fault.file} line {fault.line}"
        console.print(f"refused: {place}: {_stood(fault.value)}: {escape(fault.reason)}", highlight=False)
        console.print("  " + escape(" | ".join(fault.remedy)), highlight=False)
    if found.faults:
        console.print(MASKED, highlight=False)


def _stood(value: str | None) -> str:
    return "nothing" if value is None else escape(repr(value))


def _left_out(console: Console, found: Receipt | Trial) -> None:
    """Raw rows in no table, and the parts that they are the sum of."""
    if found.left_out:
        console.print(f"left out, in no table: {sum(found.left_out.values()):,} rows", highlight=False)
    for reason, rows in found.left_out.items():
        console.print(f"  {rows:,} of {escape(reason)}", highlight=False)
    for column, values in found.passed_over.items():
        console.print(f"unreadable values passed over by {escape(column)}: {values:,}", highlight=False)


def training(console: Console, result: Training) -> None:
    """What the model is worth against baselines, and whether it may be used."""
    whole = result.assessment.whole
    table = _table(
        f"Test months: {whole['model'].n:,} rows, {whole['model'].bad:,} defaults",
        "score", "AUC", "95 % interval", "loanwatch minus it", "KS", "calibration slope", "Brier",
    )  # fmt: skip
    for name in ("model", "held_out", *BASELINES):
        v = whole[name]
        table.add_row(
            NAMES[name], f"{v.value['auc']:.3f}", f"{v.low['auc']:.3f} to {v.high['auc']:.3f}", _ahead(whole, name),
            f"{v.value['ks']:.3f}", f"{v.value['calibration_slope']:.2f}", f"{v.value['brier']:.4f}",
        )  # fmt: skip
    console.print(table)
    for part, verdicts in result.assessment.slices.items():
        v = verdicts["model"]
        console.print(
            f"{part}: AUC {v.value['auc']:.3f} ({v.low['auc']:.3f} to {v.high['auc']:.3f}), {v.n:,} rows, {v.bad:,} defaults"
        )
    _validation(console, result)
    _searched(console, result.bundle.said["search"])
    _against_champion(console, result)
    for finding in result.findings:
        console.print(("[green]met[/]" if finding.met else "[red]not met[/]") + f": {finding.say()[0]}", highlight=False)
    role = "champion" if result.published.champion else "challenger, held back by the gate"
    known = " (made before)" if result.published.known else ""
    console.print(f"model {result.bundle.digest[:12]} is version {result.published.version}{known}, {role}", highlight=False)


def _searched(console: Console, said: Mapping[str, Any] | None) -> None:
    if said is not None:
        console.print(
            f"search: {said['done']} of {said['asked']} trials, ended by {said['ended']}; AUC in the stopping months"
            f" {said['auc']:.4f}, the profile's own {said['auc_of_profile']:.4f}",
            highlight=False,
        )


def _against_champion(console: Console, result: Training) -> None:
    if result.beside is not None and result.beside.log_odds is None:
        console.print(f"not compared with champion {result.beside.digest[:12]}: {result.beside.en}", highlight=False)


def promotions(console: Console, found: Mapping[str, Any]) -> None:
    """Versions with what they are and what waits for a second person, then every step so far."""
    table = _table("Versions", "version", "what", "seen")
    for v in found["versions"]:
        missed = f"not met: {', '.join(v['not_met'])}" if v["not_met"] else "all criteria met"
        waiting = f"; proposed by {v['proposal']['by'][0]}, waits for another person" if v["proposal"] else ""
        names = f" ({', '.join(v['aliases'])})" if v["aliases"] else ""
        table.add_row(f"{v['version']}{names}", escape(f"{v['bundle'][:12]}{waiting}"), escape(v["fault"] or missed))
    console.print(table)
    for step in found["history"]:
        console.print(_said(step), highlight=False)


def promotion_step(console: Console, step: Step) -> None:
    """What a person did, and what must follow."""
    console.print(_said(asdict(step)), highlight=False)
    if step.what == PROPOSED:
        console.print(
            f"another person completes it: loanwatch promote {step.version} --by NAME --approve | 须由他人批准", highlight=False
        )


def _said(step: Mapping[str, Any]) -> str:
    persons = " and ".join(step["by"]) or "the criteria"
    missed = f"; not met: {', '.join(step['not_met'])}" if step["not_met"] else ""
    reasons = f": {' / '.join(step['reasons'])}" if step["reasons"] else ""
    return escape(f"{step['number']}  {step['at']}  version {step['version']} {step['what']} by {persons}{reasons}{missed}")


def _validation(console: Console, result: Training) -> None:
    """The judgement in full, in a few lines; the report has the rest."""
    found = result.validation
    ratios = [f"{months} months {t.ratio:.2f}" for months, t in found.by_horizon.items() if t is not None]
    red = [str(grade) for grade, test in found.backtest.items() if test.light == "red"]
    late = [name for name, gain in found.leaks.features.items() if gain.flagged]
    score, worth = found.stability.score, found.worth.summary()
    lines = [
        f"riskiest 10 % of rows: {result.assessment.whole['model'].value['capture_10']:.0%} of defaults",
        f"observed over expected defaults: {', '.join(ratios)}",
        f"grades whose PD the back-test calls red: {', '.join(red) or 'none'}",
        f"PSI of the score from pool to test: {score.psi:.3f}, {score.light}",
        f"features that gain from ignoring known_on: {', '.join(late) or 'none'}",
        f"features: {worth['features']} that vary, trees split on {worth['used']}, permuting hurts {worth['help']} beyond noise",
    ]
    for step in found.walk.steps if found.walk else ():
        auc = f"AUC {step.verdict.value['auc']:.3f}, " if step.verdict else ""
        said = step.refused or f"{auc}mean PD {step.mean_pd:.2%}, observed {step.rate:.2%}"
        lines.append(f"retrained on {step.day}: {said}")
    for line in [*lines, f"report and model card: MLflow run {result.published.run_id}, report/"]:
        console.print(line, highlight=False)


def _ahead(whole: Mapping[str, Any], name: str) -> str:
    if name not in BASELINES:
        return ""
    paired = whole[f"model_minus_{name}"]
    return f"{paired.value['auc']:+.3f} ({paired.low['auc']:+.3f} to {paired.high['auc']:+.3f})"


def book_by_tier(console: Console, night: Night, policy: TierPolicy) -> None:
    """How many borrowers stand where, what they owe, and when they are looked at."""
    table = _table(
        f"The book on {night.as_of}",
        "tier",
        "borrowers",
        "share",
        "mean PD",
        "exposure",
        "reviews due in 30 days",
    )
    soon = pd.Timestamp(night.as_of) + pd.Timedelta(days=30)
    for tier in policy.tiers:
        rows = night.borrowers[night.borrowers["tier"] == tier.name]
        due = int((pd.to_datetime(rows["next_review_on"]) <= soon).sum())
        table.add_row(
            f"{tier.name} {tier.zh}", f"{len(rows):,}", f"{len(rows) / max(1, len(night.borrowers)):.1%}",
            f"{rows['pd_12m'].mean():.2%}" if len(rows) else "", _money(rows["exposure"].sum()), f"{due:,}",
        )  # fmt: skip
    console.print(table)


def worst_borrowers(console: Console, night: Night) -> None:
    """The borrowers most likely to default that are not yet in default, each with three reasons in both languages."""
    standing = night.borrowers[~(night.borrowers["dpd"] >= 90)]
    table = _table("Look at these first", "borrower", "PD", "grade", "past due", "exposure", "why")
    for _, row in standing.sort_values(["log_odds", "borrower_id"], ascending=[False, True]).head(WORST).iterrows():
        why = "\n".join(f"{sentence(r, 'en')} | {sentence(r, 'zh')}" for r in told(row)[:3])
        days = "unknown" if np.isnan(row["dpd"]) else f"{row['dpd']:.0f} days"
        table.add_row(row["borrower_id"], f"{row['pd_12m']:.1%}", str(row["grade"]), days, _money(row["exposure"]), why)
    console.print(table)


def _money(minor: float) -> str:
    return "unknown" if np.isnan(minor) else f"{minor / 100:,.0f}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="", expand=False)
    for name in columns:
        number = name not in ("table", "tier", "score", "borrower", "why", "name", "what", "seen")
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    return table


def answer(console: Console, found: Answer, day: date) -> None:
    """One score with its reasons in both languages."""
    row = found.row
    console.print(
        f"[bold]{row.get('loan_id', row['borrower_id'])}[/] on {day}: PD {row['pd_12m']:.2%}, {row['points']:.0f} points,"
        f" grade {row['grade']}, tier {found.official_tier or 'none yet'} (this score alone: {found.indicative_tier})",
        highlight=False,
    )
    for reason in told(row):
        console.print(f"  {reason.log_odds:+.2f}  {sentence(reason, 'en')} | {sentence(reason, 'zh')}", highlight=False)
    if row["missing"]:
        console.print(f"  nothing known from: {', '.join(row['missing'])}", highlight=False)


def answer_json(found: Answer, day: date, bundle: str) -> dict[str, Any]:
    """One score as the contract names its parts."""
    row = found.row
    reasons = [
        {"feature": r.feature, "value": None if np.isnan(r.value) else r.value, "log_odds": r.log_odds,
         "en": sentence(r, "en"), "zh": sentence(r, "zh")}
        for r in told(row)
    ]  # fmt: skip
    names = [name for name in ("borrower_id", "loan_id") if name in row]
    return {
        **{name: str(row[name]) for name in names}, "as_of": day, "log_odds": float(row["log_odds"]),
        "pd_12m": float(row["pd_12m"]), "points": float(row["points"]), "grade": int(row["grade"]),
        "official_tier": found.official_tier, "indicative_tier": found.indicative_tier, "reasons": reasons,
        "missing": list(row["missing"]), "bundle": bundle,
    }  # fmt: skip


def catalogue(console: Console, features: list[Feature]) -> None:
    table = _table(f"{len(features)} features", "name", "unit", "risk", "what")
    for f in features:
        table.add_row(f.name, f.unit, {1: "+", -1: "-", 0: ""}[f.risk], f"{f.en} | {f.zh}")
    console.print(table)


def feature(console: Console, said: Feature) -> None:
    moves = {1: "more means more risk", -1: "more means less risk", 0: "no direction is imposed"}[said.risk]
    console.print(f"[bold]{said.name}[/]  {said.en} | {said.zh}", highlight=False)
    console.print(f"unit {said.unit}; {moves}; read from {', '.join(said.tables)}", highlight=False)
    console.print(f"{said.en_text} | {said.zh_text}", highlight=False)
    console.print(f"unknown: {said.unknown} | {said.unknown_zh}", highlight=False)
    if said.source:
        console.print(f"source: {said.source}", highlight=False)


def trace(console: Console, found: Trace) -> None:
    """A value, then each part it was computed from with its latest records."""
    whole = Reason(found.feature.name, found.value, 0.0)
    who = f"{found.loan_id} of {found.borrower_id}" if found.loan_id else found.borrower_id
    console.print(
        f"[bold]{escape(who)}[/] on {found.as_of}, as known by {found.known_by}, ledger version {found.ledger_version}",
        highlight=False,
    )
    console.print(f"{sentence(whole, 'en')} | {sentence(whole, 'zh')}", highlight=False)
    for part in found.parts:
        console.print(f"\n{escape(part.name)} = {'unknown' if _unknown(part.value) else _plain(part.value)}", highlight=False)
        for name in dict.fromkeys(record.table for record in part.records):
            _records(console, [record for record in part.records if record.table == name])
        if part.heard == 0:
            console.print("nothing was heard of this source, so nothing is unknown, not zero | 该来源无记录,故为未知而非零")


def _records(console: Console, found: list[Record]) -> None:
    """The latest records of one table."""
    head = ("name", "record", "event_on", "known_on", "superseded_on", "ingest", "what")
    table = _table(f"{found[0].table}: {len(found):,}", *head)
    for r in found[-LATEST:]:
        clocks = (str(r.event_on), str(r.known_on), str(r.superseded_on or ""))
        table.add_row(escape(r.entity), escape(r.record_id), *clocks, str(r.ledger_version), escape(_read(r)))
    console.print(table)
    if len(found) > LATEST:
        console.print(f"and {len(found) - LATEST:,} earlier ones: --json | 更早的记录见 --json", highlight=False)


def _read(record: Record) -> str:
    """What a record contributes: the value a reduction reads, or what a fold reads."""
    if record.said:
        return ", ".join(f"{name} {value}" for name, value in record.said.items())
    return _plain(record.value)


def _plain(value: float | str | None) -> str:
    return f"{value:,.12g}" if isinstance(value, float) else str(value)


def _unknown(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def trace_json(found: Trace) -> dict[str, Any]:
    """The same as one document, with every record; null for unknown."""
    parts = [{**asdict(p), "value": None if _unknown(p.value) else p.value} for p in found.parts]
    return {
        "feature": found.feature.name, "unit": found.feature.unit, "en": found.feature.en, "zh": found.feature.zh,
        "borrower_id": found.borrower_id, "loan_id": found.loan_id, "as_of": found.as_of, "known_by": found.known_by,
        "ledger_version": found.ledger_version, "value": None if np.isnan(found.value) else found.value, "parts": parts,
    }  # fmt: skip


def examination(console: Console, findings: list[Finding]) -> None:
    table = _table("loanwatch doctor", "what", "seen", "fit")
    for f in findings:
        table.add_row(f.what, f.seen, "[green]yes[/]" if f.fit else "[red]no[/]")
    console.print(table)
