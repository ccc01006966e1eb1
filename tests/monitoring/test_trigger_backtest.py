"""What a trigger was worth, held against counts by hand and against a naive walk through every signal."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import RELEASE, examples
from hypothesis import given
from hypothesis import strategies as st

from features.arrays import Mask
from features.build import compute
from features.errors import DataRefused, IntegrityFailed, UsageError
from features.events import day_number
from features.labels import defaulted_on, labels, population, target
from features.window import add_months, month_ends, to_date
from monitoring import trigger_evidence
from monitoring.policy.triggers import trigger_policies
from monitoring.trigger_backtest import TARGET, Evidence, evidence, together
from monitoring.trigger_history import History, Kind, Moments, Seen, look_back, months_of
from monitoring.warning import fires, read_by

POLICY = trigger_policies()[-1]
MONTHS = month_ends(date(2020, 1, 31), date(2021, 12, 31))
DAYS = np.array([day_number(day) for day in MONTHS], dtype=np.int64)
ENDS = np.array([day_number(add_months(day, 12)) for day in MONTHS], dtype=np.int64)
TRIGGER = replace(POLICY["overdue_30"], stays_days=60)


def history(seed: int, borrowers: int = 12) -> History:
    """Random borrowers: most months seen, some default, some go out of sight, a trigger fires now and then."""
    rng = np.random.default_rng(seed)
    default_on = np.where(rng.random(borrowers) < 0.5, DAYS[0] + rng.integers(1, 900, borrowers), np.nan)
    watched = np.where(rng.random(borrowers) < 0.2, DAYS[0] + rng.integers(1, 900, borrowers), DAYS[-1] + 400)
    known = np.fmin(default_on, np.inf) <= watched
    default_on = np.where(known, default_on, np.nan)
    rows = [(b, m) for b in range(borrowers) for m in range(len(DAYS)) if rng.random() < 0.9 and not default_on[b] <= DAYS[m]]
    of, month = np.array(rows, dtype=np.int64).T
    moments = Moments(of, month, DAYS[month], default_on[of], np.maximum(watched[of], DAYS[month]), ENDS[month])
    at = np.flatnonzero(rng.random(len(of)) < 0.25)
    applies: dict[Kind, Mask] = {("all", ()): np.ones(len(of), dtype=bool)}
    seen = {TRIGGER.id: Seen(at, rng.integers(0, 90, len(at)).astype(np.float64))}
    return History(tuple(MONTHS), tuple(map(to_date, ENDS)), moments, applies, seen, {TRIGGER.id: len(of)})


def first_by_hand(told: History, stays: int) -> list[tuple[int, int]]:
    """(borrower, day) of every first signal, by walking through each borrower's."""
    found, moments = [], told.moments
    on = {b: [] for b in range(100)}  # type: dict[int, list[int]]
    for i in told.seen[TRIGGER.id].at:
        on[int(moments.borrower[i])].append(int(moments.as_of[i]))
    for borrower, days in on.items():
        last, from_the_start = None, False
        for day in days:
            if last is None or day - last > stays:
                from_the_start = day == DAYS[0]
                if not from_the_start:
                    found.append((borrower, day))
            last = day
    return found


@given(st.integers(0, 2**31), st.sampled_from([1, 31, 60, 92, 400]))
@examples(60)
def test_episodes_and_what_followed_are_those_of_a_naive_walk(seed: int, stays: int) -> None:
    told = history(seed)
    moments = told.moments
    found = evidence(replace(TRIGGER, stays_days=stays), told)
    first = first_by_hand(told, max(31, stays))
    at = {(int(b), int(d)): i for i, (b, d) in enumerate(zip(moments.borrower, moments.as_of, strict=True))}
    rows = [at[one] for one in first]
    bad = [i for i in rows if moments.default_on[i] <= moments.until[i]]
    judged = [i for i in rows if i in bad or moments.watched[i] >= moments.until[i]]
    assert (found.episodes, found.precision.n, found.precision.hits) == (len(first), len(judged), len(bad))
    assert found.signals == len(told.seen[TRIGGER.id].at)
    assert found.a_month == pytest.approx(len(first) / (len(MONTHS) - 1))
    coming = {(int(moments.borrower[i]), float(moments.default_on[i])) for i in range(len(moments.month)) if moments.bad[i]}
    warned = {(int(moments.borrower[i]), float(moments.default_on[i])) for i in told.seen[TRIGGER.id].at if moments.bad[i]}
    assert (found.recall.n, found.recall.hits) == (len(coming), len(warned))
    if len(judged):
        assert found.precision.low <= found.precision.share <= found.precision.high


