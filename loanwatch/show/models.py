"""A model on the terminal: how good it is, against what, and who put it into use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from loanwatch.show.tables import titled
from models.journal import PROPOSED

if TYPE_CHECKING:  # what is only shown need not be loaded to be shown
    from models.journal import Step
    from pipelines.training import Training

NAMES = {
    "model": "loanwatch", "held_out": "… on unseen borrowers", "worst_dpd": "worst days past due",
    "logistic": "logistic regression", "scorecard": "WOE scorecard",
}  # fmt: skip
BASELINES = ("worst_dpd", "logistic", "scorecard")


def training(console: Console, result: Training) -> None:
    """What the model is worth against baselines, and whether it may be used."""
    whole = result.assessment.whole
    table = titled(
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
    table = titled("Versions", "version", "what", "seen")
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
        console.print(f"another person completes it: loanwatch promote {step.version} --approve | 须由他人批准", highlight=False)


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
