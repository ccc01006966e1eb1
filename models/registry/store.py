"""Runs, registration and aliases in MLflow's store.

A run is opened before training and holds a locked file in ``running/`` while its process lives. Registering takes the store's
lock, and every step of it leaves something that is either whole or can be told from what is whole.
"""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import mlflow
import pandas as pd
from matplotlib.figure import Figure
from mlflow.entities import LoggedModelOutput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.utils.time import get_current_time_millis

from features.errors import IntegrityFailed, NotFound
from models.bundle import Bundle
from models.locks import held, take
from models.registry.pyfunc import save
from models.registry.versions import Version, looked_at, path_of

NAME = "loanwatch"
EXPERIMENT = "loanwatch"
MODEL = "model"
CHAMPION, CHALLENGER = "champion", "challenger"
DIGEST_TAG, DATA_TAG, CRITERIA_TAG = "loanwatch.bundle", "loanwatch.data", "loanwatch.criteria"
STATE_TAG, VERSION_TAG, PROCESS_TAG, NOT_MET_TAG = (
    "loanwatch.state",
    "loanwatch.version",
    "loanwatch.process",
    "loanwatch.not_met",
)


@dataclass(frozen=True)
class Published:
    """One training run in MLflow: its id, the version of its bundle, whether that was there before, whether it is champion."""

    run_id: str
    version: int
    known: bool
    champion: bool = False


