"""Relations of a mapping: rows in the shape a canonical table needs, each with the place it came from.

The steps of a relation run in one order: rows of one or more others together, joined, computed, filtered, turned long,
repeated, one row kept per key, grouped. Another order is another relation. A row of which something cannot be computed stays,
with ``source_fault`` saying what stood there, until the table it would be in hands it to the checks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

import duckdb

from features.errors import DataRefused, nearest
from features.sources.files import literal, quote
from features.sources.tables import expression
from features.sources.tables.columns import constant
from features.sources.tables.document import Document, Keys
from features.sources.tables.expression import Expression
from features.sources.tables.mapping import Group, Join, Keep, Relation, Repeat, Unpivot
from features.sources.tables.opening import FAULT, FILE, LINE, stored

PLACE = (FILE, LINE)
STEP, NEXT, TRIED, LEFT = quote("this step"), quote("next step"), quote("@tried"), quote("left by a step")
MOST_REPEATS = 10_000


@dataclass
class Shaper:
    """Makes the relations of one mapping, and remembers which rows its steps left out."""

    con: duckdb.DuckDBPyConnection
    document: Document
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What each relation takes its rows from."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """Relation and what it did, of each step that left rows out; the table LEFT has their places."""
    passed_over: dict[str, int] = field(default_factory=dict)
    rows: str = ""
    """The rows that the next step works on, as SQL names them."""

    def __post_init__(self) -> None:
        self.con.execute(f"CREATE TEMP TABLE {LEFT} (step INTEGER, {FILE} VARCHAR, {LINE} BIGINT)")

    def feeding(self, relation: str) -> set[str]:
        """Names of a relation and of all that its rows came through, files too."""
        return {relation}.union(*(self.feeding(source) for source in self.sources.get(relation, ())))

    def leave(self, relation: str, what: str, before: str, after: str) -> None:
        """Remember the places of which a step left no row."""
        gone = f"FROM {before} ANTI JOIN {after} USING ({FILE}, {LINE})"
        self.con.execute(f"INSERT INTO {LEFT} SELECT DISTINCT {len(self.steps)}, {FILE}, {LINE} {gone}")
        self.steps.append((relation, what))

    def left_out(self, file: str, used: Iterable[tuple[str, str]]) -> dict[str, int]:
        """Rows of a file that are in no table, by the steps that left them out: each row counts once.

        ``used`` are the rows that tables take, as SQL, and the relation of each.
        """
        taking = [(rows, relation) for rows, relation in used if file in self.feeding(relation)]
        if not taking:  # a file that is only looked up in has no rows of its own here
            return {}
        on_the_way = {name for _, relation in taking for name in self.feeding(relation)}
        steps = ", ".join(str(i) for i, (relation, _) in enumerate(self.steps) if relation in on_the_way) or "-1"
        places = " UNION ALL ".join(f"SELECT {FILE}, {LINE} FROM {rows}" for rows, _ in taking)
        lost = f"SELECT DISTINCT {FILE}, {LINE} FROM {stored(file)} ANTI JOIN ({places}) USING ({FILE}, {LINE})"
        why = f"SELECT list(step ORDER BY step) AS steps FROM ({lost}) JOIN {LEFT} USING ({FILE}, {LINE})"
        grouped = f"{why} WHERE step IN ({steps}) GROUP BY {FILE}, {LINE}"
        counted = self.con.execute(f"SELECT steps, count(*) FROM ({grouped}) GROUP BY steps ORDER BY steps").fetchall()
        return {f"{file}: {'; '.join(self._told(i, file) for i in did)}": int(rows) for did, rows in counted}

    def _told(self, step: int, file: str) -> str:
        relation, what = self.steps[step]
        return what if relation == file else f"{relation}: {what}"

    def columns(self, table: str) -> list[str]:
        """Columns of a table of the work, as SQL names it; the place of a row is not one of them."""
        return [c for c in self.readable(table) if c not in PLACE]

    def readable(self, table: str) -> list[str]:
        """Columns that a rule may read: also the place of the row."""
        return [str(row[0]) for row in self.con.execute(f"DESCRIBE {table}").fetchall() if row[0] not in (FAULT, TRIED)]

    def exists(self, name: str, at: Keys, made: Iterable[str]) -> None:
        """Raises UsageError unless the relation was made before it is used."""
        if name not in made:
            en, zh = nearest(name, made)
            raise self.document.fault(at, f"no file or relation {name} above; {en}", f"此前没有文件或中间表 {name};{zh}")

    def checked(self, text: str, table: str, at: Keys) -> Expression:
        """An expression over a table of the work; what is wrong with it names the line."""
        with self.document.at(at):
            found = expression.check(self.con, text, self.readable(table))
        self.run(f"SELECT {found.sql} FROM {table} LIMIT 0", at)
        return found

    def column(self, name: str, table: str, at: Keys) -> str:
        """A column of a table of the work as SQL; raises DataRefused naming the line and the nearest names."""
        present = self.readable(table)
        if name not in present:
            en, zh = nearest(name, present)
            shown = table.strip('"').removeprefix("@")
            raise self.document.fault(at, f"{shown} has no column {name}; {en}", f"{shown} 没有列 {name};{zh}", DataRefused)
        return quote(name)

    def run(self, sql: str, at: Keys) -> None:
        """Run SQL made of a mapping's parts; what DuckDB says of types becomes an error about the line."""
        try:
            self.con.execute(sql)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            self._wrong(error, at)

    def _wrong(self, error: duckdb.Error, at: Keys) -> NoReturn:
        said = str(error).splitlines()[0]
        raise self.document.fault(
            at, f"{said} A column of a text file, and any with a word among its values, is text: number(x) makes one a number,"
            " date_of(x, '%d/%m/%Y') a day; CAST(x AS VARCHAR) makes a number text, CAST(x AS INTEGER) a whole number.",
            f"{said} 文本文件的列,以及含有文字的列,均为文本:请用 number(x) 或 date_of(x, '%d/%m/%Y') 转换;"
            "数值可用 CAST(x AS VARCHAR) 转为文本,用 CAST(x AS INTEGER) 取整",
        ) from error  # fmt: skip

    def shape(self, name: str, spec: Relation, made: Iterable[str]) -> None:
        """Make relation ``name`` in the order of its steps."""
        at: Keys = ("relations", name)
        for source in spec.from_:
            self.exists(source, (*at, "from"), made)
        self.sources[name] = spec.from_
        self.rows = stored(spec.from_[0])
        if len(spec.from_) > 1:
            self._step(" UNION ALL BY NAME ".join(f"SELECT * FROM {stored(source)}" for source in spec.from_), at)
        for position, join in enumerate(spec.join):
            here = (*at, "join", position)
            self.exists(join.with_, (*here, "with"), made)
            self._join(name, join, here)
        for column, text in spec.compute.items():
            self._compute(column, text, (*at, "compute", column))
        if spec.where is not None:
            self._where(name, spec.where, (*at, "where"))
        self._reshape(name, spec, at)
        if self.rows == STEP:
            self.con.execute(f"ALTER TABLE {STEP} RENAME TO {stored(name)}")
        else:  # no step at all: another name for the same rows
            self.con.execute(f"CREATE TEMP VIEW {stored(name)} AS SELECT * FROM {self.rows}")

    def _reshape(self, name: str, spec: Relation, at: Keys) -> None:
        """The steps that make other rows of the rows."""
        if spec.unpivot is not None:
            self._unpivot(spec.unpivot, (*at, "unpivot"))
        if spec.repeat is not None:
            self._repeat(name, spec.repeat, (*at, "repeat"))
        if spec.keep is not None:
            self._keep(name, spec.keep, (*at, "keep"))
        if spec.group is not None:
            self._group(name, spec.group, (*at, "group"))

    def _step(self, sql: str, at: Keys, leaves: tuple[str, str] | None = None) -> None:
        """The next rows; ``leaves`` are the relation and the words for what this step does to rows that it leaves out."""
        self.run(f"CREATE TEMP TABLE {NEXT} AS {sql}", at)
        if leaves:
            self.leave(*leaves, self.rows, NEXT)
        self.con.execute(f"DROP TABLE IF EXISTS {STEP}; ALTER TABLE {NEXT} RENAME TO {STEP}")
        self.rows = STEP

    def _new(self, column: str, at: Keys) -> str:
        """The name of a column that a step adds; raises UsageError if there is one already."""
        if column.lower() in (present.lower() for present in (*self.columns(self.rows), *PLACE, FAULT)):
            raise self.document.fault(
                at, f"there is a column {column} already; choose another name", f"已有列 {column};请另取名称"
            )
        return quote(column)

    def _join(self, name: str, join: Join, at: Keys) -> None:
        other = stored(join.with_)
        pairs = [(self.column(a, self.rows, (*at, "on")), self.column(b, other, (*at, "on"))) for a, b in join.pairs]
        if not join.many:
            self._unique(join.with_, [b for _, b in pairs], at)
        same = {b for a, b in join.pairs if a == b}
        asked = [c for c in self.columns(other) if c not in same] if not join.take else join.take
        chosen = [(self.column(c, other, (*at, "take")), self._joined(join, c, at)) for c in asked]
        taken = "".join(f", r.{theirs} AS {ours}" for theirs, ours in chosen)
        matched = " AND ".join(f"CAST(l.{a} AS VARCHAR) = CAST(r.{b} AS VARCHAR)" for a, b in pairs)
        self._step(
            f"SELECT l.* REPLACE (coalesce(l.{FAULT}, r.{FAULT}) AS {FAULT}){taken}"
            f" FROM {self.rows} l {join.kind.upper()} JOIN {other} r ON {matched}",
            at, (name, f"no match in {join.with_}") if join.kind == "inner" else None,
        )  # fmt: skip

    def _joined(self, join: Join, column: str, at: Keys) -> str:
        mine = {present.lower() for present in self.columns(self.rows)}
        if (join.prefix + column).lower() in mine:
            raise self.document.fault(
                at, f"both sides have a column {join.prefix + column}; add prefix = \"{join.with_}_\" to tell them apart",
                f"两侧都有列 {join.prefix + column};请加 prefix = \"{join.with_}_\" 加以区分",
            )  # fmt: skip
        return quote(join.prefix + column)

    def _unique(self, relation: str, keys: list[str], at: Keys) -> None:
        listed = ", ".join(keys)
        known = " AND ".join(f"{k} IS NOT NULL" for k in keys)
        twice = f"SELECT {listed} FROM {stored(relation)} WHERE {known} GROUP BY {listed} HAVING count(*) > 1"
        if keys_again := self._count(f"({twice})"):
            raise self.document.fault(
                at, f"{relation} has several rows for one key ({listed}; {keys_again:,} such keys), so rows would be doubled;"
                " make one row per key with keep or group, or say many = true",
                f"{relation} 中同一键({listed})有多行(共 {keys_again:,} 个键),连接会造成重复;请用 keep 或 group 取一行,"
                "或设 many = true", DataRefused,
            )  # fmt: skip

    def _compute(self, column: str, text: str, at: Keys) -> None:
        new, found = self._new(column, at), self.checked(text, self.rows, at)
        fault = f"coalesce({FAULT}, CASE WHEN {TRIED} IS NULL THEN {literal(column + ': ')} || {found.stood} END) AS {FAULT}"
        tried = f"SELECT *, {found.tried} AS {TRIED} FROM {self.rows}"
        self._step(f"SELECT * EXCLUDE ({TRIED}) REPLACE ({fault}), {TRIED}[1] AS {new} FROM ({tried})", at)

    def _where(self, name: str, text: str, at: Keys) -> None:
        self._step(self.filtered(text, self.rows, at), at, (name, f"not {text}"))

    def filtered(self, text: str, table: str, at: Keys) -> str:
        """SQL of the rows that meet a condition, and of those of which nobody can say, marked."""
        found = self.checked(text, table, at)
        tried = f"SELECT *, TRY([CAST({found.sql} AS BOOLEAN)]) AS {TRIED} FROM {table}"
        fault = f"coalesce({FAULT}, CASE WHEN {TRIED} IS NULL THEN 'where: ' || {found.stood} END) AS {FAULT}"
        kept = f"{TRIED} IS NULL OR {TRIED}[1] OR ({TRIED}[1] IS NULL AND {FAULT} IS NOT NULL)"
        return f"SELECT * EXCLUDE ({TRIED}) REPLACE ({fault}) FROM ({tried}) WHERE {kept}"

    def _unpivot(self, spec: Unpivot, at: Keys) -> None:
        wide = {column: self._wide(spec, column, (*at, "columns", column)) for column in spec.columns}
        used = {name for names in wide.values() for name in names}
        kept = "".join(f"{quote(c)}, " for c in (*self.columns(self.rows), *PLACE, FAULT) if c not in used)
        rows = []
        for position, value in enumerate(spec.values):
            taken = "".join(f", {quote(names[position])} AS {quote(column)}" for column, names in wide.items())
            rows.append(f"SELECT {kept}{constant(value)} AS {quote(spec.name)}{taken} FROM {self.rows}")
        self._step(" UNION ALL ".join(rows), at)

    def _wide(self, spec: Unpivot, column: str, at: Keys) -> list[str]:
        """The columns of the wide row that ``column`` is made of, one for each value."""
        pattern = spec.columns[column]
        names = list(pattern) if isinstance(pattern, tuple) else [pattern.replace("{}", str(value)) for value in spec.values]
        if len(names) != len(spec.values):
            raise self.document.fault(at, f"{len(names)} columns for {len(spec.values)} values; give one for each",
                                      f"{len(spec.values)} 个取值却有 {len(names)} 列;应一一对应")  # fmt: skip
        for name in names:
            self.column(name, self.rows, at)
        return names

    def _repeat(self, name: str, spec: Repeat, at: Keys) -> None:
        new = self._new(spec.name, (*at, "name"))
        times = self.checked(spec.count, self.rows, (*at, "count"))
        tried = f"SELECT *, TRY([CAST({times.sql} AS BIGINT)]) AS {TRIED} FROM {self.rows}"
        wrong = f"{TRIED} IS NULL OR {TRIED}[1] > {MOST_REPEATS}"
        fault = f"coalesce({FAULT}, CASE WHEN {wrong} THEN 'repeat: ' || {times.stood} END) AS {FAULT}"
        numbered = f"unnest(generate_series(1, CASE WHEN {wrong} THEN 1 ELSE {TRIED}[1] END))"
        self._step(
            f"SELECT * EXCLUDE ({TRIED}) REPLACE ({fault}), {numbered} AS {new} FROM ({tried})", at, (name, "repeated no times")
        )

    def _keep(self, name: str, spec: Keep, at: Keys) -> None:
        keys = ", ".join(self.column(c, self.rows, (*at, "by")) for c in spec.by)
        order = [f"{self.checked(text, self.rows, (*at, 'order')).tried}[1]" for text in spec.order]
        turn = " DESC" if spec.which == "last" else ""
        window = f"PARTITION BY {keys} ORDER BY {', '.join(f'{o}{turn} NULLS LAST' for o in [*order, *PLACE])}"
        chosen = {
            "first": f"row_number() OVER ({window}) = 1", "last": f"row_number() OVER ({window}) = 1",
            "only": f"count(*) OVER (PARTITION BY {keys}) = 1", "repeated": f"count(*) OVER (PARTITION BY {keys}) > 1",
        }[spec.which]  # fmt: skip
        words = {"only": "not the only one", "repeated": "the only one"}.get(spec.which, f"not the {spec.which}")
        leaves = (name, f"{words} of its {', '.join(spec.by)}")
        self._step(f"SELECT * FROM {self.rows} QUALIFY {chosen}", at, leaves)

    def _group(self, name: str, spec: Group, at: Keys) -> None:
        keys = [self.column(c, self.rows, (*at, "by")) for c in spec.by]
        made = []
        for column, text in spec.compute.items():
            here = (*at, "compute", column)
            with self.document.at(here):
                found = expression.check(self.con, text, self.readable(self.rows), aggregates=True)
            self.run(f"SELECT {found.sql} FROM {self.rows} GROUP BY {', '.join(keys)} LIMIT 0", here)
            made.append(f", {found.sql} AS {quote(column)}")
            if passed := self._count(f"{self.rows} WHERE {found.unread or 'false'}"):
                self.passed_over[f"{name}.{column}"] = passed
        place = f"arg_min({FILE}, {LINE}) AS {FILE}, min({LINE}) AS {LINE}, NULL::VARCHAR AS {FAULT}"
        leaves = (name, f"put together, one row for each {', '.join(spec.by)}")
        self._step(f"SELECT {', '.join(keys)}{''.join(made)}, {place} FROM {self.rows} GROUP BY {', '.join(keys)}", at, leaves)

    def _count(self, rows: str) -> int:
        row = self.con.execute(f"SELECT count(*) FROM {rows}").fetchone()
        return int(row[0]) if row else 0
