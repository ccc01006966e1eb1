"""A mapping file as a checked mapping; whatever is wrong with it names the line, what was seen and the nearest names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from features.errors import LoanwatchError, nearest
from features.schema import DELIVERED
from features.sources.tables import mapping
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import Content, Part

UNDECIDED = "?"
OWN_NAME = {"borrowers": "borrower_id", "loans": "loan_id"}
"""Tables whose records are named by what they are about; in the others the mapping names them."""
SEEN = 60
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True)
class Mapping:
    """A mapping that was read: what it says, and its document for errors that name a line."""

    document: Document
    content: Content

    @property
    def assumed(self) -> tuple[str, ...]:
        """Tables whose arrival date is a rule and not a column."""
        return tuple(
            table for table, targets in self.content.tables.items()
            if any(t.known_on is None or t.known_on.assumed for t in targets)
        )  # fmt: skip

    def says(self, table: str, column: str) -> str:
        """Where the mapping says what a canonical column is: file, line and key; every entry of the table that does."""
        return " and ".join(dict.fromkeys(self.document.place(key) for key in self._keys(table, column)))

    def _keys(self, table: str, column: str) -> list[Keys]:
        above = {"known_on": ("event_on", "known_on"), "record_id": (OWN_NAME.get(table, "record_id"), "record_id")}
        inside, beside = above.get(column, (column, None))
        entries: list[Keys] = [("tables", table, i) for i in range(len(self.content.tables[table]))]
        found: list[Keys] = []
        for entry, target in zip(entries, self.content.tables[table], strict=True):
            if beside and getattr(target, beside):
                found.append((*entry, beside))
            elif inside in target.columns:
                found.append((*entry, "columns", inside))
        return found or [(*entry, "columns") for entry in entries]

    @property
    def dated_by_ingest(self) -> bool:
        """Whether some record counts as known from the day it is brought in."""
        rules = (target.known_on for targets in self.content.tables.values() for target in targets)
        return any(rule.ingest for rule in rules if rule is not None)


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file; raises UsageError naming the line, the key and the nearest names."""
    document = Document.read(path)
    _decided(document, document.content, ())
    _canonical(document)
    try:
        return Mapping(document, Content.model_validate(document.content))
    except ValidationError as error:
        raise _in_our_words(document, error) from error


def _canonical(document: Document) -> None:
    tables = document.content.get("tables")
    for name in tables if isinstance(tables, dict) else ():
        if name not in DELIVERED:
            en, zh = nearest(name, DELIVERED)
            raise document.fault(("tables", name), f"no canonical table {name}; {en}", f"没有标准表 {name};{zh}")


def _decided(document: Document, value: Any, path: Keys) -> None:
    """A draft marks what it could not decide; such a mark must be gone before anything is read."""
    if value == UNDECIDED:
        raise document.fault(path, "still to be decided: put a column, a value or a rule in place of '?', or take the line out",
                             "尚待确定:请将 '?' 换成列名、取值或规则,或删去该行")  # fmt: skip
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "null":  # a word for nothing may be this one
                _decided(document, inner, (*path, key))
    if isinstance(value, list):
        for position, inner in enumerate(value):
            _decided(document, inner, (*path, position))


def _in_our_words(document: Document, error: ValidationError) -> LoanwatchError:
    """The first thing that is wrong; an unknown key before what follows from it."""
    errors = error.errors(include_url=False)
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    path = _of_document(document.content, tuple(first["loc"]))
    if first["type"] == "extra_forbidden":
        en, zh = nearest(str(path[-1]), _allowed(path[:-1]))
        return document.fault(path, f"unknown key {path[-1]!r}; {en}", f"未知键 {path[-1]!r};{zh}")
    if first["type"] == "missing":
        missing = first["loc"][-1]
        return document.fault(path, f"{missing!r} is missing here", f"此处缺少 {missing!r}")
    wrong = first["msg"].removeprefix("Value error, ")
    seen = str(first["input"])[:SEEN]
    return document.fault(path, f"{wrong}; seen: {seen}", f"内容不合要求({wrong});实际为:{seen}")


def _of_document(content: Any, location: Keys) -> Keys:
    """A location of the checker without its own words for alternatives, which are no keys of the document."""
    path: list[str | int] = []
    for part in location:
        inside = part in content if isinstance(content, dict) else _within(content, part)
        if inside:
            content = content[part]
        if inside or isinstance(part, int):
            path.append(part)
    return tuple(path)


def _within(content: Any, part: str | int) -> bool:
    return isinstance(content, list) and isinstance(part, int) and part < len(content)


_PARTS: dict[str, type[Part]] = {
    "money": mapping.Money, "numbers": mapping.Notation, "join": mapping.Join, "unpivot": mapping.Unpivot,
    "repeat": mapping.Repeat, "keep": mapping.Keep, "group": mapping.Group, "known_on": mapping.KnownOn,
    "currency": mapping.Currency,
}  # fmt: skip
_MEMBERS: dict[str, type[Part]] = {
    "files": mapping.File, "relations": mapping.Relation, "tables": mapping.Target, "columns": mapping.Rule,
}  # fmt: skip


def _allowed(path: Keys) -> list[str]:
    """Keys that the table at ``path`` may have."""
    names = [part for part in path if isinstance(part, str)]
    part: type[BaseModel] = Content
    if names:
        part = (_MEMBERS.get(names[-2]) if len(names) > 1 else None) or _PARTS.get(names[-1]) or Content
    return [field.alias or name for name, field in part.model_fields.items()]
