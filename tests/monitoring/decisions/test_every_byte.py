"""Every byte of an export changed, and rows left out, swapped, put in or cut off: the script that is in it misses nothing."""

import contextlib
import io
import itertools
import random
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest
from effort import RELEASE
from records import SIGNER, on_sqlite, score

from models import keys
from monitoring.decisions.export import as_text, export
from monitoring.decisions.kit import verify

DECISIONS = 30 if RELEASE else 3
KEPT = DECISIONS // 2
NOT_SO = (verify.Failed, ValueError, KeyError, TypeError, OSError)
"""What the script takes for its answer that something is not as it was written."""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a checkpoint of its first half beside it, and the key."""
    home = tmp_path_factory.mktemp("export")
    with on_sqlite(home / "book") as record:
        for n in range(DECISIONS):
            record.add(score(n, f"B{n % 3}"))
            if n == KEPT:
                (home / "kept.json").write_text(as_text(record.checkpoint()), "utf-8")
        export(record, home / "export")
    (home / "key.pem").write_text(keys.text_of(SIGNER.key.public_key()), "ascii")
    return home / "export"


def holds(folder: Path, checkpoint: Path | None = None) -> bool:
    """Whether the script finds that all is as it was written."""
    asked = Namespace(folder=folder, key=folder.parent / "key.pem", checkpoint=checkpoint, proof=None)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            verify.main(asked)
    except NOT_SO:
        return False
    return True


def others(content: bytes, at: int) -> Iterator[int]:
    """Three other values of a byte; at the end of a line, all that some reader takes for one, too."""
    yield from b"\r\v\f\x1c\x1d\x1e\x85\0 " if content[at] == ord("\n") else b""
    yield from (content[at] ^ 1, content[at] ^ 0x20, content[at] ^ 0x80)


@contextlib.contextmanager
def changed(path: Path) -> Iterator[bytes]:
    """The content of a file, which is put back."""
    content = path.read_bytes()
    try:
        yield content
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["decisions.txt", "checkpoint.json"])
def test_every_byte_that_is_another_is_found(exported: Path, name: str) -> None:
    assert holds(exported)
    missed = list[tuple[int, int]]()
    with changed(exported / name) as content:
        for at in range(len(content)):
            for value in others(content, at):
                (exported / name).write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
                if holds(exported):
                    missed.append((at, value))
    assert missed == [], [(at, content[max(0, at - 20) : at + 20], value) for at, value in missed[:3]]


def rearranged(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Rows left out, doubled, swapped with any other, cut off at the end; bytes put in."""
    for n in range(len(lines)):
        yield [*lines[:n], *lines[n + 1 :]]
        yield [*lines[: n + 1], *lines[n:]]
        yield lines[:n]
        yield [*lines[:n], b"\n", *lines[n:]]
    pairs = list(itertools.combinations(range(len(lines)), 2))
    for one, other in random.Random(4).sample(pairs, min(len(pairs), 400)):
        swapped = list(lines)
        swapped[one], swapped[other] = lines[other], lines[one]
        yield swapped
    yield from ([*lines, more] for more in (b"\n", b"x", b"\r", b" ", b"\0"))
    yield [*lines[:-1], lines[-1].rstrip(b"\n")]
    yield [b"\xef\xbb\xbf", *lines]
    yield [line.replace(b"\n", b"\r\n") for line in lines]


def test_rows_left_out_put_in_swapped_or_cut_off_are_found(exported: Path) -> None:
    with changed(exported / "decisions.txt") as content:
        for lines in rearranged(content.splitlines(keepends=True)):
            (exported / "decisions.txt").write_bytes(b"".join(lines))
            assert not holds(exported), len(lines)


def test_who_cuts_the_log_behind_an_older_checkpoint_is_found_by_a_later_one(exported: Path) -> None:
    """A statement that was true once, put in the place of the last one, holds in itself; who kept a later one sees it."""
    last = exported.parent / "last.json"
    last.write_bytes((exported / "checkpoint.json").read_bytes())
    with changed(exported / "decisions.txt") as content, changed(exported / "checkpoint.json"):
        lines = content.splitlines(keepends=True)
        (exported / "decisions.txt").write_bytes(b"".join(lines[: KEPT + 2]))
        (exported / "checkpoint.json").write_bytes((exported.parent / "kept.json").read_bytes())
        assert holds(exported) and holds(exported, exported.parent / "kept.json")
        assert not holds(exported, last)
