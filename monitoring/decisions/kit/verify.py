"""Check an export of decisions, or the proof that a row is of a night, without loanwatch.

    python verify.py [--key PUBLIC.pem] [--checkpoint FILE] [FOLDER]      the chain of decisions.txt
    python verify.py --proof PROOF.json [FOLDER]                          a row of a night

Needed: Python 3.9 or later and the package `cryptography`. ``--key`` is the public key of the lender as you know it from
elsewhere; the one in the folder proves nothing about who signed. ``--checkpoint`` is one that you were given earlier: what it
covers was not changed since. What no such checkpoint covers is said to be unproven. Exit code 0: as it was written; 6: not; 2: a
file that you named cannot be read.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


class Failed(Exception):
    """It is not as it was written."""


class Unread(Exception):
    """A file that was named on the command line cannot be read: nothing was found out."""


def main(asked: argparse.Namespace) -> None:
    for name in ("key", "checkpoint", "proof"):
        readable(name, getattr(asked, name))
    decisions = chain(asked.folder / "decisions.txt")
    count, last, first = len(decisions), decisions[-1][0], decisions[0][1]["id"]
    print(f"{count} decisions, each linked to the one before")
    own = signed(asked.folder / "checkpoint.json", asked.key or asked.folder / "public.pem")
    meets(own, decisions, first)
    if own["count"] != count or own["link"] != last:
        raise Failed("the checkpoint of the export is not of its last decision")
    given = signed(asked.checkpoint, asked.key or asked.folder / "public.pem") if asked.checkpoint else None
    if given is not None:
        meets(given, decisions, first)
    if asked.key is None:
        print("signed by the key in this folder: who holds it is unproven; name the lender's key with --key")
    tail(count, given)
    if asked.proof:
        print(row_of_a_night(json.loads(asked.proof.read_text("utf-8")), decisions))


def readable(name: str, path: Path | None) -> None:
    """Raises Unread for a file that was named and is not there."""
    try:
        if path is not None:
            path.read_bytes()
    except OSError as error:
        own = "; the export's own key file is public.pem, which proves nothing about who signed" if name == "key" else ""
        raise Unread(f"--{name} {path}: {error.strerror or error}; name the file as it was given to you{own}") from error


def tail(count: int, given: dict[str, Any] | None) -> None:
    """What is proven by a checkpoint from elsewhere, and what is not."""
    if given is None:
        print("tail unproven: no checkpoint that you were given earlier was named; all of it may have been made anew")
    elif given["count"] < count:
        print(f"decisions 1 to {given['count']} are those of the checkpoint; tail unproven: {given['count'] + 1} to {count}")
    else:
        print(f"decisions 1 to {count} are those of the checkpoint")


def chain(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """(link, entry) of each decision: link(n) = sha256(link(n - 1) + sha256(entry(n)))."""
    last, found = bytes(32), list[tuple[str, dict[str, Any]]]()
    *lines, rest = path.read_bytes().decode("utf-8").split("\n")
    if rest:
        raise Failed("the last line has no end, or something follows it")
    for number, line in enumerate(lines, 1):
        link, _, entry = line.partition(" ")
        last = hashlib.sha256(last + hashlib.sha256(entry.encode()).digest()).digest()
        if link != last.hex():
            raise Failed(f"decision {number} or the one before was changed, left out or put in")
        found.append((link, json.loads(entry)))
    if not found:
        raise Failed("there is no decision")
    return found


def signed(path: Path, key: Path) -> dict[str, Any]:
    """What a checkpoint says, if the key signed it and it is written in the one way there is."""
    written = path.read_bytes().decode("utf-8")
    text, signature = (str(json.loads(written)[name]) for name in ("text", "signature"))
    public = load_pem_public_key(key.read_bytes())
    if not isinstance(public, Ed25519PublicKey):
        raise Failed(f"{key}: not an Ed25519 key")
    try:
        public.verify(bytes.fromhex(signature), text.encode())
    except InvalidSignature:
        raise Failed(f"{path}: not signed with {key}") from None
    named = hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
    if written != json.dumps({"text": text, "key": named, "signature": bytes.fromhex(signature).hex()}, indent=1) + "\n":
        raise Failed(f"{path}: not written as a checkpoint is")
    said: dict[str, Any] = json.loads(text)
    return said


def meets(checkpoint: dict[str, Any], decisions: list[tuple[str, dict[str, Any]]], first: str) -> None:
    count = checkpoint["count"]
    if count > len(decisions):
        raise Failed(f"the checkpoint is of {count} decisions and there are {len(decisions)}: the last ones are gone")
    if checkpoint["link"] != decisions[count - 1][0] or checkpoint["record"] != first:
        raise Failed(f"the first {count} decisions are not those that were signed")


def row_of_a_night(proof: dict[str, Any], decisions: list[tuple[str, dict[str, Any]]]) -> str:
    """Follow a row to the root that the night's decision names."""
    night = next((entry for _, entry in decisions if entry["id"] == proof["decision"]), None)
    if night is None:
        raise Failed("the decision that the proof names is not here")
    root = night["said"]["roots"][proof["file"]]
    found = hashlib.sha256(b"\0" + bytes.fromhex(proof["salt"]) + written(proof["row"])).digest()
    place, count, path = proof["place"], night["said"]["rows"][proof["file"]], [bytes.fromhex(step) for step in proof["path"]]
    while count > 1:
        if place ^ 1 < count:
            other = path.pop(0) if path else b""
            found = hashlib.sha256(b"\1" + (other + found if place & 1 else found + other)).digest()
        place, count = place // 2, (count + 1) // 2
    if path or found.hex() != root:
        raise Failed("the row is not of that night")
    return f"the row is of the night {night['said']['as_of']}, decision {proof['decision']}"


def written(row: list[list[Any]]) -> bytes:
    """The bytes of a row: first its numbers, then its texts, each in the order of the columns."""
    texts = {"text": text, "list": words}
    numbers = b"".join(number(kind, value) for _, kind, value in row if kind not in texts)
    return numbers + b"".join(texts[kind](value) for _, kind, value in row if kind in texts)


def number(kind: str, value: Any) -> bytes:
    if value is None:
        return bytes(9)
    if kind == "float64":
        return b"\1" + bytes.fromhex(value)
    if kind == "day":
        value = (datetime.date.fromisoformat(value) - datetime.date(1970, 1, 1)).days
    return b"\1" + struct.pack("<q", value)


def text(value: Any) -> bytes:
    return b"\xff" * 4 if value is None else struct.pack("<I", len(value.encode())) + value.encode()


def words(value: Any) -> bytes:
    return b"\xff" * 4 if value is None else struct.pack("<I", len(value)) + b"".join(map(text, value))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--proof", type=Path)
    try:
        main(parser.parse_args())
    except Unread as problem:
        print(f"NOT CHECKED: {problem}", file=sys.stderr)
        sys.exit(2)
    except (Failed, ValueError, KeyError, TypeError, OSError) as problem:
        print(f"NOT AS IT WAS WRITTEN: {problem}", file=sys.stderr)
        sys.exit(6)
