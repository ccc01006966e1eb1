"""serving/client.py, written from the OpenAPI of the service: a type for every object, a method for every route."""

import textwrap
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from serving.app import interface

CLIENT = Path(__file__).resolve().parents[1] / "serving" / "client.py"
TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None", "object": "dict[str, Any]"}
NAMES = {"text/html": "_html", "image/svg+xml": "_svg"}
"""What is added to the name of a method that answers another media type beside JSON."""
LINES = "application/x-ndjson"
JSON = "application/json"
WIDTH = 130
MOST = 6
"""Words of a type; a longer list grows with a release."""


def client_module() -> str:
    """The text of serving/client.py."""
    said, types = interface(), Types()
    operations = [(path, method, op) for path, item in said["paths"].items() for method, op in item.items()]
    methods = "\n".join(text for operation in operations for text in _methods(*operation, types))
    template = files("loanwatch").joinpath("templates/client.py.txt").read_text("utf-8")
    types.of(_problem(operations[0][2]))
    return template.replace("# types\n", "\n\n".join(types.texts())).replace("    # methods\n", methods)


class Types:
    """Python's names of schemas; those with a title become classes."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def of(self, schema: dict[str, Any]) -> str:
        """The annotation of a schema."""
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self._union(schema, [self.of(one) for one in schema[word]])
        if "enum" in schema and len(schema["enum"]) <= MOST:
            return f"Literal[{', '.join(_quoted(value) for value in schema['enum'])}]"
        kinds = schema.get("type", [])
        return " | ".join(self._one(schema, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)) or "Any"

    def texts(self) -> Iterator[str]:
        """The classes, each after those it names."""
        yield from self._texts.values()

    def _union(self, schema: dict[str, Any], names: list[str]) -> str:
        parts = dict.fromkeys(part for name in names for part in name.split(" | "))
        union = " | ".join(sorted(parts, key=lambda part: part == "None"))
        if "title" not in schema:
            return union
        self._texts[schema["title"]] = f"{schema['title']} = {union}\n"
        return str(schema["title"])

    def _one(self, schema: dict[str, Any], kind: str) -> str:
        if kind == "array":
            return f"list[{self.of(schema['items'])}]"
        if kind != "object":
            return TYPES[kind]
        if "properties" in schema:
            return self._class(schema)
        inner = schema.get("additionalProperties")
        return f"dict[str, {self.of(inner)}]" if isinstance(inner, dict) else TYPES[kind]

    def _class(self, schema: dict[str, Any]) -> str:
        name, needed = schema["title"], schema.get("required", [])
        fields = {field: self.of(of) for field, of in schema["properties"].items()}
        lines = [f"    {f}: {kind if f in needed else f'NotRequired[{kind}]'}\n" for f, kind in fields.items()]
        text = f"class {name}(TypedDict):\n{''.join(lines)}"
        if self._texts.setdefault(name, text) != text:
            raise ValueError(f"two objects are called {name}")
        return str(name)


def _methods(path: str, method: str, said: dict[str, Any], types: Types) -> Iterator[str]:
    """One for each media type that a route answers; ``x-line`` is sent and answered line by line."""
    status = next(status for status in said["responses"] if status.startswith("2"))
    answers = said["responses"][status]["content"]
    body = said.get("requestBody", {}).get("content", {})
    for media, content in answers.items():
        if media == LINES:
            asked, told = types.of(body[LINES]["x-line"]), types.of(content["x-line"])
            given = [f"lines: Iterable[{asked}]", "*", "idempotency_key: str | None = None"]
            call = _wrapped("        return self._lines(", [f'"{path}"', "lines", "idempotency_key"], ")")
            yield _method(said, said["operationId"], given, f"Iterator[{told}]", call)
        else:
            yield _single(path, method, said, media, answers, types)


def _single(path: str, method: str, said: dict[str, Any], media: str, answers: dict[str, Any], types: Types) -> str:
    body = said.get("requestBody", {}).get("content", {}).get(JSON)
    parameters = said.get("parameters", [])
    keyed = any(p["name"] == "Idempotency-Key" for p in parameters)
    given = [f"{p['name']}: str" for p in parameters if p["in"] == "path"]
    passed = [f'"{method.upper()}"', ("f" if given else "") + f'"{_filled(path)}"']
    if body is not None:
        given.append(f"body: {types.of(body['schema'])}")
        passed.append("body=body")
    query = {p["name"]: TYPES[p["schema"].get("type", "string")] for p in parameters if p["in"] == "query"}
    if query:
        given += ["*", *(f"{name}: {kind} | None = None" for name, kind in query.items())]
        passed.append(f"query={{{', '.join(f'{_quoted(name)}: {name}' for name in query)}}}")
    if keyed:
        given += ["*", "idempotency_key: str | None = None"]
        passed.append("key=idempotency_key or new_key()")
    if keyed or method == "get" or said.get("x-read-only"):
        passed.append("safe=True")
    told = types.of(answers[media]["schema"]) if media == JSON else "str"
    if media != JSON:
        passed.append(f'accept="{media}"')
    name = said["operationId"] + (NAMES.get(media, "") if JSON in answers else "")
    around = (f"cast({told}, self._json(", "))") if media == JSON else ("self._send(", ").text")
    return _method(said, name, given, told, _wrapped(f"        return {around[0]}", passed, around[1]))


def _method(said: dict[str, Any], name: str, given: list[str], told: str, call: str) -> str:
    first = said["description"].splitlines()[0]
    text = f'{_wrapped(f"    def {name}(", ["self", *given], f") -> {told}:")}        """{first}"""\n{call}'
    assert max(map(len, text.splitlines())) <= WIDTH, text
    return text


def _wrapped(head: str, given: list[str], end: str) -> str:
    """A line, or what is given on lines of its own where one would be too long."""
    line = f"{head}{', '.join(given)}{end}"
    if len(line) <= WIDTH:
        return f"{line}\n"
    indent = " " * (len(head) - len(head.lstrip()))
    inner = textwrap.fill(", ".join(given), WIDTH - 1, initial_indent=f"{indent}    ", subsequent_indent=f"{indent}    ")
    return f"{head}\n{inner},\n{indent}{end}  # fmt: skip\n"


def _filled(path: str) -> str:
    """A path whose parameters are quoted where it is sent."""
    return path.replace("{", "{quoted(").replace("}", ")}")


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _problem(operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(operation["responses"]["500"]["content"].values()))["schema"]
    return found
