"""Values of the ports as frames of the protocol, and back; what both ends of a connection agree on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from appliance.core.answers import AnswerEnd, AnswerPiece, RawPrompt, Syntax, TokenChance, TokenTold, Wanted
from appliance.core.ports import GenerationFailed, GrammarRefused, Message, Prompt
from appliance.core.tools import CallPiece, Tool, ToolCall
from appliance.inference import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYNTAXES: Final[Mapping[Syntax, Literal["text", "lark", "regex", "json_schema"]]] = {
    Syntax.TEXT: "text",
    Syntax.LARK: "lark",
    Syntax.REGEX: "regex",
    Syntax.JSON_SCHEMA: "json_schema",
}


def opening(prompt: Prompt | RawPrompt) -> protocol.Open:
    """The request that begins a conversation."""
    if isinstance(prompt, RawPrompt):
        return protocol.Open(protocol.VERSION, [], 0, prompt.text, prompt.suffix, scope=_digest(prompt.scope))
    turns = [
        protocol.Turn(message.role, message.content, [(call.name, call.arguments) for call in message.calls])
        for message in prompt.messages
    ]
    return protocol.Open(
        protocol.VERSION,
        turns,
        prompt.stable,
        background=prompt.background,
        scope=_digest(prompt.scope),
        tools=[protocol.Function(tool.name, tool.description, tool.parameters) for tool in prompt.tools],
    )


def _digest(scope: str) -> str:
    """So that the worker tells scopes apart and does not learn people's names."""
    return hashlib.sha256(scope.encode()).hexdigest() if scope else ""


def asking(wanted: Wanted) -> protocol.AskAnswer:
    """The request for one answer.

    Raises:
        GrammarRefused: its form is one that only the engine writes.
    """
    calling, own = wanted.calling, wanted.adjustment
    if wanted.form.syntax not in _SYNTAXES:
        message = "Nobody outside the engine writes grammars in its own notation."
        raise GrammarRefused(message, action="Use Lark, a regular expression or a JSON schema.")
    return protocol.AskAnswer(
        syntax=_SYNTAXES[wanted.form.syntax],
        source=wanted.form.source,
        max_tokens=wanted.max_tokens,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        seed=wanted.seed,
        stop=list(wanted.stop),
        top_logprobs=wanted.top_logprobs,
        calling=None if calling is None else protocol.Calls(calling.required, calling.only, calling.most),
        adjustment=None if own is None else protocol.Adjusted(own.frequency, own.presence, list(own.bias)),
    )


def told(got: protocol.Answer) -> AnswerPiece | AnswerEnd:
    """A part of an answer, or its end.

    Raises:
        GenerationFailed: it is neither.
    """
    if isinstance(got, protocol.Part):
        tokens = tuple(
            TokenTold(TokenChance(one.content, one.logprob), tuple(TokenChance(*other) for other in one.top))
            for one in got.tokens
        )
        return AnswerPiece(got.text, tokens, tuple(CallPiece(*call) for call in got.calls))
    if isinstance(got, protocol.Ended):
        return AnswerEnd(got.complete, got.prompt_tokens, got.cached_tokens, got.completion_tokens)
    message = "The model's worker gave an answer that does not fit."
    raise GenerationFailed(message, cause=type(got).__name__, action="Report this.")


def prompt_of(request: protocol.Open) -> Prompt | RawPrompt:
    """What the client begins with; the worker needs no names of scopes."""
    if request.text is not None:
        return RawPrompt(request.text, request.suffix)
    messages = tuple(
        Message(turn.role, turn.content, tuple(ToolCall(*call) for call in turn.calls)) for turn in request.messages
    )
    tools = tuple(Tool(one.name, one.description, one.parameters) for one in request.tools)
    return Prompt(messages, request.stable, tools=tools)
