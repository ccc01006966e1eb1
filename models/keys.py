"""Who may say what a model is: Ed25519 keys that sign a bundle's manifest, and the public ones that a book trusts (RFC 8032).

    <book>/keys/signing.pem      the private key, PKCS8, mode 0600; made when the first bundle is written
    <book>/keys/trusted/*.pem    public keys whose bundles are used

A key is named by its fingerprint, the sha256 of its public half in DER (``openssl pkey -pubin -outform DER | sha256sum``).
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from features.durable import appear
from features.errors import IntegrityFailed, NotFound, UsageError
from models.locks import held

Trusted = Mapping[str, Ed25519PublicKey]
"""Public keys by fingerprint."""


class Untrusted(IntegrityFailed):
    """Nobody who is trusted stands for these bytes: they are not signed, or by a key that is not known here."""


@dataclass(frozen=True)
class Signer:
    """A private key in use."""

    key: Ed25519PrivateKey

    @property
    def trusted(self) -> Trusted:
        """Its own public half."""
        public = self.key.public_key()
        return {fingerprint(public): public}

    def sign(self, content: bytes) -> bytes:
        """The text of a signature; the same content gives the same bytes."""
        return _said(fingerprint(self.key.public_key()), self.key.sign(content))


def signer(book: Path, named: Path | None = None) -> Signer:
    """The key that signs a book's bundles: the one named, or the book's own, which is made at first need and trusted.

    Raises NotFound if the one named is not there, UsageError if it is no Ed25519 key or the book does not trust it.
    """
    home = book / "keys"
    (home / "trusted").mkdir(parents=True, exist_ok=True)
    if named is None:
        named = home / "signing.pem"
        with held(home / ".lock"):
            if not named.is_file():
                _make(named, home / "trusted")
    found = Signer(_private(named))
    if not found.trusted.keys() <= trusted(home / "trusted").keys():
        (name,) = found.trusted
        raise UsageError(
            f"{named}: bundles signed with this key ({name[:16]}) would not be used: {home / 'trusted'} does not hold its public"
            f" half. Put it there: openssl pkey -in {named} -pubout -out {home / 'trusted' / name[:16]}.pem",
            f"{named}:用该密钥({name[:16]})签名的模型包不会被采用:{home / 'trusted'} 中没有其公钥。"
            f"请运行:openssl pkey -in {named} -pubout -out {home / 'trusted' / name[:16]}.pem",
        )
    return found


def trusted(folder: Path) -> Trusted:
    """The public keys in a folder; raises UsageError for a ``.pem`` there that is none."""
    keys = [_public(path.read_bytes(), path) for path in sorted(folder.glob("*.pem"))]
    return {fingerprint(key): key for key in keys}


def of_book(book: Path) -> Trusted:
    """The public keys that a book trusts."""
    return trusted(book / "keys" / "trusted")


def trust(folder: Path, key: str) -> None:
    """Put a public key, in PEM, among those that are trusted."""
    path = folder / f"{fingerprint(_public(key.encode(), folder))[:16]}.pem"
    folder.mkdir(parents=True, exist_ok=True)
    appear(path, lambda draft: draft.write_text(key))


def text_of(key: Ed25519PublicKey) -> str:
    """A public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fingerprint(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def verify(content: bytes, signature: bytes, keys: Trusted, where: Path) -> Ed25519PublicKey:
    """The trusted key that signed ``content``; ``where`` is named in errors.

    Raises Untrusted if the key is not among ``keys``, IntegrityFailed if this is not a signature of these bytes, written as
    ``sign`` writes it.
    """
    name, signed = _read(signature, where)
    if name not in keys:
        known = ", ".join(key[:16] for key in keys) or "none"
        raise Untrusted(
            f"{where}: signed with key {name[:16]}, which is not trusted here (trusted: {known}); the bundle is not used. If you"
            " know whose key it is, put its public half into the book's keys/trusted or the folder of LOANWATCH_TRUSTED_KEYS;"
            " else train again",
            f"{where}:签名密钥 {name[:16]} 不受信任(受信任:{known}),模型包已拒用。若确认其来源,请将公钥放入账簿的 keys/trusted"
            " 或 LOANWATCH_TRUSTED_KEYS 目录;否则请重新训练",
        )
    try:
        keys[name].verify(signed, content)
    except InvalidSignature as error:
        raise _no_signature(where) from error
    return keys[name]


def as_signature(said: Mapping[str, object]) -> bytes:
    """The text of a signature from what it says, its ``key`` and ``signature``."""
    return (json.dumps(said, indent=1) + "\n").encode()


def _said(name: str, signed: bytes) -> bytes:
    return as_signature({"key": name, "signature": signed.hex()})


def _read(signature: bytes, where: Path) -> tuple[str, bytes]:
    """Fingerprint and signature, of a text that says nothing else and says it in the one way there is."""
    try:
        said = json.loads(signature)
        name, signed = str(said["key"]), bytes.fromhex(said["signature"])
    except (ValueError, TypeError, KeyError) as error:
        raise _no_signature(where) from error
    if _said(name, signed) != signature:
        raise _no_signature(where)
    return name, signed


def _no_signature(where: Path) -> IntegrityFailed:
    return IntegrityFailed(
        f"{where}: not the signature of this manifest; the bundle is not used. Restore it from backup or train again",
        f"{where}:不是该清单的签名,模型包已拒用;请从备份恢复或重新训练",
    )


def _make(path: Path, folder: Path) -> None:
    """A new private key, which only its owner can read from its first byte on; its public half is trusted before it is there."""
    made = Ed25519PrivateKey.generate()
    trust(folder, text_of(made.public_key()))

    def write(draft: Path) -> None:
        draft.unlink(missing_ok=True)  # of a process that died here
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    appear(path, write)


def _private(path: Path) -> Ed25519PrivateKey:
    if not path.is_file():
        raise NotFound(
            f"{path}: no signing key there; make one with openssl genpkey -algorithm ed25519, or leave LOANWATCH_SIGNING_KEY out"
            " for the book's own",
            f"{path}:没有签名密钥;请用 openssl genpkey -algorithm ed25519 生成,或不设 LOANWATCH_SIGNING_KEY 以使用账簿自身的密钥",
        )
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "private key without a password", "无口令的私钥") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private key", "私钥")
    return key


def _public(pem: bytes, path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, "public key", "公钥") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public key", "公钥")
    return key


def _no_key(path: Path, en: str, zh: str) -> UsageError:
    return UsageError(
        f"{path}: expected an Ed25519 {en} in PEM; put one there or remove it",
        f"{path}:应为 PEM 格式的 Ed25519 {zh};请更正或移除",
    )
