"""The ``loanwatch`` command, put together."""

import sys

import typer
from rich.markup import escape

from features.errors import LoanwatchError
from loanwatch.commands import (
    backtests,
    cases,
    checks,
    events,
    explanations,
    features,
    four_eyes,
    models,
    proof,
    records,
    reminders,
    serve,
    shock,
    tasks,
    triggers,
    watch,
    webhooks,
    worklist,
)  # fmt: skip
from loanwatch.commands.options import err

app = typer.Typer(
    name="loanwatch", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Post-loan risk: who is getting into trouble, why, how closely to watch. 贷后风险监控。",
)  # fmt: skip
for part in (
    records,
    models,
    watch,
    shock,
    worklist,
    reminders,
    explanations,
    proof,
    four_eyes,
    cases,
    tasks,
    checks,
    events,
    serve,
    backtests,
):
    app.add_typer(part.app)
app.add_typer(features.app, name="features")
app.add_typer(triggers.app, name="triggers")
app.add_typer(webhooks.app, name="webhooks")


def main() -> None:
    """Run the command; an error that a user can act on becomes one clear message and its exit code."""
    try:
        app()
    except LoanwatchError as problem:
        err.print(f"[bold red]{type(problem).__name__}[/]: {escape(problem.en)}\n{escape(problem.zh)}", highlight=False)
        sys.exit(problem.exit_code)
