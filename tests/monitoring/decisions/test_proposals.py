"""Two persons: nothing follows from what one says, the first verdict counts, and an override holds on its days only."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import orjson
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from records import on_sqlite
from served import Memory

from features.errors import NotFound, UsageError
from models.persons import same
from monitoring.decisions.entry import Entry, Erased
from monitoring.decisions.overrides import in_force, named
from monitoring.decisions.proposals import SAID, Asked, NotTheirs, Person, Proposal, Said, Settled, decide, find, propose
from monitoring.decisions.record import Record

TODAY = date(2026, 11, 18)
A, B, C = (Person(f"key {name}", name, "the administrator") for name in ("Wang Li", "赵敏", "Ana"))
SINCE = date(2026, 11, 19)


def override(tier: str | None = "watch", borrower: str = "B1", until: date = SINCE + timedelta(days=30)) -> Asked:
    terms = {"tier": tier} if tier is None else {"tier": tier, "until": str(until)}
    return Asked("override", borrower, None, terms, "the plant stands still")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    with on_sqlite(tmp_path / "record") as found:
        yield found


def agreed(record: Record, asked: Asked, since: date = SINCE) -> Proposal:
    return decide(record, propose(record, asked, A, TODAY).recorded.id, "approved", "seen", B, TODAY, since)


people = st.builds(
    Person,
    st.sampled_from(["k1", "k2", "k3"]),
    st.sampled_from(["Wang Li", "WANG　LI", "赵敏", "Ana"]),
    st.sampled_from(["k1", "赵敏", "admin"]),
    st.sampled_from([(), ("risk manager",), ("credit committee",), ("credit committee", "risk manager")]),
)
ASKED = {"override": override(), "limit_cut": Asked("limit_cut", "B1", None, {"limit": 1}, "his orders fell by half")}
acts = st.lists(st.tuples(people, st.sampled_from(SAID), st.integers(0, 8)), max_size=6)


def outcome(record: Memory, id: str, person: Person, verdict: Said, today: date) -> type[UsageError] | None:
    try:
        assert decide(record, id, verdict, "r", person, today, SINCE).state(today) == verdict
    except UsageError as error:
        return type(error)
    return None


@given(kind=st.sampled_from(sorted(ASKED)), proposer=people, said=acts)
@examples(60)
def test_whatever_is_tried_only_another_person_with_the_authority_approves_once_and_in_time(
    kind: str, proposer: Person, said: list[tuple[Person, Said, int]]
) -> None:
    record = Memory()
    id = propose(record, ASKED[kind], proposer, TODAY).recorded.id
    settled, today = False, TODAY
    for person, verdict, later in said:
        today += timedelta(days=later)
        his_own = same(person.name, proposer.name)
        allowed = his_own if verdict == "withdrawn" else not person.may_be(proposer)
        if (kind, verdict) == ("limit_cut", "approved"):
            allowed = allowed and "credit committee" in person.authorities
        over = settled or today >= TODAY + timedelta(days=7)
        assert outcome(record, id, person, verdict, today) is (Settled if over else None if allowed else NotTheirs)
        settled = settled or (allowed and not over)
    assert len(record.of_kind("verdict")) == int(settled)


@pytest.mark.parametrize(
    ("other", "one"),
    [
        (Person("key Wang Li", "someone", "x"), True), (Person("k", "wang li", "x"), True), (Person("k", "x", "Wang Li"), True),
        (Person("k", "x", "key Wang Li"), True), (Person("k", "the  Administrator", "x"), True), (Person("k", "x", "y"), False),
        (B, False),
    ],
)  # fmt: skip
def test_who_may_be_one_person(other: Person, one: bool) -> None:
    assert A.may_be(other) == other.may_be(A) == one


def test_of_two_verdicts_at_once_the_first_counts_and_the_second_is_told(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    id = propose(record, override(), A, TODAY).recorded.id
    add = record.add

    def overtaken(entry: Entry) -> object:
        monkeypatch.setattr(record, "add", add)
        decide(record, id, "rejected", "no", C, TODAY, SINCE)
        return add(entry)

    monkeypatch.setattr(record, "add", overtaken)
    with pytest.raises(Settled, match="rejected already"):
        decide(record, id, "approved", "seen", B, TODAY, SINCE)
    assert find(record, id).state(TODAY) == "rejected"
    assert in_force(record, SINCE) == ()


def test_what_is_said_needs_a_reason_and_a_proposal(record: Record) -> None:
    with pytest.raises(UsageError, match="say it for those who will ask later"):
        propose(record, Asked("override", "B1", None, override().terms, "  "), A, TODAY)
    score = record.add(Entry("score", "k", {}, "B1", None, b"{}")).id
    with pytest.raises(NotFound, match="not a proposal"):
        find(record, score)
    id = propose(record, override(), A, TODAY).recorded.id
    with pytest.raises(UsageError, match="say it for those who will ask later"):
        decide(record, id, "approved", "", B, TODAY, SINCE)


def test_the_open_part_names_nobody(record: Record) -> None:
    found = agreed(record, override())
    assert found.verdict is not None
    for said in (found.recorded.said, found.verdict.recorded.said):
        assert not {"B1", "Wang Li", "赵敏", "the plant stands still", "watch"} & {str(value) for value in said.values()}


def test_the_same_request_is_one_proposal(record: Record) -> None:
    one, other = (propose(record, override(), A, TODAY, ("r1", b"body")) for _ in range(2))
    assert one == other


@pytest.mark.parametrize(("day", "holds"), [(-1, False), (0, True), (30, True), (31, False)])
def test_an_override_holds_from_the_night_after_it_was_approved_to_its_last_day(record: Record, day: int, holds: bool) -> None:
    agreed(record, override())
    propose(record, override("prime", "B2"), A, TODAY)
    assert [(one.borrower, one.tier) for one in in_force(record, SINCE + timedelta(days=day))] == [("B1", "watch")] * holds


def tiers(record: Record, day: int) -> dict[str, str]:
    return {one.borrower: one.tier for one in in_force(record, SINCE + timedelta(days=day))}


def test_the_last_override_of_a_borrower_counts_and_none_ends_it(record: Record) -> None:
    first = agreed(record, override("watch"))
    agreed(record, override("prime", "B2"))
    second = agreed(record, override("high_risk"), SINCE + timedelta(days=2))
    assert tiers(record, 1) == {"B1": "watch", "B2": "prime"}
    assert tiers(record, 2) == {"B1": "high_risk", "B2": "prime"}
    agreed(record, override(None), SINCE + timedelta(days=4))
    assert tiers(record, 4) == {"B2": "prime"}
    assert first.verdict and second.verdict
    assert [one.tier for one in named(record, [second.verdict.recorded.id])] == ["high_risk"]


@dataclass(frozen=True)
class Agreed:
    """What two persons agreed on, so many days after what they agreed on before; no tier ends an override."""

    borrower: str
    tier: str | None
    later: int
    lasting: int


agreements = st.builds(
    Agreed, st.sampled_from(["B1", "B2"]), st.sampled_from(["prime", "watch", "high_risk", None]), st.integers(0, 40),
    st.integers(1, 180),
)  # fmt: skip


@given(said=st.lists(agreements, max_size=6), nights=st.lists(st.integers(0, 400), max_size=20))
@examples(60)
def test_on_any_night_that_is_in_force_which_the_last_verdict_says_until_its_day(said: list[Agreed], nights: list[int]) -> None:
    record, today, model = Memory(), TODAY, list[tuple[date, date, Agreed]]()
    for one in said:
        today += timedelta(days=one.later)
        since, until = today + timedelta(days=1), today + timedelta(days=one.lasting)
        made = propose(record, override(one.tier, one.borrower, until), A, today)
        decide(record, made.recorded.id, "approved", "seen", B, today, since)
        model.append((since, until, one))
    for night in (SINCE + timedelta(days=n) for n in nights):
        last = {one.borrower: (one.tier, until) for since, until, one in model if since <= night}
        expected = {name: tier for name, (tier, until) in last.items() if tier is not None and night <= until}
        found = in_force(record, night)
        assert {one.borrower: one.tier for one in found} == expected and len(found) == len(expected)
        assert named(record, [one.verdict for one in found]) == found


@pytest.mark.parametrize("until", [None, SINCE + timedelta(days=4)])
def test_what_was_ended_stays_ended_though_the_end_names_a_day_as_those_of_before_do(record: Record, until: date | None) -> None:
    agreed(record, override("prime", until=SINCE + timedelta(days=150)))
    terms = {"tier": None} if until is None else {"tier": None, "until": str(until)}
    sealed = orjson.dumps({"asked": asdict(Asked("override", "B1", None, terms, "end it")), "by": A.named})
    said = {"of": "override", "adverse": False, "on": str(TODAY), "lapses_on": str(SINCE), "policy": ""}
    end = record.add(Entry("proposal", A.key, said, "B1", None, sealed)).id
    decide(record, end, "approved", "seen", B, TODAY, SINCE + timedelta(days=2))
    assert [tiers(record, day) for day in (0, 1, 2, 4, 5, 100)] == [{"B1": "prime"}] * 2 + [{}] * 4


def test_an_erased_borrower_has_no_override(record: Record) -> None:
    found = agreed(record, override())
    agreed(record, override("prime", "B2"))
    record.forget("B1", {"by": "x", "on": "2026-11-22", "authority": "y", "runs": {}})
    assert [one.borrower for one in in_force(record, SINCE)] == ["B2"]
    with pytest.raises(Erased):
        find(record, found.recorded.id)
