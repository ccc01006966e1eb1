"""The configurations of the back-test are frozen: by digest, and with seeds that are never used for two things."""

import hashlib
import re
from importlib.resources import files

import pytest

from features.errors import UsageError
from features.sources.simulation import read_parameters
from loanwatch.reference import DOCS
from pipelines.schedule_backtest.configurations import parse, read

FROZEN = "5136580b695b9941547daf9a58fddc354036ab5921ba367babb33732ccef4937"
TEXT = files("pipelines.schedule_backtest").joinpath("configurations.toml").read_bytes()


def changed(old: str, new: str) -> bytes:
    assert old in TEXT.decode()
    return TEXT.decode().replace(old, new).encode()


def test_the_configurations_are_the_frozen_ones() -> None:
    assert hashlib.sha256(TEXT).hexdigest() == FROZEN, "a change makes earlier results results about something else"
    assert read().digest == FROZEN


def test_the_page_says_the_digest() -> None:
    assert FROZEN in re.findall(r"\b[0-9a-f]{64}\b", (DOCS / "backtest.md").read_text("utf-8"))


def test_seeds_are_disjoint_by_use() -> None:
    seeds = read().seeds
    every = [*seeds.training, *seeds.tuning, *seeds.result]
    assert len(set(every)) == len(every)
    with pytest.raises(UsageError, match="used twice"):
        parse(changed("result = [44_001", "result = [42_001"))


def test_results_begin_after_all_that_is_learned() -> None:
    """The first decision of a result is made when the last month of the training books is over."""
    found = read()
    year, month = (int(part) for part in found.training.first_month.split("-"))
    end = year * 12 + month + found.training.months
    year, month = (int(part) for part in found.result.first_month.split("-"))
    assert year * 12 + month + found.replay.warm_up_months >= end


def test_every_configuration_is_a_book_that_can_be_simulated() -> None:
    found = read()
    assert [c.name for c in found.each] == ["look_alikes", "no_look_alikes", "weak_checks", "weak_signal"]
    for configuration in found.each:
        made = read_parameters(None, configuration.parameters(found.result, 5, 77))
        assert (made.book.borrowers, made.book.seed) == (77, 5)
    assert found.named(["weak_checks"])[0].checks.sensitivity < found.named(["look_alikes"])[0].checks.sensitivity
    assert found.named([]) == found.each


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("case_months = 6 ", "case_month = 6 ", "case_month is not known; did you mean case_months"),
        ("effect = 0.0", "", "effect is missing"),
        ("person = 0.0\n", "persons = 0.0\n", "configuration.no_look_alikes.simulation"),
    ],
)
def test_a_mistake_in_a_file_is_named(old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(changed(old, new))


def test_an_unknown_configuration_is_told_its_neighbours() -> None:
    with pytest.raises(UsageError, match="did you mean weak_signal"):
        read().named(["weak_signals"])
