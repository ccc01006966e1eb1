"""What a training run says in numbers: the JSON of ``loanwatch train`` and the metrics that MLflow shows."""

from collections.abc import Mapping
from typing import Any

from models.assess import Assessment
from models.baselines import BASELINES
from models.bundle import Bundle
from models.evaluate import Verdict
from models.incumbent import Incumbent
from models.validate import Validation

Verdicts = Mapping[str, Verdict]


def verdicts_json(verdicts: Verdicts) -> dict[str, Any]:
    """Model, held-out borrowers, baselines and the champion, the model with its paired differences ``auc_minus_<other>``.

    The champion's verdict is ``present_champion``: ``champion`` says whether this model became one.
    """
    others = [name for name in (*BASELINES, "champion") if name in verdicts]
    spoken = {"champion": "present_champion"}
    said = {spoken.get(name, name): verdicts[name].as_json() for name in ("model", "held_out", *others)}
    for name in others:
        paired = verdicts[f"model_minus_{name}"].as_json()
        said["model"] |= {f"auc_minus_{name}{end}": paired[f"auc{end}"] for end in ("", "_low", "_high")}
    return said


def by_itself(verdicts: Verdicts) -> dict[str, Verdict]:
    """The verdicts that are the same whoever is champion."""
    return {name: verdict for name, verdict in verdicts.items() if "champion" not in name}


def slices_json(assessment: Assessment) -> dict[str, Any]:
    return {part: verdicts_json(by_itself(verdicts)) for part, verdicts in assessment.slices.items()}


def against(assessment: Assessment, beside: Incumbent | None) -> dict[str, Any] | None:
    """The champion that the model was held against: its bundle, the paired differences, what to bear in mind."""
    if beside is None:
        return None
    paired = assessment.whole.get("model_minus_champion")
    return {"bundle": beside.digest, "model_minus_champion": paired and paired.as_json(), "note": beside.en, "note_zh": beside.zh}


def flat(assessment: Assessment) -> dict[str, float]:
    """Metrics by the names MLflow shows: ``auc`` for the model, ``logistic.auc`` for a baseline, ``live/auc`` for a part."""
    named: dict[str, float] = {}
    for place, verdicts in {"": assessment.whole, **{f"{k}/": v for k, v in assessment.slices.items()}}.items():
        for name, verdict in verdicts.items():
            who = "" if name == "model" else f"{name}."
            named |= {f"{place}{who}{k}": v for k, v in verdict.as_json().items() if v is not None}
    return named


def shown(validation: Validation) -> dict[str, float]:
    """What MLflow shows of a validation beside the verdicts: how far the score moved, what is flagged, horizons."""
    horizons = {f"horizon_{h}.ratio": t.ratio for h, t in validation.by_horizon.items() if t is not None}
    return {
        "psi": validation.stability.score.psi,
        "psi_red": float(sum(shift.light == "red" for shift in validation.stability.features.values())),
        "backtest_red": float(sum(test.light == "red" for test in validation.backtest.values())),
        **{f"worth.{name}": float(count) for name, count in validation.worth.summary().items()},
        "leaks_flagged": float(sum(gain.flagged for gain in validation.leaks.features.values())),
        **horizons,
    }


def faithful(bundle: Bundle) -> dict[str, float]:
    """Which share of reasons hold when what they name is made usual; nothing where no row would be watched."""
    held = bundle.metrics["faithfulness"]["held"]
    return {} if held is None else {"faithfulness": held}
