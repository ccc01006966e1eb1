"""Keys of the record: what is personal is sealed with a key per borrower, and looked up by hashes that need a key.

A master key lies in a file outside the database, and should lie outside its backups: whoever has both reads everything. From it
follow (HKDF-SHA256, RFC 5869) a key that wraps the borrowers' keys and keys for the hashes. Sealing is AES-256-GCM; the id of
a decision is authenticated with it, so that what is sealed cannot be moved to another.

A master key can be changed. Hashes cannot be made again without what they hide, so that those of the first master key stay: its
successors' files have it in a second line.
"""

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from functools import cached_property, partial
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
    """A master key in use; the keys of hashes follow from ``hashing`` where another was there before."""

    master: bytes
    hashing: bytes | None = None

    @cached_property
    def fingerprint(self) -> str:
        """What tells master keys apart, and nothing else about them."""
        return _derived(self.master, b"fingerprint")[:16].hex()

    def successor(self) -> "Vault":
        """Another master key over the same hashes."""
        return Vault(secrets.token_bytes(32), self.hashing or self.master)

    def new_key(self, subject: str) -> tuple[bytes, bytes]:
        """A key for a borrower, and the same wrapped."""
        key = secrets.token_bytes(32)
        return key, self.wrap(subject, key)

    def wrap(self, subject: str, key: bytes) -> bytes:
        return _encrypt(self._wrapping, key, subject)

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
    def likeness(self) -> bytes:
        """The key of the hashes by which texts are found that are alike."""
        return self._derived(b"likeness")

    @cached_property
    def _wrapping(self) -> AESGCM:
        return AESGCM(_derived(self.master, b"borrowers' keys"))

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
        return _derived(self.hashing or self.master, purpose)


def seal(key: bytes, content: bytes, decision: str) -> bytes:
    """Encrypted with a borrower's key; nobody can tell it is another decision's."""
    return _encrypt(AESGCM(key), content, decision)


def unseal(key: bytes, cipher: bytes, decision: str) -> bytes:
    """Raises IntegrityFailed if it is not what was sealed for this decision."""
    return _decrypt(AESGCM(key), cipher, decision)


def file_of(book: Path, named: Path | None = None) -> Path:
    """Where the master key lies: the file named, or the book's own."""
    return named or book / "keys" / "master.key"


def vault(book: Path, named: Path | None = None) -> Vault:
    """The master key; the book's own is made at first need.

    Raises NotFound if the one named is not there, UsageError if it is no such key.
    """
    path = file_of(book, named)
    if named is None:
        with held(book / "keys" / ".lock"):
            if not path.is_file():
                durable.appear(path, partial(_make, made=Vault(secrets.token_bytes(32))))
    if not path.is_file():
        raise NotFound(
            f"{path}: no master key there; make one with `openssl rand -hex 32 > FILE` (mode 0600), or leave"
            " LOANWATCH_MASTER_KEY out for the book's own",
            f"{path}:没有主密钥;请用 `openssl rand -hex 32 > 文件` 生成(权限 0600),或不设 LOANWATCH_MASTER_KEY 以使用账簿自身的"
            "主密钥",
        )
    return _read(path)


def coming(path: Path, now: Vault) -> Vault:
    """The master key that is to follow the one in ``path``, durable beside it when this returns."""
    beside = _beside(path)
    if not beside.is_file():
        durable.appear(beside, partial(_make, made=now.successor()))
    return _read(beside)


def came(path: Path) -> Vault | None:
    """The one beside it, if there is one."""
    return _read(_beside(path)) if _beside(path).is_file() else None


def take_over(path: Path) -> None:
    """Put the one that is to follow in place of the one before."""
    durable.put(_beside(path), path)


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def _make(draft: Path, made: Vault) -> None:
    """Only its owner can read it, from its first byte on."""
    draft.unlink(missing_ok=True)  # of a process that died here
    lines = [made.master, *([] if made.hashing is None else [made.hashing])]
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("".join(f"{line.hex()}\n" for line in lines))


def _read(path: Path) -> Vault:
    try:
        found = [bytes.fromhex(line) for line in path.read_text("ascii").split()]
    except ValueError:
        found = []
    if len(found) not in (1, 2) or any(len(key) != 32 for key in found):
        raise UsageError(
            f"{path}: expected a master key, 64 hexadecimal digits; make one with `openssl rand -hex 32`",
            f"{path}:应为 64 位十六进制主密钥;请用 `openssl rand -hex 32` 生成",
        )
    return Vault(*found)


def _derived(root: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"loanwatch " + purpose).derive(root)


def another_master() -> IntegrityFailed:
    """What is told to who works with a master key that is not in use."""
    return IntegrityFailed(
        "the record works with another master key: it was changed, or LOANWATCH_MASTER_KEY names a wrong file. Name the right"
        " one, and start again what has been running since before the change",
        "记录所用主密钥与当前主密钥不同:主密钥已更换,或 LOANWATCH_MASTER_KEY 指向错误文件;请指定正确文件,并重启更换前启动的服务",
    )


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
