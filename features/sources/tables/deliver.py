"""A mapping and a folder to a delivery: for each canonical table the SQL of its rows."""

from pathlib import Path

import duckdb

from features.errors import DataRefused, UsageError, nearest
from features.schema import KNOWN_ON, LOAN_ID, TABLES, Column, Table
from features.sources.files import Delivery, literal
from features.sources.tables import expression
from features.sources.tables.columns import Compiler
from features.sources.tables.document import Keys
from features.sources.tables.mapping import KnownOn, Mapping, Numbers, Rule, Target
from features.sources.tables.raw import open_file, quote
from features.sources.tables.relations import Shaper

OWN_NAME = {"borrowers": "borrower_id", "loans": "loan_id"}
"""Tables whose records are named by what they are about; in the others the mapping names them."""
DATED_BY_RULE = ("statements", "bureau")
"""Tables that are read with a delay which nobody may guess."""


def deliver(con: duckdb.DuckDBPyConnection, mapping: Mapping, folder: Path, today: str) -> Delivery:
    """Read the files under ``folder`` as the mapping says; ``today`` is when a record without a date of its own became known.

    Raises UsageError for a mapping that cannot be meant, DataRefused for files that are not as it says; both name the line.
    """
    con.execute(expression.MACROS.format(text=_digits("CAST(x AS VARCHAR)", mapping.said.numbers)))
    con.execute(f"CREATE OR REPLACE TEMP MACRO plain(x) AS {_digits('CAST(x AS VARCHAR)', mapping.said.numbers)}")
    shaper = Shaper(con, mapping.document)
    made: list[str] = []
    for name, file in mapping.said.files.items():
        _free(mapping, ("files", name), name, made)
        open_file(con, mapping.document, name, file, folder)
        made.append(name)
    for name, relation in mapping.said.relations.items():
        _free(mapping, ("relations", name), name, made)
        shaper.shape(name, relation, made)
        made.append(name)
    delivery = Delivery()
    tables = Tables(mapping, shaper, today, made)
    for name in mapping.said.tables:
        for position in range(len(mapping.said.tables[name])):
            delivery.add(name, tables.rows(name, position))
    delivery.left_out = _left_out(tables)
    return delivery


def _left_out(tables: "Tables") -> dict[str, str]:
    """For each file whose rows stand in a table: how many of its rows stand in none, and which steps left some out."""
    counted = {}
    for file in tables.mapping.said.files:
        used = [rows for rows, relation in tables.used if file in tables.shaper.came_from(relation)]
        if used:  # a file that is only looked up in has no rows of its own here
            steps = "; ".join(text for name, text in tables.shaper.dropped if name == file)
            reason = f"{file}: rows that no table takes" + (f" ({steps})" if steps else "")
            places = " UNION ALL ".join(f"SELECT source_file, source_line FROM {rows}" for rows in used)
            counted[reason] = f"SELECT count(*) FROM {quote(file)} ANTI JOIN ({places}) USING (source_file, source_line)"
    return counted


def _digits(text: str, numbers: Numbers) -> str:
    """SQL of a number's text as DuckDB reads it."""
    for mark in (*numbers.strip, numbers.thousands):
        text = f"replace({text}, {literal(mark)}, '')" if mark else text
    text = f"replace({text}, {literal(numbers.decimal)}, '.')" if numbers.decimal != "." else text
    return f"trim({text})"


def _free(mapping: Mapping, at: Keys, name: str, made: list[str]) -> None:
    if name in made or name in ("step", "next_step", "arriving") or name.startswith("part_"):
        raise mapping.document.fault(at, f"the name {name} is taken; choose another", f"名称 {name} 已被占用;请另取")


