"""A bundle is used whole, unchanged and signed by who is trusted, or not at all."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from books import Book
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from effort import TIMES
from grown import STUMP, Sort, told
from mutants import TOLD, mutant
from naive_forest import NaiveForest
from stores import SAID, SIGNER, written

from features.errors import IntegrityFailed, LoanwatchError, NotFound
from features.labels import target
from models import keys
from models.bundle import FILES, MANIFEST, SIGNATURE, Bundle, drafted, load, write
from models.calibrate import Calibration
from models.golden import Golden
from models.horizon import Curve, Horizons
from models.keys import Signer, Untrusted
from models.profile import profile
from models.reference import Reference
from models.score import Scorer
from models.thinning import Thinned
from models.train import Trained

CURVES = Horizons(12, (Curve(tuple(range(1, 11)), tuple(k / 12 for k in range(1, 25)), 100, 30, 24),))
MEMBERS = (*FILES, MANIFEST, SIGNATURE)
BITS = range(8) if TIMES > 1 else range(1)
LONG = 1_000
"""Bytes of a file of which each is harmed by default."""
MUTANTS = 300 if TIMES == 1 else 100_000


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


LINE = Calibration(1.5, -0.25)


def around(text: str, features: int = 2) -> Bundle:
    """A draft of a bundle whose model has features of no catalogue."""
    said = {
        "features": [{"name": f"Column_{i}", "unit": "ratio", "risk": 0} for i in range(features)], "calibration": asdict(LINE),
        "architecture": "any", "libraries": {},
    }  # fmt: skip
    return Bundle("", text, said, {"auc": 0.7}, Reference.nothing(features), Golden.nothing(), "")


def small(bundles: Path, signer: Signer = SIGNER) -> Bundle:
    """A bundle of one split, whole in every respect."""
    draft = around(told(STUMP))
    reference = Reference(*(np.array(pair) for pair in ((0.0, np.nan), (0.1, 2.0), (1.0, 3.0), (0.0, 0.5), (0.01, -0.02))))
    return write(bundles, draft, reference, Scorer(draft).golden(), signer)


def test_a_bundle_is_a_few_texts_named_by_the_digest_of_them_all(book: Book, folder: Path) -> None:
    assert {p.name for p in folder.iterdir()} == set(MEMBERS)
    assert load(folder, keys.of_book(book.path)) == book.bundle
    assert all(p.read_bytes().decode("utf-8") for p in folder.iterdir())


def flips(content: bytes) -> Iterator[bytes]:
    """The content with one bit changed: each of all bytes, or one of every byte, of every third in a long file."""
    for position in range(0, len(content), 1 if TIMES > 1 or len(content) < LONG else 3):
        for bit in BITS:
            harmed = bytearray(content)
            harmed[position] ^= 1 << (bit if TIMES > 1 else position % 8)
            yield bytes(harmed)


@pytest.mark.parametrize("name", MEMBERS)
def test_of_a_bundle_with_one_bit_flipped_anywhere_none_is_accepted(tmp_path: Path, name: str) -> None:
    path = tmp_path / small(tmp_path).digest / name
    sound, accepted, tried = path.read_bytes(), 0, 0
    for harmed in flips(sound):
        path.write_bytes(harmed)
        try:
            load(path.parent, SIGNER.trusted)
        except IntegrityFailed as error:
            tried += 1
            assert name in error.en and name in error.zh
        else:
            accepted += 1
    assert accepted == 0
    assert tried >= (len(sound) * 8 if TIMES > 1 else min(len(sound), LONG))
    path.write_bytes(sound)
    load(path.parent, SIGNER.trusted)


@pytest.mark.parametrize("name", MEMBERS)
def test_one_flipped_bit_of_the_champion_is_found(book: Book, folder: Path, name: str) -> None:
    path = folder / name
    sound, trusted = path.read_bytes(), keys.of_book(book.path)
    for position in {0, 1, len(sound) - 1, *np.linspace(2, len(sound) - 2, 25).astype(int).tolist()}:
        harmed = bytearray(sound)
        harmed[position] ^= 1 << (position % 8)
        path.write_bytes(harmed)
        with pytest.raises(IntegrityFailed, match=name):
            load(folder, trusted)
    path.write_bytes(sound)
    load(folder, trusted)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("change", ["cut short", "lengthened", "emptied"])
def test_a_file_of_another_length_is_found(tmp_path: Path, name: str, change: str) -> None:
    path = tmp_path / small(tmp_path).digest / name
    sound = path.read_bytes()
    path.write_bytes({"cut short": sound[:-1], "lengthened": sound + b"\n", "emptied": b""}[change])
    with pytest.raises(IntegrityFailed, match=name):
        load(path.parent, SIGNER.trusted)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / small(tmp_path).digest / name
    path.unlink()
    with pytest.raises(IntegrityFailed, match=name):
        load(path.parent, SIGNER.trusted)


@pytest.mark.parametrize("name", ["more.txt", "model.pkl", ".hidden", "a folder/file"])
def test_a_file_that_does_not_belong_to_it_is_found(tmp_path: Path, name: str) -> None:
    folder = tmp_path / small(tmp_path).digest
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    with pytest.raises(IntegrityFailed, match=name.partition("/")[0]):
        load(folder, SIGNER.trusted)


@pytest.mark.parametrize("listed", [{}, {"more.txt": "0" * 64}, {"more.txt": sha256(b"").hexdigest()}])
def test_a_manifest_of_other_files_is_refused_although_it_is_signed(tmp_path: Path, listed: dict[str, str]) -> None:
    """Whoever holds the key makes no other bundle by mistake: what is listed, there and known are the same files."""
    whole = tmp_path / small(tmp_path).digest
    said = json.loads((whole / MANIFEST).read_text())
    manifest = json.dumps({**said, **listed} if listed else {"model.txt": said["model.txt"]}).encode()
    with pytest.raises(IntegrityFailed):
        load(resigned(whole, manifest), SIGNER.trusted)


def resigned(folder: Path, manifest: bytes, signer: Signer = SIGNER) -> Path:
    """The folder with another manifest, signed and named after it."""
    (folder / MANIFEST).write_bytes(manifest)
    (folder / SIGNATURE).write_bytes(signer.sign(manifest))
    return folder.rename(folder.with_name(sha256(manifest).hexdigest()))


def test_a_mutated_model_signed_anew_is_refused_or_scored_as_the_naive_walker_scores_it(tmp_path: Path) -> None:
    """Digests and signature fit; golden rows are the sound model's, or the mutant's own."""
    rng, sound = np.random.default_rng(20_261_122), [Scorer(around(text, columns(text))).golden() for text in TOLD]
    refused, scored = 0, 0
    for i in range(MUTANTS):
        which, text = i % len(TOLD), mutant(TOLD[i % len(TOLD)], rng)
        draft = around(text, columns(TOLD[which]))
        try:
            golden = Scorer(draft).golden() if i // len(TOLD) % 2 else sound[which]
            made = write(tmp_path, draft, draft.reference, golden, SIGNER)
            shutil.rmtree(tmp_path / made.digest)
            x = pd.DataFrame(Sort(i % 50, features=len(made.features)).rows(3, apart=1), columns=list(made.features))
            found = Scorer(made).score(x)
        except IntegrityFailed:
            refused += 1
            continue
        scored += 1
        naive = NaiveForest(text)
        np.testing.assert_array_equal(
            found.log_odds, LINE.log_odds(np.array([naive.margin(row.tolist()) for row in x.to_numpy()]))
        )
    assert refused > MUTANTS / 3
    assert scored > MUTANTS / 50


def columns(text: str) -> int:
    return text.count("Column_", 0, text.index("feature_infos"))


def test_without_a_manifest_there_is_no_bundle(tmp_path: Path) -> None:
    folder = tmp_path / small(tmp_path).digest
    (folder / MANIFEST).unlink()
    with pytest.raises(NotFound, match="loanwatch train"):
        load(folder, SIGNER.trusted)
    with pytest.raises(NotFound):
        load(folder.parent / "nothing", SIGNER.trusted)


def test_a_folder_under_another_name_is_not_the_bundle_it_says(tmp_path: Path) -> None:
    renamed = (tmp_path / small(tmp_path).digest).rename(tmp_path / ("0" * 64))
    with pytest.raises(IntegrityFailed):
        load(renamed, SIGNER.trusted)


OTHER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


def refusal(folder: Path, trusted: keys.Trusted) -> LoanwatchError:
    with pytest.raises(IntegrityFailed) as caught:
        load(folder, trusted)
    return caught.value


def test_a_bundle_that_is_not_signed_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / small(tmp_path).digest
    (folder / SIGNATURE).unlink()
    said = refusal(folder, SIGNER.trusted)
    assert isinstance(said, Untrusted)
    assert "not signed" in said.en and "train again" in said.en and "重新训练" in said.zh


def test_a_bundle_signed_by_somebody_else_is_refused_with_both_keys(tmp_path: Path) -> None:
    folder = tmp_path / small(tmp_path, OTHER).digest
    said = refusal(folder, SIGNER.trusted)
    assert isinstance(said, Untrusted)
    for name in (*OTHER.trusted, *SIGNER.trusted):
        assert name[:16] in said.en and name[:16] in said.zh
    assert load(folder, {**SIGNER.trusted, **OTHER.trusted}).signed_by == keys.text_of(*OTHER.trusted.values())
    assert "none" in refusal(folder, {}).en


def test_a_signature_of_another_manifest_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / small(tmp_path).digest
    (folder / SIGNATURE).write_bytes(SIGNER.sign(b"another manifest"))
    assert not isinstance(refusal(folder, SIGNER.trusted), Untrusted)


def test_a_signature_in_another_name_is_refused(tmp_path: Path) -> None:
    """The key that is trusted must have signed, whatever the file says."""
    folder = tmp_path / small(tmp_path, OTHER).digest
    said = json.loads((folder / SIGNATURE).read_text())
    (name,) = SIGNER.trusted
    (folder / SIGNATURE).write_text(json.dumps({**said, "key": name}, indent=1) + "\n")
    assert not isinstance(refusal(folder, SIGNER.trusted), Untrusted)


NO_SIGNATURES = ["", "{}", "[]", "null", "1", '{"key": 1, "signature": 2}', '{"key": "a", "signature": "xy"}', "\xff"]


@pytest.mark.parametrize("text", NO_SIGNATURES)
def test_what_is_no_signature_is_refused(tmp_path: Path, text: str) -> None:
    folder = tmp_path / small(tmp_path).digest
    (folder / SIGNATURE).write_bytes(text.encode("latin-1"))
    assert "not the signature of this manifest" in refusal(folder, SIGNER.trusted).en


def test_the_same_signature_written_otherwise_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / small(tmp_path).digest
    said = json.loads((folder / SIGNATURE).read_text())
    shouted = {**said, "signature": said["signature"].upper()}
    for text in (json.dumps(said), json.dumps({**said, "more": 1}, indent=1) + "\n", json.dumps(shouted, indent=1) + "\n"):
        (folder / SIGNATURE).write_text(text)
        refusal(folder, SIGNER.trusted)


def test_the_same_model_and_key_give_the_same_digest_and_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    one, other = (written(tmp_path / place, trained, CURVES, {"auc": 0.8}) for place in "ab")
    assert one == other
    for name in MEMBERS:
        assert (tmp_path / "a" / one.digest / name).read_bytes() == (tmp_path / "b" / one.digest / name).read_bytes()


def test_writing_a_bundle_again_leaves_one_folder_and_nothing_else(trained: Trained, tmp_path: Path) -> None:
    for _ in range(2):
        digest = written(tmp_path, trained, CURVES, {"auc": 0.8}).digest
    assert [p.name for p in tmp_path.iterdir()] == [digest]


def test_a_bundle_written_again_with_another_key_is_signed_with_that_one(tmp_path: Path) -> None:
    assert small(tmp_path).digest == small(tmp_path, OTHER).digest
    folder = tmp_path / small(tmp_path, OTHER).digest
    load(folder, OTHER.trusted)
    refusal(folder, SIGNER.trusted)
    assert {p.name for p in folder.iterdir()} == set(MEMBERS)


def test_whatever_a_bundle_says_is_in_its_digest(trained: Trained, tmp_path: Path) -> None:
    nothing, seen, plain = Reference.nothing(len(trained.features)), {"auc": 0.8}, drafted(trained, CURVES, {"auc": 0.8}, SAID)
    golden = Scorer(plain).golden()

    def digest(draft: Bundle, reference: Reference = nothing, golden: Golden = golden) -> str:
        return write(tmp_path, draft, reference, golden, SIGNER).digest

    said = [
        digest(plain),
        digest(drafted(trained, CURVES, {"auc": 0.81}, SAID)),
        digest(drafted(trained, CURVES, seen, {**SAID, "version": 2})),
        digest(drafted(trained, replace(CURVES, anchor=6), seen, SAID)),
        digest(drafted(replace(trained, data_digest="other"), CURVES, seen, SAID)),
        digest(drafted(replace(trained, features=trained.features[::-1]), CURVES, seen, SAID)),
        digest(drafted(replace(trained, calibration=Calibration(1.0, np.nextafter(0.0, 1.0))), CURVES, seen, SAID)),
        digest(plain, replace(nothing, unknown=np.zeros(len(trained.features)))),
        digest(plain, golden=replace(golden, log_odds=np.nextafter(golden.log_odds, 0.0))),
    ]
    assert len(set(said)) == len(said)


def test_what_was_written_is_what_is_read(trained: Trained, tmp_path: Path) -> None:
    read = written(tmp_path, trained, CURVES, {"auc": 0.8})
    assert (read.model, read.features, read.calibration) == (trained.booster, trained.features, trained.calibration)
    assert read.horizons == CURVES
    assert read.said["target"]["name"] == "default_12m"
    assert set(read.said["profile"]["prohibited"]) >= {"sex", "marriage"}
    draft = drafted(trained, CURVES, {"auc": 0.8}, SAID)
    assert (read.said, read.metrics) == (draft.said, draft.metrics)
    assert read.golden == Scorer(draft).golden()


def test_the_bundle_of_a_training_says_what_is_usual_of_every_feature(book: Book) -> None:
    reference, pool = book.bundle.reference, book.sample.x[book.sample.pool]
    assert {len(part) for part in (reference.low, reference.usual, reference.unknown)} == {len(book.bundle.features)}
    np.testing.assert_array_equal(reference.unknown, [pool[name].isna().mean() for name in book.bundle.features])
    known = ~np.isnan(reference.usual)
    assert known.mean() > 0.5
    assert ((reference.low <= reference.usual) & (reference.usual <= reference.high))[known].all()
    assert np.abs(reference.contribution).max() > 0


def test_a_bundle_says_how_good_rows_were_drawn_and_nothing_of_it_where_all_were_kept(trained: Trained, tmp_path: Path) -> None:
    how = replace(trained.profile, good_rows=5_000)
    few = replace(trained, profile=how, thinned=Thinned(40_000, 5_000, 700))
    whole, drawn = (written(tmp_path, t, CURVES).said for t in (trained, few))
    assert drawn["thinned"] == {"good": 40_000, "kept": 5_000, "bad": 700}
    assert drawn["profile"]["good_rows"] == 5_000
    assert "thinned" not in whole and "good_rows" not in whole["profile"]


def test_a_harmed_folder_is_not_mended_in_silence_by_writing_again(tmp_path: Path) -> None:
    (tmp_path / small(tmp_path).digest / "model.txt").write_text("harmed")
    with pytest.raises(IntegrityFailed):
        small(tmp_path)
