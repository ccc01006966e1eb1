"""What a model is: a folder of files with their digests, signed, named by the digest of all of them. Nothing in it is a pickle.

model.txt       the trees, as LightGBM writes them
bundle.json     features in order with unit and direction, calibration, PD by horizon, target, profile, periods, where the
                data came from, and how good rows were drawn if not all were kept
metrics.json    how it was judged before it was used
reference.json  what is usual of its features
golden.json     made-up rows with the bits of their scores
manifest.json   sha256 of each of these
signature.json  who says so: a signature of the manifest
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from features import catalogue
from features.durable import appear
from features.errors import IntegrityFailed, NotFound
from models import keys
from models.calibrate import Calibration
from models.golden import Golden
from models.horizon import Curve, Horizons
from models.keys import Signer, Trusted, Untrusted
from models.locks import held
from models.reference import Reference
from models.train import Trained

FILES = ("model.txt", "bundle.json", "metrics.json", "reference.json", "golden.json")
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
LIBRARIES = ("lightgbm", "numpy", "numba", "pandas", "pyarrow", "duckdb")


@dataclass(frozen=True)
class Bundle:
    """A verified bundle in memory, ``signed_by`` the public key in PEM; or a draft of one, without digest and what follows."""

    digest: str
    model: str
    said: Mapping[str, Any]
    metrics: Mapping[str, Any]
    reference: Reference
    golden: Golden
    signed_by: str

    @cached_property
    def features(self) -> tuple[str, ...]:
        return tuple(f["name"] for f in self.said["features"])

    @cached_property
    def calibration(self) -> Calibration:
        return Calibration(**self.said["calibration"])

    @cached_property
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


def drafted(trained: Trained, horizons: Horizons, metrics: Mapping[str, Any], ledger: Mapping[str, Any]) -> Bundle:
    """What is known of a model before it has scored a row."""
    said = json.loads(_json(_said(trained, horizons, ledger)))
    nothing = Reference.nothing(len(trained.features))
    return Bundle("", trained.booster, said, json.loads(_json(metrics)), nothing, Golden.nothing(), "")


def write(folder: Path, draft: Bundle, reference: Reference, golden: Golden, signer: Signer) -> Bundle:
    """Write a bundle under ``folder/<digest>`` and read it back verified; the same model and key give the same bytes.

    A folder that is there is verified, not mended; it is signed again.
    """
    texts = {
        "model.txt": draft.model,
        "bundle.json": _json(draft.said),
        "metrics.json": _json(draft.metrics),
        "reference.json": _json(reference.as_json()),
        "golden.json": _json(golden.as_json()),
    }
    manifest = _json({name: _sha256(text.encode()) for name, text in texts.items()})
    digest, signature = _sha256(manifest.encode()), signer.sign(manifest.encode())
    with _alone(folder):
        made = folder / f".{digest}"
        made.mkdir(parents=True)
        for name, text in {**texts, MANIFEST: manifest, SIGNATURE: signature.decode()}.items():
            (made / name).write_text(text, "utf-8")
        if not (folder / digest).exists():
            made.replace(folder / digest)
        else:
            appear(folder / digest / SIGNATURE, lambda path: path.write_bytes(signature))
        shutil.rmtree(made, ignore_errors=True)
    return load(folder / digest, signer.trusted)


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


def load(folder: Path, trusted: Trusted) -> Bundle:
    """Read a bundle, verified whole and signed by one of the ``trusted`` keys before anything of it is looked into.

    Raises NotFound if there is none, Untrusted if nobody who is trusted signed it, IntegrityFailed if a byte of it is not what
    was signed, or a file is missing or does not belong to it.
    """
    if not (folder / MANIFEST).is_file():
        raise NotFound(
            f"{folder}: no model bundle there; run `loanwatch train` on this book",
            f"{folder}:没有模型包;请先在该账簿上运行 `loanwatch train`",
        )
    manifest = (folder / MANIFEST).read_bytes()
    digest = _sha256(manifest)
    if digest != folder.name:
        raise _broken(folder / MANIFEST)
    key = keys.verify(manifest, _signature(folder), trusted, folder / SIGNATURE)
    contents = _contents(folder, json.loads(manifest))
    said, metrics, reference, golden = (json.loads(contents[name]) for name in FILES[1:])
    return Bundle(
        digest, contents["model.txt"], said, metrics, Reference.from_json(reference), Golden.from_json(golden), keys.text_of(key)
    )


def _signature(folder: Path) -> bytes:
    if not (folder / SIGNATURE).is_file():
        raise Untrusted(
            f"{folder}: the bundle is not signed, as those of earlier versions of loanwatch, and is not used; train again",
            f"{folder}:模型包没有签名(早期版本的模型包均无签名),已拒用;请重新训练",
        )
    return (folder / SIGNATURE).read_bytes()


def _contents(folder: Path, listed: Mapping[str, str]) -> dict[str, str]:
    """The texts of the files, which are those of the manifest and no others; read once, so that what is verified is used."""
    found = {}
    for name in sorted({*FILES, *listed, *(path.name for path in folder.iterdir())} - {MANIFEST, SIGNATURE}):
        path = folder / name
        if name not in FILES or not path.is_file() or _sha256(content := path.read_bytes()) != listed.get(name):
            raise _broken(path)
        found[name] = content.decode("utf-8")
    return found


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
