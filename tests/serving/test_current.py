"""A new champion is taken into use between two requests; one that is not sound is refused and the old one serves on."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from asgi import Answer
from books import Book
from effort import TIMES
from served import Served, asked, served
from stores import copied

from features.errors import LoanwatchError, NotFound
from models import keys
from models.bundle import Bundle, load, write
from models.score import Scorer
from serving.current import Models, aliases
from serving.decided import SHADOW
from serving.observe import Meters
from serving.ready import Ready


@dataclass(frozen=True)
class Store:
    """A book and a model store of its own."""

    book: Path
    mlruns: Path

    def name(self, alias: str, digest: str) -> None:
        """Register a bundle as the next version and point an alias at it, as MLflow does."""
        with closing(sqlite3.connect(self.mlruns / "mlflow.db")) as con, con:
            (version,) = con.execute("SELECT max(version) + 1 FROM model_versions").fetchone()
            columns = [row[1] for row in con.execute("PRAGMA table_info(model_versions)")]
            chosen = ", ".join(str(version) if name == "version" else name for name in columns)
            con.execute(f"INSERT INTO model_versions SELECT {chosen} FROM model_versions LIMIT 1")
            columns = [row[1] for row in con.execute("PRAGMA table_info(model_version_tags)")]
            chosen = ", ".join({"version": str(version), "value": "?"}.get(name, name) for name in columns)
            first = f"SELECT {chosen} FROM model_version_tags WHERE key = 'loanwatch.bundle' LIMIT 1"
            con.execute(f"INSERT INTO model_version_tags {first}", (digest,))
            con.execute("UPDATE registered_model_aliases SET version = ? WHERE alias = ?", (version, alias))


@pytest.fixture
def store(book: Book, tmp_path: Path) -> Store:
    own = book.with_own_runs(tmp_path / "book")
    (own / "bundles").unlink()
    shutil.copytree(book.path / "bundles", own / "bundles")
    return Store(own, copied(book.mlruns, tmp_path / "mlruns"))


async def in_process(book: Path, digest: str) -> None:
    """The proof without a process of its own, which costs seconds to start."""
    Ready(Scorer(load(book / "bundles" / digest, keys.of_book(book))))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    if TIMES == 1:
        monkeypatch.setattr("serving.current._prove", in_process)


@pytest.fixture
def api(store: Store) -> Iterator[Served]:
    with served(store.book, store.mlruns) as found:
        yield found


def other(store: Store, book: Book, shift: float) -> Bundle:
    """The same trees with another intercept: another model, all of whose PDs differ."""
    said = {**book.bundle.said, "calibration": {**book.bundle.said["calibration"]}}
    said["calibration"]["intercept"] += shift
    draft = Bundle("", book.bundle.model, said, book.bundle.metrics, book.bundle.reference, book.bundle.golden, "")
    return write(store.book / "bundles", draft, draft.reference, Scorer(draft).golden(), keys.signer(store.book))


def test_the_aliases_are_those_that_mlflow_tells(book: Book) -> None:
    from models.registry import Registry

    assert aliases(book.mlruns)["champion"] == Registry(book.mlruns).champion() == book.bundle.digest


def test_without_a_store_or_a_champion_there_is_no_service(book: Book, store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no model store"):
        Models(store.book, tmp_path / "nowhere", Meters())
    with closing(sqlite3.connect(store.mlruns / "mlflow.db")) as con, con:
        con.execute("DELETE FROM registered_model_aliases WHERE alias = 'champion'")
    with pytest.raises(NotFound, match="no champion"):
        Models(store.book, store.mlruns, Meters())


def test_a_new_champion_is_taken_into_use_without_a_dropped_request(api: Served, store: Store, book: Book) -> None:
    made = other(store, book, 0.25)
    values = book.scores.values.iloc[[5]]
    body = orjson.dumps({"features": asked(values.iloc[0])})
    expected = {bundle.digest: Scorer(bundle).score(values).log_odds[0] for bundle in (book.bundle, made)}

    async def under_load() -> list[Answer]:
        answers: list[Answer] = []
        looking = asyncio.create_task(api.service.models.look())
        while not looking.done() or len(answers) < 20:
            answers.append(await api.client.ask("POST", "/v1/scores", api.headers(), body))
            await asyncio.sleep(0.05)
        await looking
        return [*answers, await api.client.ask("POST", "/v1/scores", api.headers(), body)]

    store.name("champion", made.digest)
    answers = api.client.run(under_load())
    assert {found.status for found in answers} == {200}
    said = [found.json() for found in answers]
    assert {one["bundle"] for one in said} == expected.keys()
    assert all(one["log_odds"] == expected[one["bundle"]] for one in said)
    assert said[0]["bundle"] == book.bundle.digest and said[-1]["bundle"] == made.digest
    assert api.get("/readyz").json()["model"] == made.digest
    replay = api.get(f"/v1/decisions/{said[0]['decision']}/replay", "audit").json()
    assert replay["equal"] and replay["bundle"] == book.bundle.digest


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("file", ["model.txt", "golden.json", "signature.json", "manifest.json"])
def test_a_bundle_that_is_not_sound_is_refused_and_the_old_one_serves_on(
    api: Served, store: Store, book: Book, file: str
) -> None:
    made = other(store, book, 0.5)
    path = store.book / "bundles" / made.digest / file
    sound = path.read_bytes()
    spoiled = bytearray(sound)
    spoiled[len(spoiled) // 2] ^= 1
    path.write_bytes(bytes(spoiled))
    store.name("champion", made.digest)
    api.client.run(api.service.models.look())
    api.client.run(api.service.models.look())
    body = {"features": asked(book.scores.values.iloc[5])}
    assert api.score(body).json()["bundle"] == book.bundle.digest
    assert api.get("/readyz").json()["refused"] == [made.digest]
    assert "loanwatch_models_refused_total 1.0" in api.get("/metrics").text
    if file == "model.txt":
        path.write_bytes(sound)
        os.utime(path)
        api.client.run(api.service.models.look())
        assert api.score(body).json()["bundle"] == made.digest


@pytest.mark.usefixtures("quick")
def test_a_champion_whose_bundle_is_not_there_is_refused(api: Served, store: Store, book: Book) -> None:
    store.name("champion", "0" * 64)
    api.client.run(api.service.models.look())
    assert api.service.models.champion.digest == book.bundle.digest
    assert isinstance(api.service.models.refused["0" * 64], LoanwatchError)


@pytest.mark.usefixtures("quick")
def test_the_challenger_scores_in_its_shadow_and_is_recorded(api: Served, store: Store, book: Book) -> None:
    made = other(store, book, -0.5)
    store.name("challenger", made.digest)
    api.client.run(api.service.models.look())
    values = book.scores.values.iloc[[7]]
    told = api.score({"features": asked(values.iloc[0])}).json()
    api.client.run(asyncio.sleep(0.05))
    assert told["bundle"] == book.bundle.digest
    assert api.memory.kinds() == ["score", SHADOW]
    shadow, _ = list(api.memory.rows.values())[1]
    assert (shadow.said["of"], shadow.said["bundle"]) == (told["decision"], made.digest)
    assert shadow.said["log_odds"] == Scorer(made).score(values).log_odds[0]
    assert 'loanwatch_shadow_scores_total{outcome="recorded"} 1.0' in api.get("/metrics").text


def test_a_store_that_cannot_be_read_leaves_the_model_in_use(api: Served, store: Store, book: Book) -> None:
    (store.mlruns / "mlflow.db").rename(store.mlruns / "gone.db")
    api.client.run(api.service.models.look())
    (store.mlruns / "mlflow.db").write_bytes(b"no database" * 100)
    api.client.run(api.service.models.look())
    assert api.score({"features": asked(book.scores.values.iloc[0])}).json()["bundle"] == book.bundle.digest


def test_the_card_is_the_one_of_the_champion(api: Served, book: Book) -> None:
    found = api.get("/v1/model/card")
    assert (found.status, found.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert book.bundle.digest[:12] in found.text
