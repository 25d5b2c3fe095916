"""Bytes to a plain JSON value: JSON or YAML, bounded in size, depth and number of values. Nothing is ever fetched."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from appliance.contract.errors import ContractRefused

MAX_BYTES: Final = 512 << 10
MAX_DEPTH: Final = 60
MAX_VALUES: Final = 60_000
MAX_DIGITS: Final = 30
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Repeated(yaml.YAMLError):
    """A key that is there twice."""

    def __init__(self, key: str, line: int) -> None:
        super().__init__(key)
        self.key, self.line = key, line


class _Loader(_BASE):  # type: ignore[misc]  # whichever of two classes the library has
    """YAML as its JSON schema (YAML 1.2, 10.2) reads it: no dates, no ``yes`` and ``off``, no key twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the library's name


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", "n~"),
    ("int", r"-?(?:0|[1-9][0-9]{0,29})", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?", "-0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first])
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])


def _mapping(loader: Any, node: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            raise _Repeated("", key_node.start_mark.line + 1)
        key = str(key_node.value)
        if key in made:
            raise _Repeated(key, key_node.start_mark.line + 1)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


@dataclass
class _Copier:
    """Copies a loaded value, which may share or contain parts of itself, into one that does neither."""

    left: int = MAX_VALUES

    def copy(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0:
            message = f"The contract has more than {MAX_VALUES:,} values, counting what is repeated by reference."
            raise ContractRefused(message, action="Split it, or write repeated parts once as components.")
        if depth > MAX_DEPTH:
            message = f"The contract is nested more than {MAX_DEPTH} deep, or contains itself."
            raise ContractRefused(message, action="Move inner parts to components and refer to them with $ref.")
        if isinstance(value, dict):
            return {key: self.copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self.copy(item, depth + 1) for item in value]
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()  # no half of a surrogate pair
        return value


def read_document(content: bytes) -> dict[str, Any]:
    """The document as JSON values with texts as keys.

    Raises:
        ContractRefused: it is too large, too deep, no UTF-8, neither JSON nor YAML, or no object.
    """
    if len(content) > MAX_BYTES:
        message = f"The contract has {len(content):,} bytes; up to {MAX_BYTES:,} can be read."
        raise ContractRefused(message, action="Leave out examples, or split it into several contracts.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "The contract is not written in UTF-8."
        raise ContractRefused(message, cause=str(error), action="Save it again as UTF-8.") from error
    if not text.strip():
        raise ContractRefused("The contract is empty.", action="Choose a file with an OpenAPI 3 document.")
    loaded = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    if not isinstance(loaded, dict):
        message = "This is no OpenAPI document: it has no “openapi”, “info” and “paths”."
        raise ContractRefused(message, action="Choose a file with an OpenAPI 3.0 or 3.1 document.")
    copied: dict[str, Any] = _Copier().copy(loaded)
    return copied


def _json(text: str) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in items:
            if key in made:
                message = f"“{key}” is there twice in one object."
                raise ContractRefused(message, action="Remove one of them, or give it another name.")
            made[key] = value
        return made

    def number(text: str) -> float:
        if len(text) > MAX_DIGITS:
            message = f"The number {text[:20]}… is too long."
            raise ContractRefused(message, action=f"Write at most {MAX_DIGITS} digits.")
        return int(text) if text.lstrip("-").isdigit() else float(text)

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_int=number, parse_float=number, parse_constant=_no)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ContractRefused(
            "This is no valid JSON.", where=where, cause=error.msg, action="Correct it there."
        ) from error
    except RecursionError as error:
        message = f"The contract is nested more than {MAX_DEPTH} deep."
        raise ContractRefused(message, action="Move inner parts to components and refer to them.") from error


def _no(text: str) -> float:
    raise ContractRefused(f"{text} is no number in JSON.", action="Write a number, or leave it out.")


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - made from the safe loader
    except _Repeated as error:
        where = f"line {error.line}"
        if not error.key:
            message = "Only texts can be keys; merging with << is not part of YAML 1.2."
            raise ContractRefused(message, where=where, action="Write the keys out.") from error
        message = f"“{error.key}” is there twice."
        action = "Remove one of them, or give it another name."
        raise ContractRefused(message, where=where, action=action) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        problem = str(error.problem or error.context or "")
        raise ContractRefused(
            "This is no valid YAML.", where=where, cause=problem, action="Correct it there."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = "This is neither JSON nor YAML that can be read."
        action = "Export the contract once more as plain OpenAPI 3."
        raise ContractRefused(message, cause=type(error).__name__, action=action) from error
