"""Law 1 across processes: threads, a pool of processes and jobs that arrive one by one give the same bits."""

import os
import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import worlds
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from features.build import compute, compute_partition
from features.catalogue import CATALOGUE
from features.errors import DataRefused, GateNotPassed, IntegrityFailed, LoanwatchError, NotFound, UsageError
from features.feature import Feature, fact
from features.ingest import ingest
from features.ledger import Ledger
from features.measure import records
from features.plan import Together, planned
from features.schema import DELIVERED
from features.sources import source

ALL = [*CATALOGUE.values(), fact("heard", records("payments").days_since())]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    home = tmp_path_factory.mktemp("delivery")
    ingest(home / "book", source("simulated"), worlds.deliver(home, "first", worlds.clean(5, DELIVERED, 30)))
    return Ledger(home / "book")


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        yield pool


def bits(found: pd.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.ascontiguousarray(found.to_numpy()).view(np.int64)


def test_a_pool_of_processes_gives_the_bits_of_this_one(ledger: Ledger, processes: Executor) -> None:
    spine = worlds.rows(7, 60)
    assert len(list(spine.by_partition(ledger.manifest.partitions))) > 1
    here, told = compute(spine, ledger, ALL), list[int]()
    there = compute(spine, ledger, ALL, done=told.append, executor=processes)
    assert list(there) == list(here)
    np.testing.assert_array_equal(bits(there), bits(here))
    assert np.isfinite(here.to_numpy()).any(axis=0).sum() > 100
    assert sum(told) == len(spine)


def test_a_pool_of_the_caller_is_left_open(ledger: Ledger) -> None:
    with ThreadPoolExecutor(1) as pool:
        for seed in (1, 2):
            spine = worlds.rows(seed)
            np.testing.assert_array_equal(bits(compute(spine, ledger, ALL, executor=pool)), bits(compute(spine, ledger, ALL)))


def test_an_error_of_another_process_comes_back_as_it_was_said(ledger: Ledger, processes: Executor, tmp_path: Path) -> None:
    book = tmp_path / "book"
    book.mkdir()
    (book / "ledger").symlink_to(ledger.folder)
    lost = Ledger(book)
    lost.folder = tmp_path / "nowhere"
    with pytest.raises(IntegrityFailed, match="listed in the ledger but missing") as caught:
        compute(worlds.rows(7), lost, ALL, executor=processes)
    assert "账本所列文件缺失" in caught.value.zh


@pytest.mark.parametrize("kind", [UsageError, DataRefused, NotFound, GateNotPassed, IntegrityFailed])
def test_an_error_travels_with_both_texts(kind: type[LoanwatchError]) -> None:
    back = pickle.loads(pickle.dumps(kind("what", "什么")))  # noqa: S301
    assert (type(back), back.en, back.zh, str(back)) == (kind, "what", "什么", "what\n什么")


@given(seed=st.integers(0, 2**31), names=st.sets(st.sampled_from(sorted(CATALOGUE)), min_size=1, max_size=40))
@examples(20)
def test_features_that_have_travelled_mean_the_same(seed: int, names: set[str]) -> None:
    here = [CATALOGUE[name] for name in sorted(names)]
    there: list[Feature] = pickle.loads(pickle.dumps(here))  # noqa: S301
    assert [leaf.name for f in there for leaf in f.measure.leaves()] == [leaf.name for f in here for leaf in f.measure.leaves()]
    spine, partition = worlds.rows(seed), worlds.partition(worlds.world(seed))
    np.testing.assert_array_equal(compute_partition(spine, partition, there), compute_partition(spine, partition, here))


def test_features_arrive_as_the_same_objects_so_that_they_are_planned_once() -> None:
    first, second = (pickle.loads(pickle.dumps(Together(ALL))) for _ in range(2))  # noqa: S301
    assert first == Together(ALL[:0] + list(first)) and first is second
    assert tuple(first) == tuple(ALL)
    assert planned(first) is planned(second)


def test_a_ledger_arrives_with_a_folder_that_needs_no_working_directory(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ledger.folder.parent.parent)
    near = Ledger(Path(ledger.folder.parent.name))
    said = pickle.dumps(near)
    monkeypatch.chdir(os.sep)
    far: Ledger = pickle.loads(said)  # noqa: S301
    assert far.folder == ledger.folder
    assert far.partition(0).borrowers.equals(ledger.partition(0).borrowers)
