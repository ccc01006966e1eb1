"""Bodies that nobody should send: sound ones with bytes spoiled, and sound JSON that says what cannot be."""

import json
import random
from collections.abc import Sequence
from typing import Any

TOKENS = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "-0", "-0.0", "1E400", "0x10", "01", "+1", ".5", "1.", "1_000", "1e-400",
    "9" * 400, "-" + "9" * 19, "9223372036854775808", "1.0000000000000002", "4.9e-324", "1.7976931348623157e308", "true", "false",
    "null", '""', '"0"', '"NaN"', '"\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"' + "x" * 3_000 + '"', "[]", "{}", "[[[[[]]]]]",
    "[0]", '{"value":0}', '{"value":0,"unit":"%"}', '{"value":0.05,"unit":"per year"}', '{"value":null,"unit":"days"}',
    '{"value":{"value":1,"unit":"days"},"unit":"days"}', '{"$ne":0}', '"\'; DROP TABLE decisions; --"', '"../../etc/passwd"',
    '"{{7*7}}"', '"<script>"', '"\\n\\r\\t"', '"2024-02-30"', '"0000-00-00"', '"9999-12-31"', "-1", "0.5", "1e17", "131072",
    "[" * 14 + "]" * 14, "[" * 1_100, '"\xff', "'a'", "undefined", "/*", "",
)  # fmt: skip
"""What is put in the place of a value, as text."""
PIECES = (
    b"{", b"[", b'"', b"NaN", b"1e999", b"null", b"-0", b"\\u0000", b"\xff\xfe", b"9" * 30, b'":{"', b"\x00", b"\xef\xbb\xbf",
    b",,", b"//", b"\\", b'{"features":', b"\xed\xa0\x80", b"}" * 5,
)  # fmt: skip
NAMES = ("features", "loan_id", "borrower_id", "records", "as_of", "about", "__proto__", "", "dpd", "unit", "x" * 300, "a/b~c")


def spoiled(rng: random.Random, sound: Sequence[bytes]) -> bytes:
    """A sound body with some bytes changed, taken out, put in, copied from another or cut off."""
    body = bytearray(rng.choice(sound))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(body) + 1)
        how = rng.randrange(5)
        if how == 0 and body:
            body[at % len(body)] = rng.randrange(256)
        elif how == 1:
            del body[at : at + rng.randrange(40)]
        elif how == 2:
            body[at:at] = rng.choice(PIECES)
        elif how == 3:
            other = rng.choice(sound)
            body[at:at] = other[rng.randrange(len(other)) :][:60]
        else:
            del body[at:]
    return bytes(body)


def misnamed(rng: random.Random, sound: dict[str, Any]) -> bytes:
    """A sound body with values and names replaced by what does not belong there."""
    places = [(sound, name) for name in sound]
    places += [(inner, name) for inner in sound.values() if isinstance(inner, dict) for name in inner]
    marks = {f"\x01{n}\x02": rng.choice(TOKENS) for n in range(rng.randint(1, min(2, len(places))))}
    chosen = {(id(outer), name): mark for (outer, name), mark in zip(rng.sample(places, len(marks)), marks, strict=True)}
    renamed = rng.random() < 0.2

    def told(outer: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in outer.items():
            mark = chosen.get((id(outer), name))
            inner = mark if mark is not None else told(value) if isinstance(value, dict) else value
            found[rng.choice(NAMES) if renamed and rng.random() < 0.1 else name] = inner
        return found

    text = json.dumps(told(sound))
    for mark, token in marks.items():
        text = text.replace(json.dumps(mark), token)
    return text.encode("utf-8", "surrogatepass")
