"""Where a list is written for another system: an option, refused before any work is done for what cannot be written."""

import os
from pathlib import Path
from typing import Annotated

import typer

from features.errors import UsageError


def writable(path: Path | None) -> Path | None:
    """The path as it was said; raises UsageError unless a CSV or Excel file can be written there."""
    if path is None:
        return None
    if path.suffix not in (".csv", ".xlsx"):
        raise UsageError(
            f"--export {path}: write to a file that ends in .csv or .xlsx", f"--export {path}:导出文件应以 .csv 或 .xlsx 结尾"
        )
    if not path.parent.is_dir():
        raise UsageError(
            f"--export {path}: there is no folder {path.parent}; make it, or name another",
            f"--export {path}:没有目录 {path.parent};请先创建,或另选目录",
        )
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(
            f"--export {path}: nothing can be written there; name a file that may be written",
            f"--export {path}:无法写入;请改用可写的文件",
        )
    return path


Export = Annotated[
    Path | None, typer.Option(callback=writable, help="Write all of it to FILE.csv or FILE.xlsx. 导出文件。")
]  # fmt: skip
