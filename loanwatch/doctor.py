"""Is this machine, this book and this model store fit to run?"""

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from features.errors import LoanwatchError
from features.ledger import Ledger, verify
from models import bundle as bundles
from models import keys
from monitoring import code

NEEDED = ("duckdb", "lightgbm", "numba", "pandas", "pyarrow", "mlflow", "prefect", "scikit-learn", "shap")
FREE_GB = 5


@dataclass(frozen=True)
class Finding:
    """One thing looked at, what was seen, and whether it is fit."""

    what: str
    seen: str
    fit: bool


def examine(book: Path, mlruns: Path) -> list[Finding]:
    """Everything a run depends on, each with what was seen."""
    return [_code(), _python(), _disk(), *map(_library, NEEDED), *stored(book), _store(mlruns)]


def stored(book: Path) -> list[Finding]:
    """The ledger and the bundles, every file read."""
    return [_ledger(book), *_bundles(book)]


def _code() -> Finding:
    return Finding("code", code.named(code.here()), True)


def _python() -> Finding:
    return Finding("Python", sys.version.split()[0], sys.version_info >= (3, 11))


def _disk() -> Finding:
    free = shutil.disk_usage(".").free / 1e9
    return Finding("free disk", f"{free:.0f} GB, {FREE_GB} needed", free >= FREE_GB)


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name), True)
    except PackageNotFoundError:
        return Finding(name, "not installed: run make setup", False)


def _ledger(book: Path) -> Finding:
    try:
        ledger = Ledger(book)
    except LoanwatchError as problem:
        return Finding("ledger", problem.en, False)
    manifest, damaged = ledger.manifest, verify(ledger)
    seen = f"version {manifest.ledger_version}, known through {manifest.known_through}, {len(manifest.names())} files"
    if damaged:
        named = ", ".join(path.name for path in damaged[:3])
        return Finding("ledger", f"{seen}; {len(damaged)} missing or damaged: {named}; restore from backup", False)
    return Finding("ledger", f"{seen} verified", True)


def _bundles(book: Path) -> list[Finding]:
    found = []
    for folder in sorted((book / "bundles").glob("[0-9a-f]*")):
        try:
            bundles.load(folder, keys.of_book(book))
            found.append(Finding(f"bundle {folder.name[:12]}", "verified", True))
        except LoanwatchError as problem:
            found.append(Finding(f"bundle {folder.name[:12]}", problem.en, False))
    return found


def _store(mlruns: Path) -> Finding:
    from models.registry import Registry

    try:
        return Finding("champion", Registry(mlruns).champion()[:12], True)
    except LoanwatchError as problem:
        return Finding("champion", problem.en, False)
