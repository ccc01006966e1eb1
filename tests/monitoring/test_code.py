"""The code that wrote a night: any module that its rows follow from makes it another one, and nothing else does."""

from importlib.metadata import version
from pathlib import Path

import pytest

from monitoring.code import digest, here, named


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "one" / "house"
    (folder / "room").mkdir(parents=True)
    (folder / "__init__.py").write_text("", "utf-8")
    (folder / "room" / "table.py").write_text("LEGS = 4\n", "utf-8")
    return folder


def test_the_code_here_is_named_by_its_version_and_its_modules() -> None:
    assert here() == here() and here()["loanwatch"] == version("loanwatch") and len(here()["sha256"]) == 64
    assert named(here()) == f"loanwatch {version('loanwatch')} (code {here()['sha256'][:12]})"


def test_where_it_is_installed_does_not_matter(package: Path, tmp_path: Path) -> None:
    before = digest([package])
    assert digest([package.rename(tmp_path / "house")]) == before


def test_what_is_no_module_does_not_matter(package: Path) -> None:
    before = digest([package])
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "table.cpython-311.pyc").write_bytes(b"1")
    (package / "policy.toml").write_text("legs = 3\n", "utf-8")
    assert digest([package]) == before


def test_every_module_its_name_and_its_place_matter(package: Path) -> None:
    table, found = package / "room" / "table.py", [digest([package])]
    table.write_text("LEGS = 3\n", "utf-8")
    found.append(digest([package]))
    table = table.rename(package / "room" / "chair.py")
    found.append(digest([package]))
    table = table.rename(package / "chair.py")
    found.append(digest([package]))
    table.unlink()
    found.append(digest([package]))
    assert len(set(found)) == len(found)
