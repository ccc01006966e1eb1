"""Training and promotion as steps: the criteria are hashed first, the same data make one version, the champion stands beside."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from books import Book
from matplotlib.figure import Figure
from stores import copied, rows, trained_like

from features.errors import GateNotPassed, NotFound
from features.labels import target
from models.assess import Assessment, assess, judged
from models.gate import Gate, gate
from models.incumbent import Incumbent
from models.profile import profile
from models.registry import CHAMPION, Registry
from models.search import Budget
from models.train import Trained, train
from models.validate import Validation
from pipelines import package, promotion, training
from pipelines.training import Training, Trial

GOAL, HOW = target("default_12m"), profile()


@dataclass(frozen=True)
class Made:
    trained: Trained
    assessment: Assessment
    validation: Validation


@pytest.fixture(scope="module")
def made(book: Book) -> Made:
    """The book's model, trained once more."""
    trained = train(book.sample, GOAL, HOW)
    assessment = assess(trained, book.sample)
    return Made(trained, assessment, training.examine(book.path, trained, assessment, book.sample))


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn takes longer than all that is tested here."""
    monkeypatch.setattr(package, "pictures", lambda assessment: {})
    for name in ("beeswarm", "group_chart"):
        monkeypatch.setattr(package, name, lambda _: Figure())
    monkeypatch.setattr(package, "dependences", lambda _: {})
    monkeypatch.setattr(training, "documents", lambda *_: {})


@pytest.fixture
def store(book: Book, tmp_path: Path) -> Path:
    return copied(book.mlruns, tmp_path / "mlruns")


@pytest.fixture
def home(book: Book, tmp_path: Path) -> Path:
    """The book with bundles of its own."""
    folder = book.with_own_runs(tmp_path / "book")
    (folder / "bundles").unlink()
    (folder / "bundles").mkdir()
    source = book.path / "bundles" / book.bundle.digest
    (folder / "bundles" / source.name).symlink_to(source)
    return folder


def publish(home: Path, store: Path, made: Made, book: Book, beside: Incumbent | None) -> Training:
    champion = None if beside is None else beside.log_odds
    scores = made.assessment.scores | ({} if champion is None else {"champion": champion})
    trial = Trial(judged(scores, book.sample), made.validation, beside)
    with training.begun(home, store, GOAL, HOW) as run:
        return training.publish(home, store, made.trained, trial, book.sample, run)


def test_the_same_data_give_the_same_bundle_and_no_second_version_whoever_is_champion(
    home: Path, store: Path, made: Made, book: Book
) -> None:
    beside = training.present_champion(home, store, book.sample, GOAL)
    again = publish(home, store, made, book, beside)
    assert again.bundle.digest == book.bundle.digest
    assert (again.published.version, again.published.known, again.published.champion) == (1, True, True)
    assert len(Registry(store).versions()) == 1
    said = again.as_json()
    assert said["against_champion"]["bundle"] == book.bundle.digest
    paired = said["against_champion"]["model_minus_champion"]
    assert (paired["auc"], paired["auc_low"], paired["auc_high"]) == (0.0, 0.0, 0.0)
    assert said["model"]["auc_minus_champion_low"] == 0.0
    assert "auc_minus_champion" not in again.bundle.metrics["model"]
    assert said["gate"]["holds_champion"] == {"seen": 0.0, "limit": -0.005, "met": True}


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The table of criteria is edited after the run has begun."""
    tables = iter([gate(), replace(gate(), digest="edited")])

    def read() -> Gate:
        return next(tables)

    monkeypatch.setattr(training, "gate", read)
    yield
    assert next(tables, None) is None, "the table was read before and after"


def test_a_table_that_changed_during_training_promotes_nobody(
    home: Path, store: Path, made: Made, book: Book, edited: None
) -> None:
    registry = Registry(store)
    registry.uncrown()
    with pytest.raises(GateNotPassed, match="changed while the model was trained"):
        publish(home, store, made, book, None)
    assert CHAMPION not in registry.aliases()
    assert rows(store, "SELECT status FROM runs ORDER BY start_time DESC LIMIT 1") == [("FAILED",)]


def test_a_model_that_the_champion_surely_beats_is_held_back(home: Path, store: Path, made: Made, book: Book) -> None:
    best = made.assessment.bad * 8 - 4
    found = publish(home, store, made, book, Incumbent(book.bundle.digest, best, "it knows the future", "已知未来"))
    missed = [f for f in found.findings if not f.met]
    assert [f.criterion.name for f in missed] == ["holds_champion"]
    assert "it knows the future" in missed[0].say()[0]
    (version,) = Registry(store).versions()
    assert version.tags["loanwatch.not_met"] == "holds_champion"


def test_a_store_whose_champion_is_of_another_book_still_lets_a_model_be_judged(
    home: Path, store: Path, made: Made, book: Book
) -> None:
    beside = Incumbent(book.bundle.digest, None, "the champion was not trained on this book", "…")
    found = publish(home, store, made, book, beside)
    assert "holds_champion" not in found.as_json()["gate"]
    assert found.as_json()["against_champion"]["model_minus_champion"] is None


def test_what_a_dead_process_left_is_put_right_and_told_when_a_run_begins(
    home: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry(store)
    dead = registry._client.create_run(registry._experiment(), tags={"loanwatch.process": "gone"}).info.run_id
    (home / "bundles" / ".draft").mkdir()
    with training.begun(home, store, GOAL, HOW) as run:
        assert rows(store, f"SELECT status FROM runs WHERE run_uuid = '{dead}'") == [("KILLED",)]
        tags = dict(rows(store, f"SELECT key, value FROM tags WHERE run_uuid = '{run.run_id}'"))
        assert tags["loanwatch.criteria"] == gate().digest
    assert not (home / "bundles" / ".draft").exists()
    assert f"closed run {dead}" in caplog.text
    assert "unfinished bundle .draft" in caplog.text


def test_a_search_is_kept_with_its_run_and_in_the_model(
    home: Path, store: Path, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "train", lambda rows, goal, how, done, fits: replace_profile(book, how))
    quick = replace(HOW, lightgbm={**HOW.lightgbm, "rounds": 3})
    with training.begun(home, store, GOAL, HOW) as run:
        trained = training.fit(store, book.sample, GOAL, quick, Budget(1), run)
        place = rows(store, f"SELECT artifact_uri FROM runs WHERE run_uuid = '{run.run_id}'")[0][0]
    assert trained.search is not None and trained.search["done"] == 1
    assert trained.profile.lightgbm["rounds"] == 3
    assert (Path(str(place).removeprefix("file://")) / "search" / "trials.json").is_file()


def replace_profile(book: Book, how: object) -> Trained:
    return replace(trained_like(book.path / "bundles" / book.bundle.digest), profile=how)  # type: ignore[arg-type]


def test_a_store_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no model store there"):
        promotion.overview(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
