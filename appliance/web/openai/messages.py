"""The messages of a chat: who said what, what was called, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.core.ports import Message
from appliance.core.tools import ToolCall
from appliance.web.openai.checks import invalid
from appliance.web.openai.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.web.openai.wire import CallMade, ChatMessage, Part

MAX_MESSAGES: Final = 256
MAX_CALLS: Final = 64
"""Of one message."""


def messages_of(given: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """The chat.

    Raises:
        ApiError: a message is of a kind that is not supported, or calls and their results do not belong together.
    """
    if not 0 < len(given) <= MAX_MESSAGES:
        message = f"Invalid 'messages': expected 1 to {MAX_MESSAGES} of them, but got {len(given)}."
        raise ApiError(message, param="messages", reason="invalid_value")
    told = tuple(_message(one, f"messages[{at}]") for at, one in enumerate(given))
    _require_results(given)
    if told[-1].role not in {"user", "tool"}:
        message = "Unsupported value: the last of 'messages' must be the user's or a tool's with this model."
        raise ApiError(message, param="messages", reason="unsupported_value")
    return told


def _message(given: ChatMessage, where: str) -> Message:
    if given.role == "function" or given.function_call or given.audio:
        message = f"Unsupported value: '{where}' uses functions or audio, which this model has not. Use 'tool_calls'."
        raise ApiError(message, param=where, reason="unsupported_value")
    calls = tuple(_call(one, f"{where}.tool_calls[{at}]") for at, one in enumerate(given.tool_calls or ()))
    if calls and (given.role != "assistant" or len(calls) > MAX_CALLS):
        message = f"Invalid '{where}.tool_calls': only the assistant makes calls, {MAX_CALLS} at most."
        raise invalid(f"{where}.tool_calls", message)
    content = _text(given.content, where)
    if content is None and not calls:
        message = f"Invalid value for '{where}.content': expected a string, got null."
        raise invalid(f"{where}.content", message)
    role: Any = "system" if given.role == "developer" else given.role
    return Message(role, content or "", calls)


def _text(content: str | list[Part] | None, where: str) -> str | None:
    if not isinstance(content, list):
        return content
    for at, part in enumerate(content):
        if part.type != "text" or part.text is None:
            message = f"Invalid value: '{part.type[:40]}'. This model reads text only."
            raise ApiError(message, param=f"{where}.content[{at}].type", reason="unsupported_value")
    return "".join(part.text or "" for part in content)


def _call(given: CallMade, where: str) -> ToolCall:
    if given.type != "function" or given.function is None:
        message = f"Unsupported value: '{where}' is not a call of a function."
        raise ApiError(message, param=f"{where}.type", reason="unsupported_value")
    return ToolCall(given.function.name, given.function.arguments)


def _require_results(given: Sequence[ChatMessage]) -> None:
    """Each call has one result right after it, and each result a call.

    Raises:
        ApiError: that is not so.
    """
    open_calls: list[str] = []
    for at, one in enumerate(given):
        if one.role == "tool":
            if one.tool_call_id not in open_calls:
                message = "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
                raise invalid(f"messages[{at}].tool_call_id", message)
            open_calls.remove(one.tool_call_id)
            continue
        _require_none(open_calls, at)
        open_calls = [call.id for call in one.tool_calls or ()]
    _require_none(open_calls, len(given))


def _require_none(open_calls: Sequence[str], at: int) -> None:
    if open_calls:
        message = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. There is none for {', '.join(call[:60] for call in open_calls[:4])}."
        )
        raise invalid(f"messages[{at - 1}]", message)
