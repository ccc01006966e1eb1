"""A release run that was stopped goes on with the tests that it had not passed, as long as nothing in the tree has changed."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".pytest_cache" / "release"
TREE = ("features", "models", "monitoring", "pipelines", "serving", "loanwatch", "tests", "pyproject.toml", "requirements.lock")
READ = (".py", ".toml", ".html")


def passed_before() -> set[str]:
    """Names of the tests that passed with the tree as it is."""
    return set(_file().read_text("utf-8").splitlines()) if _file().is_file() else set()


def passed(name: str) -> None:
    _file().parent.mkdir(parents=True, exist_ok=True)
    with _file().open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


def whole() -> None:
    """All have passed: the next run begins anew."""
    _file().unlink(missing_ok=True)


@cache
def _file() -> Path:
    said = "".join(f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in _tree())
    return KEPT / f"{hashlib.sha256(said.encode()).hexdigest()[:16]}.txt"


def _tree() -> Iterator[Path]:
    for name in TREE:
        found = ROOT / name
        yield from (found,) if found.is_file() else sorted(p for p in found.rglob("*") if p.suffix in READ)
