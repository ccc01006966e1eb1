"""Working days: the country's, but for what the lender says."""

from datetime import date, timedelta
from pathlib import Path

import holidays
import numpy as np
import pytest

from features.errors import UsageError
from features.events import day_number
from monitoring.policy.lender import Lender, lender
from monitoring.workdays import Workdays

FIRST, LAST = date(2024, 1, 1), date(2026, 12, 31)
DEFAULT = lender(Path("nowhere"))


def working(by: Lender) -> set[int]:
    days = Workdays.of(by, FIRST, LAST).days
    return {int(day) for day in days if day_number(FIRST) <= day <= day_number(LAST)}


def test_they_are_those_of_the_country_with_weekends_that_are_worked() -> None:
    china = holidays.country_holidays("CN")
    found = working(DEFAULT)
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=n)
        assert (day_number(day) in found) == china.is_working_day(day), day
    assert day_number(date(2024, 2, 4)) in found  # a Sunday, worked for the Spring Festival
    assert day_number(date(2024, 2, 12)) not in found


def test_the_lender_closes_and_opens_as_he_says() -> None:
    said = DEFAULT.model_copy(update={"closed": (date(2024, 3, 5),), "open": (date(2024, 3, 9), date(1999, 1, 1))})
    assert working(said) ^ working(DEFAULT) == {day_number(date(2024, 3, 5)), day_number(date(2024, 3, 9))}


def test_the_last_up_to_a_day_and_the_first_after_it() -> None:
    days = Workdays.of(DEFAULT, FIRST, LAST)
    spring = date(2024, 2, 12)
    assert days.days[days.place(np.array([day_number(spring)]))].tolist() == [day_number(date(2024, 2, 9))]
    assert days.days[days.after(spring)] == day_number(date(2024, 2, 18))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("institution = 'casino'", "institution"), ("calendar = 'Atlantis'", "calendar"),
        ("priority = 'astrology'", "priority"), ("x = 1", "x: Extra inputs"),
        ("closed = ['soon']", "closed.0"), ("= 1", "is not TOML"), ("[[team]]\nname = 'a'", "team.2.who"),
        ("[[team]]\nname = 'a'\nwho = ['person']\ninspectors = 1\ncost = 1\nvisits = {}", "needs one team"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    whole = (Path(__file__).parents[2] / "monitoring" / "policy" / "lender.toml").read_text("utf-8")
    lines = [line for line in whole.splitlines() if not line.startswith(text.split(" ")[0] + " ")]
    (tmp_path / "lender.toml").write_text(
        "\n".join([*lines, text]) if text.startswith("[") else "\n".join([text, *lines]), "utf-8"
    )
    with pytest.raises(UsageError, match=r"lender\.toml") as raised:
        lender(tmp_path)
    assert said in raised.value.en
