"""A key signs for a book only if the book trusts it; what a book makes for itself is its owner's alone."""

import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from stores import SIGNER

from features.errors import IntegrityFailed, NotFound, UsageError
from models.keys import Signer, fingerprint, of_book, signer, text_of, trust, trusted, verify

HERE = Path("signature.json")
OTHER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


def private(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@given(content=st.binary(max_size=200), other=st.binary(max_size=200))
@examples(30)
def test_a_signature_is_of_its_bytes_and_its_key_and_always_the_same(content: bytes, other: bytes) -> None:
    signature = SIGNER.sign(content)
    assert signature == SIGNER.sign(content)
    assert {fingerprint(verify(content, signature, SIGNER.trusted, HERE))} == SIGNER.trusted.keys()
    if other != content:
        with pytest.raises(IntegrityFailed):
            verify(other, signature, SIGNER.trusted, HERE)
    with pytest.raises(IntegrityFailed):
        verify(content, OTHER.sign(content), SIGNER.trusted, HERE)


def test_a_book_makes_its_key_at_first_need_keeps_it_and_trusts_it(tmp_path: Path) -> None:
    made = signer(tmp_path)
    assert signer(tmp_path).trusted.keys() == made.trusted.keys() == of_book(tmp_path).keys()
    file = tmp_path / "keys" / "signing.pem"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == private(made.key)
    assert {p.name for p in (tmp_path / "keys").iterdir()} == {"signing.pem", "trusted", ".lock"}


def test_two_books_have_two_keys(tmp_path: Path) -> None:
    assert signer(tmp_path / "a").trusted.keys() != signer(tmp_path / "b").trusted.keys()


def test_many_at_once_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = {name for made in pool.map(signer, [tmp_path] * 8) for name in made.trusted}
    assert found == of_book(tmp_path).keys()
    assert len(found) == 1


def test_a_draft_that_a_dead_process_left_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / ".signing.pem").write_bytes(b"half")
    assert signer(tmp_path).trusted.keys() == of_book(tmp_path).keys()
    assert stat.S_IMODE((tmp_path / "keys" / "signing.pem").stat().st_mode) == 0o600


def test_a_key_that_is_named_signs_once_the_book_trusts_it(tmp_path: Path) -> None:
    named = tmp_path / "theirs.pem"
    named.write_bytes(private(OTHER.key))
    with pytest.raises(UsageError, match=r"openssl pkey -in .*theirs\.pem -pubout -out"):
        signer(tmp_path / "book", named)
    trust(tmp_path / "book" / "keys" / "trusted", text_of(OTHER.key.public_key()))
    assert signer(tmp_path / "book", named).trusted.keys() == OTHER.trusted.keys()
    assert not (tmp_path / "book" / "keys" / "signing.pem").exists()


def openssl(*words: str | Path) -> bytes:
    return subprocess.run(["openssl", *words], check=True, capture_output=True).stdout


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_what_the_error_tells_to_do_is_enough(tmp_path: Path) -> None:
    """With openssl's own key and public half; the fingerprint is what openssl and sha256 give."""
    named, home = tmp_path / "theirs.pem", tmp_path / "book" / "keys" / "trusted"
    openssl("genpkey", "-algorithm", "ed25519", "-out", named)
    with pytest.raises(UsageError, match="-pubout -out"):
        signer(tmp_path / "book", named)
    openssl("pkey", "-in", named, "-pubout", "-out", home / "a.pem")
    (name,) = signer(tmp_path / "book", named).trusted
    der = openssl("pkey", "-pubin", "-in", home / "a.pem", "-outform", "DER")
    assert sha256(der).hexdigest() == name


def test_a_key_that_is_named_and_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere.pem: no signing key there"):
        signer(tmp_path, tmp_path / "nowhere.pem")
    assert not (tmp_path / "nowhere.pem").exists()


CURVE = generate_private_key(SECP256R1())
NO_KEYS = {
    "rubbish": b"rubbish",
    "public": text_of(OTHER.key.public_key()).encode(),
    "of another kind": CURVE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    "locked": OTHER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")),
}


@pytest.mark.parametrize("kind", NO_KEYS)
def test_what_is_no_signing_key_is_refused_by_name_and_its_content_is_not_said(tmp_path: Path, kind: str) -> None:
    named = tmp_path / "named.pem"
    named.write_bytes(NO_KEYS[kind])
    with pytest.raises(UsageError, match=r"named.pem: expected an Ed25519 private key") as caught:
        signer(tmp_path, named)
    assert "私钥" in caught.value.zh
    assert not any(line in str(caught.value) for line in NO_KEYS[kind].decode().splitlines())


@pytest.mark.parametrize("content", [b"rubbish", private(OTHER.key), CURVE.public_key().public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)])  # fmt: skip
def test_what_is_no_public_key_is_refused_among_those_that_are_trusted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pem").write_bytes(content)
    with pytest.raises(UsageError, match=r"a.pem: expected an Ed25519 public key"):
        trusted(tmp_path)


def test_without_a_folder_nobody_is_trusted(tmp_path: Path) -> None:
    assert of_book(tmp_path) == {}
