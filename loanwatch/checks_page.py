"""docs/checks.md, written from the table of checks, the flags and the comparison of reports."""

from loanwatch.trigger_page import GENERATED
from monitoring.checks.flags import FLAGS
from monitoring.checks.likeness import BANDS, ERROR, HASHES, ROWS, SHINGLE
from monitoring.policy.checks import CheckPolicy, Evidence, Template, check_policies

PAGE = """# Checks

A check is an inspection that was made, with its report and its evidence: first, routine, special, before maturity, after a
warning; from the desk, by phone, on site. 贷后检查:首次、日常、专项、到期前、触发;非现场、电话、现场。

It is reported with `POST /v1/checks` ([service](service.md#checks)), or from a file, a request a line. First its inspection
arrives like any other record ([0029](decisions/0029-arrivals-between-nights.md)): durable, scored at once, in the ledger
with the next night, so that the schedule knows of it. Then it becomes an entry of [the record](record.md): openly its kind,
channel, days and the codes of its flags; sealed with the borrower's key who he is, the report and the evidence. Files stay
where they are; their sha256 is kept.

```console
loanwatch keys add "Wang Li" --scope report --scope read --scope work --by NAME --book book
export LOANWATCH_KEY=lw_...
loanwatch checks templates
loanwatch checks import checks.jsonl --book book
loanwatch checks list --flagged --book book
loanwatch checks show ID --book book
loanwatch checks look ID --reason "the papers came by mail" --book book
```

For a book of the past, as that of the demo, `checks import` and `checks look` need `--day next`, by which the day after
its last is open.

## Flags

A flag says what a person should see. It is never a verdict: no tier, score or case follows from one, and a check with flags
counts like any other. Checks with flags are a queue until somebody has looked, with a reason, which is an entry of the
record too (`check_look`). 标记仅提示人工复核,不构成任何结论,不影响分层、评分或案件。

| flag | what is told | 提示 |
|---|---|---|
{flags}

A visit's day is that of the last official run before the check; without one nothing is flagged. Of several pieces of a kind
the newest is judged. Evidence is named by whoever reports: whether a file shows what it should, nobody here knows.

## Near copies

The report is compared with earlier ones by its letters and digits; capitals, widths, blanks and punctuation are left out,
and each number counts as one sign, so that other dates and amounts do not hide a copy. Two reports are as alike as the
share of their runs of {shingle} signs that both have, of those that either has. From {alike_from:.0%} on the most alike of
the same borrower's and the most alike of all others are told, by the id of the check and not by a name. Reports of fewer
than {least_length} letters and digits are not compared.

The share is estimated by MinHash (Broder 1997) from {hashes} hashes: its standard error is at most {error:.3f}, and
{at:.3f} at {alike_from:.0%}. Of pairs that are alike by {alike_from:.0%} a common band ({bands} of {rows} hashes) brings
{found:.2%} together. The hashes need a key that follows from the master key; without it the tables tell which reports are
alike, and nothing of what they say.

What it does not see: a report told in other words, numbers and months written as words, and headings of a form, which make
honest reports alike: send what was found, not the form. In a report of a hundred letters one changed word costs about a
sixth.

## Templates

Written from `monitoring/policy/checks.toml`, the version in force from {day}. Its source: {source}. The version of the day
of the check holds.

| kind | report within | what is looked at | from the desk | by phone | on site |
|---|---:|---|---|---|---|
{templates}

| evidence | | at most so many days older than the check |
|---|---|---:|
{evidence}
"""


def checks_page() -> str:
    """docs/checks.md, of the latest version."""
    policy = check_policies()[-1]
    return f"{GENERATED}\n\n{_filled(policy)}"


def _filled(policy: CheckPolicy) -> str:
    alike = policy.alike_from
    return PAGE.format(
        flags="\n".join(f"| `{code}` | {_plain(flag.en)} | {_plain(flag.zh)} |" for code, flag in FLAGS.items()),
        templates="\n".join(map(_template, policy.templates.values())), day=policy.effective_from, source=policy.source,
        evidence="\n".join(map(_evidence, policy.evidence.values())), alike_from=alike, least_length=policy.least_length,
        shingle=SHINGLE, hashes=HASHES, error=ERROR, at=(alike * (1 - alike) / HASHES) ** 0.5, bands=BANDS, rows=ROWS,
        found=1 - (1 - alike**ROWS) ** BANDS,
    )  # fmt: skip


def _plain(text: str) -> str:
    return text.replace(":.0%", "").replace("{", "`").replace("}", "`")


def _template(found: Template) -> str:
    subjects = "<br>".join(f"{one.en} {one.zh}" for one in found.looks_at)
    needs = " | ".join(", ".join(f"`{name}`" for name in names) for names in found.needs.values())
    return f"| `{found.kind}` {found.en} {found.zh} | {found.within_days} days | {subjects} | {needs} |"


def _evidence(found: Evidence) -> str:
    return f"| `{found.name}` | {found.en} {found.zh} | {found.most_days} |"
