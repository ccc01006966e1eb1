"""One hash for many rows, and a short proof that a row is among them (RFC 6962, section 2.1: Merkle hash trees).

    leaf(row) = sha256(00 + salt + row)        node = sha256(01 + left + right)

A row's bytes are its known numbers and its texts as they are, column after column (``rows``), so that anybody can make them
again. The salt keeps a hash from being guessed back to a row that was erased.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

EMPTY = hashlib.sha256().digest()
UNKNOWN = b"\xff" * 4


def leaf(salt: bytes, row: bytes) -> bytes:
    return hashlib.sha256(b"\0" + salt + row).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over some leaves, sha256 of nothing without any."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def proof(leaves: Sequence[bytes], place: int) -> list[bytes]:
    """The hashes that lead from the leaf at a place to the root, from below."""
    level, path = list(leaves), []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append(level[beside])
        level, place = _above(level), place // 2
    return path


def leads(found: bytes, place: int, count: int, path: Iterable[bytes]) -> bytes:
    """The root that a leaf at a place of ``count`` leads to by a path; raises ValueError if the path has another length."""
    beside = iter(path)
    try:
        while count > 1:
            if place ^ 1 < count:
                other = next(beside)
                found = _node(other, found) if place & 1 else _node(found, other)
            place, count = place // 2, (count + 1) // 2
    except StopIteration:
        raise ValueError("the path ends before the root") from None
    if next(beside, None) is not None:
        raise ValueError("the path goes on after the root")
    return found


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The level above; one that has nobody beside it moves up as it is."""
    pairs = [_node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
    return [*pairs, level[-1]] if len(level) & 1 else pairs


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def rows(table: pa.Table) -> Iterator[bytes]:
    """The bytes of each row: first its numbers, then its texts, each in the order of the columns.

    A number is 01 and 8 bytes, little-endian: int64 (yes is 1, no is 0), float64, or a day as days since 1970; where it is
    unknown, nine times 00.
    A text is the length of its UTF-8 as uint32, and that; ffffffff where it is unknown. A list is its length, and its texts.
    """
    columns = [table[name].combine_chunks() for name in table.column_names]
    numbers = [_numbers(column) for column in columns if not _spelled(column)]
    fixed = np.concatenate([np.empty((table.num_rows, 0), np.uint8), *numbers], axis=1)
    width, content = fixed.shape[1], fixed.tobytes()
    texts = zip(*[_texts(column) for column in columns if _spelled(column)], strict=True)
    for i, said in enumerate(texts):
        yield content[i * width : (i + 1) * width] + b"".join(said)


def _spelled(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_list(column.type))


def _numbers(column: pa.Array) -> Any:
    """A column as bytes, uint8 (n, 9)."""
    known = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.uint8)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32()).cast(pa.int64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    values = np.ascontiguousarray(column.fill_null(0).to_numpy(zero_copy_only=False))
    return np.column_stack([known, values.view(np.uint8).reshape(len(values), 8) * known[:, None]])


def _texts(column: pa.Array) -> Any:
    """A column as a list of bytes, each different text written once."""
    if pa.types.is_list(column.type):
        return [UNKNOWN if words is None else _length(len(words)) + b"".join(map(_text, words)) for words in column.to_pylist()]
    coded = column.dictionary_encode()
    words = np.array([*map(_text, coded.dictionary.to_pylist()), UNKNOWN], dtype=object)
    return words[coded.indices.fill_null(len(words) - 1).to_numpy()].tolist()


def _text(word: str | None) -> bytes:
    return UNKNOWN if word is None else _length(len(word.encode())) + word.encode()


def _length(count: int) -> bytes:
    return count.to_bytes(4, "little")
