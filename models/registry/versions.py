"""A registered version as files and tags: which bundle it is, and whether it is whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from features.errors import LoanwatchError
from models.bundle import load


@dataclass(frozen=True)
class Version:
    """A registered version; ``folder`` holds its code and bundle, ``fault`` (English, Chinese) says why it may not be used."""

    number: int
    digest: str
    run_id: str
    folder: Path
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    fault: tuple[str, str] | None

    @property
    def bundle(self) -> Path:
        return self.folder / "artifacts" / self.digest


def fault_of(status: str, digest: str, folder: Path) -> tuple[str, str] | None:
    """Why a version is not whole, or None."""
    if status != "READY" or not digest:
        return "its registration never ended", "注册未完成"
    if not all((folder / name).is_file() for name in ("MLmodel", "served.py")):
        return "its files are not there", "文件缺失"
    try:
        load(folder / "artifacts" / digest)
    except LoanwatchError as error:
        return error.en, error.zh
    return None


def path_of(uri: str) -> Path:
    """The folder that a file address or a plain path names."""
    return Path(url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri)
