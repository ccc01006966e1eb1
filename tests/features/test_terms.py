"""Terms are data: read whole, refused with the nearest names, and business days as the calendars have them."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import worlds

from features import terms
from features.errors import UsageError
from features.events import day_number
from features.window import to_date


def test_a_product_has_its_own_terms_over_the_default() -> None:
    found = terms.parse(worlds.SHIPPED + '[online]\nwaterfall = [["fee"], ["interest", "principal"], ["penalty"]]\n', "here")
    own, default = found.row_of("online"), found.row_of("never heard of")
    assert default == 0 and found.products[own] == "online"
    assert [terms.COMPONENTS[c] for c in found.component[own]] == ["fee", "interest", "principal", "penalty"]
    assert found.group[own].tolist() == [0, 1, 1, 2]
    assert found.grace[own] == found.grace[0]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("[onlin]\n", "unknown 'onlin'; did you mean online"),
        ("[online]\ngrace_day = 3\n", r"\[online\]: unknown 'grace_day'; did you mean grace_days"),
        ('[online]\nwaterfall = [["fees", "interest"], ["principal"]]\n', "unknown 'fees'; did you mean fee"),
        ('[online]\nwaterfall = [["fee", "interest"], ["principal"]]\n', "each of penalty, fee, interest, principal once"),
        ('[online]\nwaterfall = ["fee"]\n', "expected a list of groups"),
        ("[online]\ngrace_days = -1\n", "saw -1, expected a whole number of days"),
        ('[online]\ncalendar = "CNN"\n', "unknown 'CNN'; did you mean CN"),
        ('[online]\nprepayment = "end"\n', "unknown 'end'"),
        ("[online\n", "not TOML"),
    ],
)
def test_what_cannot_be_read_is_refused(said: str, refused: str) -> None:
    with pytest.raises(UsageError, match=refused):
        terms.parse(worlds.SHIPPED + said, "here")


def test_without_a_default_every_key_must_be_said() -> None:
    with pytest.raises(UsageError, match="waterfall: saw nothing"):
        terms.parse("", "here")


def test_terms_of_ones_own_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "terms.toml"
    path.write_text(worlds.SHIPPED, "utf-8")
    np.testing.assert_array_equal(terms.read(path).group, terms.shipped().group)


@pytest.mark.parametrize(
    ("calendar", "day", "moved"),
    [
        ("CN", date(2024, 2, 4), date(2024, 2, 4)),  # a Sunday worked for the Spring Festival
        ("CN", date(2024, 2, 10), date(2024, 2, 18)),  # and the Sunday after it, worked too
        ("US", date(2024, 7, 4), date(2024, 7, 5)),
        ("US", date(2024, 2, 10), date(2024, 2, 12)),
        ("CN", date(2150, 1, 1), date(2150, 1, 1)),  # a Thursday in a year that the library does not know
        ("CN", date(2150, 1, 3), date(2150, 1, 5)),
    ],
)
def test_the_next_business_day(calendar: str, day: date, moved: date) -> None:
    first = day_number(day)
    assert to_date(terms.next_business_days((calendar,), first - 5, first + 5)[0, 5]) == moved
    assert to_date(terms.next_business_days((calendar,), first, first)[0, 0]) == moved


def test_business_days_only_move_forwards_and_never_past_one_another() -> None:
    first, last = day_number(date(2019, 1, 1)), day_number(date(2026, 12, 31))
    for moved in terms.next_business_days(("CN", "US"), first, last):
        assert (moved >= np.arange(first, last + 1)).all()
        assert (np.diff(moved) >= 0).all()
