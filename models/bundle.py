"""What a model is: a folder of files with their digests, named by the digest of all of them. Nothing in it is a pickle.

model.txt      the trees, as LightGBM writes them
bundle.json    features in order with unit and direction, calibration, PD by horizon, target, profile, periods, where the
               data came from, and how good rows were drawn if not all were kept
metrics.json   how it was judged before it was used
manifest.json  sha256 of each of these
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from features import catalogue
from features.errors import IntegrityFailed, NotFound
from models.calibrate import Calibration
from models.horizon import Curve, Horizons
from models.locks import held
from models.train import Trained

FILES = ("model.txt", "bundle.json", "metrics.json")
LIBRARIES = ("lightgbm", "numpy", "numba", "pandas", "pyarrow", "duckdb")


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory."""

    digest: str
    model: str
    said: Mapping[str, Any]
    metrics: Mapping[str, Any]

    @property
    def features(self) -> tuple[str, ...]:
        return tuple(f["name"] for f in self.said["features"])

    @property
    def calibration(self) -> Calibration:
        return Calibration(**self.said["calibration"])

    @property
    def horizons(self) -> Horizons:
        said = self.said["horizons"]
        curves = [Curve(**{**c, "grades": tuple(c["grades"]), "power": tuple(c["power"])}) for c in said["curves"]]
        return Horizons(said["anchor"], tuple(curves))

    @property
    def catalogue(self) -> str:
        """Digest of what its features meant when it was trained."""
        return str(self.said["catalogue"])

    def other_meaning(self) -> tuple[str, str] | None:
        """Why its features cannot be read as it learned them, in both languages; None if they can."""
        try:
            same = catalogue.digest(list(self.features)) == self.catalogue
        except NotFound as error:
            return error.en, error.zh
        return None if same else ("its features have another meaning now; train again", "其特征含义已变化,请重新训练")


def write(folder: Path, trained: Trained, horizons: Horizons, metrics: Mapping[str, Any], ledger: Mapping[str, Any]) -> Bundle:
    """Write a bundle under ``folder/<digest>`` and read it back verified; the same model gives the same folder."""
    texts = {
        "model.txt": trained.booster,
        "bundle.json": _json(_said(trained, horizons, ledger)),
        "metrics.json": _json(metrics),
    }
    manifest = _json({name: _sha256(text.encode()) for name, text in texts.items()})
    digest = _sha256(manifest.encode())
    with _alone(folder):
        draft = folder / f".{digest}"
        draft.mkdir(parents=True)
        for name, text in {**texts, "manifest.json": manifest}.items():
            (draft / name).write_text(text, "utf-8")
        if not (folder / digest).exists():
            draft.replace(folder / digest)
        shutil.rmtree(draft, ignore_errors=True)
    return load(folder / digest)


def sweep(folder: Path) -> list[str]:
    """Remove drafts that a dead process left among the bundles; returns their names."""
    with _alone(folder) as drafts:
        return drafts


@contextmanager
def _alone(folder: Path) -> Iterator[list[str]]:
    """Nobody else writes bundles here meanwhile, so a draft found at the start is a dead process's: removed, and named."""
    with held(folder.resolve().with_name(f".{folder.name}.lock")):
        drafts = sorted(path for path in folder.glob(".*") if path.is_dir())
        for draft in drafts:
            shutil.rmtree(draft)
        yield [draft.name for draft in drafts]


def load(folder: Path) -> Bundle:
    """Read a bundle, verified whole before anything of it is used.

    Raises NotFound if there is none, IntegrityFailed if a byte of it is not what was written.
    """
    if not (folder / "manifest.json").is_file():
        raise NotFound(
            f"{folder}: no model bundle there; run `loanwatch train` on this book",
            f"{folder}:没有模型包;请先在该账簿上运行 `loanwatch train`",
        )
    manifest = (folder / "manifest.json").read_bytes()
    digest = _sha256(manifest)
    if digest != folder.name:
        raise _broken(folder / "manifest.json")
    contents = {}
    listed = json.loads(manifest)
    for name in FILES:
        path = folder / name
        if not path.is_file() or _sha256(path.read_bytes()) != listed.get(name):
            raise _broken(path)
        contents[name] = path.read_text("utf-8")
    return Bundle(digest, contents["model.txt"], json.loads(contents["bundle.json"]), json.loads(contents["metrics.json"]))


def _said(trained: Trained, horizons: Horizons, ledger: Mapping[str, Any]) -> dict[str, Any]:
    features = [catalogue.feature(name) for name in trained.features]
    return {
        "features": [{"name": f.name, "unit": f.unit, "risk": f.risk} for f in features],
        "catalogue": catalogue.digest(list(trained.features)),
        "calibration": asdict(trained.calibration),
        "horizons": asdict(horizons),
        "rounds": trained.rounds,
        "target": asdict(trained.target),
        "profile": trained.profile.said(),
        "periods": trained.periods and {k: [day.isoformat() for day in days] for k, days in asdict(trained.periods).items()},
        "search": trained.search and dict(trained.search),
        "data": trained.data_digest,
        **({"thinned": asdict(trained.thinned)} if trained.thinned else {}),
        "ledger": dict(ledger),
        "architecture": platform.machine(),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False, default=dict) + "\n"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _broken(path: Path) -> IntegrityFailed:
    return IntegrityFailed(
        f"{path}: not the bytes that were written; the bundle is not used. Restore it from backup or train again",
        f"{path}:内容与写入时不符,模型包已拒用;请从备份恢复或重新训练",
    )
