"""What a mapping may say, as types: a key that is not here is refused with its line and the nearest names."""

import re
from collections.abc import Mapping as Dict
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Scalar = str | int | float | bool | date
Text = Annotated[str, Field(min_length=1)]
Mark = Annotated[str, Field(max_length=1)]
Factor = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _texts(value: Any) -> Any:
    return tuple(_listed(value))


def _rule(value: Any) -> Any:
    """A bare string names a column, any other bare value is a constant."""
    if isinstance(value, str):
        return {"column": value}
    return value if isinstance(value, dict) else {"value": value}


def _arrival(value: Any) -> Any:
    return {"ingest": True} if value == "ingest" else _rule(value)


def _named(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", value):
        raise ValueError("a name here has lower-case letters, digits and underscores, a letter first")
    return value


def _no_empty(value: str) -> str:
    if not value.strip():
        raise ValueError("an empty field is unknown already, here and everywhere; take the empty text out")
    return value.strip()


Name = Annotated[str, AfterValidator(_named)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_texts)]
Words = Annotated[tuple[Annotated[str, AfterValidator(_no_empty)], ...], BeforeValidator(_texts)]
"""Words that stand for nothing; values are compared without the blanks around them."""


class Part(BaseModel):
    """A table of the document; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Notation(Part):
    """How numbers are written in text."""

    decimal: Annotated[str, Field(min_length=1, max_length=1)] = "."
    thousands: Mark = ""
    strip: tuple[Text, ...] = ()
    accounting: bool = False

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same mark")
        return self


class Currency(Part):
    """The currency of an amount: of each row in a column, or one for all."""

    column: Text | None = None
    value: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.value is None):
            raise ValueError('a column, as "cur", or one currency for all rows, as { value = "BRL" }')
        return self


InCurrency = Annotated[Currency, BeforeValidator(_rule)]


class Money(Part):
    """What an amount in the files is: ``unit`` currency units each; the ledger keeps ``decimals`` digits of them as integers."""

    decimals: int = Field(default=2, ge=0, le=4)
    unit: Factor = 1.0
    currency: InCurrency | None = None
    rates: Dict[str, Factor] = {}
    round: bool = False


class File(Part):
    """One raw input: a file, several of one shape (a glob), or a table of a database."""

    path: Text | None = None
    url: Text | None = None
    format: Literal["csv", "parquet", "excel", "sqlite", "postgresql"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Mark = '"'
    encoding: Text = "utf-8"
    header: bool = True
    names: tuple[Text, ...] = ()
    skip: int = Field(default=0, ge=0, le=1_000_000)
    short_lines: bool = False
    sheet: Text | None = None
    table: Text | None = None
    query: Text | None = None
    null: Words = ()
    optional: bool = False


class Join(Part):
    """Columns of another relation for each row; the keys must be unique there unless ``many``."""

    with_: Name = Field(alias="with")
    on: Dict[str, Text] | Texts = Field(min_length=1)
    take: Texts = ()
    prefix: str = ""
    kind: Literal["left", "inner"] = "left"
    many: bool = False

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(column here, column there)."""
        return list(self.on.items()) if isinstance(self.on, Dict) else [(name, name) for name in self.on]


class Unpivot(Part):
    """Wide to long: a row for each of ``values``; a column is named by a pattern with ``{}`` or by a list as long as they."""

    name: Name
    values: tuple[Scalar, ...] = Field(min_length=1)
    columns: Dict[Name, Text | tuple[Text, ...]] = Field(min_length=1)


class Repeat(Part):
    """A row for each of 1 to ``count``, its number in ``name``."""

    count: Text
    name: Name


class Keep(Part):
    """One row for each key: the first or last by ``order``, the only one, or the rows of keys that come repeatedly."""

    which: Literal["first", "last", "only", "repeated"]
    by: Texts = Field(min_length=1)
    order: Texts = ()


class Group(Part):
    """One row for each key, with aggregates."""

    by: Texts = Field(min_length=1)
    compute: Dict[Name, Text]


class Relation(Part):
    """Rows made from a file or another relation; the steps run in the order of these fields."""

    from_: Annotated[tuple[Name, ...], BeforeValidator(_texts), Field(min_length=1)] = Field(alias="from")
    join: Annotated[tuple[Join, ...], BeforeValidator(_texts)] = ()
    compute: Dict[Name, Text] = {}
    where: Text | None = None
    unpivot: Unpivot | None = None
    repeat: Repeat | None = None
    keep: Keep | None = None
    group: Group | None = None


class Rule(Part):
    """Where a value comes from (one of the first four) and how it is read."""

    column: Text | None = None
    expression: Text | None = None
    value: Scalar | None = None
    hash: Texts | None = Field(default=None, min_length=1)
    prefix: str = ""
    null: Words = ()
    codes: Dict[str, Scalar] | None = None
    otherwise: Scalar | None = None
    format: Texts = ()
    not_after: date | None = None
    at: Literal["month_start", "month_end", "quarter_end", "year_end"] | None = None
    months_from: date | Text | None = None
    days_from: date | Text | None = None
    unit: Factor | None = None
    currency: InCurrency | None = None
    round: bool = False
    decimal: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    thousands: Mark | None = None

    @property
    def sources(self) -> list[str]:
        """Which of the ways to get a value are used; a rule uses one."""
        return [name for name in ("column", "expression", "value", "hash") if getattr(self, name) is not None]


class KnownOn(Rule):
    """The day a record could first be known: like a column, or an assumption."""

    event_plus_days: int | None = Field(default=None, ge=0, le=36_500)
    ingest: bool = False

    @property
    def assumed(self) -> bool:
        return not (self.column or self.expression)

    @property
    def sources(self) -> list[str]:
        """As of any rule, and the two assumptions."""
        more = {"event_plus_days": self.event_plus_days is not None, "ingest": self.ingest}
        return [*super().sources, *(name for name, used in more.items() if used)]


class Target(Part):
    """Rows of one canonical table."""

    from_: Name = Field(alias="from")
    where: Text | None = None
    record_id: Texts = ()
    numbered: bool = False
    known_on: Annotated[KnownOn, BeforeValidator(_arrival)] | None = None
    currency: InCurrency | None = None
    columns: Dict[str, Annotated[Rule, BeforeValidator(_rule)]]


class Content(Part):
    """The whole document."""

    name: Name
    en: Text
    zh: Text
    money: Money = Field(default_factory=Money)
    numbers: Notation = Field(default_factory=Notation)
    files: Dict[Name, File] = Field(min_length=1)
    relations: Dict[Name, Relation] = {}
    tables: Dict[str, Annotated[tuple[Target, ...], BeforeValidator(_texts)]] = Field(min_length=1)
