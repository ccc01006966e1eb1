"""A TOML document that remembers where each key stands, and refusals that say so."""

import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from features.errors import LoanwatchError, UsageError

Keys = tuple[str | int, ...]

_KEY = r'(?:"[^"]*"|\'[^\']*\'|[\w-]+)'
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"^\s*({_DOTTED})\s*=")


class Fault(Exception):
    """Something wrong with a part of a mapping, said by code that does not know where the part stands."""

    def __init__(self, en: str, zh: str, kind: type[LoanwatchError] = UsageError) -> None:
        super().__init__(en)
        self.en, self.zh, self.kind = en, zh, kind


@dataclass(frozen=True)
class Document:
    """Parsed TOML: its content, and the line of every key that begins a line."""

    file: str
    content: dict[str, Any]
    lines: dict[Keys, int]

    @classmethod
    def read(cls, path: Path) -> "Document":
        """Raises UsageError if the file is missing or is not TOML; the message has the line."""
        try:
            text = path.read_text("utf-8-sig")
            return cls(path.name, tomllib.loads(text), _lines(text))
        except FileNotFoundError as error:
            raise UsageError(
                f"{path}: no such mapping file; name it with --mapping", f"{path}:没有该映射文件;请用 --mapping 指定"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: not TOML ({error})", f"{path}:不是有效的 TOML({error})") from error

    def place(self, path: Keys) -> str:
        """``file line n, a.b.c``; the nearest key above where the key itself shares a line with others."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = f" line {self.lines[known]}" if known else ""
        dotted = ".".join(str(p) for p in path if isinstance(p, str))
        return f"{self.file}{line}, {dotted}" if dotted else f"{self.file}{line}"

    def fault(self, path: Keys, en: str, zh: str, kind: type[LoanwatchError] = UsageError) -> LoanwatchError:
        """An error about the key at ``path``."""
        place = self.place(path)
        return kind(f"{place}: {en}", f"{place}:{zh}")

    @contextmanager
    def at(self, path: Keys) -> Iterator[None]:
        """Give a Fault of the code inside its place."""
        try:
            yield
        except Fault as fault:
            raise self.fault(path, fault.en, fault.zh, fault.kind) from fault


def _lines(text: str) -> dict[Keys, int]:
    found: dict[Keys, int] = {}
    prefix: Keys = ()
    seen: dict[Keys, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            prefix = _path(header[2])
            if header[1] == "[[":
                seen[prefix] = seen.get(prefix, -1) + 1
                found.setdefault(prefix, number)
                prefix = (*prefix, seen[prefix])
            else:
                prefix = _inside_lists(prefix, seen)
            found[prefix] = number
        elif entry := _ENTRY.match(line):
            found.setdefault((*prefix, *_path(entry[1])), number)
    return found


def _inside_lists(prefix: Keys, seen: dict[Keys, int]) -> Keys:
    """``a.b.c`` under the latest ``[[a.b]]``: its position goes in between."""
    for cut in range(len(prefix), 0, -1):
        if prefix[:cut] in seen:
            return (*prefix[:cut], seen[prefix[:cut]], *prefix[cut:])
    return prefix


def _path(dotted: str) -> Keys:
    return tuple(part.strip().strip("\"'") for part in re.findall(_KEY, dotted))
