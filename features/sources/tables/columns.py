"""A rule of a mapping as SQL: the value of one canonical column.

What cannot be read as its kind is handed on as it stands, for the checks to name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from features.errors import nearest
from features.schema import Column
from features.sources.files import literal
from features.sources.tables.document import Fault
from features.sources.tables.expression import Expression
from features.sources.tables.mapping import Currency, Money, Notation, Rule, Scalar
from features.sources.tables.notation import DECIMAL, as_text, day, plain, shown

HASH_LENGTH = 16
NOT_READ = " (cannot be read by this rule)"

_READS = {
    "date": {"format", "not_after", "at", "months_from", "days_from"},
    "money": {"unit", "currency", "round", "decimal", "thousands"},
    "number": {"unit", "decimal", "thousands"},
    "count": {"unit", "round", "decimal", "thousands"},
}
"""Which keys of a rule a kind of column understands, beyond where the value comes from."""
_ALL = set().union(*_READS.values())
_NEEDS = {"prefix": "hash", "otherwise": "codes"}
_NUMERIC = ("money", "number", "count")


@dataclass(frozen=True)
class Raw:
    """SQL of a value before it is read; ``typed`` if its text is not in the notation of the files."""

    sql: str
    typed: bool = False


@dataclass(frozen=True)
class Compiler:
    """Turns rules into SQL, against the relation that is read."""

    money: Money
    notation: Notation
    check: Callable[[str], Expression]
    column: Callable[[str], str]
    """A column's name to SQL."""
    is_text: Callable[[Expression], bool]

    def value(self, rule: Rule, into: Column) -> str:
        """SQL of the column's value; raises Fault if the rule does not fit the kind of column."""
        _fits(rule, into)
        raw = self._coded(rule, self._known(rule, self._source(rule)), into)
        if into.kind == "date":
            return self._date(rule, raw.sql)
        if into.kind == "money":
            return self._money(rule, raw)
        return self._number(rule, raw) if into.kind in _NUMERIC else as_text(raw.sql)

    def _source(self, rule: Rule) -> Raw:
        if rule.column is not None:
            return Raw(self.column(rule.column))
        if rule.expression is not None:
            read = self.check(rule.expression)
            return Raw(f"coalesce(TRY([CAST({read.sql} AS VARCHAR)]), [{read.stood}])[1]", not self.is_text(read))
        if rule.hash is not None:
            return Raw(self._hash(rule.prefix, [self.column(name) for name in rule.hash]))
        return Raw(constant(rule.value), typed=True)

    def _hash(self, prefix: str, columns: list[str]) -> str:
        """A pseudonym of the values; unknown where all of them are."""
        said = ", ".join(f"coalesce({as_text(column)}, '')" for column in columns)
        known = " OR ".join(f"{column} IS NOT NULL" for column in columns)
        return f"CASE WHEN {known} THEN {literal(prefix)} || left(md5(concat_ws('|', {said})), {HASH_LENGTH}) END"

    def _known(self, rule: Rule, raw: Raw) -> Raw:
        if not rule.null:
            return raw
        words = ", ".join(map(literal, rule.null))
        return Raw(f"CASE WHEN {as_text(raw.sql)} IN ({words}) THEN NULL ELSE {raw.sql} END", raw.typed)

    def _coded(self, rule: Rule, raw: Raw, into: Column) -> Raw:
        if rule.codes is None:
            return raw
        text = as_text(raw.sql)
        notation = self._notation(rule) if into.kind in _NUMERIC else Notation()
        whens = " ".join(f"WHEN {literal(c)} THEN {literal(shown(meaning, notation))}" for c, meaning in rule.codes.items())
        if rule.otherwise is None:
            other = text
        else:
            other = f"CASE WHEN {text} IS NOT NULL THEN {literal(shown(rule.otherwise, notation))} END"
        return Raw(f"CASE {text} {whens} ELSE {other} END" if whens else other)

    def _date(self, rule: Rule, raw: str) -> str:
        found = day(raw, rule.format)
        if (start := rule.months_from or rule.days_from) is not None:
            base = (
                f"DATE '{start}'"
                if isinstance(start, date)
                else f"CAST(try_cast(CAST({self.column(start)} AS VARCHAR) AS TIMESTAMP) AS DATE)"
            )
            whole = f"CAST(number_or_unknown({raw}) AS INTEGER)"
            found = f"TRY(CAST({base} + {f'to_months({whole})' if rule.months_from else whole} AS DATE))"
        if rule.not_after is not None:
            found = f"CASE WHEN {found} > DATE '{rule.not_after}' THEN CAST({found} - to_years(100) AS DATE) ELSE {found} END"
        return _or_as_it_stands(_at(rule, found), raw, "TIMESTAMP")

    def _money(self, rule: Rule, raw: Raw) -> str:
        factor = Decimal(str(rule.unit or self.money.unit)) * 10**self.money.decimals
        amount = f"{self._digits(rule, raw)} * {_factor(factor)}"
        currency = rule.currency or self.money.currency
        if currency is not None:
            amount = f"({amount}) * {self._rate(currency)}"
        if currency is not None or rule.round or self.money.round:
            amount = f"round({amount}, 0)"
        return _or_as_it_stands(f"TRY({amount})", raw.sql, "DOUBLE")

    def _rate(self, currency: Currency) -> str:
        """Book currency per unit of the row's currency; unknown, and so the amount, where the table has no rate."""
        rates = {code: _factor(Decimal(str(rate))) for code, rate in self.money.rates.items()}
        if not rates:
            raise Fault(
                "amounts with a currency need [money.rates]: how much of the book's currency one unit is",
                "按币种换算需要 [money.rates]:一单位外币折合本位币多少",
            )
        if currency.value is not None and currency.value not in rates:
            en, zh = nearest(currency.value, rates)
            raise Fault(f"no rate for {currency.value} under [money.rates]; {en}", f"[money.rates] 中没有 {currency.value};{zh}")
        if currency.column is None:
            return rates[str(currency.value)]
        whens = " ".join(f"WHEN {literal(code)} THEN {rate}" for code, rate in rates.items())
        return f"CASE CAST({self.column(currency.column)} AS VARCHAR) {whens} END"

    def _number(self, rule: Rule, raw: Raw) -> str:
        read = f"CAST({raw.sql} AS VARCHAR)" if raw.typed else plain(raw.sql, self._notation(rule))
        if rule.unit is None and not rule.round:
            return _or_as_it_stands(f"CASE WHEN try_cast({read} AS DOUBLE) IS NOT NULL THEN {read} END", raw.sql, "DOUBLE")
        scaled = f"{self._digits(rule, raw)} * {_factor(Decimal(str(rule.unit or 1)))}"
        return _or_as_it_stands(f"TRY(round({scaled}, 0))" if rule.round else f"TRY({scaled})", raw.sql, "DOUBLE")

    def _digits(self, rule: Rule, raw: Raw) -> str:
        read = f"CAST({raw.sql} AS VARCHAR)" if raw.typed else plain(raw.sql, self._notation(rule))
        return f"try_cast({read} AS {DECIMAL})"

    def _notation(self, rule: Rule) -> Notation:
        if rule.decimal is None and rule.thousands is None:
            return self.notation
        marks = {"decimal": rule.decimal or ".", "thousands": rule.thousands or ""}
        if marks["decimal"] == marks["thousands"]:
            raise Fault("decimal and thousands are the same mark", "decimal 与 thousands 相同")
        return self.notation.model_copy(update=marks)


