"""Parameters of the simulation: read from TOML, checked against types and bounds, frozen."""

import datetime
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import numpy as np

from .draw import Floats, scaled_odds

HEALTH_LEVELS = 5
DEFAULTS = Path(__file__).with_name("parameters.toml")


@dataclass(frozen=True)
class Between:
    """Lowest and highest accepted value."""

    low: float
    high: float


@dataclass(frozen=True)
class Length:
    """How many values a list holds."""

    count: int


@dataclass(frozen=True)
class MonthText:
    """A calendar month written YYYY-MM."""


Share = Annotated[float, Between(0, 1)]
Positive = Annotated[float, Between(1e-9, 1e12)]
Month = Annotated[str, MonthText()]
ByHealth = Annotated[tuple[float, ...], Between(0, 1), Length(HEALTH_LEVELS)]
Days = Annotated[int, Between(1, 3_650)]
DayRange = Annotated[tuple[int, ...], Between(1, 3_650), Length(2)]
Range = Annotated[tuple[float, ...], Between(0, 1_000), Length(2)]
Lag = Annotated[int, Between(0, 24)]


@dataclass(frozen=True)
class BookParameters:
    """Size and shape of the book."""

    borrowers: Annotated[int, Between(1, 3_000_000)]
    months: Annotated[int, Between(1, 240)]
    seed: Annotated[int, Between(0, 2**63 - 1)]
    first_month: Month
    seasoning_months: Annotated[int, Between(1, 120)]
    chunk_borrowers: Annotated[int, Between(1, 1_000_000)]
    company_share: Share
    second_loan: Share
    seasoned_share: Share
    refuse_from_health: Annotated[int, Between(0, HEALTH_LEVELS)]
    transactions_from: Month
    account_share: Share


@dataclass(frozen=True)
class RegimeParameters:
    """The calendar regime: when times turn worse, and by how much."""

    month: Month
    deterioration: Positive
    missing: Positive
    sales: Positive


@dataclass(frozen=True)
class HealthParameters:
    """Monthly moves of a borrower's health."""

    start: ByHealth
    worsen: ByHealth
    shock: ByHealth
    improve: ByHealth


@dataclass(frozen=True)
class HealthKinds:
    """Health by kind of borrower."""

    person: HealthParameters
    company: HealthParameters


@dataclass(frozen=True)
class ArrearsParameters:
    """Monthly moves of the number of unpaid instalments, and how a month's payment looks."""

    miss: ByHealth
    roll: ByHealth
    cure: ByHealth
    step: ByHealth
    partial: Share
    recovery: Share
    late: ByHealth
    early: Share
    bounced: Share


@dataclass(frozen=True)
class ProductParameters:
    """One product: how often, how long, how dear, how large, how risky."""

    share: Share
    term: Annotated[tuple[int, ...], Between(2, 600), Length(2)]
    rate: Annotated[tuple[float, ...], Between(0.001, 1), Length(2)]
    principal: Range
    weight: Positive


@dataclass(frozen=True)
class Products:
    """The products on offer: three for persons, two for companies."""

    mortgage: ProductParameters
    consumer: ProductParameters
    online: ProductParameters
    working_capital: ProductParameters
    fixed_assets: ProductParameters


@dataclass(frozen=True)
class PersonParameters:
    """Account flows of persons."""

    monthly_income: Positive
    income_spread: Annotated[float, Between(0, 3)]
    self_employed: Share
    renting: Share
    consumption: Annotated[float, Between(0, 100)]
    activity_spread: Annotated[float, Between(0, 3)]
    salary_level: ByHealth
    salary_missing: ByHealth
    salary_delayed: ByHealth
    gambling: ByHealth
    securities: ByHealth
    borrowing: ByHealth
    buffer: ByHealth


