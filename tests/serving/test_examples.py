"""The interface shows an example of every body and every answer, and each is what its schema says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from schemas import Broken, check, validate

from serving.app import interface

OPERATIONS = [(f"{method.upper()} {path}", op) for path, item in interface()["paths"].items() for method, op in item.items()]
LINES = "application/x-ndjson"


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Media types of the body and of every answer."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for response in operation["responses"].values():
        yield from response["content"].items()


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_every_body_and_answer_has_an_example_that_is_valid(name: str, operation: dict[str, Any]) -> None:
    found = list(contents(operation))
    assert found
    for media, said in found:
        example, schema = said["example"], said.get("x-line", said["schema"])
        check(schema)
        for document in map(json.loads, example.splitlines()) if media == LINES else [example]:
            validate(document, schema)


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_an_example_leaves_nothing_out(name: str, operation: dict[str, Any]) -> None:
    for media, said in contents(operation):
        if media == "application/json" and "properties" in said["schema"]:
            assert set(said["schema"].get("required", ())) <= said["example"].keys() <= said["schema"]["properties"].keys()


def test_a_schema_refuses_what_it_should() -> None:
    body = dict(OPERATIONS)["POST /v1/decisions/search"]["requestBody"]["content"]
    asked = body["application/json"]["schema"]
    for wrong in ({}, {"borrower_id": "B", "loan_id": "L"}, {"loan_id": "L", "most": 101}, {"loan_id": 7}):
        with pytest.raises(Broken):
            validate(wrong, asked)
