"""docs/triggers.md, written from the trigger table."""

from loanwatch.show.triggers import by_subject, condition, whom
from monitoring.policy.trigger import SCORES, SEVERITIES, SUBJECTS, Condition, Trigger, TriggerPolicy
from monitoring.policy.triggers import trigger_policies
from monitoring.trigger_backtest import FEWEST_DEFAULTS, FEWEST_EPISODES, FEWEST_MONTHS, VERDICTS

GENERATED = "<!-- Written by `python -m loanwatch.reference`; do not edit. -->"

HEAD = """# Early-warning triggers

{count} triggers, written from `monitoring/policy/triggers.toml`: the version in force from {day}. Its source: {source}.

A trigger fires on a loan where all its conditions hold; of a borrower's loans the worst value is told. What is unknown meets no
condition: that something is late is said by the triggers of [information that is late](#information-that-is-late). A signal is
one row per borrower and trigger. It has a severity ({severities}), a role that it goes to, and
stays for some days after it was last raised. A trigger that demands a tier moves a borrower there by itself; those that read the
bureau or the night's scores never do. Thresholds are set by hand unless the table says what they were fitted to. What each
feature means, and its SQL, stands in [features.md](features.md); money is shown in units of the currency.

`loanwatch triggers backtest --book DIR` tries all of them on the history of a book, `loanwatch triggers describe ID --book DIR`
shows what came of it, and `loanwatch triggers fit ID --book DIR` proposes a threshold. What they count and how sure it is stands
at the top of `monitoring/episodes.py`, `monitoring/trigger_backtest.py` and `monitoring/trigger_fit.py`, why in
[0025](decisions/0025-triggers-as-data-with-evidence.md). A trigger has evidence on a book from {episodes} episodes in {months}
months on, {defaults} of them followed by default. Verdicts:

| verdict | meaning | 含义 |
|---|---|---|
{verdicts}

| owner | | 岗位 |
|---|---|---|
{owners}
"""

SUBJECT = """
## {en}

{zh}

| id | text | 文本 | fires where | severity | tier | stays | owner | source |
|---|---|---|---|---|---|---:|---|---|
{rows}"""


def triggers_page() -> str:
    """docs/triggers.md, of the latest version."""
    policy = trigger_policies()[-1]
    head = HEAD.format(
        count=len(policy.triggers), day=policy.effective_from, source=policy.source,
        severities=" < ".join(f"{name} {zh}" for name, zh in SEVERITIES.items()),
        episodes=FEWEST_EPISODES, months=FEWEST_MONTHS, defaults=FEWEST_DEFAULTS,
        verdicts="\n".join(f"| {name} | {en} | {zh} |" for name, (en, zh) in VERDICTS.items()),
        owners="\n".join(f"| `{name}` | {en} | {zh} |" for name, (en, zh) in policy.owners.items()),
    )  # fmt: skip
    return "\n".join([GENERATED, "", head + "".join(_subject(policy, name) for name in SUBJECTS), ""])


def _subject(policy: TriggerPolicy, name: str) -> str:
    en, zh = SUBJECTS[name]
    rows = "\n".join(_row(one) for one in by_subject(policy) if one.subject == name)
    return SUBJECT.format(en=en, zh=zh, rows=rows) + "\n"


def _row(said: Trigger) -> str:
    source = said.source if said.valid_from.year == 1 else f"{said.source}; valid from {said.valid_from}"
    cells = (
        f"`{said.id}`", said.en, said.zh, f"{' and '.join(map(_condition, said.when))}; {whom(said)}", said.severity,
        said.demands or "", f"{said.stays_days} days", f"`{said.owner}`", source,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _condition(said: Condition) -> str:
    """A condition with a link to what it reads."""
    words = condition(said).removeprefix(said.name)
    name = SCORES[said.name].en if said.name in SCORES else f"[{said.name}](features.md#{said.name})"
    return name + words.replace("<", "&lt;") + (f" (fitted to {said.fitted})" if said.fitted else "")
