"""What a shock does, in totals, in plain sentences, as rows of a file and as one document."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from features.arrays import known, plain
from features.catalogue import CATALOGUE
from models.wording import LANGUAGES, worded
from monitoring.policy.triggers import trigger_policy
from monitoring.warning import texts
from pipelines.shock.compare import Driver, Found
from pipelines.shock.worlds import Figure

Said = tuple[str, str]
"""A sentence in English and Chinese."""


@dataclass(frozen=True)
class Step:
    """The borrowers that go from one tier to another, and what they owe."""

    tier_before: str
    tier: str
    borrowers: int
    exposure: float


@dataclass(frozen=True)
class Totals:
    """Over all borrowers that were scored again; money in minor units, without the ``exposure_unknown`` borrowers of whom it is
    not known. ``signals`` is for how many borrowers each trigger comes on.
    """

    borrowers: int
    loans: int
    exposure: float
    exposure_unknown: int
    loss_before: float
    loss: float
    moved: int
    exposure_moved: float
    steps: tuple[Step, ...]
    signals: dict[str, int]


def totals(found: Found) -> Totals:
    rows, moves = found.rows, found.moves
    signals = found.signals["trigger"].value_counts().sort_index()
    return Totals(
        len(rows), found.loans, float(rows["exposure"].sum()), int(rows["exposure"].isna().sum()),
        float(rows["loss_before"].sum()), float(rows["loss"].sum()), len(moves), float(moves["exposure"].sum()),
        tuple(_steps(moves)), {str(trigger): int(count) for trigger, count in signals.items()},
    )  # fmt: skip


def _steps(moves: pd.DataFrame) -> Iterator[Step]:
    for tiers, rows in moves.groupby(["tier_before", "tier"], sort=True):
        then, now = map(str, tiers)
        yield Step(then, now, len(rows), float(rows["exposure"].sum()))


def sentences(found: Found) -> list[Said]:
    """What has to be known to read the result."""
    return [*_figures(found), *_model(found), *_triggers(found), *_book(found)]


def _figures(found: Found) -> Iterator[Said]:
    if found.asked.since is not None and not found.figures:
        yield (
            f"no figure of the sector arrived after {found.asked.since}",
            f"{found.asked.since} 之后没有该行业或地区的数据到达",
        )


def _model(found: Found) -> Iterator[Said]:
    tables, reach = " and ".join(found.asked.sectors), found.reach
    if not reach.reads:
        yield (
            f"the model in use reads no feature of {tables}: only triggers can move",
            f"现用模型不读取 {tables} 的任何特征:只有预警指标会变动",
        )
    elif not reach.changed:
        yield (
            f"the model in use reads {len(reach.reads)} features of {tables}, and none of them changes for anybody: no PD moves",
            f"现用模型读取 {tables} 的 {len(reach.reads)} 个特征,但均未变化:违约概率不变",
        )
    else:
        names = ", ".join(reach.changed)
        yield (
            f"the model in use reads {len(reach.reads)} features of {tables}, of which these change: {names}",
            f"现用模型读取 {tables} 的 {len(reach.reads)} 个特征,其中变化的有:{names}",
        )


def _triggers(found: Found) -> Iterator[Said]:
    tables, names = " and ".join(found.asked.sectors), ", ".join(found.reach.triggers)
    if names:
        yield (f"triggers that read {tables}: {names}", f"读取 {tables} 的预警指标:{names}")
    else:
        yield (f"no trigger reads {tables}", f"没有预警指标读取 {tables}")


def _book(found: Found) -> Iterator[Said]:
    if found.rows.empty:
        yield ("no borrower of the sector has a live loan", "该行业或地区没有存续贷款的借款人")
    if found.official is None:
        yield (
            "there is no official run yet: tiers are those of a first night",
            "尚无正式夜间运行:分层按首晚计算",
        )
    if unknown := int(found.rows["exposure"].isna().sum()):
        yield (f"the exposure of {unknown} borrowers is unknown and in no total", f"{unknown} 个借款人敞口未知,未计入合计")


def as_json(found: Found) -> dict[str, Any]:
    """One document: what was asked, what differs, how it can show, totals, who moves, and for whom else a signal comes on."""
    signals = _signals(found)
    return {
        "as_of": found.as_of, "asked": found.asked.as_json(), "figures": [_figure(figure) for figure in found.figures],
        "bundle": found.bundle, "official": found.official, "reach": asdict(found.reach),
        "said": [dict(zip(LANGUAGES, said, strict=True)) for said in sentences(found)], "totals": asdict(totals(found)),
        "moves": [_row(row, signals) for row in plain(found.moves)],
        "signalled": [_row(row, signals) for row in plain(found.signalled)],
    }  # fmt: skip


def _figure(figure: Figure) -> dict[str, Any]:
    return {**asdict(figure), "before": known(figure.before)}


def _row(row: dict[str, Any], signals: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    drivers = [{**asdict(driver), "before": known(driver.before), "value": known(driver.value)} for driver in row["drivers"]]
    return {**row, "drivers": drivers, "signals": signals.get(row["borrower_id"], [])}


def _signals(found: Found) -> dict[str, list[dict[str, Any]]]:
    """The signals that come on, by borrower, with their texts."""
    policy = trigger_policy(found.as_of)
    told = found.signals[["borrower_id", "trigger", "severity", "value", "threshold"]].assign(
        **{language: texts(found.signals, policy, language) for language in LANGUAGES}
    )
    by = told.groupby("borrower_id", sort=True)
    return {str(borrower): list(plain(rows.drop(columns="borrower_id"))) for borrower, rows in by}


def flat(found: Found) -> pd.DataFrame:
    """The rows of a file: who moves, then for whom else a signal comes on."""
    rows = pd.concat([found.moves.assign(moves=True), found.signalled.assign(moves=False)], ignore_index=True)
    return rows.assign(drivers=rows["drivers"].map(lambda drivers: ", ".join(map(driven, drivers))))


def driven(driver: Driver) -> str:
    """What moved a score, in short: the feature, its value without and with the shock, what its group adds."""
    feature = CATALOGUE[driver.feature]
    before, value = (worded(feature, one, "en") if known(one) is not None else "unknown" for one in (driver.before, driver.value))
    return f"{driver.feature} {before} -> {value} ({driver.log_odds:+.2f})"
