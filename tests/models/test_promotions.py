"""Into use by the criteria alone or by two persons: who may do what, and what is kept of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from books import Book
from stores import copied, rows, trained_like, variant

from features.errors import DataRefused, GateNotPassed, NotFound, UsageError
from models.journal import PROMOTED, PROPOSED, WITHDRAWN
from models.promotions import Decision, Promotions
from models.registry import CHAMPION, CRITERIA_TAG, NOT_MET_TAG, Registry

AT = "2026-01-02T03:04:05+00:00"
OVERRULE = {"discriminates": True, "horizon": False}


@pytest.fixture(scope="module")
def template(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book's store, where version 1 is champion, with a sound version 2 that misses one criterion."""
    home = tmp_path_factory.mktemp("template")
    made = Promotions(Registry(copied(book.mlruns, home / "mlruns")))
    assert register(made, book, home / "bundles", 2, "discriminates") == 2
    return home / "mlruns"


@pytest.fixture
def promotions(template: Path, tmp_path: Path) -> Promotions:
    """A store like the template, to write to."""
    return Promotions(Registry(copied(template, tmp_path / "mlruns")))


def register(promotions: Promotions, book: Book, bundles: Path, number: int, missed: str = "") -> int:
    bundle = variant(trained_like(book.path / "bundles" / book.bundle.digest), bundles, number)
    with promotions.registry.opened("a run", {}) as run:
        tags = {CRITERIA_TAG: "c", NOT_MET_TAG: missed}
        return promotions.registry.publish(run, bundle, bundles / bundle.digest, {"auc": 0.7}, {}, tags).version


def said(by: str, version: int = 2, reason: str = "better data") -> Decision:
    return Decision(version, by, reason, AT)


def champion(promotions: Promotions) -> int:
    return promotions.registry.aliases()[CHAMPION]


def test_two_persons_put_a_version_into_use_and_everything_about_it_is_kept(promotions: Promotions, book: Book) -> None:
    proposed = promotions.propose(said("Wang Li", reason="new bureau data"), OVERRULE)
    assert champion(promotions) == 1
    done = promotions.approve(said("Zhao Min", reason="seen the report"), OVERRULE)
    assert champion(promotions) == 2
    assert promotions.registry.champion() == done.bundle == proposed.bundle
    assert (done.what, done.by, done.reasons) == (PROMOTED, ("Wang Li", "Zhao Min"), ("new bureau data", "seen the report"))
    assert (done.at, done.not_met, done.criteria, done.instead_of) == (AT, ("discriminates",), "c", book.bundle.digest)
    assert [step.what for step in promotions.journal.steps()] == [PROMOTED, PROPOSED, PROMOTED]


def test_every_step_stands_on_its_version_in_mlflow(promotions: Promotions) -> None:
    promotions.propose(said("a"), OVERRULE)
    promotions.withdraw(said("b"))
    (version,) = (v for v in promotions.registry.versions() if v.number == 2)
    told = {k: json.loads(v) for k, v in version.tags.items() if k.startswith("loanwatch.promotion.")}
    assert {k: v["what"] for k, v in told.items()} == {
        "loanwatch.promotion.0002": PROPOSED, "loanwatch.promotion.0003": WITHDRAWN,
    }  # fmt: skip


@pytest.mark.parametrize("again", ["Wang Li", " wang  LI ", "Ｗａｎｇ　Ｌｉ", "WangLi"])
def test_the_same_person_cannot_approve_his_own_proposal(promotions: Promotions, again: str) -> None:
    promotions.propose(said("Wang Li"), OVERRULE)
    with pytest.raises(UsageError, match="cannot approve it too"):
        promotions.approve(said(again), OVERRULE)
    assert champion(promotions) == 1


def test_a_withdrawn_proposal_cannot_be_approved_and_may_be_made_again(promotions: Promotions) -> None:
    promotions.propose(said("a"), OVERRULE)
    promotions.withdraw(said("a", reason=""))
    with pytest.raises(NotFound, match="no open proposal"):
        promotions.approve(said("b"), OVERRULE)
    with pytest.raises(NotFound, match="no open proposal"):
        promotions.withdraw(said("b"))
    promotions.propose(said("b"), OVERRULE)
    promotions.approve(said("a"), OVERRULE)
    assert champion(promotions) == 2


