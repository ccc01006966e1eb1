"""The evidence on triggers as a book keeps it: ``evidence/triggers.json``, with what it was found from."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from features import catalogue, durable
from features.errors import IntegrityFailed
from features.ledger import Ledger
from monitoring.policy.trigger import SEVERITIES, TriggerPolicy
from monitoring.trigger_backtest import TARGET, Evidence, together
from monitoring.trigger_history import History
from monitoring.warning import needed

FILE = Path("evidence") / "triggers.json"
FIELDS = ("target", "first", "last", "months", "moments", "ledger", "policy", "catalogue", "triggers", "together")


def document(ledger: Ledger, policy: TriggerPolicy, history: History, found: list[Evidence]) -> dict[str, Any]:
    """The evidence with what it was found from; counts and shares only, nobody is named."""
    return {
        "target": TARGET, "first": str(history.months[0]), "last": str(history.months[-1]), "months": len(history.months),
        "moments": len(history.moments.month), "ledger": ledger.manifest.digest(), "policy": policy.digest,
        "catalogue": _catalogue(policy),
        "triggers": {one.trigger: _plain(asdict(one)) for one in found},
        "together": {severity: _plain(asdict(together(severity, policy, history))) for severity in SEVERITIES},
    }  # fmt: skip


def _catalogue(policy: TriggerPolicy) -> str:
    """What the features that the triggers read mean."""
    return catalogue.digest([feature.name for feature in needed(policy)])


def _plain(value: Any) -> Any:
    """As JSON has it: None for a number that is unknown."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def keep(book: Path, told: dict[str, Any]) -> Path:
    """Put the evidence into the book in one step; the same evidence gives the same bytes."""
    path = book / FILE
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(told, indent=1, sort_keys=True, allow_nan=False) + "\n"
    durable.appear(path, lambda draft: draft.write_text(text, "utf-8"))
    return path


def kept(book: Path) -> dict[str, Any] | None:
    """The evidence of a book, None where it has none; raises IntegrityFailed where the file cannot be read."""
    path = book / FILE
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text("utf-8"))
        return {name: told[name] for name in FIELDS}
    except (ValueError, TypeError, KeyError) as error:
        raise IntegrityFailed(
            f"{path}: not the evidence of a back-test ({error!r}); run `loanwatch triggers backtest` again",
            f"{path}:不是检验结果文件({error!r});请重新运行 `loanwatch triggers backtest`",
        ) from error


def outdated(told: dict[str, Any], ledger: Ledger, policy: TriggerPolicy) -> list[tuple[str, str]]:
    """In both languages what has changed since the evidence was found."""
    found = []
    if told["ledger"] != ledger.manifest.digest():
        found.append(("it is of another version of the ledger", "证据基于账本的其他版本"))
    if told["policy"] != policy.digest:
        found.append(("it is of another version of the triggers", "证据基于预警指标的其他版本"))
    if told["catalogue"] != _catalogue(policy):
        found.append(("some feature has another meaning now", "部分特征的含义已变化"))
    return found
