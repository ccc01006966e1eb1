"""Documents held against JSON Schema."""

from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

Broken = ValidationError


def check(schema: dict[str, Any]) -> None:
    """Raises if a schema is none."""
    Draft202012Validator.check_schema(schema)


def validate(document: Any, schema: dict[str, Any]) -> None:
    """Raises Broken if a document is not what a schema says."""
    Draft202012Validator(schema).validate(document)
