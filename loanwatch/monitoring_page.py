"""docs/monitoring.md, written from the tables of tiers, schedule, actions and triggers."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from loanwatch.trigger_page import GENERATED
from monitoring.policy import Ladder, Tier, tier_policies
from monitoring.policy.actions import Action, action_policies
from monitoring.policy.lender import CHANNELS
from monitoring.policy.priorities import priorities
from monitoring.policy.schedule import schedule_policies
from monitoring.policy.trigger import Trigger
from monitoring.policy.triggers import trigger_policies
from monitoring.tiers import CAUSES

HEAD = """# Monitoring

Who is looked at, when, how and by whom; written from the tables in `monitoring/policy/`, the versions in force last. Every
night works it out for the whole book and carries it to the next one, in the run's `standing.parquet` and `signals.parquet`
([0023](decisions/0023-standing-carried-from-night-to-night.md)). 每晚为全部借款人确定监控层级、预警信号、检查计划与可选措施。

`loanwatch worklist --book DIR` shows the visits of the last official run, those worth most first, what there is no room for,
and the price of one more inspector. It ranks by the policy of who is looked at first (`value`, in that policy's own unit);
`expected_loss` is PD times share lost times exposure under each of them, and so is what one inspector more would be worth.
`--export FILE.xlsx` or `FILE.csv` writes all of them for another system: money (`exposure`, `expected_loss`, `cost`) in whole
minor units, `dpd` in whole days, and what is unknown left blank. 导出文件中的金额以最小货币单位(如分)表示,未知为空。
`loanwatch cases` is for the signals ([cases.md](cases.md)), `loanwatch tasks` for the actions ([tasks.md](tasks.md)).

## Tiers

A borrower moves down the same night. He moves up one tier at a time, when it was earned: for so many days nothing asked for a
tier as bad as his, the PD stayed well below the limit, nothing was past due, no source was silent, and, where a check is asked
for, a visit since he came into the tier confirmed nothing. So no tier is left for the better in a shorter time than that: nobody
flaps. Two persons can agree on another tier until a day ([record.md](record.md)); the earned one goes on moving beneath it, and
holds again when it ends. Silence never helps: while a source that once spoke is past its limit the tier is no better than the
night before. Every move is a row of the record with its cause: {causes}.

The general ladder:

```mermaid
stateDiagram-v2
{diagram}
```

A borrower with loans under several of these profiles stands under the one that comes first:

| profile | | tier | PD below | days past due from | review every | how | left for the better after |
|---|---|---|---:|---:|---:|---|---|
{ladders}

Source: {source}.

Which lender's which loans: {speaks_for}; all others: `general`. The kind of lender is in the book's `lender.toml`.
"""

VISITS = """
## Visits

A borrower's visit is due on the earliest of the days below; what falls due up to {join_days} days after the day on which it is
planned joins it. What is
owed on a night is owed on the next one by the same day, until a visit settles it, which counts from its own day, however late it
becomes known: one made before a signal came or a loan was paid out settles neither. The first check of a loan that becomes known
only when its day has passed is due at once; excepted are the loans that the book's first night knew already.

A visit is an inspection that somebody made; the finding with which a case is closed at the desk (kind `case`) is none. It settles
what the signals asked for, since somebody has looked at them, and what was found counts: for the day to look again, for who
goes first, and where it confirms trouble. It moves no other check, and nobody leaves a tier for the better by it. The routine
check asks for a visit by the channel of the tier or a stronger one ({channels}); one whose channel is unknown counts as any, so
that a lender who does not note it can work.

| check | due | of whom |
|---|---|---|
| triggered 触发检查 | after a signal: {clock} | all |
| special 专项检查 | the day to look again that the last inspection set which says one | all |
| before_maturity 到期前检查 | {before_maturity.days} days before maturity | {of_maturing} |
| first 首次检查 | {first.days} days after a loan was paid out | {of_first} |
| routine 常规检查 | one interval of the tier after the last visit by its channel, or after the first night | all |

A visit is planned on a working day (`next_review_on`) by the team that looks at his kind of borrower. A working day has room for
so many visits of a team and channel, and no more are planned on it. The visits worth most choose first and take the last day with
room up to the due day (Cormen et al., Introduction to Algorithms, 16.5), a special check or one before maturity none that is more
than {join_days} days earlier. What finds no room by then is due all the same (`due_on`
stays, `fits` is false) and takes the first day with room after it; the worklist has it with that day and its rank. Where the due
day has passed, or no working day is left up to it, the first one to come counts as its day. A team that never makes visits of a
channel has no day for them: `next_review_on` is unknown then. Visits planned for the next {frozen_days} working days stay where
they are, unless they are due earlier now or a check was made. A visit whose planned day has passed without a report is planned
again, and takes no day from those: its report may be on its way. Working days are the country's, with weekends that were made
work days, but for what the lender says. What a visit is worth follows from `{priority}` of
`monitoring/policy/priorities.toml`, unless the lender chooses another of them (`priority` in `lender.toml`): {policies}. How
these do beside one another is in [backtest.md](backtest.md).

The index with memory is `index`, which weighs the loss in money; `index_count` and `index_late` are the same index after the
number of defaults. What they remember follows from what `loanwatch learn-beliefs` taught the book. Where it has learned nothing,
a twelfth of the PD stands in, and the night says so: on the terminal, and in its manifest under `warnings`.
A night before the last day that was learned from, such as a missed one run afterwards, goes without as well, and says so: it
would look ahead.
未学习信念参数时,指数以违约概率的十二分之一代替,夜间运行会给出提示;早于学习数据截止日的夜间运行亦不采用该参数。

| | |
|---|---|
| cost of a visit, in minor units | {cost} |
| share lost in a default | {loss_share} |

Source: {source}. Who the lender is, its teams and its days off: `lender.toml` in the book, else the one in `monitoring/policy/`.
"""

ACTIONS = """
## Actions

What comes into question for a borrower, for the worse and for the better. Each opens a task ([tasks.md](tasks.md)), which a
person with the authority named decides by its clock; what is to his harm is a proposal that a second person with it approves.
What is unknown meets no condition, and ends no task of a risk.

| action | | side | when | who decides | within, working days | again after, days | holds, days | basis |
|---|---|---|---|---|---:|---:|---:|---|
{rows}

Source: {source}.
"""

TRIGGERS = """
## Triggers

What each reads, its threshold and texts are in [triggers.md](triggers.md).

| trigger | subject | severity | demands | owner | stays |
|---|---|---|---|---|---:|
{rows}
"""


def monitoring_page() -> str:
    """The page."""
    return f"{GENERATED}\n\n{_tiers()}{_visits()}{_actions()}{_triggers()}"


def _tiers() -> str:
    policy = tier_policies()[-1]
    rows = [_row(ladder, tier) for ladder in policy.ladders.values() for tier in ladder.tiers]
    spoken = sorted(policy.speaks_for.items())
    return HEAD.format(
        causes=", ".join(f"`{cause}`" for cause in CAUSES), diagram="\n".join(_diagram(policy.general)), ladders="\n".join(rows),
        source=policy.source, speaks_for=", ".join(f"{lender} with {product}: `{name}`" for (lender, product), name in spoken),
    )  # fmt: skip


def _row(ladder: Ladder, tier: Tier) -> str:
    limit = "" if tier.pd_below is None else f"{tier.pd_below:.1%}"
    dpd = "" if tier.dpd_from is None else f"{tier.dpd_from}"
    first = tier is ladder.tiers[0]
    named = (f"`{ladder.name}`", f"{ladder.en} {ladder.zh}") if first else ("", "")
    earned = "" if first else _earned(tier)
    return _cells(*named, f"{tier.name} {tier.zh}", limit, dpd, f"{tier.review_days} days", tier.channel, earned)


def _diagram(ladder: Ladder) -> Iterator[str]:
    for tier in ladder.tiers:
        yield f"    {tier.name}: {tier.name} {tier.zh}"
    for better, worse in pairwise(ladder.tiers):
        asked = [f"PD from {better.pd_below:.1%}"] if better.pd_below is not None else []
        asked += [f"{worse.dpd_from} days past due"] if worse.dpd_from is not None else []
        demanded = sorted(t.id for t in trigger_policies()[-1].triggers if t.demands == worse.name)
        asked += [f"{len(demanded)} trigger{'s' * (len(demanded) > 1)}"] if demanded else []
        for other in ladder.tiers[: ladder.tiers.index(worse)]:
            yield f"    {other.name} --> {worse.name}: {', '.join(asked)}"
        yield f"    {worse.name} --> {better.name}: {_earned(worse)}"


def _earned(tier: Tier) -> str:
    check = ", a check that confirms nothing" if tier.up_check else ""
    return f"{tier.up_days} calm days, PD at most {tier.up_margin:.0%} of the limit{check}"


def _visits() -> str:
    policy = schedule_policies()[-1]
    checks, known = policy.checks, priorities(date.max)
    return VISITS.format(
        join_days=policy.join_days, channels=" < ".join(CHANNELS), priority=policy.priority, frozen_days=policy.frozen_days,
        source=policy.source,
        policies=", ".join(f"`{one.name}` ({one.en} {one.zh})" for one in known),
        first=checks["first"],
        before_maturity=checks["before_maturity"], of_first=_who(checks["first"].who),
        of_maturing=_who(checks["before_maturity"].who),
        clock=", ".join(f"{severity} {days} days" for severity, days in policy.clock.items()),
        cost=", ".join(f"{name} {cost:,}" for name, cost in policy.cost.items()),
        loss_share=", ".join(f"{name} {share:.0%}" for name, share in policy.loss_share.items()),
    )  # fmt: skip


def _who(kinds: tuple[str, ...]) -> str:
    return " and ".join({"company": "companies", "person": "persons"}[kind] for kind in kinds)


def _actions() -> str:
    policy = action_policies()[-1]
    return ACTIONS.format(rows="\n".join(map(_action, policy.actions.values())), source=policy.source)


def _action(action: Action) -> str:
    harm = f"; a proposal `{action.proposal}`, to his harm" if action.adverse else ""
    when = ", ".join(f"{name} {' or '.join(value) if isinstance(value, list) else value}" for name, value in action.when.items())
    named = (f"`{action.id}`", f"{action.en} {action.zh}", action.side)
    days = (str(action.days), str(action.again_days), str(action.holds_days or ""))
    return _cells(*named, when, action.authority + harm, *days, action.basis)


def _triggers() -> str:
    return TRIGGERS.format(rows="\n".join(map(_trigger, trigger_policies()[-1].triggers)))


def _trigger(trigger: Trigger) -> str:
    days = f"{trigger.stays_days} days"
    return _cells(f"`{trigger.id}`", trigger.subject, trigger.severity, trigger.demands or "", trigger.owner, days)


def _cells(*texts: str) -> str:
    return f"| {' | '.join(texts)} |"
