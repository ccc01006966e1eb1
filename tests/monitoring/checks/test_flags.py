"""Flags follow from a table of rules; here they are worked out by hand, one sentence each."""

from datetime import date, timedelta
from typing import Any

from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from models.wording import LANGUAGES
from monitoring.checks.flags import FLAGS, Around, Check, Like, Piece, flags, text
from monitoring.policy.checks import CHANNELS, FINDINGS, KINDS, CheckPolicy, check_policies, check_policy

DAY = date(2026, 11, 18)
POLICY = check_policy(DAY)
ITEMS = sorted(POLICY.evidence)
LIKE = st.none() | st.builds(Like, st.just("0" * 32), st.floats(0.8, 1.0))
PIECES = st.lists(
    st.builds(Piece, st.sampled_from(ITEMS), st.integers(-5, 200).map(lambda age: DAY - timedelta(days=age)), st.just("ab" * 32)),
    max_size=12,
)
CHECKS = st.builds(
    Check, st.just("B1"), st.sampled_from(KINDS), st.sampled_from(CHANNELS), st.just(DAY), st.sampled_from(FINDINGS),
    st.just("as usual"), PIECES.map(tuple),
)  # fmt: skip
AROUND = st.builds(
    Around, st.integers(0, 20).map(lambda days: DAY + timedelta(days=days)),
    st.none() | st.integers(-20, 20).map(lambda days: DAY + timedelta(days=days)), LIKE, LIKE,
)  # fmt: skip


def by_hand(check: Check, around: Around, policy: CheckPolicy) -> dict[str, Any]:
    """Every flag, from its sentence."""
    template = policy.templates[check.kind]
    found: dict[str, Any] = {}
    pieces = {item: [one.taken_on for one in check.evidence if one.item == item] for item in ITEMS}
    brought = [item for item in ITEMS if pieces[item]]
    reported = (around.known_on - DAY).days
    if reported > template.within_days:
        found["report_late"] = {"days": reported, "within": template.within_days}
    if around.due_on is not None and around.due_on < DAY:
        found["visit_late"] = {"days": (DAY - around.due_on).days, "due_on": str(around.due_on)}
    named = {
        "evidence_missing": [item for item in ITEMS if item in template.needs[check.channel] and item not in brought],
        "evidence_old": [
            i for i in brought if all(day + timedelta(days=policy.evidence[i].most_days) < DAY for day in pieces[i])
        ],
        "evidence_after": [item for item in brought if any(day > DAY for day in pieces[item])],
    }
    found |= {code: {"items": items} for code, items in named.items() if items}
    for code, like in (("report_like_own", around.own), ("report_like_another", around.another)):
        if like is not None:
            found[code] = {"other": like.other, "likeness": like.likeness}
    return found


@examples(200)
@given(CHECKS, AROUND)
def test_flags_are_those_of_the_sentences(check: Check, around: Around) -> None:
    assert flags(check, POLICY, around) == by_hand(check, around, POLICY)


@examples(100)
@given(CHECKS, AROUND)
def test_every_flag_is_told_in_both_languages(check: Check, around: Around) -> None:
    for code, said in flags(check, POLICY, around).items():
        en, zh = (text(code, said, POLICY, language) for language in LANGUAGES)
        assert en.isascii() and not zh.isascii() and "{" not in en + zh


@examples(50)
@given(CHECKS, AROUND)
def test_neither_finding_nor_order_of_the_evidence_changes_a_flag(check: Check, around: Around) -> None:
    turned = Check(**{**vars(check), "evidence": check.evidence[::-1], "finding": "confirmed"})
    assert flags(turned, POLICY, around) == flags(check, POLICY, around)


def test_nothing_known_flags_nothing() -> None:
    pieces = tuple(Piece(item, DAY, "ab" * 32) for item in POLICY.templates["routine"].needs["phone"])
    assert flags(Check("B1", "routine", "phone", DAY, "none", "as usual", pieces), POLICY, Around(DAY)) == {}


def test_the_table_of_checks_is_complete_and_told_in_both_languages() -> None:
    for policy in check_policies():
        assert tuple(policy.templates) == KINDS and len(policy.digest) == 64 and policy.source
        for template in policy.templates.values():
            assert tuple(template.needs) == CHANNELS and all(template.needs.values())
            assert all(name in policy.evidence for names in template.needs.values() for name in names)
            assert template.looks_at and template.within_days > 0
            assert all(one.en.isascii() and not one.zh.isascii() for one in template.looks_at)
            assert template.en.isascii() and not template.zh.isascii()
        assert all(one.en.isascii() and not one.zh.isascii() and one.most_days >= 0 for one in policy.evidence.values())
        needed = {name for one in policy.templates.values() for names in one.needs.values() for name in names}
        assert needed <= policy.evidence.keys() and 0.8 <= policy.alike_from <= 1
    assert set(FLAGS) == set(by_flag())


def by_flag() -> list[str]:
    """The flags that the rules by hand know."""
    like, old = (
        Like("0" * 32, 0.9),
        (Piece("site_photo", DAY - timedelta(days=3), "ab" * 32), Piece("accounts", DAY + timedelta(days=1), "cd" * 32)),
    )
    check = Check("B1", "triggered", "site", DAY, "none", "as usual", old)
    return list(by_hand(check, Around(DAY + timedelta(days=9), DAY - timedelta(days=9), like, like), POLICY))
