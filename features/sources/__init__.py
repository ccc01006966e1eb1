"""Where records come from. A source turns a lender's files into relations with the canonical columns; it judges nothing.

Every relation also carries ``source_file`` and ``source_line``, so that a refused row can be found again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from features.errors import UsageError, nearest
from features.sources import card_status, simulated
from features.sources.files import Delivery

Reader = Callable[[duckdb.DuckDBPyConnection, Path], Delivery]


@dataclass(frozen=True)
class Source:
    """A named way to read a folder; ``assumed`` tables have no arrival date of their own, so theirs is a rule."""

    name: str
    en: str
    zh: str
    read: Reader
    assumed: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source("simulated", "The simulated book", "模拟数据", simulated.read),
        Source(
            "card_status", "Month-end card status and applications", "信用卡月末状态与申请", card_status.read,
            assumed=("borrowers", "loans", "statuses"),
        ),
    )
}  # fmt: skip


def source(name: str) -> Source:
    """The source of that name; raises UsageError with the nearest names."""
    if name not in SOURCES:
        en, zh = nearest(name, SOURCES)
        raise UsageError(f"unknown source {name!r}; {en}", f"未知数据源 {name!r};{zh}")
    return SOURCES[name]
