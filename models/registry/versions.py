"""A registered version as files and tags: which bundle it is, and whether it is whole."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from features.errors import LoanwatchError
from models import keys
from models.bundle import load
from models.keys import Trusted, Untrusted

TRUSTED = "trusted"
"""The artifact that holds the public key of a version's bundle."""


@dataclass(frozen=True)
class Version:
    """A registered version; ``folder`` holds its code and bundle, ``fault`` (English, Chinese) says why it may not be used.

    One that is ``foreign`` may not be used for want of a signature alone: it is nobody's to remove.
    """

    number: int
    digest: str
    run_id: str
    folder: Path
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    fault: tuple[str, str] | None
    foreign: bool = False

    @property
    def bundle(self) -> Path:
        return self.folder / "artifacts" / self.digest

    @property
    def trusted(self) -> Trusted:
        """The key that was registered with it."""
        return keys.trusted(self.folder / "artifacts" / TRUSTED)


def looked_at(version: Version, status: str) -> Version:
    """The version with what is wrong with it, if anything."""
    try:
        return replace(version, fault=_fault(version, status))
    except Untrusted as error:
        return replace(version, fault=(error.en, error.zh), foreign=True)


def _fault(version: Version, status: str) -> tuple[str, str] | None:
    """Why a version is not whole, or None; raises Untrusted for one that is not signed."""
    if status != "READY" or not version.digest:
        return "its registration never ended", "注册未完成"
    if not all((version.folder / name).is_file() for name in ("MLmodel", "served.py")):
        return "its files are not there", "文件缺失"
    try:
        load(version.bundle, version.trusted)
    except Untrusted:
        raise
    except LoanwatchError as error:
        return error.en, error.zh
    return None


def path_of(uri: str) -> Path:
    """The folder that a file address or a plain path names."""
    return Path(url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri)
