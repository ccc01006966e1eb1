"""A rule of a mapping as SQL: the value of one canonical column.

What cannot be read as its kind is handed on as it stands, for the checks to name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from features.schema import Column
from features.sources.files import literal
from features.sources.tables.document import Fault
from features.sources.tables.mapping import Money, Rule, Scalar

EXCEL_ORIGIN = "DATE '1899-12-30'"
EXCEL, EPOCH = "excel", "epoch"
HASH_LENGTH = 16

# Which keys of a rule a kind of column understands, beyond where the value comes from.
_READS = {
    "date": {"format", "at", "months_from", "days_from"},
    "money": {"unit", "currency", "round"},
    "number": {"unit"},
    "count": {"unit", "round"},
}
_ALL = set().union(*_READS.values())


@dataclass(frozen=True)
class Compiler:
    """Turns rules into SQL; ``check`` judges expressions and column names against the relation that is read."""

    money: Money
    check: Callable[[str], str]
    """An expression to SQL."""
    column: Callable[[str], str]
    """A column's name to SQL."""

    def value(self, rule: Rule, into: Column) -> str:
        """SQL of the column's value; raises Fault if the rule does not fit the kind of column."""
        self._fits(rule, into)
        raw = self._coded(rule, self._known(rule, self._source(rule)))
        read = {"date": self._date, "money": self._money, "number": self._number, "count": self._number}.get(into.kind)
        return raw if read is None else read(rule, raw)

    def _fits(self, rule: Rule, into: Column) -> None:
        if len(rule.sources) != 1:
            used = " and ".join(rule.sources) or "none of them"
            raise Fault(
                f"one of column, expression, value, hash says where {into.name} comes from; seen: {used}",
                f"{into.name} 须由 column、expression、value、hash 之一给出;实际为:{used}",
            )
        given = {key for key in _ALL if getattr(rule, key) not in (None, (), False)}
        for key in sorted(given - _READS.get(into.kind, set())):
            raise Fault(
                f"{key} does not apply to {into.name}, which is a {into.kind}", f"{key} 不适用于 {into.name}(类型为 {into.kind})"
            )

    def _source(self, rule: Rule) -> str:
        if rule.column is not None:
            return self.column(rule.column)
        if rule.expression is not None:
            return self.check(rule.expression)
        if rule.hash is not None:
            said = ", ".join(f"coalesce(CAST({self.column(name)} AS VARCHAR), '')" for name in rule.hash)
            return f"{literal(rule.prefix)} || left(md5(concat_ws('|', {said})), {HASH_LENGTH})"
        return constant(rule.value)

    def _known(self, rule: Rule, raw: str) -> str:
        if not rule.null:
            return raw
        return f"CASE WHEN CAST({raw} AS VARCHAR) IN ({', '.join(map(literal, rule.null))}) THEN NULL ELSE {raw} END"

    def _coded(self, rule: Rule, raw: str) -> str:
        if rule.codes is None:
            return raw
        text = f"CAST({raw} AS VARCHAR)"
        whens = " ".join(f"WHEN {literal(code)} THEN {literal(_text(meaning))}" for code, meaning in rule.codes.items())
        known = f"CASE WHEN {text} IS NOT NULL THEN {constant(rule.otherwise)} END"
        other = text if rule.otherwise is None else known
        return f"CASE {text} {whens} ELSE {other} END"

    def _date(self, rule: Rule, raw: str) -> str:
        if rule.months_from is not None:
            day = f"last_day(DATE '{rule.months_from}' + to_months(try_cast(number({raw}) AS INTEGER)))"
        elif rule.days_from is not None:
            day = f"DATE '{rule.days_from}' + try_cast(number({raw}) AS INTEGER)"
        else:
            day = _parsed(rule.format, raw)
        return _or_as_it_is(_at(rule, day), raw)

    def _money(self, rule: Rule, raw: str) -> str:
        unit = Decimal(str(rule.unit or self.money.unit)) * 10**self.money.decimals
        amount = f"number({raw}) * {_factor(unit)}"
        if rule.currency is not None or self.money.currency is not None:
            amount = f"({amount}) * {self._rate(rule.currency or self.money.currency or '')}"
            return _or_as_it_is(f"CAST(round({amount}, 0) AS DECIMAL(38,0))", raw)
        if rule.round or self.money.round:
            return _or_as_it_is(f"CAST(round({amount}, 0) AS DECIMAL(38,0))", raw)
        return _or_as_it_is(amount, raw)

    def _rate(self, currency: str) -> str:
        """Book currency per unit of the row's currency; unknown, and so the amount, where the table has no rate."""
        whens = " ".join(f"WHEN {literal(code)} THEN {_factor(Decimal(str(rate)))}" for code, rate in self.money.rates.items())
        if not whens:
            raise Fault(
                "amounts with a currency need [money.rates]: how much of the book's currency one unit is",
                "按币种换算需要 [money.rates]:一单位外币折合本位币多少",
            )
        return f"CASE CAST({self.column(currency)} AS VARCHAR) {whens} END"

    def _number(self, rule: Rule, raw: str) -> str:
        if rule.unit is None:
            return f"coalesce(CAST(plain({raw}) AS VARCHAR), CAST({raw} AS VARCHAR))" if not rule.round else _whole(raw)
        scaled = f"try_cast(plain({raw}) AS DOUBLE) * {rule.unit!r}"
        return _or_as_it_is(f"CAST(round({scaled}) AS BIGINT)" if rule.round else scaled, raw)


def constant(value: Scalar | None) -> str:
    """A constant of the document as SQL."""
    if value is None:
        return "NULL"
    return literal(_text(value))


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _factor(number: Decimal) -> str:
    """A factor as a DECIMAL literal, so that products of money stay exact."""
    return f"{number.normalize():f}"


def _whole(raw: str) -> str:
    return _or_as_it_is(f"CAST(round(try_cast(plain({raw}) AS DOUBLE)) AS BIGINT)", raw)


def _parsed(formats: tuple[str, ...], raw: str) -> str:
    if not formats:
        return f"CAST(try_cast({raw} AS TIMESTAMP) AS DATE)"
    if formats == (EXCEL,):
        return f"{EXCEL_ORIGIN} + try_cast(number({raw}) AS INTEGER)"
    if formats == (EPOCH,):
        return f"CAST(make_timestamp(try_cast(number({raw}) AS BIGINT) * 1000000) AS DATE)"
    listed = ", ".join(literal(f) for f in formats)
    return f"CAST(try_strptime(CAST({raw} AS VARCHAR), [{listed}]) AS DATE)"


def _at(rule: Rule, day: str) -> str:
    if rule.at is None:
        return day
    return {
        "month_start": f"CAST(date_trunc('month', {day}) AS DATE)",
        "month_end": f"last_day({day})",
        "year_end": f"make_date(year({day}), 12, 31)",
    }[rule.at]


def _or_as_it_is(read: str, raw: str) -> str:
    return f"coalesce(CAST({read} AS VARCHAR), CAST({raw} AS VARCHAR))"
