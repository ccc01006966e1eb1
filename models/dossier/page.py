"""The page that an auditor reads first, from ``kit/README.md``, in English and Chinese."""

from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

from features.labels import target
from models.score import Scored


def page(said: Mapping[str, Any], scored: Scored, counted: Mapping[str, int]) -> str:
    """The page of one row, given what ``manifest.json`` says and the number of records by table."""
    template = Template(files("models.dossier.kit").joinpath("README.md").read_text("utf-8"))
    standing, standing_zh = _standing(said)
    goal = target(said["target"])
    return template.substitute(
        {k: said[k] for k in ("loan", "borrower", "as_of", "known_by", "bundle", "duckdb")},
        target=f"{goal.en} {goal.zh}", pd=f"{float(scored.pd_12m[0]):.4%}", log_odds=f"{float(scored.log_odds[0]):+.6f}",
        features=len(scored.features), records=f"{sum(counted.values()):,}",
        tables="\n".join(f"| `records/{name}.csv` | {n:,} |" for name, n in counted.items()),
        ledger_version=said["ledger"]["version"], ledger_digest=said["ledger"]["digest"],
        standing=f"\n{standing}\n" if standing else "", standing_zh=f"\n{standing_zh}\n" if standing else "",
    )  # fmt: skip


def _standing(said: Mapping[str, Any]) -> tuple[str, str]:
    """What the loan's standing on the day means for its score; nothing if the score is its own."""
    if not said["live"]:
        return (
            "On this day no night scores the loan: it is closed, paid off, written off or out of sight.\n"
            "What follows is what the model would say of it.",
            "当日夜间运行不对该贷款评分:其已结清、核销或不在观察范围。以下为模型对它的推算。",
        )
    if said["scored_by"] in (None, said["loan"]):
        return "", ""
    return (
        f"The borrower is a company: all its loans carry the score of the worst, on this day that of loan {said['scored_by']}.",
        f"借款人为企业:其全部贷款采用风险最高者的评分,当日为贷款 {said['scored_by']} 的评分。",
    )
