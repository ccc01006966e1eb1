"""MLflow, and nowhere else: runs, metrics, plots, model versions, and which version is champion.

A registered version is code plus a bundle, never a pickle: ``models:/loanwatch@champion`` loads ``served.py``, which verifies
the bundle and scores with the same ``Scorer`` as the night.

store.py       runs, registration, aliases
versions.py    what a registered version is, and whether it is whole
pyfunc.py      what MLflow calls to score
"""

import os

# Read when mlflow is imported; these have no other switch.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from models.registry.pyfunc import ServedBundle, serve
from models.registry.store import (
    CHALLENGER,
    CHAMPION,
    CRITERIA_TAG,
    DIGEST_TAG,
    NAME,
    NOT_MET_TAG,
    Published,
    Registry,
)
from models.registry.versions import Version

__all__ = [
    "CHALLENGER", "CHAMPION", "CRITERIA_TAG", "DIGEST_TAG", "NAME", "NOT_MET_TAG", "Published", "Registry", "ServedBundle",
    "Version", "serve",
]  # fmt: skip
