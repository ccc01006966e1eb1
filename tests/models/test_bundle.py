"""A bundle is used whole and unchanged, or not at all."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from books import Book

from features.errors import IntegrityFailed, NotFound
from features.labels import target
from models.bundle import FILES, load, write
from models.calibrate import Calibration
from models.horizon import Curve, Horizons
from models.profile import profile
from models.thinning import Thinned
from models.train import Trained

CURVES = Horizons(12, (Curve(tuple(range(1, 11)), tuple(k / 12 for k in range(1, 25)), 100, 30, 24),))
MEMBERS = (*FILES, "manifest.json")


@pytest.fixture
def folder(book: Book, tmp_path: Path) -> Path:
    """A copy of the champion's bundle, to harm."""
    return Path(shutil.copytree(book.path / "bundles" / book.bundle.digest, tmp_path / book.bundle.digest))


@pytest.fixture
def trained(book: Book) -> Trained:
    said = book.bundle.said
    return Trained(
        book.bundle.model, book.bundle.features, Calibration(**said["calibration"]), said["rounds"], target("default_12m"),
        profile(), said["data"], np.empty(0),
    )  # fmt: skip


def test_a_bundle_is_a_few_texts_named_by_the_digest_of_them_all(book: Book, folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == set(MEMBERS)
    assert load(folder) == book.bundle
    assert all(p.read_bytes().decode("utf-8") for p in folder.iterdir())


@pytest.mark.parametrize("name", MEMBERS)
def test_one_flipped_bit_anywhere_is_found(folder: Path, name: str) -> None:
    path = folder / name
    sound = path.read_bytes()
    for position in {0, 1, len(sound) - 1, *np.linspace(2, len(sound) - 2, 25).astype(int).tolist()}:
        harmed = bytearray(sound)
        harmed[position] ^= 1 << (position % 8)
        path.write_bytes(harmed)
        with pytest.raises(IntegrityFailed, match=name):
            load(folder)
    path.write_bytes(sound)
    load(folder)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("change", ["cut short", "lengthened", "emptied"])
def test_a_file_of_another_length_is_found(folder: Path, name: str, change: str) -> None:
    path = folder / name
    sound = path.read_bytes()
    path.write_bytes({"cut short": sound[:-1], "lengthened": sound + b"\n", "emptied": b""}[change])
    with pytest.raises(IntegrityFailed):
        load(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(IntegrityFailed, match=name):
        load(folder)


def test_without_a_manifest_there_is_no_bundle(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    with pytest.raises(NotFound, match="loanwatch train"):
        load(folder)
    with pytest.raises(NotFound):
        load(folder.parent / "nothing")


def test_a_folder_under_another_name_is_not_the_bundle_it_says(folder: Path) -> None:
    renamed = folder.rename(folder.with_name("0" * 64))
    with pytest.raises(IntegrityFailed):
        load(renamed)


def test_the_same_model_gives_the_same_digest_and_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    one, other = (write(tmp_path / place, trained, CURVES, {"auc": 0.8}, {"digest": "d", "version": 1}) for place in "ab")
    assert one == other
    for name in MEMBERS:
        assert (tmp_path / "a" / one.digest / name).read_bytes() == (tmp_path / "b" / one.digest / name).read_bytes()


def test_writing_a_bundle_again_leaves_one_folder_and_nothing_else(trained: Trained, tmp_path: Path) -> None:
    for _ in range(2):
        digest = write(tmp_path, trained, CURVES, {"auc": 0.8}, {"digest": "d", "version": 1}).digest
    assert [p.name for p in tmp_path.iterdir()] == [digest]


def test_whatever_a_bundle_says_is_in_its_digest(trained: Trained, tmp_path: Path) -> None:
    ledger = {"digest": "d", "version": 1}
    said = [
        write(tmp_path, trained, CURVES, {"auc": 0.8}, ledger),
        write(tmp_path, trained, CURVES, {"auc": 0.81}, ledger),
        write(tmp_path, trained, CURVES, {"auc": 0.8}, {**ledger, "version": 2}),
        write(tmp_path, trained, replace(CURVES, anchor=6), {"auc": 0.8}, ledger),
        write(tmp_path, replace(trained, data_digest="other"), CURVES, {"auc": 0.8}, ledger),
        write(tmp_path, replace(trained, features=trained.features[::-1]), CURVES, {"auc": 0.8}, ledger),
        write(tmp_path, replace(trained, calibration=Calibration(1.0, np.nextafter(0.0, 1.0))), CURVES, {"auc": 0.8}, ledger),
    ]
    assert len({bundle.digest for bundle in said}) == len(said)


def test_what_was_written_is_what_is_read(trained: Trained, tmp_path: Path) -> None:
    read = write(tmp_path, trained, CURVES, {"auc": 0.8}, {"digest": "d", "version": 1})
    assert (read.model, read.features, read.calibration) == (trained.booster, trained.features, trained.calibration)
    assert read.horizons == CURVES
    assert read.said["target"]["name"] == "default_12m"
    assert set(read.said["profile"]["prohibited"]) >= {"sex", "marriage"}


def test_a_bundle_says_how_good_rows_were_drawn_and_nothing_of_it_where_all_were_kept(trained: Trained, tmp_path: Path) -> None:
    how = replace(trained.profile, good_rows=5_000)
    few = replace(trained, profile=how, thinned=Thinned(40_000, 5_000, 700))
    whole, drawn = (write(tmp_path, t, CURVES, {}, {"digest": "d", "version": 1}).said for t in (trained, few))
    assert drawn["thinned"] == {"good": 40_000, "kept": 5_000, "bad": 700}
    assert drawn["profile"]["good_rows"] == 5_000
    assert "thinned" not in whole and "good_rows" not in whole["profile"]


def test_a_harmed_folder_is_not_mended_in_silence_by_writing_again(trained: Trained, tmp_path: Path) -> None:
    digest = write(tmp_path, trained, CURVES, {"auc": 0.8}, {"digest": "d", "version": 1}).digest
    (tmp_path / digest / "model.txt").write_text("harmed")
    with pytest.raises(IntegrityFailed):
        write(tmp_path, trained, CURVES, {"auc": 0.8}, {"digest": "d", "version": 1})