@dataclass(frozen=True)
class CompanyParameters:
    """Account flows of companies."""

    yearly_revenue: Positive
    revenue_spread: Annotated[float, Between(0, 3)]
    sales_level: ByHealth
    concentration: ByHealth
    tax_missing: ByHealth
    wages_missing: ByHealth
    borrowing: ByHealth
    buffer: ByHealth


@dataclass(frozen=True)
class StatementParameters:
    """Financial statements: what they show and when they arrive."""

    lag_months: Lag
    noise: Annotated[float, Between(0, 10)]
    filing_days: DayRange
    never_filed: ByHealth
    slow_filing: ByHealth
    identity_failure: ByHealth
    missing_item: Share


@dataclass(frozen=True)
class BureauParameters:
    """Bureau reports and enquiries."""

    lag_months: Lag
    noise: Annotated[float, Between(0, 1_000)]
    gap_days: DayRange
    enquiries: ByHealth


@dataclass(frozen=True)
class EventParameters:
    """Non-financial events and their screening."""

    adverse_person: ByHealth
    adverse_company: ByHealth
    neutral: Share
    screening_days_person: Days
    screening_days_company: Days


@dataclass(frozen=True)
class BenignParameters:
    """Shares of the healthy whose figures look bad for a good reason."""

    person: Share
    company: Share
    arrears_person: Share
    arrears_company: Share
    arrears_months: Annotated[tuple[int, ...], Between(1, 60), Length(2)]


@dataclass(frozen=True)
class ReportingParameters:
    """How records arrive late, wrong, twice or not at all."""

    late_payments: Share
    backdated_payments: Share
    late_transactions: Share
    backdated_transactions: Share
    misreported: Share
    repeated: Share
    master_changes: Share
    missing_statuses: Share
    gap_borrowers: Share
    faulty: Share


@dataclass(frozen=True)
class Parameters:
    """Everything that shapes a simulated book; parameters.toml says what each entry means."""

    book: BookParameters
    regime: RegimeParameters
    health: HealthKinds
    arrears: ArrearsParameters
    product: Products
    person: PersonParameters
    company: CompanyParameters
    statements: StatementParameters
    bureau: BureauParameters
    events: EventParameters
    benign: BenignParameters
    reporting: ReportingParameters


def read_parameters(path: Path | None = None, changes: Mapping[str, Any] | None = None) -> Parameters:
    """Read the defaults, then the overrides of a TOML file, then ``changes`` (nested like the file).

    Raises:
        ValueError: an unknown key, or a value of the wrong type or out of bounds; the key is named.
        OSError: the file cannot be read.
    """
    data = tomllib.loads(DEFAULTS.read_text(encoding="utf-8"))
    for override in (tomllib.loads(path.read_text(encoding="utf-8")) if path else {}, changes or {}):
        data = _merge(data, override, "")
    parameters: Parameters = _build(Parameters, data, "")
    _check_together(parameters)
    return parameters


def toml_text(parameters: Parameters) -> str:
    """The resolved parameters as TOML, readable by :func:`read_parameters`."""
    return "\n".join(_sections(parameters, "")).lstrip("\n") + "\n"


