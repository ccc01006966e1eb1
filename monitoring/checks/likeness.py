"""How alike two texts are: MinHash of their shingles, and bands of it by which near copies find each other.

A text becomes its letters and digits, widths and capitals aside, each number one sign: changed dates, amounts and blanks do not
hide a copy. Its shingles are all runs of five signs in it, and the likeness of two texts is the share of shingles that both
have, of those that either has (Jaccard). For HASHES keyed hash functions the least hash over all shingles is kept; two texts
agree in each with the probability of their likeness, independently (Broder, On the resemblance and containment of documents,
1997). The share in which they agree is therefore an unbiased estimate with a standard error of sqrt(j (1 - j) / HASHES): at most
ERROR, and 0.025 for a likeness of 0.8.

Hashes are cut into BANDS of ROWS each; texts are compared where a band is equal (Leskovec, Rajaraman and Ullman, Mining of
Massive Datasets, 3.4). Of pairs that are alike by j that is a share of 1 - (1 - j^ROWS)^BANDS: 0.9998 for 0.8, 0.25 for 0.5,
0.008 for 0.3. The functions are slices of SHAKE128 after a secret key (FIPS 202): who lacks it learns from the hashes which
texts are alike, and nothing of what they say.
"""

import hashlib
import re
import unicodedata

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint32]
SHINGLE = 5
BANDS, ROWS = 36, 7
HASHES = BANDS * ROWS
ERROR = 0.5 / HASHES**0.5
BAND_BYTES = 8
_STORED = np.dtype("<u4")
_NUMBER = re.compile(r"\d+")


def normal(text: str) -> str:
    """What of a text is compared."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NUMBER.sub("0", "".join(filter(str.isalnum, folded)))


def shingles(normal_text: str) -> set[str]:
    """Of a normal text of at least SHINGLE signs."""
    return {normal_text[at : at + SHINGLE] for at in range(len(normal_text) - SHINGLE + 1)}


def signature(normal_text: str, key: bytes) -> Hashes:
    """The least of each hash function over the shingles of a normal text, shape (HASHES,)."""
    size = HASHES * _STORED.itemsize
    hashed = b"".join(hashlib.shake_128(key + one.encode()).digest(size) for one in shingles(normal_text))
    least: Hashes = read(hashed).reshape(-1, HASHES).min(axis=0)
    return least


def estimate(one: Hashes, others: Hashes) -> NDArray[np.float64]:
    """The likeness of a text, (HASHES,), to others, (n, HASHES); shape (n,)."""
    found: NDArray[np.float64] = (others == one).mean(axis=1)
    return found


def bands(one: Hashes) -> list[bytes]:
    """A short name of each band; two texts have one in common where they agree in all of its hashes."""
    parts = enumerate(one.astype(_STORED).reshape(BANDS, ROWS))
    return [hashlib.blake2b(bytes([number]) + part.tobytes(), digest_size=BAND_BYTES).digest() for number, part in parts]


def stored(one: Hashes) -> bytes:
    return one.astype(_STORED).tobytes()


def read(kept: bytes) -> Hashes:
    """The inverse of ``stored``, of one signature or several after each other."""
    return np.frombuffer(kept, _STORED)
