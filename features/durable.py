"""Files that appear whole or not at all, and that stay when the power goes."""

import os
from collections.abc import Callable
from pathlib import Path


def appear(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its place and put it there in one step; durable when this returns."""
    draft = path.with_name(f".{path.name}")
    write(draft)
    put(draft, path)


def put(draft: Path, path: Path) -> None:
    """Give a finished file its place in one step; durable when this returns."""
    sync(draft)
    draft.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Make the bytes of a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
