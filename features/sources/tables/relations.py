"""Relations of a mapping: rows in the shape a canonical table needs, each with the place it came from.

The steps of a relation run in one order: rows of one or more others together, joined, computed, filtered, turned long,
repeated, one row kept per key, grouped. Another order is another relation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import duckdb

from features.errors import DataRefused, nearest
from features.sources.tables import expression
from features.sources.tables.columns import constant
from features.sources.tables.document import Document, Keys
from features.sources.tables.mapping import Group, Join, Keep, Relation, Repeat, Unpivot
from features.sources.tables.raw import quote

PLACE = ("source_file", "source_line")


@dataclass
class Shaper:
    """Makes the relations of one mapping; ``dropped`` says what its steps left out, by the files that the rows came from."""

    con: duckdb.DuckDBPyConnection
    document: Document
    files: dict[str, set[str]] = field(default_factory=dict)
    dropped: list[tuple[str, str]] = field(default_factory=list)

    def came_from(self, relation: str) -> set[str]:
        """Names of the files that a relation's rows stand in."""
        return self.files.get(relation, {relation})

    def note(self, relation: str, step: str, rows: int) -> None:
        """Remember that a step left rows out."""
        if rows:
            self.dropped += [(file, f"{relation}: {step} {rows:,}") for file in self.came_from(relation)]

    def columns(self, name: str) -> list[str]:
        """Columns of a relation that exists; the place of a row is not one of them."""
        return [c for c in self._all(name) if c not in PLACE]

    def _all(self, name: str) -> list[str]:
        return [str(row[0]) for row in self.con.execute(f"DESCRIBE {quote(name)}").fetchall()]

    def exists(self, name: str, at: Keys, made: Iterable[str]) -> None:
        """Raises UsageError unless the relation was made before it is used."""
        if name not in made:
            en, zh = nearest(name, made)
            raise self.document.fault(at, f"no file or relation {name} above; {en}", f"此前没有文件或中间表 {name};{zh}")

    def checked(self, text: str, relation: str, at: Keys) -> str:
        """An expression over a relation as SQL; what is wrong with it names the line."""
        with self.document.at(at):
            sql = expression.check(self.con, text, self._all(relation))
        self.tried(f"SELECT {sql} FROM {quote(relation)} LIMIT 0", at)
        return sql

    def column(self, name: str, relation: str, at: Keys) -> str:
        """A column of a relation as SQL; raises DataRefused naming the line and the nearest names."""
        present = self._all(relation)
        if name not in present:
            en, zh = nearest(name, present)
            raise self.document.fault(at, f"{relation} has no column {name}; {en}", f"{relation} 没有列 {name};{zh}", DataRefused)
        return quote(name)

    def tried(self, sql: str, at: Keys) -> None:
        """Run SQL made of a mapping's parts; what DuckDB says of types becomes an error about the line."""
        try:
            self.con.execute(sql)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            self._wrong(error, at)

    def _wrong(self, error: duckdb.Error, at: Keys) -> NoReturn:
        said = str(error).splitlines()[0]
        hint = " Columns of text files are text: number(x) makes one a number, date(x, '%d/%m/%Y') a day."
        raise self.document.fault(
            at, f"{said}{hint}", f"{said} 文本文件的列均为文本:请用 number(x) 或 date(x, '%d/%m/%Y') 转换"
        ) from error

    def shape(self, name: str, said: Relation, made: Iterable[str]) -> None:
        """Make relation ``name``; the steps' names are temporary."""
        at: Keys = ("relations", name)
        for source in said.from_:
            self.exists(source, (*at, "from"), made)
        self.files[name] = set().union(*(self.came_from(source) for source in said.from_))
        self._step("SELECT * FROM (" + " UNION ALL BY NAME ".join(f"SELECT * FROM {quote(s)}" for s in said.from_) + ")", at)
        for position, join in enumerate(said.join):
            self.exists(join.with_, (*at, "join"), made)
            self._join(join, (*at, "join", position), name)
        for column, text in said.compute.items():
            self._compute(column, text, (*at, "compute", column))
        if said.where is not None:
            self._where(said.where, (*at, "where"), name)
        steps: list[tuple[object, Callable[[], None]]] = [
            (said.unpivot, lambda: self._unpivot(said.unpivot, (*at, "unpivot"))),  # type: ignore[arg-type]
            (said.repeat, lambda: self._repeat(said.repeat, (*at, "repeat"))),  # type: ignore[arg-type]
            (said.keep, lambda: self._keep(said.keep, (*at, "keep"), name)),  # type: ignore[arg-type]
            (said.group, lambda: self._group(said.group, (*at, "group"))),  # type: ignore[arg-type]
        ]
        for asked, step in steps:
            if asked is not None:
                step()
        self.con.execute(f"CREATE TEMP TABLE {quote(name)} AS SELECT * FROM step; DROP TABLE step")

    def _step(self, sql: str, at: Keys) -> None:
        self.tried(f"CREATE TEMP TABLE next_step AS {sql}", at)
        self.con.execute("DROP TABLE IF EXISTS step; ALTER TABLE next_step RENAME TO step")

    def _join(self, join: Join, at: Keys, name: str) -> None:
        pairs = [(self.column(a, "step", (*at, "on")), self.column(b, join.with_, (*at, "on"))) for a, b in join.pairs]
        theirs = [b for _, b in join.pairs]
        if not join.many:
            self._unique(join.with_, [b for _, b in pairs], at)
        taken = [c for c in self.columns(join.with_) if c not in theirs or (c, c) not in join.pairs]
        mine = set(self.columns("step"))
        for column in taken:
            if join.prefix + column in mine:
                raise self.document.fault(
                    at, f"both sides have a column {join.prefix + column}; add prefix = \"{join.with_}_\" to tell them apart",
                    f"两侧都有列 {join.prefix + column};请加 prefix = \"{join.with_}_\" 加以区分",
                )  # fmt: skip
        chosen = "".join(f", r.{quote(c)} AS {quote(join.prefix + c)}" for c in taken)
        matched = " AND ".join(f"CAST(l.{a} AS VARCHAR) = CAST(r.{b} AS VARCHAR)" for a, b in pairs)
        if join.kind == "inner":
            self._note(name, f"no match in {join.with_}", f"step l ANTI JOIN {quote(join.with_)} r ON {matched}")
        self._step(f"SELECT l.*{chosen} FROM step l {join.kind.upper()} JOIN {quote(join.with_)} r ON {matched}", at)

    def _unique(self, relation: str, keys: list[str], at: Keys) -> None:
        listed = ", ".join(keys)
        known = " AND ".join(f"{k} IS NOT NULL" for k in keys)
        twice = self.con.execute(
            f"SELECT {listed}, count(*) FROM {quote(relation)} WHERE {known} GROUP BY {listed} HAVING count(*) > 1 LIMIT 1"
        ).fetchone()
        if twice:
            raise self.document.fault(
                at, f"{relation} has several rows for one key ({listed}), so rows would be doubled; make one row per key with keep"
                " or group, or say many = true", f"{relation} 中同一键({listed})有多行,连接会造成重复;请用 keep 或 group 取一行,"
                "或设 many = true", DataRefused,
            )  # fmt: skip

    def _compute(self, column: str, text: str, at: Keys) -> None:
        if column in self.columns("step"):
            raise self.document.fault(
                at, f"there is a column {column} already; choose another name", f"已有列 {column};请另取名称"
            )
        self._step(f"SELECT *, {self.checked(text, 'step', at)} AS {quote(column)} FROM step", at)

    def _where(self, text: str, at: Keys, name: str) -> None:
        sql = self.checked(text, "step", at)
        self._note(name, f"not {text}", f"step WHERE NOT coalesce({sql}, false)")
        self._step(f"SELECT * FROM step WHERE {sql}", at)

    def _unpivot(self, said: Unpivot, at: Keys) -> None:
        present, used = self.columns("step"), []
        rows = []
        for position, value in enumerate(said.values):
            row = []
            for column, pattern in said.columns.items():
                if isinstance(pattern, tuple) and len(pattern) != len(said.values):
                    raise self.document.fault(
                        (*at, "columns", column), f"{len(pattern)} columns for {len(said.values)} values; give one for each",
                        f"{len(said.values)} 个取值却有 {len(pattern)} 列;应一一对应",
                    )  # fmt: skip
                wide = pattern[position] if isinstance(pattern, tuple) else pattern.replace("{}", str(value))
                row.append(f"{self.column(wide, 'step', (*at, 'columns', column))} AS {quote(column)}")
                used.append(wide)
            rows.append((constant(value), ", ".join(row)))
        kept = "".join(f"{quote(c)}, " for c in (*present, *PLACE) if c not in used)
        self._step(" UNION ALL ".join(f"SELECT {kept}{v} AS {quote(said.name)}, {r} FROM step" for v, r in rows), at)

    def _repeat(self, said: Repeat, at: Keys) -> None:
        times = self.checked(said.count, "step", (*at, "count"))
        listed = f"unnest(generate_series(1, try_cast({times} AS BIGINT)))"
        self._step(f"SELECT *, {listed} AS {quote(said.name)} FROM step", at)

    def _keep(self, said: Keep, at: Keys, name: str) -> None:
        keys = ", ".join(self.column(c, "step", (*at, "by")) for c in said.by)
        order = [self.checked(text, "step", (*at, "order")) for text in said.order]
        turn = " DESC" if said.which == "last" else ""
        window = f"PARTITION BY {keys} ORDER BY {', '.join(f'{o}{turn} NULLS LAST' for o in [*order, *PLACE])}"
        chosen = {
            "first": f"row_number() OVER ({window}) = 1", "last": f"row_number() OVER ({window}) = 1",
            "only": f"count(*) OVER (PARTITION BY {keys}) = 1", "repeated": f"count(*) OVER (PARTITION BY {keys}) > 1",
        }[said.which]  # fmt: skip
        before = self._size()
        self._step(f"SELECT * FROM step QUALIFY {chosen}", at)
        self.note(name, f"not the {said.which} of its {', '.join(said.by)}", before - self._size())

    def _group(self, said: Group, at: Keys) -> None:
        keys = [self.column(c, "step", (*at, "by")) for c in said.by]
        made = [
            f"{self._aggregate(text, keys, (*at, 'compute', column))} AS {quote(column)}" for column, text in said.compute.items()
        ]
        place = "arg_min(source_file, source_line) AS source_file, min(source_line) AS source_line"
        self._step(f"SELECT {', '.join([*keys, *made])}, {place} FROM step GROUP BY {', '.join(keys)}", at)

    def _aggregate(self, text: str, keys: list[str], at: Keys) -> str:
        with self.document.at(at):
            sql = expression.check(self.con, text, self.columns("step"), aggregates=True)
        self.tried(f"SELECT {sql} FROM step GROUP BY {', '.join(keys)} LIMIT 0", at)
        return sql

    def _size(self) -> int:
        row = self.con.execute("SELECT count(*) FROM step").fetchone()
        return int(row[0]) if row else 0

    def _note(self, relation: str, step: str, rows: str) -> None:
        row = self.con.execute(f"SELECT count(*) FROM {rows}").fetchone()
        self.note(relation, step, int(row[0]) if row else 0)