def _sections(node: Any, where: str) -> list[str]:
    entries = [(f.name, getattr(node, f.name)) for f in fields(node)]
    plain = [f"{name} = {_literal(value)}" for name, value in entries if not is_dataclass(value)]
    lines = ["", f"[{where}]", *plain] if plain else []
    for name, value in entries:
        if is_dataclass(value):
            lines += _sections(value, f"{where}.{name}" if where else name)
    return lines


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _merge(base: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        name = where + key
        if key not in base:
            raise ValueError(f"parameter {name} is not known; {_nearest(key, base)}")
        if isinstance(base[key], dict) != isinstance(value, Mapping):
            expected = "a table" if isinstance(base[key], dict) else "a value"
            raise ValueError(f"parameter {name}: saw {value!r}, expected {expected}")
        merged[key] = _merge(base[key], value, name + ".") if isinstance(value, Mapping) else value
    return merged


def _nearest(key: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, n=3)
    return f"did you mean {' or '.join(near)}?" if near else f"known here: {', '.join(known)}"


def _build(cls: Any, data: Mapping[str, Any], name: str) -> Any:
    where = name + "." if name else ""
    hints = get_type_hints(cls, include_extras=True)
    values = {}
    for name, hint in hints.items():
        read = _build if is_dataclass(hint) else _value
        values[name] = read(hint, data[name], where + name)
    return cls(**values)


def _value(hint: Any, raw: Any, name: str) -> Any:
    base, *rules = get_args(hint)
    kind = get_args(base)[0] if get_origin(base) is tuple else base
    if get_origin(base) is not tuple:
        return _scalar(kind, raw, rules, name)
    length = next(rule.count for rule in rules if isinstance(rule, Length))
    if not isinstance(raw, list | tuple) or len(raw) != length:
        raise ValueError(f"parameter {name}: saw {raw!r}, expected a list of {length} values")
    return tuple(_scalar(kind, value, rules, f"{name}[{i}]") for i, value in enumerate(raw))


def _scalar(kind: Any, raw: Any, rules: list[Any], name: str) -> Any:
    accepted: Any = (int, float) if kind is float else kind
    if not isinstance(raw, accepted) or isinstance(raw, bool):
        raise ValueError(f"parameter {name}: saw {raw!r}, expected {kind.__name__}")
    for rule in rules:
        if isinstance(rule, Between) and not rule.low <= raw <= rule.high:
            raise ValueError(f"parameter {name}: saw {raw!r}, expected {rule.low:g} to {rule.high:g}")
        if isinstance(rule, MonthText):
            _check_month(raw, name)
    return kind(raw)


def _check_month(raw: str, name: str) -> None:
    try:
        datetime.datetime.strptime(raw, "%Y-%m")
    except ValueError:
        raise ValueError(f"parameter {name}: saw {raw!r}, expected a month like 2022-01") from None


def _check_together(parameters: Parameters) -> None:
    _check_sums(parameters)
    for name, kind in (("person", parameters.health.person), ("company", parameters.health.company)):
        for factor in (1.0, parameters.regime.deterioration):
            down = scaled_odds(np.array([kind.worsen, kind.shock]), factor)
            _check_moves(f"health.{name}", [*down, np.array(kind.improve)])
    _check_moves("arrears.cure and step", [np.array(parameters.arrears.cure), np.array(parameters.arrears.step)])
    for product in fields(Products):
        for name in ("term", "rate", "principal"):
            _check_order(getattr(getattr(parameters.product, product.name), name), f"product.{product.name}.{name}")
    _check_order(parameters.statements.filing_days, "statements.filing_days")
    _check_order(parameters.bureau.gap_days, "bureau.gap_days")
    _check_order(parameters.benign.arrears_months, "benign.arrears_months")


def _check_sums(parameters: Parameters) -> None:
    product, health = parameters.product, parameters.health
    sums = {
        "product.*.share of persons": product.mortgage.share + product.consumer.share + product.online.share,
        "product.*.share of companies": product.working_capital.share + product.fixed_assets.share,
        "health.person.start": sum(health.person.start),
        "health.company.start": sum(health.company.start),
    }
    for name, total in sums.items():
        if abs(total - 1) > 1e-9:
            raise ValueError(f"parameter {name}: saw a sum of {total:g}, expected 1")


def _check_moves(name: str, chances: list[Floats]) -> None:
    for level, moves in enumerate(np.sum(chances, axis=0)):
        if moves > 1:
            raise ValueError(f"parameter {name}: saw chances of {moves:g} from health {level}, expected at most 1")


def _check_order(pair: tuple[float, ...], name: str) -> None:
    low, high = pair
    if low > high:
        raise ValueError(f"parameter {name}: saw {low:g} to {high:g}, expected the lower first")
