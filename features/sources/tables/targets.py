"""The canonical tables of a mapping as SQL: every column, identity and clocks, and the place of each row."""

from dataclasses import dataclass, field

from features.errors import DataRefused, UsageError, nearest
from features.schema import KNOWN_ON, LOAN_ID, TABLES, Column, Table
from features.sources.files import literal
from features.sources.tables.columns import Compiler
from features.sources.tables.document import Keys
from features.sources.tables.expression import Expression
from features.sources.tables.mapping import Rule, Target
from features.sources.tables.opening import FAULT, FILE, LINE, stored
from features.sources.tables.reading import OWN_NAME, Mapping
from features.sources.tables.relations import Shaper

DATED_BY_RULE = ("statements", "bureau")
"""Tables that are read with a delay which nobody may guess."""
OWNED, OWNER = '"loan owned"', '"loan owner"'
"""Columns of who borrowed what."""


@dataclass
class Targets:
    """The canonical tables of one mapping; ``used`` says which rows of which relation stand in one."""

    mapping: Mapping
    shaper: Shaper
    today: str
    made: list[str]
    used: list[tuple[str, str]] = field(default_factory=list)

    def taken(self, name: str, position: int) -> str:
        """SQL of the rows that one ``[tables.<name>]`` gives, and a note of which raw rows they are."""
        sql = self.rows(name, position)
        target = self.mapping.content.tables[name][position]
        source = stored(target.from_)
        if target.where is not None:
            every, source = source, f"({self.shaper.filtered(target.where, source, ('tables', name, position, 'where'))})"
            self.shaper.leave(target.from_, f"not {target.where} ({name})", every, source)
        self.used.append((source, target.from_))
        return sql

    def rows(self, name: str, position: int) -> str:
        """SQL of the rows, with all canonical columns and the place of each row."""
        target, at = self.mapping.content.tables[name][position], ("tables", name, position)
        table = TABLES[name]
        self.shaper.exists(target.from_, (*at, "from"), self.made)
        values = self._values(table, target, at)
        source = stored(target.from_)
        if target.where is not None:
            source = f"({self.shaper.filtered(target.where, source, (*at, 'where'))})"
        values["event_on"] = f"coalesce({FAULT}, {values['event_on']})"  # a row with a fault is refused, and says why
        chosen = ",\n  ".join(f'CAST({sql} AS VARCHAR) AS "{column}"' for column, sql in values.items())
        sql = f"SELECT {chosen},\n  {FILE}, {LINE} FROM {source}"
        self.shaper.run(f"SELECT * FROM ({sql}) LIMIT 0", at)
        return sql

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

    def _value(self, rule: Rule, column: Column, target: Target, at: Keys) -> str:
        relation, content = stored(target.from_), self.mapping.content
        compiler = Compiler(
            content.money.model_copy(update={"currency": target.currency or content.money.currency}),
            content.numbers,
            lambda text: self.shaper.checked(text, relation, at),
            lambda name: self.shaper.column(name, relation, at),
            lambda found: self._is_text(found, relation),
        )
        with self.mapping.document.at(at):
            sql = compiler.value(rule, column)
        self.shaper.run(f"SELECT {sql} FROM {relation} LIMIT 0", at)
        return sql

    def _is_text(self, found: Expression, relation: str) -> bool:
        described = self.shaper.con.execute(f"DESCRIBE SELECT {found.sql} AS v FROM {relation}").fetchone()
        return described is not None and described[1] == "VARCHAR"

    def _known_on(self, table: Table, target: Target, values: dict[str, str], at: Keys) -> str:
        rule = target.known_on
        if rule is None:
            if table.name in DATED_BY_RULE:
                raise self.mapping.document.fault(
                    at, f"{table.name} arrive later than what they are about: say known_on = a column, {{ event_plus_days = N }}"
                    ' or "ingest"',
                    f"{table.name} 的到达晚于所述日期:请给出 known_on(列、{{ event_plus_days = N }} 或 \"ingest\")",
                )  # fmt: skip
            return values["event_on"]
        if len(rule.sources) == 1 and rule.ingest:
            return literal(self.today)
        if len(rule.sources) == 1 and rule.event_plus_days is not None:
            return f"TRY(CAST(try_cast({values['event_on']} AS DATE) + {rule.event_plus_days} AS DATE))"
        return self._value(rule, KNOWN_ON, target, (*at, "known_on"))

    def _record_id(self, table: Table, target: Target, values: dict[str, str], at: Keys) -> str:
        if not target.record_id:
            if table.name not in OWN_NAME:
                raise self.mapping.document.fault(
                    at, f"{table.name} need record_id: the column or columns that name a record at the lender; with numbered ="
                    " true equal ones are counted",
                    f"{table.name} 需要 record_id:在贷款机构唯一标识记录的列;numbered = true 时对重复者编号",
                )  # fmt: skip
            return values[OWN_NAME[table.name]]
        relation = stored(target.from_)
        parts = [f"CAST({self.shaper.column(c, relation, (*at, 'record_id'))} AS VARCHAR)" for c in target.record_id]
        named = parts[0] if len(parts) == 1 else _joined(parts)
        if not target.numbered:
            return named
        return f"{named} || '#' || row_number() OVER (PARTITION BY {named} ORDER BY {FILE}, {LINE})"

    def _borrower(self, table: Table, values: dict[str, str], at: Keys) -> str:
        """Who borrowed, from the loans of this mapping, where a loan's record does not say it itself."""
        loans = self.mapping.content.tables.get("loans", ())
        if LOAN_ID not in table.keys or table.name == "loans" or not loans:
            raise self.mapping.document.fault(
                (*at, "columns"), f"{table.name} needs borrower_id (Borrower); say where it comes from",
                f"{table.name} 需要 borrower_id(借款人);请说明其来源", DataRefused if LOAN_ID in table.keys else UsageError,
            )  # fmt: skip
        lent = " UNION ALL ".join(f"({self.rows('loans', position)})" for position in range(len(loans)))
        # The names are none of a file's: an expression that reads a column of that name would otherwise read it here.
        owner = f"SELECT loan_id AS {OWNED}, any_value(borrower_id) AS {OWNER} FROM ({lent}) GROUP BY 1"
        return f"(SELECT {OWNER} FROM ({owner}) WHERE {OWNED} = CAST({values['loan_id']} AS VARCHAR))"


def _joined(parts: list[str]) -> str:
    known = ", ".join(f"coalesce({part}, '')" for part in parts)
    return f"concat_ws(':', {known})"
