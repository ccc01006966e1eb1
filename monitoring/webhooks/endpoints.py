"""Who is told what: the book's ``webhooks.toml``. Without it nobody is told anything.

[[endpoint]]
name = "core"                                  # letters, digits, - and _; its place in the record is kept by this name
url = "https://core.bank.example/hooks/risk"   # http:// only to this machine itself
types = ["case.opened", "case.closed"]         # of events.TYPES
secret = "keys/core.secret"                    # a file, from the book on or by its whole path
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import UsageError, nearest
from monitoring.webhooks.events import NAMES
from monitoring.webhooks.signing import secrets

FILE = "webhooks.toml"
NOWHERE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
            "::/128", "fd00:ec2::254/128", "fe80::/10", "ff00::/8",
        ),
    )
)  # fmt: skip
"""Addresses of no receiver: links and shared space, where clouds tell a machine its credentials, groups, and what is nobody's."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Said(_Strict):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    url: Annotated[str, Field(max_length=2_000)]
    types: Annotated[tuple[str, ...], Field(min_length=1)]
    secret: Annotated[str, Field(min_length=1)]


class _File(_Strict):
    endpoint: Annotated[tuple[_Said, ...], Field(max_length=20)]


KEYS = {*_File.model_fields, *_Said.model_fields}


@dataclass(frozen=True)
class Endpoint:
    """Who is told; the path of the ``url`` and the ``keys`` are secrets."""

    name: str
    url: httpx.URL = field(repr=False)
    types: frozenset[str]
    keys: tuple[bytes, ...] = field(repr=False)

    @property
    def address(self) -> str:
        """A digest of the URL: another one is another receiver."""
        return hashlib.sha256(str(self.url).encode()).hexdigest()


def endpoints(book: Path) -> tuple[Endpoint, ...]:
    """Those of a book, none without a file.

    Raises UsageError naming the file and what is wrong in it, NotFound for a secret that is not there.
    """
    path = book / FILE
    if not path.is_file():
        return ()
    said = _read(path).endpoint
    names = [one.name for one in said]
    if len(set(names)) < len(names):
        raise _wrong(
            path, "name", f"each has one of its own; seen: {', '.join(names)}", f"名称不得重复,实际为 {'、'.join(names)}"
        )
    return tuple(
        Endpoint(one.name, _url(path, one), _types(path, one), secrets(book / one.secret)) for one in said
    )  # fmt: skip


def permitted(address: str, host: str) -> bool:
    """Whether something may be sent to an address that a host has: to this machine only where the file says so itself."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return here(host)
    return not any(found in network for network in NOWHERE)


def here(host: str) -> bool:
    """Whether a host is this machine by its name."""
    return host == "localhost" or (_literal(host) and ip_address(host).is_loopback)


def _literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(path.read_text("utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", f"{path} 不是有效的 TOML:{error}") from error
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise _misspelt(path, next((one for one in found if one["type"] == "extra_forbidden"), found[0])) from error


def _misspelt(path: Path, fault: Any) -> UsageError:
    """What is wrong; values are told of names alone, for a URL may be as good as a key."""
    where, last = ".".join(map(str, fault["loc"])), str(fault["loc"][-1])
    if fault["type"] == "extra_forbidden":
        en, zh = nearest(last, KEYS)
        return _wrong(path, where, f"no such key; {en}", f"没有此项;{zh}")
    seen = repr(fault["input"])[:60] if last == "name" else type(fault["input"]).__name__
    return _wrong(path, where, f"{fault['msg']}; seen: {seen}", f"内容无效,实际为 {seen}")


def _url(path: Path, said: _Said) -> httpx.URL:
    """Where it is sent; what is wrong is told without path and query."""
    try:
        url = httpx.URL(said.url)
    except httpx.InvalidURL as error:
        raise _wrong(path, f"{said.name}.url", "not a URL", "不是有效的 URL") from error
    secure = url.scheme == "https" or (url.scheme == "http" and here(url.host))
    if not (secure and url.host) or url.userinfo or url.fragment:
        seen = f"{url.scheme}://{url.host}"
        raise _wrong(
            path, f"{said.name}.url",
            f"expected https://, without user and fragment; http:// goes to localhost, 127.0.0.1 or [::1] alone; seen: {seen}",
            f"应为不含用户名和片段的 https:// 地址;仅本机可用 http://;实际为 {seen}",
        )  # fmt: skip
    if _literal(url.host) and not permitted(url.host, url.host):
        raise _wrong(path, f"{said.name}.url", f"{url.host} is no receiver's address", f"{url.host} 不是可用的接收地址")
    return url


def _types(path: Path, said: _Said) -> frozenset[str]:
    return frozenset(_known(path, said.name, said.types))


def _known(path: Path, name: str, types: Iterable[str]) -> Iterable[str]:
    for one in types:
        if one not in NAMES:
            en, zh = nearest(one, NAMES)
            raise _wrong(path, f"{name}.types", f"no type {one!r}; {en}", f"没有类型 {one!r};{zh}")
        yield one


def _wrong(path: Path, where: str, en: str, zh: str) -> UsageError:
    return UsageError(f"{path} {where}: {en}", f"{path} {where}:{zh}")
