"""The ledger in two worlds: without the shock and with it. They differ in a few figures of industries or regions alone.

What if an index falls: in the one world its last known value is said again on the day, in the other the changed one, so that
the age of the last figure is the same in both. Figures that arrived: in the one world they are not there yet, the other is the
ledger as it is. The book's own default rates by industry and region (derived tables) follow from loans: they are the same in
both.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features import window
from features.errors import DataRefused, NotFound, nearest
from features.events import arrow_schema, day_number
from features.ledger import Ledger
from features.schema import TABLES
from features.window import Moment, to_date
from monitoring.score_signals import word_of
from pipelines.shock.asked import MEASURES, Change, Shock

ANY = 0
"""A partition: all of them have the same figures of industries and regions."""


@dataclass(frozen=True)
class Figure:
    """A measure of an industry or region in both worlds, and the day that its last value is for in the one without the shock.

    Where nothing was known of it that is None, and ``before`` NaN.
    """

    table: str
    key: str
    measure: str
    said_for: date | None
    before: float
    after: float


@dataclass(frozen=True)
class Worlds:
    """The ledger without the shock and with it, and the ``figures`` that differ."""

    before: Ledger
    after: Ledger
    figures: tuple[Figure, ...]


class Instead(Ledger):
    """A ledger that reads some tables of industries and regions from memory; nothing on disk changes."""

    def __init__(self, ledger: Ledger, tables: Mapping[str, pa.Table]) -> None:
        super().__init__(ledger.folder.parent, ledger.manifest, ledger.borrower)
        self.tables = tables

    def _read(self, table: str, number: int, columns: list[str] | None = None, words: bool = False) -> pa.Table:
        found = self.tables.get(table)
        return super()._read(table, number, columns, words) if found is None else found.select(columns or found.column_names)


def worlds(ledger: Ledger, asked: Shock, as_of: date) -> Worlds:
    """Both worlds on a day.

    Raises NotFound for an industry or region without figures, DataRefused where a measure to be changed has no value that was
    known on the day, or would have one that cannot be.
    """
    for table, keys in asked.sectors.items():
        _known(ledger, table, keys)
    return _changed(ledger, asked, as_of) if asked.since is None else _arrived(ledger, asked, asked.since, as_of)


def members(ledger: Ledger, asked: Shock, as_of: date, number: int) -> frozenset[str]:
    """The borrowers of a partition that are of one of the sectors, as known on the day."""
    columns = {table: TABLES[table].entity_column for table in asked.sectors}
    partition = ledger.partition(number, ("borrowers",), {"borrowers": columns.values()})
    everyone = partition.borrowers
    day = np.full(len(everyone), day_number(as_of))
    moment = Moment(np.arange(len(everyone)), day, day)
    words = (pd.Index(word_of(partition, "borrowers", column, moment)) for column in columns.values())
    within = [found.isin(keys) for found, keys in zip(words, asked.sectors.values(), strict=True)]
    return frozenset(everyone[np.any(within, axis=0)])


def _known(ledger: Ledger, table: str, keys: tuple[str, ...]) -> None:
    column = TABLES[table].entity_column
    names = list(ledger.partition(ANY, (table,)).entities(column))
    for key in keys:
        if not names:
            raise NotFound(f"the ledger has no figures of any {column}: ingest them first", f"账本中没有 {column} 数据:请先导入")
        if key not in names:
            en, zh = nearest(key, names)
            raise NotFound(f"the ledger has no figures of {column} {key}; {en}", f"账本中没有 {column} {key} 的数据;{zh}")


def _changed(ledger: Ledger, asked: Shock, as_of: date) -> Worlds:
    figures = tuple(figure for change in asked.changes for figure in _figures(ledger, asked, change, as_of))
    held = tuple(replace(figure, after=figure.before) for figure in figures)
    before, after = (
        Instead(ledger, {table: _said(ledger, table, told, as_of) for table in asked.sectors}) for told in (held, figures)
    )
    return Worlds(before, after, figures)


def _figures(ledger: Ledger, asked: Shock, change: Change, as_of: date) -> Iterator[Figure]:
    keys = asked.sectors[change.table]
    for key, last in zip(keys, _last(ledger, change.table, keys, change.measure, as_of), strict=True):
        if last.said_for is None:
            raise DataRefused(
                f"no {change.measure} of {key} was known on {as_of}: ingest one, or choose a later --as-of",
                f"{as_of} 尚无 {key} 的 {change.measure}:请先导入,或选择更晚的 --as-of",
            )
        yield Figure(change.table, key, change.measure, last.said_for, last.value, change.of(last.value))


class Last(NamedTuple):
    """The last value of a measure, NaN if none was known, and the day that it is for."""

    value: float
    said_for: date | None


def _last(ledger: Ledger, table: str, keys: tuple[str, ...], measure: str, as_of: date) -> list[Last]:
    """For each key the last value of a measure that was known on a day."""
    partition, day = ledger.partition(ANY, (table,)), np.full(len(keys), day_number(as_of))
    events, places = partition.events(table), partition.places(TABLES[table].entity_column, keys)
    values = np.where(events.is_word("measure", measure), events.column("value"), np.nan)
    seen = window.visible(events, Moment(places, day, day), values)
    days = (None if np.isnan(day) else to_date(int(day)) for day in seen.last_day)
    return [Last(float(value), day) for value, day in zip(seen.latest, days, strict=True)]


def _said(ledger: Ledger, table: str, figures: Iterable[Figure], as_of: date) -> pa.Table:
    """A table with what the figures come to said once more on the day, after all else that was known of their sectors by then."""
    schema, entity = arrow_schema(TABLES[table]), TABLES[table].entity_column
    records = [
        {
            "record_id": f"shock {figure.measure}", entity: figure.key, "event_on": as_of, "known_on": as_of,
            "measure": figure.measure, "value": figure.after, "ledger_version": 0,
        }
        for figure in figures if figure.table == table
    ]  # fmt: skip
    both = pa.concat_tables([ledger.read(table, ANY), pa.Table.from_pylist(records, schema)])
    order = [(name, "ascending") for name in (entity, "event_on", "known_on")]
    return both.take(pc.sort_indices(both, order))  # stable: of one day the last said comes last


def _arrived(ledger: Ledger, asked: Shock, since: date, as_of: date) -> Worlds:
    tables = {table: _as_known(ledger.read(table, ANY), table, keys, since) for table, keys in asked.sectors.items()}
    before = Instead(ledger, tables)
    measures = (measure for measure, table in MEASURES.items() if table in tables)
    figures = tuple(figure for measure in measures for figure in _differ(before, ledger, asked, measure, as_of))
    return Worlds(before, ledger, figures)


def _as_known(data: pa.Table, table: str, keys: tuple[str, ...], since: date) -> pa.Table:
    """A table as it was known on an earlier day, as far as some sectors go; what was corrected since stands again."""
    own = pc.is_in(data[TABLES[table].entity_column], pa.array(keys))
    place = data.schema.get_field_index("superseded_on")
    field = data.schema.field(place)
    corrected = pc.fill_null(pc.and_(own, pc.greater(data["superseded_on"], since)), False)
    stands = pc.if_else(corrected, pa.scalar(None, field.type), data["superseded_on"])
    later = pc.and_(own, pc.greater(data["known_on"], since))
    return data.set_column(place, field, stands).filter(pc.invert(later))


def _differ(before: Ledger, after: Ledger, asked: Shock, measure: str, as_of: date) -> Iterator[Figure]:
    """The figures of a measure whose last value, or the day that it is for, is another one."""
    table = MEASURES[measure]
    keys = asked.sectors[table]
    then, now = (_last(world, table, keys, measure, as_of) for world in (before, after))
    for key, was, last in zip(keys, then, now, strict=True):
        if last.said_for is not None and last != was:
            yield Figure(table, key, measure, was.said_for, was.value, last.value)
