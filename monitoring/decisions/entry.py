"""What is recorded of a decision, what comes back, and the errors of recording."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.errors import NotFound, UsageError


@dataclass(frozen=True)
class Entry:
    """A decision to record.

    ``said`` is open and holds no personal data; ``sealed`` is for the eyes of those who may ask about the borrower ``about``.
    ``request`` is the caller's key for this request, which may come again, and the body it came with. ``own`` are names,
    each with its kind, that no entry about another borrower may have.
    """

    kind: str
    caller: str
    said: Mapping[str, Any]
    about: str | None = None
    loan: str | None = None
    sealed: bytes | None = None
    request: tuple[str, bytes] | None = None
    own: Sequence[tuple[str, str]] = ()

    @cached_property
    def text(self) -> str:
        """``said`` in canonical form; raises ValueError if it is no JSON."""
        return canonical(self.said)


@dataclass(frozen=True)
class Recorded:
    """A decision as it stands in the record, at place ``count``; ``at`` is microseconds since 1970, UTC.

    ``cipher`` is what was sealed, encrypted, and ``subject`` whose key opens it.
    """

    count: int
    id: str
    kind: str
    at: int
    caller: str
    said: Mapping[str, Any]
    subject: str | None
    cipher: bytes | None


@dataclass(frozen=True)
class Receipt:
    """What was recorded, durable; ``again`` if the same request had been recorded before."""

    entry: Recorded
    again: bool = False

    @property
    def id(self) -> str:
        return self.entry.id


def canonical(found: Mapping[str, Any]) -> str:
    """The one way to write an open text: keys sorted, no spaces, UTF-8; raises ValueError for NaN and Infinity."""
    return json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read(count: int, entry: str, cipher: bytes | None) -> Recorded:
    """A row of the record."""
    found = json.loads(entry)
    return Recorded(
        count, found["id"], found["kind"], found["at"], found["caller"], found["said"], found["subject"], cipher
    )  # fmt: skip


class Conflict(UsageError):
    """The same key for another request."""

    def __init__(self) -> None:
        super().__init__(
            "this idempotency key came before with another body; give each request a key of its own",
            "该幂等键此前已用于不同的请求内容;请为每个请求使用各自的键",
        )


class Theirs(UsageError):
    """Names of an entry, each with its kind, that are another borrower's."""

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        super().__init__(
            f"{len(names)} names came before for another borrower; give each a name of its own, nothing was recorded",
            f"有{len(names)}个编号此前已用于另一借款人;请使用各自的编号,未作任何记录",
        )
        self.names = tuple(names)


class Erased(NotFound):
    """The borrower's data were erased; what was open remains."""

    def __init__(self, on: str, by: str, authority: str) -> None:
        super().__init__(
            f"erased on {on} by {by}, authority: {authority}; only what holds no personal data remains",
            f"已于 {on} 由 {by} 依据「{authority}」删除;仅保留不含个人信息的部分",
        )
        self.on, self.by, self.authority = on, by, authority
