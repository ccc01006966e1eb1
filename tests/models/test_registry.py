"""MLflow: the champion there is the champion of the night, to the last bit, and nothing there names a borrower."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from books import Book
from stores import SIGNER, copied, rows, trained_like, variant

from features.errors import NotFound
from models import keys
from models.explain import reasons, training
from models.gate import gate
from models.keys import Untrusted
from models.registry import CHALLENGER, CHAMPION, NAME, Registry
from models.score import grade, points


@pytest.fixture
def store(book: Book, tmp_path: Path) -> Path:
    """A store like the book's, to write to."""
    return copied(book.mlruns, tmp_path / "mlruns")


def aliases(store: Path) -> dict[str, str]:
    with closing(sqlite3.connect(store / "mlflow.db")) as con:
        return {alias: str(version) for alias, version in con.execute("SELECT alias, version FROM registered_model_aliases")}


def test_the_registered_champion_gives_the_bits_of_the_scorer(book: Book) -> None:
    x = book.sample.x.iloc[:200][list(book.bundle.features)].reset_index(drop=True)
    served = Registry(book.mlruns).load_champion().predict(x)
    scored = book.scorer.score(x)
    for name, own in (("log_odds", scored.log_odds), ("pd_12m", scored.pd_12m), ("points", points(scored.log_odds))):
        assert served[name].to_numpy().tobytes() == own.tobytes()
    np.testing.assert_array_equal(served["grade"], grade(scored.log_odds))
    told = reasons(scored, training(book.bundle))
    pd.testing.assert_frame_equal(served[list(told.columns)], told, check_exact=True)


def test_the_registered_champion_does_not_mind_the_order_of_columns(book: Book) -> None:
    x = book.sample.x.iloc[:20][list(book.bundle.features)].reset_index(drop=True)
    model = Registry(book.mlruns).load_champion()
    pd.testing.assert_frame_equal(model.predict(x[x.columns[::-1]]), model.predict(x), check_exact=True)


def test_the_champion_is_the_bundle_of_the_training_run(book: Book) -> None:
    assert book.trained["champion"] is True
    assert Registry(book.mlruns).champion() == book.trained["bundle"] == book.bundle.digest
    assert aliases(book.mlruns)[CHAMPION] == str(book.trained["version"])


def test_a_registered_version_holds_the_key_that_signed_its_bundle_and_no_private_one(book: Book) -> None:
    (version,) = Registry(book.mlruns).versions()
    assert version.trusted.keys() == keys.of_book(book.path).keys()
    files = [path for path in book.mlruns.rglob("*") if path.is_file()]
    assert not [path for path in files if b"PRIVATE KEY" in path.read_bytes()]


