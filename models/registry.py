"""MLflow, and nowhere else: runs, metrics, plots, model versions, and which version is champion.

A registered version is code plus a bundle, never a pickle: ``models:/loanwatch@champion`` loads ``served.py``, which verifies
the bundle and scores with the same ``Scorer`` as the night.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

# Read when mlflow is imported; these have no other switch.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature, set_model
from mlflow.pyfunc import PythonModel, PythonModelContext
from mlflow.types import ColSpec, Schema

from features.errors import NotFound
from models.bundle import LIBRARIES, Bundle, load
from models.explain import reasons
from models.score import Scorer, grade, points

NAME = "loanwatch"
EXPERIMENT = "loanwatch"
CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST_TAG = "loanwatch.bundle"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """One training run in MLflow: its id and, if it was registered, the version."""

    run_id: str
    version: int
    champion: bool


class ServedBundle(PythonModel):  # type: ignore[misc]
    """What MLflow calls: features in, calibrated PD, points, grade and reasons out."""

    def load_context(self, context: PythonModelContext) -> None:
        self.scorer = Scorer(load(Path(context.artifacts["bundle"])))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        scored = self.scorer.score(model_input)
        log_odds = scored.log_odds
        numbers = pd.DataFrame(
            {"log_odds": log_odds, "pd_12m": scored.pd_12m, "points": points(log_odds), "grade": grade(log_odds)}
        )
        return pd.concat([numbers, reasons(scored)], axis=1)


class Registry:
    """MLflow's store in a folder: ``mlflow.db`` and ``artifacts/``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        self._client = mlflow.MlflowClient(self.uri, self.uri)

    def publish(
        self, bundle: Bundle, folder: Path, metrics: Mapping[str, float], figures: Mapping[str, Figure], promote: bool,
        documents: Mapping[str, str] = MappingProxyType({}),
    ) -> Published:  # fmt: skip
        """Log a run with its parameters, metrics, pictures and documents (name: text) and register the bundle in ``folder``.

        The version becomes challenger, and champion only if ``promote``; the alias moves last, when all else is stored.
        """
        self._here()
        with mlflow.start_run(
            experiment_id=self._experiment(), run_name=f"{bundle.said['target']['name']} {bundle.digest[:8]}"
        ) as run:
            mlflow.log_params(_parameters(bundle))
            mlflow.log_metrics(dict(metrics))
            mlflow.set_tags({DIGEST_TAG: bundle.digest, "loanwatch.data": bundle.said["data"]})
            for name, figure in figures.items():
                mlflow.log_figure(figure, f"plots/{name}.png")
            for name, text in documents.items():
                mlflow.log_text(text, f"report/{name}")
            info = mlflow.pyfunc.log_model(
                name="model", python_model=str(_HERE / "served.py"), artifacts={"bundle": str(folder)},
                signature=_signature(bundle), input_example=_example(bundle), registered_model_name=NAME,
                pip_requirements=[f"{n}=={bundle.said['libraries'][n]}" for n in LIBRARIES],
            )  # fmt: skip
        version = int(info.registered_model_version)
        self._client.set_model_version_tag(NAME, str(version), DIGEST_TAG, bundle.digest)
        self._client.set_registered_model_alias(NAME, CHALLENGER, str(version))
        if promote:
            self._client.set_registered_model_alias(NAME, CHAMPION, str(version))
        return Published(run.info.run_id, version, promote)

    def champion(self) -> str:
        """Digest of the champion's bundle; raises NotFound if no model was ever promoted."""
        try:
            found = self._client.get_model_version_by_alias(NAME, CHAMPION)
        except MlflowException as error:
            raise NotFound(
                f"{self.folder}: no champion there; run `loanwatch train` first, or see why the gate held the last model back",
                f"{self.folder}:尚无冠军模型;请先运行 `loanwatch train`,或查看上次模型未通过的原因",
            ) from error
        return str(found.tags[DIGEST_TAG])

    def load_champion(self) -> Any:
        """``models:/loanwatch@champion`` as MLflow loads it."""
        self._here()
        return mlflow.pyfunc.load_model(f"models:/{NAME}@{CHAMPION}")

    def _here(self) -> None:
        """Point MLflow's process-wide settings at this store; another registry may have moved them."""
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=(self.folder / "artifacts").as_uri()))


def _parameters(bundle: Bundle) -> dict[str, Any]:
    said = bundle.said
    profile = dict(said["profile"])
    return {
        "bundle": bundle.digest, "data": said["data"], "ledger": said["ledger"]["digest"], "target": said["target"]["name"],
        "profile": profile["name"], "rounds": said["rounds"], "features": len(said["features"]),
        "calibration_slope": said["calibration"]["slope"], "calibration_intercept": said["calibration"]["intercept"],
        **{f"lightgbm.{k}": v for k, v in profile["lightgbm"].items()},
    }  # fmt: skip


def _signature(bundle: Bundle) -> ModelSignature:
    return ModelSignature(inputs=Schema([ColSpec("double", name) for name in bundle.features]))


def _example(bundle: Bundle) -> pd.DataFrame:
    """A made-up row, of somebody of whom nothing is known: no borrower's data goes into MLflow."""
    return pd.DataFrame(np.full((1, len(bundle.features)), np.nan), columns=list(bundle.features))


def serve(model: PythonModel) -> None:
    """Tell MLflow which object a models-from-code file stands for."""
    set_model(model)
