"""What a mapping may say, as types: a key that is not here is refused with its line and the nearest names."""

import re
from collections.abc import Mapping as Dict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from features.errors import LoanwatchError, nearest
from features.sources.tables.document import Document, Keys

Scalar = str | int | float | bool | date
Text = Annotated[str, Field(min_length=1)]
UNDECIDED = "?"


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _rule(value: Any) -> Any:
    """A bare string names a column, any other bare value is a constant."""
    if isinstance(value, str):
        return {"column": value}
    return value if isinstance(value, dict) else {"value": value}


def _known(value: Any) -> Any:
    return {"ingest": True} if value == "ingest" else _rule(value)


def _named(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", value):
        raise ValueError("a name here has lower-case letters, digits and underscores, a letter first")
    return value


Name = Annotated[str, AfterValidator(_named)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(lambda v: tuple(_listed(v)))]


class Part(BaseModel):
    """A table of the document; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class File(Part):
    """One raw input: a file, several of one shape (a glob), or a table of a database."""

    path: Text | None = None
    url: Text | None = None
    format: Literal["csv", "parquet", "excel", "sqlite", "postgresql"] | None = None
    delimiter: Text = ","
    quote: str = '"'
    encoding: Text = "utf-8"
    header: bool = True
    names: tuple[Text, ...] = ()
    skip: int = Field(0, ge=0)
    sheet: str | None = None
    table: Text | None = None
    query: Text | None = None
    null: tuple[str, ...] = ()
    optional: bool = False


class Join(Part):
    """Columns of another relation for each row; the keys must be unique there unless ``many``."""

    with_: Name = Field(alias="with")
    on: Dict[str, Text] | Texts
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
    columns: Dict[Name, Text | tuple[Text, ...]]


class Repeat(Part):
    """A row for each of 1 to ``count``, its number in ``name``."""

    count: Text
    name: Name


class Keep(Part):
    """One row for each key: the first or last by ``order``, the only one, or the rows of keys that come repeatedly."""

    which: Literal["first", "last", "only", "repeated"]
    by: Texts
    order: Texts = ()


class Group(Part):
    """One row for each key, with aggregates."""

    by: Texts
    compute: Dict[Name, Text]


class Relation(Part):
    """Rows made from a file or another relation; the steps run in the order of these fields."""

    from_: Annotated[tuple[Name, ...], BeforeValidator(lambda v: tuple(_listed(v)))] = Field(alias="from")
    join: Annotated[tuple[Join, ...], BeforeValidator(lambda v: tuple(_listed(v)))] = ()
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
    hash: tuple[Text, ...] | None = None
    prefix: str = ""
    null: tuple[str, ...] = ()
    codes: Dict[str, Scalar] | None = None
    otherwise: Scalar | None = None
    format: Texts = ()
    at: Literal["month_start", "month_end", "year_end"] | None = None
    months_from: date | None = None
    days_from: date | None = None
    unit: float | None = Field(None, gt=0)
    currency: Text | None = None
    round: bool = False

    @property
    def sources(self) -> list[str]:
        """Which of the ways to get a value are used; a rule uses one."""
        return [name for name in ("column", "expression", "value", "hash") if getattr(self, name) is not None]


class KnownOn(Rule):
    """The day a record could first be known: like a column, or an assumption."""

    event_plus_days: int | None = Field(None, ge=0)
    ingest: bool = False

    @property
    def assumed(self) -> bool:
        return not (self.column or self.expression)


class Target(Part):
    """Rows of one canonical table."""

    from_: Name = Field(alias="from")
    where: Text | None = None
    record_id: Texts = ()
    numbered: bool = False
    known_on: Annotated[KnownOn, BeforeValidator(_known)] | None = None
    columns: Dict[str, Annotated[Rule, BeforeValidator(_rule)]]


class Money(Part):
    """What an amount in the files is: ``unit`` currency units each; the ledger keeps ``decimals`` digits of them as integers."""

    decimals: int = Field(2, ge=0, le=4)
    unit: float = Field(1.0, gt=0)
    currency: Text | None = None
    rates: Dict[str, float] = {}
    round: bool = False


class Numbers(Part):
    """How numbers are written."""

    decimal: Text = "."
    thousands: str = ""
    strip: tuple[Text, ...] = ()


class Said(Part):
    """The whole document."""

    name: Name
    en: Text
    zh: Text
    money: Money = Money()
    numbers: Numbers = Numbers()
    files: Dict[Name, File] = Field(min_length=1)
    relations: Dict[Name, Relation] = {}
    tables: Dict[str, Annotated[tuple[Target, ...], BeforeValidator(lambda v: tuple(_listed(v)))]] = Field(min_length=1)


class Mapping:
    """A mapping that was read: what it says, and its document for errors that name a line."""

    def __init__(self, document: Document, said: Said) -> None:
        self.document = document
        self.said = said

    @property
    def assumed(self) -> tuple[str, ...]:
        """Tables whose arrival date is a rule and not a column."""
        return tuple(
            table for table, targets in self.said.tables.items()
            if any(t.known_on is None or t.known_on.assumed for t in targets)
        )  # fmt: skip


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file; raises UsageError naming the line, the key and the nearest names."""
    document = Document.read(path)
    _decided(document, document.content, ())
    try:
        return Mapping(document, Said.model_validate(document.content))
    except ValidationError as error:
        raise _said(document, error) from error


def _decided(document: Document, value: Any, path: Keys) -> None:
    """A draft marks what it could not decide; such a mark must be gone before anything is read."""
    if value == UNDECIDED:
        raise document.fault(path, "still to be decided: put a column, a value or a rule in place of '?', or take the line out",
                             "尚待确定:请将 '?' 换成列名、取值或规则,或删去该行")  # fmt: skip
    if isinstance(value, dict):
        for key, inner in value.items():
            _decided(document, inner, (*path, key))
    if isinstance(value, list):
        for position, inner in enumerate(value):
            _decided(document, inner, (*path, position))


def _said(document: Document, error: ValidationError) -> LoanwatchError:
    """The first thing that is wrong, in our words."""
    first = error.errors(include_url=False)[0]
    path = tuple(first["loc"])
    if first["type"] == "extra_forbidden":
        en, zh = nearest(str(path[-1]), _allowed(path[:-1]))
        return document.fault(path, f"unknown key {path[-1]!r}; {en}", f"未知键 {path[-1]!r};{zh}")
    if first["type"] == "missing":
        return document.fault(path[:-1], f"{path[-1]!r} is missing", f"缺少 {path[-1]!r}")
    seen = str(first["input"])[:60]
    return document.fault(path, f"{first['msg']}; seen: {seen}", f"内容不合要求({first['msg']});实际为:{seen}")


_PARTS: dict[str, type[Part]] = {"money": Money, "numbers": Numbers}
_BY_PARENT: dict[str, type[Part]] = {"files": File, "relations": Relation, "tables": Target, "columns": Rule}
_BY_KEY: dict[str, type[Part]] = {
    "join": Join, "unpivot": Unpivot, "repeat": Repeat, "keep": Keep, "group": Group, "known_on": KnownOn,
}  # fmt: skip


def _allowed(path: Keys) -> list[str]:
    """Keys that the table at ``path`` may have."""
    names = [part for part in path if isinstance(part, str)]
    part: type[Part] = Said
    if names:
        part = _PARTS.get(names[-1]) or _BY_KEY.get(names[-1]) or (_BY_PARENT.get(names[-2]) if len(names) > 1 else None) or Said
    return [field.alias or name for name, field in part.model_fields.items()]