def test_whose_models_are_used_can_be_said_where_they_are_served(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys.trust(tmp_path / "theirs", keys.text_of(*SIGNER.trusted.values()))
    monkeypatch.setenv("LOANWATCH_TRUSTED_KEYS", str(book.path / "keys" / "trusted"))
    assert Registry(book.mlruns).load_champion() is not None
    for place in ("theirs", "nowhere"):
        monkeypatch.setenv("LOANWATCH_TRUSTED_KEYS", str(tmp_path / place))
        with pytest.raises(Untrusted, match="LOANWATCH_TRUSTED_KEYS"):
            Registry(book.mlruns).load_champion()


def test_a_store_without_a_champion_says_what_to_do(store: Path) -> None:
    with closing(sqlite3.connect(store / "mlflow.db")) as con, con:
        con.execute("DELETE FROM registered_model_aliases")
    with pytest.raises(NotFound, match="no champion there; run `loanwatch train`"):
        Registry(store).champion()


def test_a_model_that_is_not_promoted_becomes_challenger_and_leaves_the_champion(book: Book, store: Path, tmp_path: Path) -> None:
    before, made = aliases(store), variant(trained_like(book.path / "bundles" / book.bundle.digest), tmp_path / "bundles", 1)
    registry = Registry(store)
    with registry.opened("a run", {}) as run:
        published = registry.publish(run, made, tmp_path / "bundles" / made.digest, {"auc": 0.5}, {}, {})
    assert (published.champion, published.known) == (False, False)
    assert aliases(store) == {**before, CHALLENGER: str(published.version)}
    assert published.version == int(before[CHAMPION]) + 1


def test_registering_a_bundle_again_logs_a_run_and_points_at_the_version_that_is_there(book: Book, store: Path) -> None:
    registry, folder = Registry(store), book.path / "bundles" / book.bundle.digest
    before = registry.versions()
    with registry.opened("a run", {}) as run:
        published = registry.publish(run, book.bundle, folder, {"auc": 0.5}, {}, {})
    assert (published.version, published.known) == (int(book.trained["version"]), True)
    assert [v.number for v in registry.versions()] == [v.number for v in before]
    tags: dict[str, str] = dict(rows(store, f"SELECT key, value FROM tags WHERE run_uuid = '{run}'"))
    assert (tags["loanwatch.version"], tags["loanwatch.bundle"]) == (str(published.version), book.bundle.digest)


def test_a_run_is_there_before_training_with_the_digest_of_the_criteria_and_then_that_of_the_data(book: Book) -> None:
    tags: dict[str, str] = dict(rows(book.mlruns, f"SELECT key, value FROM tags WHERE run_uuid = '{book.trained['run_id']}'"))
    assert tags["loanwatch.criteria"] == gate().digest == book.trained["criteria"] == book.bundle.metrics["criteria"]
    assert tags["loanwatch.data"] == book.trained["data"]
    assert tags["loanwatch.state"] == "champion"
    started = int(str(rows(book.mlruns, "SELECT start_time FROM runs")[0][0]))
    assert started < int(str(rows(book.mlruns, "SELECT min(creation_timestamp_ms) FROM logged_models")[0][0])) - 1_000


def test_a_store_loads_its_own_champion_whatever_other_store_was_opened_since(book: Book, store: Path) -> None:
    ours = Registry(book.mlruns)
    with closing(sqlite3.connect(store / "mlflow.db")) as con, con:
        con.execute("DELETE FROM registered_model_aliases")
    Registry(store)
    assert ours.load_champion() is not None


def test_no_artifact_is_a_pickle(book: Book) -> None:
    """Whoever loads a model makes Python write the bytecode of served.py beside it; that is no pickle and nobody's artifact."""
    files = [p for p in (book.mlruns / "artifacts").rglob("*") if p.is_file() and p.parent.name != "__pycache__"]
    assert files
    assert not [p for p in files if p.suffix in (".pkl", ".pickle", ".joblib", ".cloudpickle", ".nbi", ".pyc")]
    compiled = {p.name.split(".")[0] for p in (book.mlruns / "artifacts").rglob("__pycache__/*")}
    assert compiled <= {"served"}
    assert not [p for p in files if p.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")]


def test_the_run_has_metrics_parameters_pictures_and_digests(book: Book) -> None:
    Registry(book.mlruns)
    run = mlflow.get_run(str(book.trained["run_id"]))
    assert {"bundle", "data", "ledger", "target", "profile", "rounds", "lightgbm.max_depth"} <= set(run.data.params)
    assert run.data.params["bundle"] == book.bundle.digest
    assert run.data.params["data"] == book.trained["data"]
    for name in (
        "auc",
        "auc_low",
        "auc_high",
        "ks",
        "pr_auc",
        "brier",
        "log_loss",
        "ece",
        "calibration_slope",
        "calibration_intercept",
    ):
        assert run.data.metrics[name] == pytest.approx(book.trained["model"][name], abs=1e-12)
        assert f"logistic.{name}" in run.data.metrics
    pictures = {p.name for p in (book.mlruns / "artifacts").rglob("*.png")}
    assert {"roc.png", "ks.png", "calibration.png", "lift.png", "beeswarm.png"} <= pictures


def test_nothing_in_mlflow_or_in_a_bundle_names_a_borrower_or_a_loan(book: Book) -> None:
    ids = set(book.sample.people.spine.borrower_id) | set(book.sample.people.spine.loan_id)
    assert all(re.fullmatch(r"[BL]\d{7}", i) for i in ids)
    files = [
        book.mlruns / "mlflow.db",
        *(p for place in (book.mlruns / "artifacts", book.path / "bundles") for p in place.rglob("*")),
    ]
    for path in (p for p in files if p.is_file() and p.suffix != ".png"):
        found = {m.decode() for m in re.findall(rb"(?<![0-9A-Za-z])[BL]\d{7}(?!\d)", path.read_bytes())}
        assert not found & ids, path


def test_the_name_and_the_store_are_those_of_the_contract(book: Book) -> None:
    assert (NAME, CHAMPION, CHALLENGER) == ("loanwatch", "champion", "challenger")
    assert (book.mlruns / "mlflow.db").is_file()
    assert Registry(book.mlruns).uri == f"sqlite:///{book.mlruns.resolve()}/mlflow.db"
