"""After kill -9 at any moment: the champion is good, a rerun makes exactly one version, nothing half-made stays."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from effort import TIMES
from killed import STEPS, Ended, child
from stores import copied, rows, trained_like, variant

from features.errors import IntegrityFailed
from models import bundle, keys
from models.journal import FELL_BACK, REMOVED
from models.promotions import Promotions
from models.reconcile import reconcile
from models.registry import CHALLENGER, CHAMPION, CRITERIA_TAG, Registry
from models.score import Scorer
from models.train import Trained

AT = "2026-01-02T03:04:05+00:00"
KILLS = 200 if TIMES > 1 else 0
KILLS_A_MODEL = 4
USUAL = ("bundle written, not in place", "logged model pending", "version made", "decision written")
TRIED = tuple(STEPS) if TIMES > 1 else USUAL

pytestmark = pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")  # Python 3.12 on fork


def register(registry: Registry, trained: Trained, bundles: Path, number: int, promote: bool = True) -> tuple[int, str]:
    """Register variant ``number`` and let it become champion; its version and digest."""
    made = variant(trained, bundles, number)
    with registry.opened("a run", {}) as run:
        version = registry.publish(run, made, bundles / made.digest, {"auc": 0.7}, {}, {CRITERIA_TAG: "c"}).version
        if promote:
            Promotions(registry).by_criteria(version, registry.champion(), AT)
    return version, made.digest


@dataclass(frozen=True)
class Victims:
    """A store and bundles that this process itself never opens, and what its children do there."""

    store: Path
    bundles: Path
    trained: Trained

    def register(self, number: int, kill: str | float | None = None) -> Ended:
        return child(lambda: register(Registry(self.store), self.trained, self.bundles, number), kill)

    def put_right(self) -> list[str]:
        """Reconcile as the next start does; what was done. The champion scores before and after, and nothing is left to do."""
        self.champion()

        def twice() -> list[list[str]]:
            return [[en for en, _ in reconcile(Registry(self.store), AT)] + bundle.sweep(self.bundles) for _ in range(2)]

        first, second = child(twice).answer
        assert second == []
        self.champion()
        self.sound()
        return list(first)

    def champion(self) -> str:
        """Digest of the champion, whose copy in MLflow is verified and scores somebody of whom nothing is known."""
        ((place, digest),) = rows(
            self.store,
            """SELECT v.storage_location, t.value FROM registered_model_aliases a JOIN model_versions v USING (name, version)
            JOIN model_version_tags t USING (name, version) WHERE a.alias = 'champion' AND t.key = 'loanwatch.bundle'""",
        )
        artifacts = Path(str(place).removeprefix("file://")) / "artifacts"
        found = bundle.load(artifacts / str(digest), keys.trusted(artifacts / "trusted"))
        nobody = pd.DataFrame(np.full((1, len(found.features)), np.nan), columns=list(found.features))
        assert np.isfinite(Scorer(found).log_odds(nobody)).all()
        return found.digest

    def versions_of(self, digest: str) -> int:
        return len(
            rows(
                self.store,
                f"""SELECT version FROM model_versions v JOIN model_version_tags t USING (name, version)
            WHERE t.key = 'loanwatch.bundle' AND t.value = '{digest}' AND v.current_stage != 'Deleted_Internal'""",
            )
        )

    def sound(self) -> None:
        """What must hold after a reconciliation, read past MLflow and loanwatch."""
        assert rows(self.store, "SELECT run_uuid FROM runs WHERE status = 'RUNNING'") == []
        assert rows(self.store, "SELECT model_id FROM logged_models WHERE status = 1") == []
        kept = rows(self.store, "SELECT storage_location FROM model_versions WHERE current_stage != 'Deleted_Internal'")
        folders = {Path(str(place).removeprefix("file://")) for (place,) in kept}
        assert {p / "artifacts" for p in (self.store / "artifacts" / "models").iterdir()} == folders
        assert not any((self.store / "running").glob("*"))
        assert not (self.store / "draft").exists()
        assert not any(self.bundles.glob(".*"))

    def rerun(self, number: int) -> None:
        """Nobody kills it this time: the model is champion, and there is one version of it."""
        version, digest = self.register(number).answer
        assert self.versions_of(digest) == 1
        assert self.champion() == digest
        assert rows(self.store, "SELECT version FROM registered_model_aliases WHERE alias = 'champion'") == [(version,)]


@pytest.fixture(scope="module")
def victims(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Victims:
    place, trained = tmp_path_factory.mktemp("killed"), trained_like(book.path / "bundles" / book.bundle.digest)
    warm = Registry(copied(book.mlruns, place / "warm"))
    register(warm, trained, place / "warm bundles", 0)
    reconcile(warm, AT)  # what is loaded at first use is loaded now, for all children
    return Victims(copied(book.mlruns, place / "mlruns"), place / "bundles", trained)


@pytest.mark.parametrize("step", TRIED)
def test_a_process_killed_at_a_step_leaves_a_good_champion_and_its_rerun_makes_one_version(victims: Victims, step: str) -> None:
    number = 100 + list(STEPS).index(step)
    assert victims.register(number, step).signal == 9
    assert victims.put_right() != []
    victims.rerun(number)


@pytest.mark.skipif(not KILLS, reason="200 kills take minutes; LOANWATCH_TESTS=release runs them")
def test_two_hundred_random_kills_leave_a_good_champion_and_one_version_each(victims: Victims) -> None:
    chance, whole = random.Random(7), victims.register(1).seconds
    killed = 0
    for number in range(1_000, 1_000 + KILLS // KILLS_A_MODEL):
        for _ in range(KILLS_A_MODEL):
            killed += victims.register(number, chance.uniform(0.0, whole)).signal == 9
            victims.put_right()
        victims.rerun(number)
    assert killed > 0.8 * KILLS


@pytest.fixture
def registry(book: Book, tmp_path: Path) -> Registry:
    return Registry(copied(book.mlruns, tmp_path / "mlruns"))


@pytest.fixture(scope="module")
def trained(book: Book) -> Trained:
    return trained_like(book.path / "bundles" / book.bundle.digest)


def test_a_store_in_order_is_left_as_it_is(registry: Registry) -> None:
    files = sorted(p for p in registry.folder.rglob("*") if p.is_file())
    assert reconcile(registry, AT) == []
    assert sorted(p for p in registry.folder.rglob("*") if p.is_file()) == files
    assert registry.load_champion() is not None


def test_the_run_and_the_files_of_a_living_process_are_not_touched(registry: Registry) -> None:
    other = Registry(registry.folder)
    with registry.opened("at work", {}) as run:
        assert other.abandoned() == []
        assert reconcile(other, AT) == []
        assert rows(registry.folder, f"SELECT status FROM runs WHERE run_uuid = '{run}'") == [("RUNNING",)]
        assert len(list((registry.folder / "running").iterdir())) == 1
    assert rows(registry.folder, f"SELECT status FROM runs WHERE run_uuid = '{run}'") == [("FINISHED",)]
    assert list((registry.folder / "running").iterdir()) == []


def test_a_run_that_fails_says_so_and_one_that_nobody_here_opened_is_nobodys_to_close(registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), registry.opened("bad luck", {}) as run:
        _ = 1 / 0
    assert rows(registry.folder, f"SELECT status FROM runs WHERE run_uuid = '{run}'") == [("FAILED",)]
    assert rows(registry.folder, f"SELECT value FROM tags WHERE run_uuid = '{run}' AND key = 'loanwatch.state'") == [("failed",)]
    foreign = registry._client.create_run(registry._experiment(), run_name="by hand").info.run_id
    assert reconcile(registry, AT) == []
    assert rows(registry.folder, f"SELECT status FROM runs WHERE run_uuid = '{foreign}'") == [("RUNNING",)]


def test_a_champion_whose_files_are_gone_falls_back_to_the_last_good_one_aloud(
    registry: Registry, trained: Trained, book: Book, tmp_path: Path
) -> None:
    second, third = (register(registry, trained, tmp_path / "bundles", n)[0] for n in (2, 3))
    register(registry, trained, tmp_path / "bundles", 4, promote=False)
    folders = {v.number: v.folder for v in registry.versions()}
    shutil.rmtree(folders[third])
    (folders[second] / "artifacts" / next(v.digest for v in registry.versions() if v.number == second) / "model.txt").write_text(
        "x"
    )
    told = [en for en, _ in reconcile(registry, AT)]
    assert "THE CHAMPION FELL BACK to version 1: version 3 cannot be used" in told[0]
    assert registry.champion() == book.bundle.digest
    assert registry.load_champion() is not None
    assert [v.number for v in registry.versions()] == [1, 4]
    steps = Promotions(registry).journal.steps()
    assert [(s.what, s.version) for s in steps[-3:]] == [(FELL_BACK, 1), (REMOVED, 2), (REMOVED, 3)]
    assert reconcile(registry, AT) == []


def test_a_champion_removed_together_with_its_alias_falls_back_too(
    registry: Registry, trained: Trained, book: Book, tmp_path: Path
) -> None:
    second, _ = register(registry, trained, tmp_path / "bundles", 2)
    registry._client.delete_model_version("loanwatch", str(second))
    assert CHAMPION not in registry.aliases()
    assert "FELL BACK to version 1" in reconcile(registry, AT)[0][0]
    assert registry.champion() == book.bundle.digest


def test_a_champion_with_no_one_to_fall_back_to_is_lost_aloud_and_not_used(registry: Registry) -> None:
    (only,) = registry.versions()
    shutil.rmtree(only.folder)
    assert "THE CHAMPION IS LOST: version 1" in reconcile(registry, AT)[0][0]
    assert registry.aliases() == {}
    assert registry.versions() == []


def test_a_champion_that_nobody_signed_is_not_used_and_not_removed(registry: Registry, trained: Trained, tmp_path: Path) -> None:
    """As those of earlier versions: a night refuses it and says what to do, and what there was of it stays."""
    register(registry, trained, tmp_path / "bundles", 2, promote=False)
    (registry.versions()[0].bundle / "signature.json").unlink()
    for _ in range(2):
        assert reconcile(registry, AT) == []
        first, second = registry.versions()
        assert registry.aliases()[CHAMPION] == first.number
        assert first.fault is not None and "not signed" in first.fault[0] and "重新训练" in first.fault[1]
        assert second.fault is None
    with pytest.raises(IntegrityFailed, match="not signed"):
        registry.load_champion()


def test_a_version_without_a_digest_is_removed_with_its_files(
    registry: Registry, trained: Trained, book: Book, tmp_path: Path
) -> None:
    second, _ = register(registry, trained, tmp_path / "bundles", 2, promote=False)
    registry._client.delete_model_version_tag("loanwatch", str(second), "loanwatch.bundle")
    assert reconcile(registry, AT)[0][0] == "removed version 2: its registration never ended"
    assert [v.number for v in registry.versions()] == [1]
    assert registry.aliases() == {CHAMPION: 1}
    assert CHALLENGER not in registry.aliases()


def test_a_champion_moved_past_the_record_is_told_and_left(
    registry: Registry, trained: Trained, book: Book, tmp_path: Path
) -> None:
    second, _ = register(registry, trained, tmp_path / "bundles", 2, promote=False)
    registry.crown(second)
    for _ in range(2):
        assert "version 2 is champion but the last recorded promotion is of version 1" in reconcile(registry, AT)[0][0]
    assert registry.aliases()[CHAMPION] == second


def test_a_store_that_was_moved_is_not_emptied(registry: Registry) -> None:
    registry.folder.joinpath("artifacts").rename(registry.folder / "elsewhere")
    with pytest.raises(IntegrityFailed, match="the store was moved or a disk is missing"):
        reconcile(registry, AT)
    registry.folder.joinpath("elsewhere").rename(registry.folder / "artifacts")
    assert reconcile(registry, AT) == []
    assert registry.load_champion() is not None


def test_a_store_made_before_there_was_a_journal_keeps_its_champion(registry: Registry) -> None:
    (registry.folder / "promotions.jsonl").unlink()
    assert reconcile(registry, AT) == []
    assert registry.aliases()[CHAMPION] == 1


@pytest.mark.skipif(not KILLS, reason="making a database takes seconds; LOANWATCH_TESTS=release runs it")
def test_a_database_that_was_never_finished_does_not_stop_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "draft-1.db").write_bytes(b"half of a database")
    made = Registry(tmp_path)
    assert made.versions() == []
    assert list(tmp_path.glob("draft-*")) == []
