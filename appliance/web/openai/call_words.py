"""The words in functions and calls: they reach the model as those of messages do, and are looked at before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.core.tools import Tool, ToolCall
from appliance.web.openai.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.ports import Prompt


def words_of_calls(prompt: Prompt) -> tuple[str, ...]:
    """A text for each function that is offered and each call that was made, in this order, names included."""
    tools = [_told(tool.name, tool.parameters, description=tool.description) for tool in prompt.tools]
    calls = [_told(call.name, call.arguments) for message in prompt.messages for call in message.calls]
    return (*tools, *calls)


def with_words_of_calls(prompt: Prompt, texts: Sequence[str]) -> Prompt:
    """The prompt with other words in functions and calls.

    Raises:
        ApiError: a text is no function or call any more. Names do not change: the program would not know them.
    """
    before, words = words_of_calls(prompt), iter(texts)
    if tuple(texts) == before:
        return prompt
    tools = tuple(
        Tool(tool.name, str(told.get("description", "")), _json(told))
        for tool in prompt.tools
        for told in (_read(next(words), tool.name),)
    )
    messages = tuple(
        replace(
            message, calls=tuple(ToolCall(call.name, _json(_read(next(words), call.name))) for call in message.calls)
        )
        for message in prompt.messages
    )
    return replace(prompt, tools=tools, messages=messages)


def _told(name: str, content: str, **more: str) -> str:
    try:
        value: object = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    return json.dumps({"name": name, **more, "content": value}, ensure_ascii=False)


def _read(text: str, name: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or told.get("name") != name or "content" not in told:
        message = f"The function '{name[:64]}' holds what must not reach the model, where it cannot be masked."
        raise ApiError(message, param="tools", reason="refused")
    return told


def _json(told: dict[str, Any]) -> str:
    content = told["content"]
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
