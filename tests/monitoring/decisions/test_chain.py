"""The chain: whatever is changed, left out, put in or swapped behind a checkpoint is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from records import SIGNER, on_sqlite, score

from features.errors import IntegrityFailed
from monitoring.decisions import chain
from monitoring.decisions.chain import Checkpoint, Row, walk
from monitoring.decisions.entry import canonical

HERE = Path("record")


@cache
def recorded() -> tuple[tuple[Row, ...], tuple[Checkpoint, ...]]:
    with TemporaryDirectory() as folder, on_sqlite(Path(folder), every=8) as record:
        for n in range(20):
            record.add(score(n, f"B{n % 4}"))
        record.checkpoint()
        return tuple(record.rows()), tuple(record.signed())


def flipped(content: bytes, at: int, bit: int) -> bytes:
    at %= len(content)
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def text_flipped(text: str, at: int, bit: int) -> str:
    return flipped(text.encode(), at, bit).decode("utf-8", "replace")


CHANGES: dict[str, Callable[[Row, int, int], Row]] = {
    "entry": lambda row, at, bit: replace(row, entry=text_flipped(row.entry, at, bit)),
    "sealed": lambda row, at, bit: replace(row, sealed=flipped(row.sealed or b"\0", at, bit)),
    "link": lambda row, at, bit: replace(row, link=flipped(row.link, at, bit)),
    "id": lambda row, at, bit: replace(row, id=text_flipped(row.id, at, bit)),
    "kind": lambda row, at, bit: replace(row, kind=text_flipped(row.kind, at, bit)),
    "at": lambda row, at, bit: replace(row, at=row.at + 1 + at),
}


def test_an_untouched_chain_holds() -> None:
    rows, signed = recorded()
    walked = walk(rows, signed, "record")
    assert (walked.count, walked.proven, walked.link) == (21, 21, rows[-1].link)


@examples(200)
@given(st.integers(0, 20), st.sampled_from(sorted(CHANGES)), st.integers(0, 500), st.integers(0, 7))
def test_a_changed_bit_is_found(place: int, what: str, at: int, bit: int) -> None:
    rows, signed = recorded()
    changed = CHANGES[what](rows[place], at, bit)
    with pytest.raises(IntegrityFailed):
        walk([*rows[:place], changed, *rows[place + 1 :]], signed, "record")


@examples(50)
@given(st.integers(0, 20), st.integers(0, 20))
def test_rows_left_out_or_swapped_are_found(one: int, other: int) -> None:
    rows, signed = recorded()
    with pytest.raises(IntegrityFailed):
        walk([row for n, row in enumerate(rows) if n != one], signed, "record")
    if one != other:
        swapped = list(rows)
        swapped[one], swapped[other] = rows[other], rows[one]
        with pytest.raises(IntegrityFailed):
            walk(swapped, signed, "record")


def test_a_chain_made_anew_is_found_by_a_checkpoint_that_somebody_else_holds() -> None:
    """Whoever can write everything can make a chain that holds in itself, but not one that leads to the signed link."""
    rows, signed = recorded()
    forged, last = [], chain.START
    for row in rows:
        said = json.loads(row.entry)
        said["said"] = {**said["said"], "log_odds": 0.0}
        entry = canonical(said)
        last = chain.link(last, entry)
        forged.append(replace(row, entry=entry, link=last))
    assert walk(forged, [], "record").count == len(rows)
    with pytest.raises(IntegrityFailed, match="signed"):
        walk(forged, signed[:1], "record")


def test_a_tail_cut_off_behind_a_checkpoint_is_found_and_before_it_unproven() -> None:
    rows, signed = recorded()
    with pytest.raises(IntegrityFailed, match="gone"):
        walk(rows[:-1], signed, "record")
    assert walk(rows[:-1], signed[:2], "record").proven == 16


def test_a_checkpoint_of_somebody_else_or_changed_is_refused() -> None:
    signed = recorded()[1][0]
    assert chain.read(signed.text, signed.signature, SIGNER.trusted, HERE) == signed
    with pytest.raises(IntegrityFailed):
        chain.read(signed.text, signed.signature, {}, HERE)
    with pytest.raises(IntegrityFailed):
        chain.read(signed.text.replace('"count":8', '"count":9'), signed.signature, SIGNER.trusted, HERE)