class Registry:
    """MLflow's store in a folder: ``mlflow.db`` and ``artifacts/``; ``running/`` has a locked file for each living run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.uri = f"sqlite:///{self.folder / 'mlflow.db'}"
        if not (self.folder / "mlflow.db").is_file():
            self._create()
        self._client = mlflow.MlflowClient(self.uri, self.uri)

    def locked(self) -> Any:
        """Hold the store: nothing is registered, mended or promoted by others meanwhile."""
        return held(self.folder / "store.lock")

    @contextmanager
    def opened(self, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        """A run that ends with the block, FINISHED or FAILED; its id. Others can see whether its process lives."""
        token = uuid4().hex
        path = self.folder / "running" / token
        with self.locked():
            path.parent.mkdir(exist_ok=True)
            file = take(path)
            asked = {**tags, PROCESS_TAG: token, STATE_TAG: "open"}
            run_id = str(self._client.create_run(self._experiment(), tags=asked, run_name=name).info.run_id)
        status = "FAILED"
        try:
            yield run_id
            status = "FINISHED"
        finally:
            self.end(run_id, status, None if status == "FINISHED" else "failed")
            path.unlink()
            assert file is not None
            file.close()

    def end(self, run_id: str, status: str, state: str | None = None) -> None:
        """Close a run; without a state it keeps the one it has."""
        if state is not None:
            self._client.set_tag(run_id, STATE_TAG, state)
        self._client.set_terminated(run_id, status)

    def say(self, run_id: str, **tags: str) -> None:
        """Tag a run with ``loanwatch.<name>``."""
        for name, value in tags.items():
            self._client.set_tag(run_id, f"loanwatch.{name}", value)

    def say_of_version(self, version: int, **tags: str) -> None:
        """Tag a version with ``loanwatch.<name>``."""
        for name, value in tags.items():
            self._client.set_model_version_tag(NAME, str(version), f"loanwatch.{name}", value)

    def show(self, run_id: str, path: str, table: pd.DataFrame) -> None:
        """Keep a table with a run, as JSON that MLflow shows."""
        self._client.log_table(run_id, table, path)

    def publish(
        self, run_id: str, bundle: Bundle, folder: Path, metrics: Mapping[str, float], figures: Mapping[str, Figure],
        tags: Mapping[str, str], documents: Mapping[str, str] = MappingProxyType({}),
    ) -> Published:  # fmt: skip
        """Log parameters, metrics, pictures and documents (name: text) with an open run; register the bundle as challenger.

        A bundle that already has a sound version gets no second one. Who becomes champion is not decided here.
        """
        parameters, now = [Param(k, str(v)) for k, v in _parameters(bundle).items()], get_current_time_millis()
        said = {**tags, DIGEST_TAG: bundle.digest, DATA_TAG: bundle.said["data"]}
        self._client.log_batch(
            run_id, [Metric(k, v, now, 0) for k, v in metrics.items()], parameters, [RunTag(k, v) for k, v in said.items()]
        )
        self._client.update_run(run_id, name=f"{bundle.said['target']['name']} {bundle.digest[:8]}")
        for name, figure in figures.items():
            self._client.log_figure(run_id, figure, f"plots/{name}.png")
        for name, text in documents.items():
            self._client.log_text(run_id, text, f"report/{name}")
        with self.locked():
            there = [v.number for v in self.versions() if v.digest == bundle.digest and v.fault is None]
            version = there[0] if there else self._register(run_id, bundle, folder, said)
            if there:
                self.say_of_version(version, **{k.removeprefix("loanwatch."): v for k, v in tags.items()})
            self._client.set_registered_model_alias(NAME, CHALLENGER, str(version))
        self.say(run_id, state="registered", version=str(version))
        return Published(run_id, version, bool(there))

    def versions(self) -> list[Version]:
        """All registered versions, oldest first, each looked at: ``fault`` says what is wrong with one that is not whole."""
        aliases = self.aliases()
        found = _pages(lambda token: self._client.search_model_versions(f"name='{NAME}'", page_token=token))
        return sorted((self._version(v, aliases) for v in found), key=lambda v: v.number)

    def aliases(self) -> dict[str, int]:
        """The number that each alias points at, whether or not there is such a version."""
        models = self._client.search_registered_models(f"name='{NAME}'")
        return {alias: int(number) for model in models for alias, number in model.aliases.items()}

    def crown(self, version: int) -> None:
        """Move the champion alias."""
        self._client.set_registered_model_alias(NAME, CHAMPION, str(version))

    def uncrown(self) -> None:
        """Take the champion alias away: no model is in use."""
        self._client.delete_registered_model_alias(NAME, CHAMPION)

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

    def abandoned(self) -> list[str]:
        """Ids of runs that say RUNNING although the process that opened them is dead. The caller holds the store's lock."""
        found = _pages(
            lambda token: self._client.search_runs([self._experiment()], "attributes.status = 'RUNNING'", page_token=token)
        )
        return [str(r.info.run_id) for r in found if PROCESS_TAG in r.data.tags and self._dead(r.data.tags[PROCESS_TAG])]

    def strays(self, versions: Sequence[Version]) -> list[str]:
        """Ids of logged models of ours that none of all ``versions`` stands for. The caller holds the store's lock."""
        used = {v.folder for v in versions}
        found = _pages(lambda token: self._client.search_logged_models([self._experiment()], page_token=token))
        return [str(m.model_id) for m in found if m.name == MODEL and path_of(m.artifact_location) not in used]

    def remove_stray(self, model_id: str) -> None:
        """Remove a logged model and its files."""
        model = self._client.get_logged_model(model_id)
        if str(model.status) != "READY":
            self._client.finalize_logged_model(model_id, "FAILED")
        self._client.delete_logged_model(model_id)
        folder = path_of(model.artifact_location)
        if folder.is_relative_to(self.folder / "artifacts" / "models"):
            shutil.rmtree(folder.parent, ignore_errors=True)

    def remove(self, version: Version) -> None:
        """Remove a version; its logged model becomes a stray."""
        self._client.delete_model_version(NAME, str(version.number))

    def sweep(self) -> None:
        """Remove drafts and the files of dead processes. The caller holds the store's lock."""
        shutil.rmtree(self._draft, ignore_errors=True)
        for path in (self.folder / "running").glob("*"):
            if self._dead(path.name):
                path.unlink()

    def check_place(self, versions: Sequence[Version]) -> None:
        """Raise IntegrityFailed if the files of all versions are out of reach: that is a moved store, not broken versions."""
        place = path_of(str(self._client.get_experiment(self._experiment()).artifact_location))
        if versions and not place.is_dir():
            raise IntegrityFailed(
                f"{self.folder}: its files should be in {place}, which is not there; the store was moved or a disk is missing."
                " Bring it back to its place: nothing was removed",
                f"{self.folder}:模型文件应在 {place},但该目录不存在;模型库被移动或磁盘未挂载。请恢复原位置,未删除任何内容",
            )

    def _dead(self, token: str) -> bool:
        path = self.folder / "running" / token
        if not path.is_file():
            return True
        file = take(path)
        if file is not None:
            file.close()
        return file is not None

    def _version(self, found: Any, aliases: Mapping[str, int]) -> Version:
        number, tags = int(found.version), dict(found.tags)
        folder = path_of(self._client.get_model_version_download_uri(NAME, found.version))
        digest = tags.get(DIGEST_TAG, "")
        named = tuple(sorted(alias for alias, at in aliases.items() if at == number))
        return looked_at(Version(number, digest, str(found.run_id), folder, named, tags, None), str(found.status))

    def _register(self, run_id: str, bundle: Bundle, folder: Path, tags: Mapping[str, str]) -> int:
        """Files first, then the version with its digest in one step; the caller holds the store's lock."""
        self._here()
        client = self._client
        model = client.create_logged_model(self._experiment(), MODEL, run_id, {DIGEST_TAG: bundle.digest})
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        save(self._draft, bundle, folder, model)
        client.log_model_artifacts(model.model_id, str(self._draft))
        shutil.rmtree(self._draft)
        client.finalize_logged_model(model.model_id, "READY")
        if not client.search_registered_models(f"name='{NAME}'"):
            client.create_registered_model(NAME)
        made = client.create_model_version(NAME, f"models:/{model.model_id}", run_id, dict(tags), model_id=model.model_id)
        return int(made.version)

    @property
    def _draft(self) -> Path:
        return self.folder / "draft"

    def _create(self) -> None:
        """Make the database whole before it has its name: one that was killed half-made could never be opened."""
        with self.locked():
            for left in self.folder.glob("draft-*"):
                left.unlink()
            if not (self.folder / "mlflow.db").is_file():
                draft = self.folder / f"draft-{uuid4().hex}.db"  # MLflow remembers every database it has opened by its name
                mlflow.MlflowClient(f"sqlite:///{draft}", f"sqlite:///{draft}").search_experiments()
                draft.replace(self.folder / "mlflow.db")

    def _here(self) -> None:
        """Point MLflow's process-wide settings at this store; another registry may have moved them."""
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=(self.folder / "artifacts").as_uri()))


def _pages(ask: Callable[[str | None], Any]) -> list[Any]:
    """Everything that a search finds, page by page."""
    found, token = [], None
    while True:
        page = ask(token)
        found += page
        token = page.token
        if not token:
            return found


def _parameters(bundle: Bundle) -> dict[str, Any]:
    said = bundle.said
    profile = dict(said["profile"])
    return {
        "bundle": bundle.digest, "data": said["data"], "ledger": said["ledger"]["digest"], "target": said["target"]["name"],
        "profile": profile["name"], "rounds": said["rounds"], "features": len(said["features"]),
        "calibration_slope": said["calibration"]["slope"], "calibration_intercept": said["calibration"]["intercept"],
        **{f"lightgbm.{k}": v for k, v in profile["lightgbm"].items()},
        **{f"search.{k}": v for k, v in (said["search"] or {}).items()},
    }  # fmt: skip
