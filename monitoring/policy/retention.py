"""How long records have to be kept: the dated table beside this file."""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from features.window import add_months


@dataclass(frozen=True)
class Retention:
    """Years for which records are kept after the last thing that happened, by kind of borrower."""

    effective_from: date
    source: str
    person: int
    company: int

    def until(self, last: date, kind: str | None) -> date:
        """The first day on which records may be erased."""
        years = {"person": self.person, "company": self.company}.get(str(kind), max(self.person, self.company))
        return add_months(last, 12 * years)


@cache
def _versions() -> tuple[Retention, ...]:
    text = files("monitoring.policy").joinpath("retention.toml").read_text("utf-8")
    return tuple(sorted((Retention(**found) for found in tomllib.loads(text)["version"]), key=lambda found: found.effective_from))


def retention(day: date) -> Retention:
    """The rule in force on a day."""
    return [found for found in _versions() if found.effective_from <= day][-1]