def _fits(rule: Rule, into: Column) -> None:
    if len(rule.sources) != 1:
        used = " and ".join(rule.sources) or "none of them"
        raise Fault(
            f"one of column, expression, value, hash says where {into.name} comes from; seen: {used}",
            f"{into.name} 须由 column、expression、value、hash 之一给出;实际为:{used}",
        )
    given = {key for key in (*_ALL, *_NEEDS) if getattr(rule, key) not in (None, (), False, "")}
    for key in sorted(given & _ALL - _READS.get(into.kind, set())):
        raise Fault(
            f"{key} does not apply to {into.name}, which is a {into.kind}", f"{key} 不适用于 {into.name}(类型为 {into.kind})"
        )
    for key in sorted(given & set(_NEEDS)):
        if getattr(rule, _NEEDS[key]) is None:
            raise Fault(f"{key} goes with {_NEEDS[key]}, which is not here", f"{key} 须与 {_NEEDS[key]} 同用,而此处没有")
    if len(given & {"format", "months_from", "days_from"}) > 1:
        raise Fault("use one of format, months_from, days_from", "format、months_from、days_from 只能用其一")


def constant(value: Scalar | None) -> str:
    """A constant of the document as SQL."""
    return "NULL" if value is None else literal(shown(value, Notation()))


def _factor(number: Decimal) -> str:
    """A factor as a DECIMAL literal, so that products of money stay exact."""
    return f"{number.normalize():f}"


def _at(rule: Rule, found: str) -> str:
    if rule.at is None:
        return found
    return {
        "month_start": f"CAST(date_trunc('month', {found}) AS DATE)",
        "month_end": f"last_day({found})",
        "quarter_end": f"last_day(CAST(date_trunc('quarter', {found}) AS DATE) + to_months(2))",
        "year_end": f"make_date(year({found}), 12, 31)",
    }[rule.at]


def _or_as_it_stands(read: str, raw: str, kind: str) -> str:
    """What was read, or else the text that stands there, marked where the checks could take it for something that was read."""
    text = f"CAST({raw} AS VARCHAR)"
    stands = f"CASE WHEN try_cast({text} AS {kind}) IS NULL THEN {text} ELSE {text} || {literal(NOT_READ)} END"
    return f"coalesce(CAST({read} AS VARCHAR), {stands})"
