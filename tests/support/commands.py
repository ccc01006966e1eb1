"""The command, run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loanwatch import command

Said = tuple[int, str, str]
"""Exit code, stdout, stderr."""
Run = Callable[..., Said]


def running(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path) -> Run:
    """The command in a folder, with a Prefect of its own."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("PREFECT_HOME", str(folder / ".prefect"))

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["loanwatch", *map(str, arguments)])
        capsys.readouterr()
        try:
            command.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