@given(st.integers(0, 2**31))
@examples(20)
def test_the_order_of_borrowers_does_not_matter(seed: int) -> None:
    told = history(seed)
    last = told.moments.borrower.max()
    order = np.lexsort((told.moments.month, last - told.moments.borrower))
    turned = told.moments.take(order)._replace(borrower=last - told.moments.borrower[order])
    place = np.argsort(order)
    seen, mine = told.seen[TRIGGER.id], np.argsort(place[told.seen[TRIGGER.id].at])
    other = replace(told, moments=turned, seen={TRIGGER.id: Seen(place[seen.at][mine], seen.value[mine])})
    left, right = (flat(evidence(TRIGGER, one)) for one in (told, other))
    assert left == pytest.approx(right, nan_ok=True)


def flat(found: Evidence) -> dict[str, float]:
    """Every number by where it stands."""
    numbers = {name: value for name, value in asdict(found).items() if name not in ("trigger", "verdict", "lead_days")}
    return {str(name): float(value) for name, value in pd.json_normalize({**numbers, "lead": found.lead_days[1]}).iloc[0].items()}


def test_nothing_is_claimed_without_evidence() -> None:
    told = history(3)
    assert evidence(POLICY["pd_jump"], told).verdict == "scores"
    assert evidence(TRIGGER, replace(told, known={TRIGGER.id: 0})).verdict == "unseen"
    nothing = Seen(np.zeros(0, dtype=np.int64), np.zeros(0))
    silent = evidence(TRIGGER, replace(told, seen={TRIGGER.id: nothing}))
    assert (silent.verdict, silent.episodes, silent.recall.hits) == ("silent", 0, 0)
    few = Seen(told.seen[TRIGGER.id].at[:5], told.seen[TRIGGER.id].value[:5])
    assert evidence(TRIGGER, replace(told, seen={TRIGGER.id: few})).verdict == "few"


def test_triggers_taken_together_count_each_borrower_once() -> None:
    told = history(7, 40)
    mild = replace(TRIGGER, id="mild", severity="attention")
    seen = told.seen[TRIGGER.id]
    halves = {TRIGGER.id: Seen(seen.at[::2], seen.value[::2]), "mild": Seen(seen.at[1:], seen.value[1:])}
    both = replace(told, seen=halves, known=dict.fromkeys(halves, 1))
    policy = replace(POLICY, triggers=(TRIGGER, mild, POLICY["pd_jump"]))
    monthly = replace(TRIGGER, stays_days=31)
    whole, half = evidence(monthly, told), evidence(monthly, replace(told, seen={TRIGGER.id: halves[TRIGGER.id]}))
    assert replace(together("info", policy, both), trigger=TRIGGER.id) == whole
    assert replace(together("serious", policy, both), trigger=TRIGGER.id) == half
    assert together("critical", policy, both).verdict == "silent"


def test_signals_that_tell_nothing_and_signals_that_tell_all_are_told_apart() -> None:
    told = history(5, 600)
    doomed = np.flatnonzero(told.moments.bad & (told.moments.month % 3 == 1))
    safe = np.flatnonzero(~told.moments.bad & (told.moments.month % 3 == 1))
    for at, verdict in ((doomed, "raises"), (told.seen[TRIGGER.id].at, "level"), (safe, "few")):
        assert evidence(TRIGGER, replace(told, seen={TRIGGER.id: Seen(at, np.ones(len(at)))})).verdict == verdict
    mixed = np.sort(np.concatenate([doomed[::60], safe]))
    assert evidence(TRIGGER, replace(told, seen={TRIGGER.id: Seen(mixed, np.ones(len(mixed)))})).verdict == "lowers"


