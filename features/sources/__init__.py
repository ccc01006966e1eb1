"""Where records come from. A source turns a lender's files into relations with the canonical columns; it judges nothing.

Every relation also carries ``source_file`` and ``source_line``, so that a refused row can be found again. A source is the
simulated book, a mapping that lies beside this module, or the user's own mapping (``tables``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from features.errors import UsageError, nearest

if TYPE_CHECKING:  # who only asks for names need not wait for a database to load
    import duckdb

    from features.sources.files import Delivery

SIMULATED, TABLES = "simulated", "tables"


@dataclass(frozen=True)
class Source:
    """A named way to read a folder; ``assumed`` tables have no arrival date of their own, so theirs is a rule.

    ``own``: its records come from callers who know nothing of each other, so that none corrects that of another borrower.
    """

    name: str
    en: str
    zh: str
    read: Callable[[duckdb.DuckDBPyConnection, Path], Delivery]
    assumed: tuple[str, ...] = ()
    own: bool = False


def names() -> list[str]:
    """Every source that can be asked for by name."""
    return [SIMULATED, *_packaged(), TABLES]


def source(name: str, mapping: Path | None = None, today: date | None = None) -> Source:
    """The source of that name; ``tables`` is read by ``mapping``, a file of the user's.

    ``today`` is when records whose mapping says ``known_on = "ingest"`` became known; such a mapping needs it. Raises UsageError
    for an unknown name, with the nearest ones, and for a mapping that is missing or cannot be meant.
    """
    if (name == TABLES) != (mapping is not None):
        raise UsageError(
            f"--mapping FILE.toml goes with the source {TABLES!r} and only with it; see docs/mapping.md",
            f"--mapping 文件须与数据源 {TABLES!r} 同时使用;见 docs/mapping.md",
        )
    if name == SIMULATED:
        from features.sources import simulated

        return Source(SIMULATED, "The simulated book", "模拟数据", simulated.read)
    if mapping is not None:
        return _mapped(mapping, today)
    if name not in _packaged():
        en, zh = nearest(name, names())
        raise UsageError(f"unknown source {name!r}; {en}", f"未知数据源 {name!r};{zh}")
    with resources.as_file(resources.files(__name__) / f"{name}.toml") as path:
        return _mapped(path, today)


def _packaged() -> list[str]:
    beside = (entry.name for entry in resources.files(__name__).iterdir())
    return sorted(name.removesuffix(".toml") for name in beside if name.endswith(".toml"))


def _mapped(path: Path, today: date | None) -> Source:
    from features.sources.tables.deliver import deliver
    from features.sources.tables.reading import read_mapping

    mapping = read_mapping(path)
    content = mapping.content

    def read(con: duckdb.DuckDBPyConnection, folder: Path) -> Delivery:
        return deliver(con, mapping, folder, None if today is None else str(today))

    return Source(content.name, content.en, content.zh, read, mapping.assumed)


__all__ = ["Source", "names", "source"]
