"""Which code works a night out: the version of the package, and a digest of the modules that its rows follow from.

Between two releases the version stays the same; the digest does not. A run's manifest has both, so that a night which another
code does not bring out again names the one that does. Tables of policy are no modules: they have digests of their own.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

PACKAGES = ("features", "models", "monitoring")
SHOWN = 12
"""Characters of the digest that are told."""


@cache
def here() -> dict[str, str]:
    """What runs here: ``loanwatch``, its version, and ``sha256``."""
    return {"loanwatch": version("loanwatch"), "sha256": digest(Path(str(files(name))) for name in PACKAGES)}


def digest(folders: Iterable[Path]) -> str:
    """sha256 over the names and contents of all modules in some folders, whose own names count."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            found.update(f"{folder.name}/{path.relative_to(folder).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def named(said: Mapping[str, str]) -> str:
    """A code in a word, as a manifest says it."""
    return f"loanwatch {said['loanwatch']} (code {said['sha256'][:SHOWN]})"
