"""What a body says, or why it says nothing: JSON as RFC 8259 has it, each name once, not too deep.

orjson reads what is sound. It takes the last of two equal names without a word, so a body whose colons are more than its names is
looked at again; and what it refuses is read once more by a slower reader that can say which field is at fault.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from features.errors import Misstated
from serving.problems import Fault, Problem, broken

DEPTH = 12
"""Levels of lists and objects in one body: the deepest that is asked for has six."""
MOST = 20
"""Faults that are told of one request."""


def parse(body: bytes) -> dict[str, Any]:
    """The object that a body holds; raises Problem ``malformed`` or ``contract``."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(body, error) from error
    if not isinstance(found, dict):
        raise Problem(
            "malformed", f"the body is {kind(found)}; send one JSON object", f"请求体为{kind(found)},应为一个 JSON 对象"
        )
    if body.count(b"{") + body.count(b"[") > DEPTH:
        _shallow(found)
    if body.count(b":") != _names(found):
        _once(body)
    return found


@contextmanager
def misstated(said: Mapping[str, Any]) -> Iterator[None]:
    """What is misstated in a body becomes a fault of its field: of what kind it was is told, and no value comes back."""
    try:
        yield
    except Misstated as error:
        seen = kind(said[error.field]) if error.field in said else "nothing"
        raise broken([Fault(pointer(error.field), *error.told, seen, error.expected)]) from error


def _names(found: dict[str, Any]) -> int:
    """Names in an object and in the objects directly in it."""
    return len(found) + sum(len(value) for value in found.values() if isinstance(value, dict))


def _shallow(found: Any) -> None:
    level = [found]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise _deep()


def _inside(outer: Any) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    return [value for value in values if isinstance(value, dict | list)]


def _once(body: bytes) -> None:
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(found)
        if len(names) < len(found):
            seen: set[str] = set()
            twice.extend(name for name, _ in found if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        return names

    json.loads(body, object_pairs_hook=pairs)
    if twice:
        raise broken(
            [
                Fault(
                    pointer(name), "the name comes more than once in one object; give it once", "同一对象中名称重复,只应出现一次"
                )
                for name in dict.fromkeys(twice[:MOST])
            ]
        )


def _unreadable(body: bytes, error: orjson.JSONDecodeError) -> Problem:
    """A body that is no JSON; where only a number is at fault its field is named."""
    if "depth limit" in error.msg:
        return _deep()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    faults = [
        Fault(
            path, f"{value} is no number that can be read; null stands for unknown", f"{value} 不是可读取的数值;未知请用 null",
            value, "a finite number or null",
        )
        for path, value in _endless(found)
    ]  # fmt: skip
    if faults:
        return broken(faults[:MOST])
    return Problem(
        "malformed", f"not JSON at line {error.lineno}, column {error.colno}; send one object in UTF-8 (RFC 8259)",
        f"第{error.lineno}行第{error.colno}列不是有效 JSON;请发送 UTF-8 编码的单个对象(RFC 8259)",
    )  # fmt: skip


def _deep() -> Problem:
    return Problem("malformed", f"more than {DEPTH} levels deep; send it flat", f"嵌套超过{DEPTH}层,请减少嵌套")


def _endless(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Numbers that are none, or too large for one, by their places."""
    if isinstance(found, float | int) and not -sys.float_info.max <= found <= sys.float_info.max:
        yield path, str(found)[:40]
    elif isinstance(found, dict):
        for name, value in found.items():
            yield from _endless(value, path + pointer(name))
    elif isinstance(found, list):
        for place, value in enumerate(found):
            yield from _endless(value, f"{path}/{place}")


def pointer(*names: object) -> str:
    """A JSON pointer (RFC 6901); what is half a character in a name becomes a question mark, as no answer can hold it."""
    told = "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)
    return told.encode("utf-8", "replace").decode("utf-8")


def kind(value: Any) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    for name, of in (("a truth value", bool), ("a number", int | float), ("a text", str), ("a list", list)):
        if isinstance(value, of):
            return name
    return "an object"
