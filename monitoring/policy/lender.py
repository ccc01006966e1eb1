"""Who the lender is: kind of institution, working days, the teams that look at borrowers. A book may have a table of its own."""

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from features.errors import UsageError, nearest
from monitoring.policy.priorities import priorities

FILE = "lender.toml"
Institution = Literal["bank", "consumer_finance", "platform", "trust"]
Channel = Literal["off_site", "phone", "site"]
Kind = Literal["company", "person"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
KINDS: tuple[Kind, ...] = get_args(Kind)
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Team(_Strict):
    """Who makes checks of some kinds of borrowers; ``visits`` of one inspector and his ``cost`` are by the month."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    who: Annotated[tuple[Kind, ...], Field(min_length=1)]
    inspectors: Count
    cost: Annotated[int, Field(ge=0)]
    visits: Mapping[Channel, Count]


def _country(calendar: str) -> str:
    known = holidays.list_supported_countries()
    if calendar not in known:
        raise ValueError(f"no working days of {calendar!r} are known; {nearest(calendar, known)[0]}")
    return calendar


def _priority(name: str) -> str:
    known = [policy.name for policy in priorities(date.max)]
    if name not in known:
        raise ValueError(f"no policy of who is looked at first is called {name!r}; {nearest(name, known)[0]}")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone is called {name!r}; write it as in Asia/Shanghai") from error
    return name


class Lender(_Strict):
    """A lender; every kind of borrower has one team."""

    institution: Institution
    calendar: Annotated[str, AfterValidator(_country)]
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    closed: tuple[date, ...] = ()
    open: tuple[date, ...] = ()
    priority: Annotated[str, AfterValidator(_priority)] | None = None
    team: tuple[Team, ...]

    @model_validator(mode="after")
    def _one_team_for_each(self) -> "Lender":
        served = [kind for team in self.team for kind in team.who]
        if sorted(served) != sorted(KINDS) or len({team.name for team in self.team}) < len(self.team):
            raise ValueError(
                f"each of {', '.join(KINDS)} needs one team with a name of its own; teams look at {', '.join(served)}"
            )
        return self

    def team_of(self, kind: str) -> Team:
        return next(team for team in self.team if kind in team.who)

    def day_of(self, moment: int) -> date:
        """The lender's day at a moment, microseconds since 1970."""
        return datetime.fromtimestamp(moment / 1_000_000, ZoneInfo(self.time_zone)).date()

    @property
    def said(self) -> dict[str, Any]:
        """As a run's manifest repeats it."""
        found: dict[str, Any] = json.loads(self.model_dump_json())
        return found


def lender(book: Path) -> Lender:
    """The lender of a book; raises UsageError naming the file and what is wrong in it."""
    path = book / FILE
    own = path.is_file()
    text = path.read_text("utf-8") if own else files("monitoring.policy").joinpath(FILE).read_text("utf-8")
    try:
        return Lender.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", f"{path} 不是有效的 TOML:{error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where, seen = ".".join(map(str, first["loc"])), repr(first["input"])[:60]
        raise UsageError(f"{path} {where}: {first['msg']}; seen: {seen}", f"{path} {where}:内容无效,实际为 {seen}") from error
