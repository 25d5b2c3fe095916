"""What programs send: every documented parameter of the official API, so that an unknown one is told from one that is
known and not supported. ``Any`` is what :mod:`appliance.web.openai.parameters` looks at by itself.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class Part(Struct):
    """A part of a message."""

    type: str
    text: str | None = None


class FunctionCalled(Struct, forbid_unknown_fields=True):
    """A function, and the JSON text of its arguments."""

    name: str
    arguments: str


class CallMade(Struct):
    """A call of the assistant's."""

    id: str
    type: str = "function"
    function: FunctionCalled | None = None


class FunctionOffered(Struct, forbid_unknown_fields=True):
    """A function that may be called; ``parameters`` is a JSON schema, which is followed whatever ``strict`` says."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolOffered(Struct):
    """A tool; of the kinds that there are, only functions are known here."""

    type: str
    function: FunctionOffered | None = None


class ChatMessage(Struct, forbid_unknown_fields=True):
    """One message of a chat."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: Any = None
    tool_calls: list[CallMade] | None = None
    function_call: Any = None
    tool_call_id: str | None = None


class StreamOptions(Struct, forbid_unknown_fields=True):
    """How a stream is told."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class SchemaFormat(Struct, forbid_unknown_fields=True):
    """A JSON schema by name."""

    name: str
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class GrammarFormat(Struct, forbid_unknown_fields=True):
    """A grammar, written as the official API writes the formats of its custom tools."""

    syntax: Literal["lark", "regex"]
    definition: str


class ResponseFormat(Struct, forbid_unknown_fields=True):
    """The form of the answer; ``grammar`` is our extension."""

    type: Literal["text", "json_object", "json_schema", "grammar"]
    json_schema: SchemaFormat | None = None
    grammar: GrammarFormat | None = None


class _Request(Struct, forbid_unknown_fields=True, kw_only=True):
    """What both kinds of request have."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    user: str | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: dict[str, Any] | None = None
    response_format: ResponseFormat | None = None


class ChatRequest(_Request, kw_only=True):
    """``POST /v1/chat/completions``."""

    messages: list[ChatMessage]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    audio: Any = None
    function_call: Any = None
    functions: Any = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    moderation: Any = None
    parallel_tool_calls: bool | None = None
    prediction: Any = None
    prompt_cache_key: str | None = None
    prompt_cache_options: Any = None
    prompt_cache_retention: str | None = None
    reasoning_effort: str | None = None
    safety_identifier: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    tool_choice: Any = None
    tools: list[ToolOffered] | None = None
    verbosity: str | None = None
    web_search_options: Any = None


class TextRequest(_Request, kw_only=True):
    """``POST /v1/completions``."""

    prompt: str | list[Any] | None = None
    suffix: str | None = None
    logprobs: int | None = None
    best_of: int | None = None
    echo: bool | None = None
