"""Who may call: keys ``lw_<id>_<secret>`` with scopes, hashed with argon2id (RFC 9106), shown once, rotated, revoked, expiring.

A scope is what a key may do; an authority of the catalogue of actions is what may be decided with it.

To verify a key costs what argon2 is meant to cost, so that a key which was right is remembered for a short time by the digest of
its text. A revocation counts at once in the process that makes it, and in others within that time.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from features.errors import NotFound, UsageError, nearest
from monitoring.decisions.record import now
from monitoring.policy.actions import authorities as known_authorities
from serving.problems import Problem

Scope = Literal["score", "read", "audit", "decide", "work", "report", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
Name = TypeVar("Name", bound=str)
REMEMBERED = 30.0
"""Seconds for which a key that was verified is not verified again."""
AT_ONCE = 2
"""Keys that should be verified at the same time: each takes a processor and 19 MiB."""
NAME_LIMIT = 100
_KEY = re.compile(r"lw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""The least that OWASP recommends for argon2id; the secret itself has 256 bits."""

UNKNOWN = (
    "no valid key: send `Authorization: Bearer lw_...` with a key that is neither expired nor revoked",
    "缺少有效密钥:请在请求头中提供 `Authorization: Bearer lw_...`,且密钥未过期、未吊销",
)


@dataclass(frozen=True)
class Caller:
    """A key as it is kept; ``secret`` is its hash, times are microseconds since 1970, UTC."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    secret: str
    made_at: int
    made_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    authorities: tuple[str, ...] = ()

    def valid(self, now: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes


class Kept(Protocol):
    """Where keys are kept."""

    def add(self, caller: Caller) -> None: ...

    def find(self, id: str) -> Caller | None: ...

    def all(self) -> list[Caller]:
        """In the order in which they were made."""
        ...

    def change(self, id: str, expires_at: int | None, revoked_at: int | None) -> None: ...


class Callers:
    """The keys of a database. ``clock`` gives microseconds since 1970, ``ticks`` seconds that only go forward."""

    def __init__(self, kept: Kept, clock: Callable[[], int] = now, ticks: Callable[[], float] = time.monotonic) -> None:
        self._kept, self._clock, self._ticks = kept, clock, ticks
        self._known: dict[bytes, tuple[Caller, float]] = {}

    def make(
        self, name: str, scopes: Iterable[str], by: str, expires_at: int | None = None, authorities: Iterable[str] = ()
    ) -> tuple[Caller, str]:
        """A new key and its text, which nobody can see again.

        Raises UsageError for a scope or an authority that is none, or a time gone by.
        """
        if not 0 < len(name) <= NAME_LIMIT or _CONTROL.search(name):
            raise UsageError(
                f"a key's name has 1 to {NAME_LIMIT} characters on one line; name the system that calls",
                f"密钥名称须为1至{NAME_LIMIT}个字符且不含换行;请写明调用系统",
            )
        if expires_at is not None and expires_at <= self._clock():
            raise UsageError("the key would expire before it was made; name a later time", "到期时间早于当前时间,请改为将来时间")
        id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        may = _known(list(scopes) or [""], SCOPES, "scope", "权限范围")
        decides = _known(list(authorities), known_authorities(), "authority", "决定权限")
        made = Caller(id, name, may, _HASHER.hash(secret), self._clock(), by, expires_at, authorities=decides)
        self._kept.add(made)
        return made, f"lw_{id}_{secret}"

    def rotate(self, id: str, by: str, keep_seconds: int = 0) -> tuple[Caller, str]:
        """A new key with the name, rights and expiry of another, which ends after ``keep_seconds``; raises NotFound."""
        old = self._standing(id)
        made = self.make(old.name, old.scopes, by, old.expires_at, old.authorities)
        end = self._clock() + keep_seconds * 1_000_000
        self._end(replace(old, expires_at=end if old.expires_at is None else min(end, old.expires_at)))
        return made

    def revoke(self, id: str) -> Caller:
        """End a key now; raises NotFound for one that is not there or has ended."""
        ended = replace(self._standing(id), revoked_at=self._clock())
        self._end(ended)
        return ended

    def all(self) -> list[Caller]:
        return self._kept.all()

    def known(self, key: str) -> Caller | None:
        """The caller of a key that was verified a short time ago."""
        digest = _digest(key)
        found = self._known.get(digest)
        if found is None or found[1] < self._ticks() or not found[0].valid(self._clock()):
            self._known.pop(digest, None)
            return None
        return found[0]

    def verify(self, key: str) -> Caller:
        """The caller of a key, at the price of argon2; raises Problem ``unauthenticated``."""
        parts = _KEY.fullmatch(key)
        found = self._kept.find(parts[1]) if parts else None
        if parts is None or found is None or not found.valid(self._clock()) or not self._right(found, parts[2]):
            raise Problem("unauthenticated", *UNKNOWN)
        self._known[_digest(key)] = (found, self._ticks() + REMEMBERED)
        return found

    def _right(self, caller: Caller, secret: str) -> bool:
        try:
            return _HASHER.verify(caller.secret, secret)
        except VerificationError:
            return False

    def _standing(self, id: str) -> Caller:
        found = self._kept.find(id)
        if found is None or not found.valid(self._clock()):
            raise NotFound(
                f"no key {id} in use; list them with `loanwatch keys list`", f"没有在用密钥 {id};可用 `loanwatch keys list` 查看"
            )
        return found

    def _end(self, caller: Caller) -> None:
        self._kept.change(caller.id, caller.expires_at, caller.revoked_at)
        self._known = {digest: known for digest, known in self._known.items() if known[0].id != caller.id}


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _known(asked: list[str], every: tuple[Name, ...], en: str, zh: str) -> tuple[Name, ...]:
    """What was asked for, each once and in the order of all that there are; raises UsageError for what is none."""
    for name in asked:
        if name not in every:
            near = nearest(name, every)
            raise UsageError(f"no {en} {name!r}; {near[0]}", f"没有{zh} {name!r};{near[1]}")
    return tuple(name for name in every if name in asked)
