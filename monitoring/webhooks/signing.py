"""Secrets that are shared with a receiver, and signatures with them, as Standard Webhooks 1.0.0 has it."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from pathlib import Path

from features.errors import NotFound, UsageError

PREFIX = "whsec_"
LENGTHS = range(24, 65)
"""Bytes of a secret, as the standard has it."""
OTHERS = 0o077
"""Permissions of everybody but the owner of a file."""
MAKE = "(umask 077; echo whsec_$(openssl rand -base64 32) > FILE)"


def headers(keys: Sequence[bytes], id: str, at: int, body: bytes) -> dict[str, str]:
    """What goes with a body at a time in seconds since 1970; a signature for each key, so that a receiver may know either."""
    signed = f"{id}.{at}.".encode() + body
    made = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return {
        "webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": " ".join(f"v1,{one}" for one in made),
    }  # fmt: skip


def secrets(path: Path) -> tuple[bytes, ...]:
    """The secrets in a file, one a line; several while one takes the other's place.

    Raises NotFound where no file is, UsageError where others may read it or a line is no such secret.
    """
    if not path.is_file():
        raise NotFound(f"{path}: no secret there; make one with {MAKE}", f"{path}:没有密钥文件;请用 {MAKE} 生成")
    mode = path.stat().st_mode & 0o777
    if mode & OTHERS:
        raise UsageError(
            f"{path}: mode {mode:04o} lets others read it; make it chmod 600 and the secret another",
            f"{path}:权限 {mode:04o} 允许他人读取;请改为 chmod 600 并更换密钥",
        )
    found = [_secret(line) for line in path.read_text("utf-8").split()]
    if not found or any(len(key) not in LENGTHS for key in found):
        raise UsageError(
            f"{path}: expected lines of {PREFIX} and base64 of 24 to 64 bytes; make one with {MAKE}",
            f"{path}:每行应为 {PREFIX} 加 24 至 64 字节的 base64;请用 {MAKE} 生成",
        )
    return tuple(found)


def _secret(line: str) -> bytes:
    """The key that a line says; nothing where it says none."""
    try:
        return base64.b64decode(line.removeprefix(PREFIX), validate=True) if line.startswith(PREFIX) else b""
    except binascii.Error:
        return b""
