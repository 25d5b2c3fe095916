"""The functions that a program offers: what of them the model is told, and which it may or must call."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from appliance.core.tools import Calling, Tool
from appliance.web.openai.checks import invalid, missing, too_large
from appliance.web.openai.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.web.openai.wire import ChatRequest, ToolOffered

MAX_TOOLS: Final = 128
MAX_SCHEMAS: Final = 128 << 10
"""Bytes of all of them together."""
MAX_PARALLEL: Final = 8
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_COMBINING: Final = ("$ref", "allOf", "anyOf", "oneOf", "patternProperties", "additionalProperties")


def tools_of(request: ChatRequest) -> tuple[tuple[Tool, ...], Calling | None]:
    """What is offered, and which calls the answer may have; nothing where the request wants no calls.

    Raises:
        ApiError: a function or the choice among them is not one, or is of a kind that is not supported.
    """
    given = request.tools or []
    if len(given) > MAX_TOOLS:
        message = f"Invalid 'tools': array too long. Expected at most {MAX_TOOLS}, but got {len(given)} instead."
        raise ApiError(message, param="tools", reason="array_above_max_length")
    tools = tuple(_tool(one, f"tools[{at}]") for at, one in enumerate(given))
    if sum(len(tool.parameters.encode("utf-8", "replace")) for tool in tools) > MAX_SCHEMAS:
        raise too_large("tools")
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise invalid("tools", "Invalid 'tools': two functions have the same name.")
    if not tools:
        for name in ("tool_choice", "parallel_tool_calls"):
            if getattr(request, name) not in {None, "none", "auto"}:
                raise invalid(name, f"Invalid '{name}': it is only allowed when 'tools' are specified.")
        return (), None
    calling = _calling(request.tool_choice, names, parallel=request.parallel_tool_calls is True)
    return ((), None) if calling is None else (tools, calling)


def _tool(given: ToolOffered, where: str) -> Tool:
    if given.type != "function":
        message = (
            f"Unsupported value: '{where}.type' does not support '{given.type[:40]}'. Only 'function' is supported."
        )
        raise ApiError(message, param=f"{where}.type", reason="unsupported_value")
    function = given.function
    if function is None:
        raise missing(f"{where}.function")
    if not _NAME.fullmatch(function.name):
        message = f"Invalid '{where}.function.name': expected letters, digits, '_' and '-', 64 at most."
        raise invalid(f"{where}.function.name", message)
    try:
        parameters = json.dumps(_closed(function.parameters or {}), ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise too_large(f"{where}.function.parameters") from error
    return Tool(function.name, function.description or "", parameters)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of exactly the arguments that it names, where it does not speak of others: whatever matches it matches
    the one that was given, and a small model adds nothing of its own."""
    named = schema.get("properties", {})
    required = schema.get("required", [])
    plain = schema.get("type", "object") == "object" and isinstance(named, dict) and isinstance(required, list)
    if not plain or any(word in schema for word in _COMBINING) or any(one not in named for one in map(str, required)):
        return schema
    return {**schema, "type": "object", "properties": named, "additionalProperties": False}


def _calling(choice: object, names: Sequence[str], *, parallel: bool) -> Calling | None:
    most = MAX_PARALLEL if parallel else 1
    if choice in (None, "auto"):
        return Calling(most=most)
    if choice == "none":
        return None
    if choice == "required":
        return Calling(required=True, most=most)
    function = choice.get("function") if isinstance(choice, dict) and choice.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if name is None:
        message = "Invalid value for 'tool_choice': expected 'none', 'auto', 'required' or a function by its name."
        raise invalid("tool_choice", message)
    if name not in names:
        message = f"Invalid value for 'tool_choice': there is no function '{str(name)[:64]}' in 'tools'."
        raise invalid("tool_choice", message)
    return Calling(required=True, only=str(name))