def test_the_past_of_a_book_is_what_the_night_would_have_seen(book: Book) -> None:
    """Month ends of the book one by one, by the night's own functions, against the history that is read at once."""
    goal, triggers = target(TARGET), [POLICY[name] for name in ("overdue_30", "sales_fell", "bureau_score_low")]
    told = look_back(book.ledger, triggers, goal)
    assert list(told.months) == months_of(book.ledger, goal)
    for month in (0, len(told.months) // 2, len(told.months) - 1):
        everyone = population(book.ledger, [told.months[month]])
        failed = set(everyone.spine.borrower_id[everyone.facts["dpd"] >= goal.performing_dpd])
        live = everyone.facts["live"].to_numpy(dtype=bool)
        people = everyone.take(np.flatnonzero(live & ~everyone.spine.borrower_id.isin(failed)))
        here = np.flatnonzero(told.moments.month == month)
        assert len(here) == people.spine.borrower_id.nunique() > 0
        values = compute(people.spine, book.ledger, read_by(triggers))
        for trigger in triggers:
            fired = fires(trigger, people.facts["company"].to_numpy(dtype=bool), values)
            assert np.isin(told.seen[trigger.id].at, here).sum() == people.spine.borrower_id[fired].nunique()
        bad = pd.Series(labels(people, book.ledger, goal) == 1).groupby(people.spine.borrower_id).max()
        assert told.moments.bad[here].sum() == bad.sum()
        assert set(told.moments.default_on[here][told.moments.bad[here]]) <= set(defaulted_on(people, book.ledger, goal)[0])
    assert told.moments.bad.any()


@pytest.mark.skipif(not RELEASE, reason="starts other processes")
def test_other_processes_find_the_same_history(book: Book) -> None:
    triggers = [POLICY["overdue_30"], POLICY["sales_fell"]]
    here = look_back(book.ledger, triggers, target(TARGET))
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        there = look_back(book.ledger, triggers, target(TARGET), executor=pool)
    for left, right in zip(here.moments, there.moments, strict=True):
        np.testing.assert_array_equal(left, right)
    for trigger in triggers:
        assert evidence(trigger, here) == evidence(trigger, there)


def test_a_book_gives_evidence_that_is_kept_and_grows_old(book: Book, own: Path) -> None:
    told = look_back(book.ledger, [t for t in POLICY.triggers if t.subject != "model"], target(TARGET))
    found = [evidence(trigger, told) for trigger in POLICY.triggers]
    by_id = {one.trigger: one for one in found}
    assert by_id["overdue_30"].verdict == "raises" and by_id["guarantee_circle"].verdict == "silent"
    document = trigger_evidence.document(book.ledger, POLICY, told, found)
    path = trigger_evidence.keep(own, document)
    assert trigger_evidence.kept(own) == document
    written = path.read_bytes()
    assert trigger_evidence.keep(own, document).read_bytes() == written
    assert trigger_evidence.outdated(document, book.ledger, POLICY) == []
    changed = {**document, "ledger": "x", "policy": "y", "catalogue": "z"}
    assert [en.rpartition(" ")[2] for en, _ in trigger_evidence.outdated(changed, book.ledger, POLICY)] == [
        "ledger",
        "triggers",
        "now",
    ]
    ids = [borrower for n in book.ledger.partitions for borrower in book.ledger.partition(n, ["borrowers"]).borrowers[:50]]
    assert not any(str(borrower) in written.decode() for borrower in ids)


def test_a_file_that_is_no_evidence_is_refused(own: Path) -> None:
    assert trigger_evidence.kept(own) is None
    (own / "evidence").mkdir()
    for text in ("{", "[]", '{"target": 1}'):
        (own / "evidence" / "triggers.json").write_text(text)
        with pytest.raises(IntegrityFailed, match="triggers backtest"):
            trigger_evidence.kept(own)


def test_scores_have_no_history(book: Book) -> None:
    with pytest.raises(UsageError, match="pd_jump reads the night's scores"):
        look_back(book.ledger, [POLICY["pd_jump"]], target(TARGET))


def test_a_short_history_is_refused(book: Book) -> None:
    with pytest.raises(DataRefused, match="bring more history"):
        months_of(book.ledger, replace(target(TARGET), months=500))