def test_a_proposal_needs_a_name_and_a_reason_of_some_length_and_comes_once(promotions: Promotions) -> None:
    for wrong, field in ((said(" "), "by"), (said("a", reason=" "), "reason"), (said("a", reason="x" * 1_001), "reason")):
        with pytest.raises(UsageError, match=f"^{field}: "):
            promotions.propose(wrong, OVERRULE)
    promotions.propose(said("a"), OVERRULE)
    with pytest.raises(UsageError, match="was proposed by a"):
        promotions.propose(said("b"), OVERRULE)
    assert len(promotions.journal.steps()) == 2


def test_what_is_champion_already_and_what_is_not_there_are_refused(promotions: Promotions) -> None:
    with pytest.raises(UsageError, match="champion already"):
        promotions.propose(said("a", version=1), OVERRULE)
    for act in (promotions.propose, promotions.approve):
        with pytest.raises(NotFound, match="no version 9; there are 1, 2"):
            act(said("a", version=9), OVERRULE)


def test_a_criterion_that_nobody_may_overrule_stops_two_persons_too(promotions: Promotions, book: Book, tmp_path: Path) -> None:
    number = register(promotions, book, tmp_path / "bundles", 3, "discriminates,horizon")
    with pytest.raises(GateNotPassed, match="does not meet horizon, which"):
        promotions.propose(said("a", version=number), OVERRULE)


def harmed(promotions: Promotions) -> Iterator[Path]:
    for version in promotions.registry.versions():
        if version.number == 2:
            yield version.bundle / "model.txt"


def test_a_version_that_is_not_whole_is_refused_at_both_steps(promotions: Promotions) -> None:
    promotions.propose(said("a"), OVERRULE)
    (model,) = harmed(promotions)
    model.write_text("harmed")
    with pytest.raises(DataRefused, match="version 2 cannot be used"):
        promotions.approve(said("b"), OVERRULE)
    with pytest.raises(DataRefused):
        promotions.by_criteria(2, None, AT)
    assert champion(promotions) == 1


def test_a_version_whose_features_changed_their_meaning_is_refused(
    promotions: Promotions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.catalogue.digest", lambda names: "another")
    with pytest.raises(DataRefused, match="another meaning"):
        promotions.propose(said("a"), OVERRULE)


def test_an_approval_is_of_what_was_proposed_not_of_another_champion_since(
    promotions: Promotions, book: Book, tmp_path: Path
) -> None:
    promotions.propose(said("a"), OVERRULE)
    number = register(promotions, book, tmp_path / "bundles", 3)
    promotions.by_criteria(number, book.bundle.digest, AT)
    with pytest.raises(UsageError, match="champion has changed since version 2 was proposed"):
        promotions.approve(said("b"), OVERRULE)
    assert champion(promotions) == number


def test_by_the_criteria_a_version_takes_the_place_only_of_the_champion_it_was_judged_against(
    promotions: Promotions, book: Book, tmp_path: Path
) -> None:
    number = register(promotions, book, tmp_path / "bundles", 3)
    for beside in (None, "another"):
        with pytest.raises(GateNotPassed, match="champion has changed since version 3 was judged"):
            promotions.by_criteria(number, beside, AT)
    promotions.by_criteria(number, book.bundle.digest, AT)
    assert champion(promotions) == number
    steps = promotions.journal.steps()
    promotions.by_criteria(number, book.bundle.digest, AT)
    assert promotions.journal.steps() == steps, "a champion is not promoted twice"
    assert (steps[-1].by, steps[-1].instead_of) == ((), book.bundle.digest)


def test_a_bundle_that_has_a_version_gets_no_second_one(promotions: Promotions, book: Book, tmp_path: Path) -> None:
    assert register(promotions, book, tmp_path / "bundles", 2) == 2
    assert len(promotions.registry.versions()) == 2
    runs = rows(promotions.registry.folder, "SELECT value FROM tags WHERE key = 'loanwatch.version'")
    assert sorted(runs) == [("1",), ("2",), ("2",)]