class Tables:
    """The canonical tables of one mapping."""

    def __init__(self, mapping: Mapping, shaper: Shaper, today: str, made: list[str]) -> None:
        self.mapping, self.shaper, self.today, self.made = mapping, shaper, today, made
        self.used: list[tuple[str, str]] = []

    def rows(self, name: str, position: int) -> str:
        """SQL of the rows that one ``[tables.<name>]`` gives, with all canonical columns and the place of each row."""
        table = self._table(name)
        target = self.mapping.said.tables[name][position]
        at: Keys = ("tables", name) if len(self.mapping.said.tables[name]) == 1 else ("tables", name, position)
        self.shaper.exists(target.from_, (*at, "from"), self.made)
        values = self._values(table, target, at)
        source = self._filtered(target, at)
        self.used.append((source, target.from_))
        chosen = ",\n  ".join(f'{sql} AS "{column}"' for column, sql in values.items())
        sql = f"SELECT {chosen},\n  source_file, source_line FROM {source}"
        self.shaper.tried(f"SELECT * FROM ({sql}) LIMIT 0", at)
        return sql

    def _table(self, name: str) -> Table:
        if name not in TABLES:
            en, zh = nearest(name, TABLES)
            raise self.mapping.document.fault(("tables", name), f"no canonical table {name}; {en}", f"没有标准表 {name};{zh}")
        return TABLES[name]

    def _filtered(self, target: Target, at: Keys) -> str:
        if target.where is None:
            return quote(target.from_)
        sql = self.shaper.checked(target.where, target.from_, (*at, "where"))
        return f"(SELECT * FROM {quote(target.from_)} WHERE {sql})"

    def _values(self, table: Table, target: Target, at: Keys) -> dict[str, str]:
        known = {c.name: c for c in table.all_columns if c.name not in ("record_id", "known_on")}
        for name in target.columns:
            if name not in known:
                self._no_column(table, name, (*at, "columns", name))
        values = {n: self._value(r, known[n], target, (*at, "columns", n)) for n, r in target.columns.items()}
        for column in known.values():
            if column.required and column.name not in values and column.name != "borrower_id":
                raise self.mapping.document.fault(
                    (*at, "columns"), f"{table.name} needs {column.name} ({column.en}); say where it comes from",
                    f"{table.name} 需要 {column.name}({column.zh});请说明其来源",
                )  # fmt: skip
        if "borrower_id" in known and "borrower_id" not in values:
            values["borrower_id"] = self._borrower(table, values, at)
        values["known_on"] = self._known_on(table, target, values, at)
        values["record_id"] = self._record_id(table, target, values, at)
        return {c.name: values.get(c.name, "NULL") for c in table.all_columns}

    def _no_column(self, table: Table, name: str, at: Keys) -> None:
        if name in ("record_id", "known_on"):
            raise self.mapping.document.fault(at, f"{name} stands above, beside from, not among the columns",
                                              f"{name} 应写在 from 旁边,而不在 columns 中")  # fmt: skip
        en, zh = nearest(name, [c.name for c in table.all_columns])
        raise self.mapping.document.fault(
            at, f"table {table.name} has no column {name}; {en}", f"表 {table.name} 没有列 {name};{zh}"
        )

    def _compiler(self, relation: str, at: Keys) -> Compiler:
        return Compiler(
            self.mapping.said.money,
            lambda text: self.shaper.checked(text, relation, at),
            lambda name: self.shaper.column(name, relation, at),
        )

    def _value(self, rule: Rule, column: Column, target: Target, at: Keys) -> str:
        with self.mapping.document.at(at):
            return self._compiler(target.from_, at).value(rule, column)

    def _known_on(self, table: Table, target: Target, values: dict[str, str], at: Keys) -> str:
        rule = target.known_on
        if rule is None:
            if table.name in DATED_BY_RULE:
                raise self.mapping.document.fault(
                    at, f"{table.name} arrive later than what they are about: say known_on = a column, {{ event_plus_days = N }} or"
                    ' "ingest"', f"{table.name} 的到达晚于所述日期:请给出 known_on(列、{{ event_plus_days = N }} 或 \"ingest\")",
                )  # fmt: skip
            rule = KnownOn(event_plus_days=0)
        if rule.ingest:
            return literal(self.today)
        if rule.event_plus_days is not None:
            return f"CAST(try_cast({values['event_on']} AS DATE) + {rule.event_plus_days} AS VARCHAR)"
        return self._value(rule, KNOWN_ON, target, (*at, "known_on"))

    def _record_id(self, table: Table, target: Target, values: dict[str, str], at: Keys) -> str:
        if not target.record_id:
            if table.name not in OWN_NAME:
                raise self.mapping.document.fault(
                    at, f"{table.name} need record_id: the column or columns that name a record at the lender; with numbered = true"
                    " equal ones are counted", f"{table.name} 需要 record_id:在贷款机构唯一标识记录的列;numbered = true 时对重复者编号",
                )  # fmt: skip
            return values[OWN_NAME[table.name]]
        parts = [f"CAST({self.shaper.column(c, target.from_, (*at, 'record_id'))} AS VARCHAR)" for c in target.record_id]
        named = parts[0] if len(parts) == 1 else f"concat_ws(':', {', '.join(parts)})"
        if not target.numbered:
            return named
        return f"{named} || '#' || row_number() OVER (PARTITION BY {named} ORDER BY source_file, source_line)"

    def _borrower(self, table: Table, values: dict[str, str], at: Keys) -> str:
        """Who borrowed, from the loans of this mapping, where a loan's record does not say it itself."""
        loans = self.mapping.said.tables.get("loans", ())
        if LOAN_ID not in table.keys or table.name == "loans" or len(loans) != 1:
            raise self.mapping.document.fault(
                (*at, "columns"), f"{table.name} needs borrower_id (Borrower); say where it comes from",
                f"{table.name} 需要 borrower_id(借款人);请说明其来源", DataRefused if LOAN_ID in table.keys else UsageError,
            )  # fmt: skip
        owner = f"SELECT loan_id, any_value(borrower_id) AS borrower_id FROM ({self.rows('loans', 0)}) GROUP BY loan_id"
        return f"(SELECT o.borrower_id FROM ({owner}) o WHERE o.loan_id = CAST({values['loan_id']} AS VARCHAR))"
