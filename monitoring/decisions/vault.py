"""Keys of the record: what is personal is sealed with a key per borrower, and looked up by hashes that need a key.

A master key lies in a file outside the database, and should lie outside its backups: whoever has both reads everything. From it
follow (HKDF-SHA256, RFC 5869) a key that wraps the borrowers' keys and keys for the hashes. Sealing is AES-256-GCM; the id of
a decision is authenticated with it, so that what is sealed cannot be moved to another.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from features import durable
from features.errors import IntegrityFailed, NotFound, UsageError
from models.locks import held

NONCE = 12


@dataclass(frozen=True)
class Vault:
    """A master key in use."""

    master: bytes

    def new_key(self, subject: str) -> tuple[bytes, bytes]:
        """A key for a borrower, and the same wrapped."""
        key = secrets.token_bytes(32)
        return key, _encrypt(self._wrapping, key, subject)

    def unwrap(self, subject: str, wrapped: bytes) -> bytes:
        """Raises IntegrityFailed if it was wrapped with another master key."""
        return _decrypt(self._wrapping, wrapped, subject)

    def who(self, kind: str, name: str) -> bytes:
        """A hash by which a borrower or a loan is found, and nothing else learned."""
        return _hashed(self._looking, kind, name)

    def asked(self, caller: str, key: str) -> bytes:
        """A hash of a caller's key for a request."""
        return _hashed(self._asking, caller, key)

    def body(self, content: bytes) -> bytes:
        """A hash of what a request said."""
        return hmac.digest(self._asking, content, "sha256")

    def salt(self, night: str, row: str) -> bytes:
        """16 bytes for a row of a night, without which its hash tells nothing about it (keyed BLAKE2b, RFC 7693)."""
        return hashlib.blake2b(f"{len(night)} {night}{row}".encode(), key=self._salting, digest_size=16).digest()

    @cached_property
    def _wrapping(self) -> AESGCM:
        return AESGCM(self._derived(b"borrowers' keys"))

    @cached_property
    def _looking(self) -> bytes:
        return self._derived(b"look-ups")

    @cached_property
    def _asking(self) -> bytes:
        return self._derived(b"requests")

    @cached_property
    def _salting(self) -> bytes:
        return self._derived(b"salts")

    def _derived(self, purpose: bytes) -> bytes:
        return HKDF(SHA256(), 32, None, b"loanwatch " + purpose).derive(self.master)


def seal(key: bytes, content: bytes, decision: str) -> bytes:
    """Encrypted with a borrower's key; nobody can tell it is another decision's."""
    return _encrypt(AESGCM(key), content, decision)


def unseal(key: bytes, cipher: bytes, decision: str) -> bytes:
    """Raises IntegrityFailed if it is not what was sealed for this decision."""
    return _decrypt(AESGCM(key), cipher, decision)


def vault(book: Path, named: Path | None = None) -> Vault:
    """The master key: the file named, or the book's own, which is made at first need.

    Raises NotFound if the one named is not there, UsageError if it is no such key.
    """
    path = named or book / "keys" / "master.key"
    if named is None:
        with held(book / "keys" / ".lock"):
            if not path.is_file():
                durable.appear(path, _make)
    if not path.is_file():
        raise NotFound(
            f"{path}: no master key there; make one with `openssl rand -hex 32 > FILE` (mode 0600), or leave"
            " LOANWATCH_MASTER_KEY out for the book's own",
            f"{path}:没有主密钥;请用 `openssl rand -hex 32 > 文件` 生成(权限 0600),或不设 LOANWATCH_MASTER_KEY 以使用账簿自身的"
            "主密钥",
        )
    return Vault(_read(path))


def _make(draft: Path) -> None:
    """Only its owner can read it, from its first byte on."""
    draft.unlink(missing_ok=True)  # of a process that died here
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")


def _read(path: Path) -> bytes:
    try:
        found = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        found = b""
    if len(found) != 32:
        raise UsageError(
            f"{path}: expected a master key, 64 hexadecimal digits; make one with `openssl rand -hex 32`",
            f"{path}:应为 64 位十六进制主密钥;请用 `openssl rand -hex 32` 生成",
        )
    return found


def _hashed(key: bytes, kind: str, name: str) -> bytes:
    return hmac.digest(key, f"{len(kind)} {kind}{name}".encode(), "sha256")


def _encrypt(key: AESGCM, content: bytes, about: str) -> bytes:
    nonce = secrets.token_bytes(NONCE)
    return nonce + key.encrypt(nonce, content, about.encode())


def _decrypt(key: AESGCM, cipher: bytes, about: str) -> bytes:
    try:
        return key.decrypt(cipher[:NONCE], cipher[NONCE:], about.encode())
    except (InvalidTag, ValueError) as error:
        raise IntegrityFailed(
            "what is sealed does not open: it was changed, or another master key sealed it. Name the key in LOANWATCH_MASTER_KEY,"
            " or restore the record from backup",
            "密封内容无法解开:内容被改动,或由另一主密钥密封。请用 LOANWATCH_MASTER_KEY 指定主密钥,或从备份恢复记录",
        ) from error
