"""The same runs on a Dask cluster of two worker processes: features and scores to the bit, training within its interval.

`make test-cluster` runs these; elsewhere they are skipped.
"""

import json
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from books import Book
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from features.build import compute
from features.catalogue import CATALOGUE
from features.labels import target
from loanwatch.command import app
from models.profile import profile
from models.sample import draw
from models.train import Trained, train
from pipelines import nightly
from pipelines.cluster import Cluster, opened

ON = os.environ.get("LOANWATCH_TESTS") == "cluster"
pytestmark = [
    pytest.mark.skipif(not ON, reason="run by make test-cluster"),
    pytest.mark.filterwarnings("ignore"),  # Dask's and Prefect's about themselves; ours are errors in every other test
]
WORST = 60
"""Rows and features that the directions of risk are tried on."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with opened("local") as found:
        assert found is not None
        yield found


@pytest.fixture(scope="module")
def trained(book: Book, cluster: Cluster) -> Trained:
    return train(book.sample, target("default_12m"), profile(), fits=cluster.fits)


def pids(cluster: Cluster) -> list[int]:
    return [*cluster.client.run(os.getpid).values()]


def test_the_workers_are_two_other_processes(cluster: Cluster) -> None:
    assert len({*pids(cluster), os.getpid()}) == 3


def test_features_have_the_same_bits(book: Book, cluster: Cluster) -> None:
    spine = book.sample.people.spine.take(np.arange(0, len(book.sample), 7))
    here = compute(spine, book.ledger, list(CATALOGUE.values()))
    there = compute(spine, book.ledger, list(CATALOGUE.values()), executor=cluster.executor)
    assert list(there) == list(here)
    np.testing.assert_array_equal(there.to_numpy().view(np.int64), here.to_numpy().view(np.int64))


def test_the_rows_to_train_on_are_the_same_to_the_bit(book: Book, cluster: Cluster) -> None:
    found = draw(book.ledger, target("default_12m"), profile(), executor=cluster.executor)
    assert found.digest() == book.sample.digest()


def files(run: nightly.Run) -> dict[str, bytes]:
    assert run.folder is not None
    return {path.name: path.read_bytes() for path in run.folder.iterdir()}


def test_a_night_has_the_same_bits(book: Book, own: Path, tmp_path: Path, cluster: Cluster) -> None:
    found = nightly.run(own, book.mlruns, book.day, executor=cluster.executor)
    assert files(found) == files(nightly.run(book.with_own_runs(tmp_path / "plain"), book.mlruns, book.day))


def test_a_worker_killed_in_the_middle_of_a_night_changes_nothing(
    book: Book, own: Path, tmp_path: Path, cluster: Cluster
) -> None:
    before, dead = pids(cluster), list[int]()

    def kill_one(*_: object) -> None:
        if not dead:
            dead.append(before[0])
            os.kill(before[0], signal.SIGKILL)

    found = nightly.run(own, book.mlruns, book.day, done=kill_one, executor=cluster.executor)
    assert files(found) == files(nightly.run(book.with_own_runs(tmp_path / "plain"), book.mlruns, book.day))
    cluster.client.wait_for_workers(2, timeout=60)
    assert dead and dead[0] not in pids(cluster)


def test_the_command_runs_the_night_on_a_cluster_and_prints_one_document(book: Book, own: Path, cluster: Cluster) -> None:
    words = ["nightly", "--book", str(own), "--mlruns", str(book.mlruns), "--dry-run", "--json"]
    found = CliRunner().invoke(app, words, env={"LOANWATCH_CLUSTER": cluster.address, "PREFECT_API_URL": None})
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["loans"] == len(book.rows)


def test_the_night_as_a_flow_has_a_task_for_each_partition_and_writes_the_same_files(
    book: Book, own: Path, tmp_path: Path, cluster: Cluster
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from prefect.client.orchestration import get_client
        from prefect.testing.utilities import prefect_test_harness

        from pipelines import flows

    plain = nightly.run(book.with_own_runs(tmp_path / "plain"), book.mlruns, book.day)
    with prefect_test_harness(server_startup_timeout=120):
        folder = flows.nightly_run(str(own), mlruns=str(book.mlruns), cluster=cluster.address).folder
        with get_client(sync_client=True) as client:
            tasks = [run.name for run in client.read_task_runs()]
    assert plain.folder is not None and folder is not None
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in plain.folder.iterdir()}
    assert sum(name.startswith("score partition-") for name in tasks) == len(book.ledger.partitions)


def test_training_ranks_within_the_interval_of_one_machine(book: Book, trained: Trained) -> None:
    alone, tested = book.trained["model"], book.sample.test
    found = roc_auc_score(book.sample.y[tested], trained.log_odds(book.sample.x[tested]))
    assert alone["auc_low"] < found < alone["auc_high"]
    assert trained.rounds == book.bundle.said["rounds"]
    assert trained.features == book.bundle.features
    assert trained.data_digest == book.bundle.said["data"]


def test_no_row_contradicts_the_direction_of_risk(book: Book, trained: Trained) -> None:
    rng = np.random.default_rng(3)
    directed = [name for name in trained.features if CATALOGUE[name].risk]
    rows = book.sample.x.iloc[rng.integers(0, len(book.sample), WORST)].reset_index(drop=True)
    moved = 0
    for name in rng.choice(directed, WORST, replace=False):
        low, high = np.nanquantile(book.sample.x[name], [0.05, 0.95])
        before, after = (trained.log_odds(rows.assign(**{name: value})) for value in (low, high))
        assert ((after - before) * CATALOGUE[name].risk >= 0).all(), name
        moved += int((after != before).any())
    assert moved


def test_a_model_of_the_cluster_says_what_it_is_and_not_where_it_was_made(book: Book, trained: Trained) -> None:
    def said(text: str) -> set[str]:
        return set(text.partition("parameters:")[2].splitlines())

    differing = {line.strip("[]").partition(":")[0] for line in said(trained.booster) ^ said(book.bundle.model)}
    assert "127.0.0.1" not in trained.booster
    assert differing == {"tree_learner", "machines", "num_machines", "num_threads", "local_listen_port", "time_out"}


def test_training_on_a_cluster_leaves_stdout_to_the_document(capfd: pytest.CaptureFixture[str]) -> None:
    from samples import GOAL, QUICK, sample

    with opened("local") as other:
        assert other is not None
        train(sample(1, 1.0), GOAL, QUICK, fits=other.fits)
    assert capfd.readouterr().out == ""
