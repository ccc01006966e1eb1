"""Columns of Arrow tables as arrays: for some hundred short columns, what Arrow's own conversions take is most of a request."""

from typing import Any

import numpy as np
import pyarrow as pa

from features.arrays import Int

FEW = 100
"""Words that are coded sooner than Arrow is called."""
IN_MEMORY = {pa.date32(): np.int32, pa.int32(): np.int32, pa.int64(): np.int64, pa.float64(): np.float64}


def whole(values: pa.ChunkedArray) -> pa.Array:
    """A column in one piece, which it mostly is."""
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def numbers(values: pa.Array, unknown: float) -> Any:
    """Numbers as they lie in memory, days since 1970, flags as 0 and 1; ``unknown`` where there is none."""
    n, (known, data) = len(values), values.buffers()
    kind = np.uint8 if pa.types.is_boolean(values.type) else IN_MEMORY[values.type]
    if values.null_count == n:
        return np.full(n, unknown)
    found = _bits(data, values) if kind is np.uint8 else np.frombuffer(data, kind, values.offset + n)[values.offset :]
    return np.where(_bits(known, values), found, unknown) if values.null_count else found


def _bits(buffer: pa.Buffer, values: pa.Array) -> Any:
    end = values.offset + len(values)
    return np.unpackbits(np.frombuffer(buffer, np.uint8), count=end, bitorder="little")[values.offset :]


def coded(values: pa.ChunkedArray) -> tuple[Int, list[str]]:
    """Positions in a list of distinct values, -1 for none; a column read as a dictionary is taken as it is."""
    there = pa.types.is_dictionary(values.type)
    if len(values) <= FEW and not there:
        found: dict[str, int] = {}
        codes = [-1 if word is None else found.setdefault(word, len(found)) for word in values.to_pylist()]
        return np.array(codes, dtype=np.int64), list(found)
    encoded = whole(values.unify_dictionaries()) if there else whole(values).dictionary_encode()
    return numbers(encoded.indices, -1).astype(np.int64), encoded.dictionary.to_pylist()
