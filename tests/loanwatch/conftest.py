"""The command, for tests of what it says."""

from pathlib import Path

import pytest
from commands import Run, running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Run the command in this process: exit code, stdout, stderr."""
    return running(monkeypatch, capsys, tmp_path)
