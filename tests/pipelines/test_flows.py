"""The same steps under Prefect: the run is the same, a person finds artifacts, and the deployments can be loaded."""

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from books import Book

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from prefect.client.orchestration import get_client
    from prefect.flows import Flow, load_flow_from_entrypoint
    from prefect.testing.utilities import prefect_test_harness

    from pipelines import flows

pytestmark = pytest.mark.filterwarnings("ignore")  # Prefect's own server and client; ours are errors in every other test

DEPLOYMENTS = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text("utf-8"))["deployments"]


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """A server of Prefect's own, for these tests alone."""
    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["name"])
def test_a_deployment_names_a_flow_its_parameters_and_a_time(deployment: dict[str, Any]) -> None:
    loaded: Flow[..., Any] = load_flow_from_entrypoint(deployment["entrypoint"])
    assert isinstance(loaded, Flow)
    inspect.signature(loaded.fn).bind(**deployment["parameters"])
    assert all(when["cron"] and when["timezone"] == "Asia/Shanghai" for when in deployment["schedules"])


@pytest.mark.parametrize("flow", [flows.ingest, flows.train_book, flows.nightly_run, flows.shock_run], ids=lambda f: f.name)
def test_every_flow_has_a_name_of_its_own_and_says_what_it_does(flow: Flow[..., Any]) -> None:
    assert flow.description
    assert flow.name in ("ingest", "training", "nightly", "shock")


def test_the_night_as_a_flow_is_the_night_and_leaves_an_artifact_to_read(
    server: None, book: Book, own: Path, tmp_path: Path
) -> None:
    from monitoring.decisions.place import Place, opened
    from monitoring.tasks.looking import counts
    from pipelines import nightly

    plain = nightly.run(book.with_own_runs(tmp_path / "plain"), book.mlruns, book.day)
    folder = flows.nightly_run(str(own), mlruns=str(book.mlruns)).folder
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts()
        runs = {run.name: run for run in client.read_task_runs()}
    assert plain.folder is not None and folder is not None
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in plain.folder.iterdir()}
    (tiers,) = (a for a in artifacts if a.key == "tiers")
    assert str(book.day) in str(tiers.description)
    assert "high_risk" in str(tiers.data)
    assert {name.rsplit("-", 1)[0] for name in runs} >= {"champion", "score", "settle", "write", "tasks"}
    told = []
    for home in (own, tmp_path / "plain"):
        with opened(Place(home)) as record:
            told.append(counts(record, book.day))
    assert told[0] == told[1] and told[0].open > 0


def test_a_shock_as_a_flow_is_the_shock_and_leaves_an_artifact_to_read(server: None, book: Book, own: Path) -> None:
    from monitoring.decisions.place import Place
    from pipelines.shock.asked import shock
    from pipelines.shock.report import as_json
    from pipelines.shock.run import run

    asked = shock(["C"], [], ["sales_index=-30%", "default_rate=+0.05"], None)
    plain = run(Place(own), book.mlruns, asked)
    found = flows.shock_run(str(own), asked, mlruns=str(book.mlruns))
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts()
        runs = [run.name.rsplit("-", 1)[0] for run in client.read_task_runs()]
    assert as_json(found) == as_json(plain)
    (moves,) = (a for a in artifacts if a.key == "shock")
    assert "prime" in str(moves.data)
    assert runs.count("score partition") == len(book.ledger.partitions) and {"begin", "compare"} <= set(runs)
