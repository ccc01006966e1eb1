"""A file appears whole or not at all."""

from pathlib import Path

import pytest

from features import durable


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "said.json"
    durable.appear(path, lambda draft: draft.write_text("first"))

    def cut(draft: Path) -> None:
        draft.write_text("sec")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        durable.appear(path, cut)
    assert path.read_text() == "first"
    durable.appear(path, lambda draft: draft.write_text("second"))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["second"]
