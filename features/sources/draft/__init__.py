"""A mapping proposed from the files alone: what can be told is written, what cannot is marked ``?`` with its candidates.

The files are looked at (:mod:`.look`), their names and values compared with what lenders call things (:mod:`.guess`, the table of
names is words.toml), and the proposal is written as TOML (:mod:`.write`). No value of a row is written, save lists of codes.
"""

from collections.abc import Iterable
from pathlib import Path

from features.sources.draft.look import Looked, look
from features.sources.draft.write import Draft, written


def draft(paths: Iterable[Path]) -> Draft:
    """A mapping for these files, to be finished by a person; raises DataRefused for one that cannot be read."""
    files: list[Looked] = []
    for path in paths:
        files += look(path, [file.name for file in files])
    return written(files)


__all__ = ["Draft", "draft"]
