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
_TOKEN = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


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
        except OSError as error:
            raise UsageError(
                f"{path}: no such mapping file ({error.strerror}); name it with --mapping",
                f"{path}:无法打开该映射文件({error.strerror});请用 --mapping 指定",
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{path}: not TOML ({error})", f"{path}:不是有效的 TOML({error})") from error

    def place(self, path: Keys) -> str:
        """``file line n, a.b.c``; the nearest key above where the key itself shares a line with others."""
        known = self._as_written(path)
        while known and known not in self.lines:
            known = known[:-1]
        dotted = ".".join(str(p) for p in path if isinstance(p, str))
        line = self.lines.get(known, 1)
        return f"{self.file} line {line}, {dotted}" if dotted else f"{self.file} line {line}"

    def _as_written(self, path: Keys) -> Keys:
        """The path as the document has it: one table may stand where a list of tables is meant, and the other way."""
        found: list[str | int] = []
        here: Any = self.content
        for part in path:
            if isinstance(here, list) and isinstance(part, str) and len(here) == 1:
                found.append(0)
                here = here[0]
            if isinstance(part, int) and not isinstance(here, list):
                continue
            found.append(part)
            here = here.get(part) if isinstance(here, dict) else here[int(part)] if _has(here, part) else None
        return tuple(found)

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


def _has(here: Any, part: str | int) -> bool:
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def _lines(text: str) -> dict[Keys, int]:
    found: dict[Keys, int] = {}
    prefix: Keys = ()
    seen: dict[Keys, int] = {}
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            prefix = _inside_lists(_path(header[2]), seen, whole=header[1] == "[")
            if header[1] == "[[":
                found.setdefault(prefix, number)
                seen[prefix] = seen.get(prefix, -1) + 1
                prefix = (*prefix, seen[prefix])
            found.setdefault(prefix, number)
        elif entry := _ENTRY.match(line):
            found.setdefault((*prefix, *_path(entry[1])), number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines on which a header or an entry may begin: not those inside a text or a list of several lines."""
    quote, depth = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if not quote and not depth:
            yield number, line
        for token in _TOKEN.findall(line):
            if quote or token in ('"""', "'''"):
                quote = (token if not quote else "") if token in ('"""', "'''") and quote in ("", token) else quote
            elif token in "[{":
                depth += 1
            elif token in "]}":
                depth -= 1


def _inside_lists(path: Keys, seen: dict[Keys, int], whole: bool) -> Keys:
    """``a.b.c`` under the latest ``[[a.b]]``: its position goes in between."""
    for cut in range(len(path) if whole else len(path) - 1, 0, -1):
        if path[:cut] in seen:
            return (*path[:cut], seen[path[:cut]], *path[cut:])
    return path


def _path(dotted: str) -> Keys:
    return tuple(part.strip().strip("\"'") for part in re.findall(_KEY, dotted))
