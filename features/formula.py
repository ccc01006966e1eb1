"""Formulas over columns: said once, rendered as SQL, and run as steps by one compiled function over blocks of rows.

A value is float64, NaN where it is unknown. A condition is 1, 0 or unknown, as in SQL.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from features.arrays import Float, Int
from features.kernels import kernel

ADD, SUBTRACT, MULTIPLY, DIVIDE, GREATER, AT_LEAST, LESS, BOTH, OPPOSITE, MINUS, AMONG, KEEP = range(12)
AS_IS, LARGEST, SMALLEST, TOTAL, COUNT, BEFORE = range(6)
"""How values are written: as they are; as ``kernels`` looks for the largest or the smallest, with the sign that makes it the
largest and no unknown; as what all before add up to, or how many of them are known; or for the place before to be looked up.
"""
CACHE = 1 << 17
"""Values that the steps work on at a time: one megabyte, half of a second-level cache."""


@dataclass(frozen=True)
class Expr:
    """A value per row. Equal ``sql`` means equal values; ``exact`` says that it is a whole number wherever it is known.

    A column has a ``name``, a constant a ``number``; anything else is a ``step`` over ``args``, for AMONG with ``words``.
    """

    sql: str
    exact: bool = False
    step: int = -1
    args: tuple["Expr", ...] = ()
    name: str = ""
    number: float | None = None
    words: tuple[str, ...] = ()

    def __add__(self, other: "Expr | float") -> "Expr":
        return _join("+", ADD, self, other)

    def __sub__(self, other: "Expr | float") -> "Expr":
        return _join("-", SUBTRACT, self, other)

    def __mul__(self, other: "Expr | float") -> "Expr":
        return _join("*", MULTIPLY, self, other, exact=False)

    def __gt__(self, other: "Expr | float") -> "Expr":
        return _join(">", GREATER, self, other, exact=True)

    def __ge__(self, other: "Expr | float") -> "Expr":
        return _join(">=", AT_LEAST, self, other, exact=True)

    def __lt__(self, other: "Expr | float") -> "Expr":
        return _join("<", LESS, self, other, exact=True)

    def __and__(self, other: "Expr") -> "Expr":
        """Both hold; what is known to be false makes it false, whatever the other is."""
        return _join("AND", BOTH, self, other)

    def __invert__(self) -> "Expr":
        return Expr(f"(NOT {self.sql})", True, OPPOSITE, (self,))

    def __truediv__(self, other: "Expr") -> "Expr":
        """Quotient, unknown where the denominator is zero."""
        return Expr(f"({self.sql} / nullif({other.sql}, 0))", False, DIVIDE, (self, other))

    def __neg__(self) -> "Expr":
        return Expr(f"(-{self.sql})", self.exact, MINUS, (self,))

    def as_number(self) -> "Expr":
        """A condition as 0 or 1, unknown where it is."""
        return Expr(f"CAST({self.sql} AS INTEGER)", True, ADD, (self, _constant(0)))

    def columns(self) -> frozenset[str]:
        """Names of the columns that it reads."""
        return frozenset([self.name] if self.name else []).union(*(arg.columns() for arg in self.args))


def column(name: str, sql: str, exact: bool = False) -> Expr:
    return Expr(sql, exact, name=name)


def among(sql: str, words: "Expr", listed: tuple[str, ...]) -> Expr:
    """Whether a column of words holds one of those listed; false where it is unknown."""
    return Expr(sql, True, AMONG, (words,), words=listed)


def _constant(number: float) -> Expr:
    return Expr(f"{number}", float(number).is_integer(), number=float(number))


def _join(sign: str, step: int, left: Expr, right: Expr | float, exact: bool | None = None) -> Expr:
    other = right if isinstance(right, Expr) else _constant(right)
    known = left.exact and other.exact if exact is None else exact
    return Expr(f"({left.sql} {sign} {other.sql})", known, step, (left, other))


ONE = _constant(1)
ALWAYS = Expr("true", True, number=1.0)


def kept(where: Expr, value: Expr) -> Expr:
    """The value where a condition holds, unknown elsewhere."""
    return (
        value
        if where.sql == ALWAYS.sql
        else Expr(f"CASE WHEN {where.sql} THEN {value.sql} END", value.exact, KEEP, (where, value))
    )


class Program:
    """Formulas laid out as steps over registers: columns first, then constants, then what the steps work out.

    Equal parts are worked out once. ``inputs`` are the columns that it reads, those named first in their order. ``listed`` are
    the words that AMONG looks for, by the column that holds them. ``ways`` say how the values of each formula are written.
    """

    def __init__(self, formulas: Sequence[Expr], inputs_first: Sequence[Expr] = (), ways: Sequence[int] = ()) -> None:
        parts: dict[str, Expr] = {}
        for formula in [*inputs_first, *formulas]:
            _collect(formula, parts)
        inputs = [part for part in parts.values() if part.name]
        fixed = [part for part in parts.values() if part.number is not None]
        worked = [part for part in parts.values() if part.step >= 0]
        place = {part.sql: i for i, part in enumerate([*inputs, *fixed, *worked])}
        self.inputs = tuple(part.name for part in inputs)
        self.listed: list[tuple[str, str]] = []
        self._fixed = np.array([part.number for part in fixed], dtype=np.float64)
        self._steps = np.array([self._step(part, place) for part in worked], dtype=np.int64).reshape(len(worked), 5)
        self._wanted = np.array([place[formula.sql] for formula in formulas], dtype=np.int64)
        self.ways: Int = np.array(ways or [AS_IS] * len(formulas), dtype=np.int64)

    def _step(self, part: Expr, place: Mapping[str, int]) -> tuple[int, int, int, int, int]:
        """Step, first operand, second operand or number of words, first word, and where the value goes."""
        first, second, word = place[part.args[0].sql], place[part.args[-1].sql], len(self.listed)
        if part.step == AMONG:
            second = len(part.words)
            self.listed += [(part.args[0].name, listed) for listed in part.words]
        return part.step, first, second, word, place[part.sql]

    def run(self, columns: Float, position: Callable[[str, str], float] | None = None) -> Float:
        """Values of the formulas, float64 (m, n), given the ``inputs`` as rows (len(inputs), n).

        ``position`` is the number that stands for a word in a column of words.
        """
        out = np.empty((len(self._wanted), columns.shape[1]))
        self.write(out, self.ways, columns, position)
        return out

    def run_into(self, out: Float, places: Int, columns: Float) -> None:
        """The same without words, written to ``out[:, places]``."""
        if (np.diff(places) == 1).all():
            self.write(out, self.ways, columns, first=places[0] if len(places) else 0)
        else:
            _scatter(self.run(columns), places, out)

    def write(
        self, out: Float, ways: Int, columns: Float, position: Callable[[str, str], float] | None = None, first: int = 0
    ) -> Float:
        """The same, written to ``out[:, first:]`` in these ``ways``; what adds up needs one place more and begins with 0.

        Gives what the sizes of all values that are added up come to, float64 (m,): below 2**53 the running totals are exact.
        """
        words = np.array([position(*entry) for entry in self.listed] if position else [], dtype=np.float64)
        sizes: Float = _evaluate(self._steps, self._fixed, words, columns, self._wanted, ways, first, out)
        return sizes


def _collect(formula: Expr, parts: dict[str, Expr]) -> None:
    """All parts of a formula, what is needed first before what needs it."""
    if formula.sql not in parts:
        for arg in formula.args:
            _collect(arg, parts)
        parts[formula.sql] = formula


@kernel
def _arithmetic(step: int, x: Float, y: Float, out: Float) -> None:  # noqa: C901 (a loop for each sign)
    if step == ADD:
        for k in range(len(out)):
            out[k] = x[k] + y[k]
    elif step == SUBTRACT:
        for k in range(len(out)):
            out[k] = x[k] - y[k]
    elif step == MULTIPLY:
        for k in range(len(out)):
            out[k] = x[k] * y[k]
    elif step == DIVIDE:
        for k in range(len(out)):
            out[k] = x[k] / y[k] if y[k] != 0.0 else np.nan
    elif step == OPPOSITE:
        for k in range(len(out)):
            out[k] = 1.0 - x[k]
    else:
        for k in range(len(out)):
            out[k] = -x[k]


@kernel
def _condition(step: int, x: Float, y: Float, out: Float) -> None:
    """Comparing with what is unknown is unknown; ``both`` is false where either is known to be."""
    for k in range(len(out)):
        known = (x[k] == x[k]) & (y[k] == y[k])
        if step == GREATER:
            holds = x[k] > y[k]
        elif step == AT_LEAST:
            holds = x[k] >= y[k]
        elif step == LESS:
            holds = x[k] < y[k]
        else:
            holds = (x[k] != 0.0) & (y[k] != 0.0)
            known = known | (x[k] == 0.0) | (y[k] == 0.0)
        out[k] = (1.0 if holds else 0.0) if known else np.nan


@kernel
def _among(words: Float, x: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = 0.0
    for word in words:
        for k in range(len(out)):
            out[k] = 1.0 if x[k] == word else out[k]


@kernel
def _keep(where: Float, x: Float, out: Float) -> None:
    for k in range(len(out)):
        out[k] = x[k] if where[k] == 1.0 else np.nan


@kernel
def _add_up(values: Float, so_far: Float) -> float:
    """Running totals from the one that ``so_far`` begins with, and what the sizes of the values come to."""
    total, size = so_far[0], 0.0
    for k in range(len(values)):
        value = values[k] if values[k] == values[k] else 0.0
        total, size = total + value, size + abs(value)
        so_far[k + 1] = total
    return size


@kernel
def _count_up(values: Float, so_far: Float) -> None:
    count = so_far[0]
    for k in range(len(values)):
        count += 1.0 if values[k] == values[k] else 0.0
        so_far[k + 1] = count


@kernel
def _written(way: int, values: Float, start: int, out: Float) -> float:
    """Write a block of values from ``start`` on; what the sizes of those added up come to."""
    if way == TOTAL:
        return _add_up(values, out[start:])
    if way == COUNT:
        _count_up(values, out[start:])
    else:
        part = out[start : start + len(values)]
        for k in range(len(values)):
            part[k] = values[k]
        if way == SMALLEST:
            for k in range(len(values)):
                part[k] = -part[k]
        if way in (LARGEST, SMALLEST):
            for k in range(len(values)):
                part[k] = part[k] if part[k] == part[k] else -np.inf
    return 0.0


@kernel
def _operand(register: Float, columns: Float, place: int, start: int, size: int) -> Float:
    """A block of an input, which is read where it stands, or of what was worked out."""
    row: Float = columns[place][start:] if place < len(columns) else register[place - len(columns)]
    return row[:size]


@kernel
def _evaluate(
    steps: Int, fixed: Float, words: Float, columns: Float, wanted: Int, ways: Int, first: int, out: Float
) -> Float:  # fmt: skip
    """All steps over one block of rows after another; what the sizes of what is added up come to."""
    inputs, n = columns.shape
    block = min(max(CACHE // max(len(fixed) + len(steps), 1), 16), n)
    register, sizes = np.empty((len(fixed) + len(steps), block)), np.zeros(len(wanted))
    for i in range(len(fixed)):
        register[i] = fixed[i]
    for i in range(len(wanted)):
        if ways[i] in (TOTAL, COUNT):
            out[i, first] = 0.0
    for start in range(0, n, max(block, 1)):
        size = min(block, n - start)
        for s in range(len(steps)):
            step, number = steps[s, 0], steps[s, 3]
            x, z = _operand(register, columns, steps[s, 1], start, size), register[steps[s, 4] - inputs][:size]
            if step == AMONG:
                _among(words[number : number + steps[s, 2]], x, z)
                continue
            y = _operand(register, columns, steps[s, 2], start, size)
            if step == KEEP:
                _keep(x, y, z)
            elif step in (GREATER, AT_LEAST, LESS, BOTH):
                _condition(step, x, y, z)
            else:
                _arithmetic(step, x, y, z)
        for i in range(len(wanted)):
            sizes[i] += _written(ways[i], _operand(register, columns, wanted[i], start, size), first + start, out[i])
    return sizes


@kernel
def _scatter(values: Float, places: Int, out: Float) -> None:
    for i in range(len(values)):
        for k in range(len(places)):
            out[i, places[k]] = values[i, k]
