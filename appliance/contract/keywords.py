"""Words of a schema hold what JSON Schema (draft 2020-12, validation) says; then nobody after this has to ask again."""

from __future__ import annotations

from typing import Any, Final

from appliance.contract.errors import ContractRefused

TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
MAX_PROPERTIES: Final = 120
_NUMBERS: Final = ("minimum", "maximum", "multipleOf")
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_TEXTS: Final = ("title", "description", "format", "pattern", "$ref")
_MARKS: Final = ("readOnly", "writeOnly", "nullable", "deprecated", "uniqueItems")


def check_keywords(schema: dict[str, Any], where: str) -> None:
    """Refuse a schema whose words hold something else.

    Raises:
        ContractRefused: with the word and what it must hold.
    """
    for words, fits, wanted in (
        (_NUMBERS, _is_number, "a number"),
        (_COUNTS, _is_count, "a whole number from 0 on"),
        (_TEXTS, lambda value: isinstance(value, str), "a text"),
        (_MARKS, lambda value: isinstance(value, bool), "true or false"),
        (("exclusiveMinimum", "exclusiveMaximum"), _is_exclusive, "a number (or true, in OpenAPI 3.0)"),
        (("type",), _is_type, f"one of {', '.join(TYPES)}, or a list of them"),
        (("required",), _is_names, "a list of names"),
        (("enum",), _is_enum, "a list of values"),
        (("properties",), _is_properties, f"an object of at most {MAX_PROPERTIES} schemas"),
    ):
        for word in words:
            if word in schema and not fits(schema[word]):
                message = f"“{word}” must hold {wanted}."
                raise ContractRefused(message, where=where, action="Correct it there.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_exclusive(value: object) -> bool:
    return isinstance(value, int | float)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_type(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, str) and item in TYPES for item in value)
    return isinstance(value, str) and value in TYPES


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_enum(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) <= 200


def _is_properties(value: object) -> bool:
    return isinstance(value, dict) and len(value) <= MAX_PROPERTIES
