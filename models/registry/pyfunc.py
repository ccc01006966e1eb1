"""What MLflow calls to score, and the folder it is loaded from: code and a bundle."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities import LoggedModel
from mlflow.models import Model, ModelSignature, set_model
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, Schema

from models import keys
from models.bundle import LIBRARIES, Bundle, load
from models.explain import reasons, training
from models.registry.versions import TRUSTED
from models.score import Scorer, grade, points

_CODE = Path(__file__).parents[1] / "served.py"


class ServedBundle(PythonModel):  # type: ignore[misc]
    """What MLflow calls: features in, calibrated PD, points, grade and reasons out."""

    def load_context(self, context: PythonModelContext) -> None:
        # Nobody but MLflow calls this, so the setting is read here: whose bundles are used, else the key registered with it.
        trusted = os.environ.get("LOANWATCH_TRUSTED_KEYS") or context.artifacts.get(TRUSTED, "")
        self.scorer = Scorer(load(Path(context.artifacts["bundle"]), keys.trusted(Path(trusted))))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        scored = self.scorer.score(model_input)
        log_odds = scored.log_odds
        numbers = pd.DataFrame(
            {"log_odds": log_odds, "pd_12m": scored.pd_12m, "points": points(log_odds), "grade": grade(log_odds)}
        )
        return pd.concat([numbers, reasons(scored, training(self.scorer.bundle))], axis=1)


def serve(model: PythonModel) -> None:
    """Tell MLflow which object a models-from-code file stands for."""
    set_model(model)


def save(draft: Path, bundle: Bundle, folder: Path, model: LoggedModel) -> None:
    """Write the folder that MLflow keeps of a logged model: ``served.py``, the bundle in ``folder``, the public key of who signed
    it, requirements, columns.
    """
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.TemporaryDirectory() as aside:
        keys.trust(Path(aside) / TRUSTED, bundle.signed_by)
        mlflow.pyfunc.save_model(
            path=str(draft), python_model=str(_CODE), artifacts={"bundle": str(folder), TRUSTED: str(Path(aside) / TRUSTED)},
            signature=_signature(bundle), input_example=_example(bundle),
            pip_requirements=[f"{n}=={bundle.said['libraries'][n]}" for n in LIBRARIES],
            mlflow_model=Model(model.artifact_location, model.source_run_id, model_uuid=model.model_id, model_id=model.model_id),
        )  # fmt: skip
    shutil.rmtree(draft / "__pycache__", ignore_errors=True)


def _signature(bundle: Bundle) -> ModelSignature:
    return ModelSignature(inputs=Schema([ColSpec("double", name) for name in bundle.features]))


def _example(bundle: Bundle) -> pd.DataFrame:
    """A made-up row, of somebody of whom nothing is known: no borrower's data goes into MLflow."""
    return pd.DataFrame(np.full((1, len(bundle.features)), np.nan), columns=list(bundle.features))
