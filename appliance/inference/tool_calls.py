"""Calls of functions as models of the Hermes and Qwen kind write them: a JSON object between two tokens of their own.

A call begins with the token, never with text that looks like it, and from there the grammar allows nothing but a call
that parses and matches the function's JSON schema.

Whether to call at all, the model says first: it names a function, or :data:`REPLY`, which is offered beside those of
the program and means an answer in words. A small model that may write anything writes calls as code, and calls of
functions that nobody offered; among names it chooses well. The words it then writes as if nothing had been offered.

It also likes to make a call again that was answered just now. That counts as the choice of words (:func:`repeated`).
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, Final

from appliance.core.answers import Form, Syntax
from appliance.core.ports import GrammarRefused
from appliance.core.tools import Calling, CallPiece, Tool, ToolCall
from appliance.inference.constraint import json_schema_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.ports import Prompt
    from appliance.inference.tokenizer import TextTokenizer

BEGIN: Final = "<tool_call>"
END: Final = "</tool_call>"
MAX_TOOLS: Final = 129
"""Those of a program, and our own."""
MAX_CALLS: Final = 16
REPLY: Final = "answer_in_words"
_REPLY_MEANS: Final = "Answer directly, in words or code. For everything that no other function is for."
_HEAD: Final = re.compile(rb'\s*\{"name": "([A-Za-z0-9_-]+)", "arguments": ')
_TAIL: Final = len(b"}\n")


def reply_name(tools: Sequence[Tool]) -> str:
    """The name of the function that means an answer in words; no function of the program's has it."""
    names, name = {tool.name for tool in tools}, REPLY
    while name in names:
        name += "_"
    return name


def offered(tools: Sequence[Tool]) -> tuple[Tool, ...]:
    """What the model is told of: the program's functions, and the one that means an answer in words."""
    return (Tool(reply_name(tools), _REPLY_MEANS), *tools) if tools else ()


def call_form(tools: Sequence[Tool], calling: Calling) -> Form:
    """The form of an answer of calls, or of the choice to answer in words.

    Raises:
        GrammarRefused: a schema cannot be read, or the function that must be called is not there.
    """
    allowed = [tool for tool in tools if calling.only in {"", tool.name}]
    if not allowed:
        message = "The function that must be called is not among those that are offered."
        raise GrammarRefused(message, action="Offer it, or let the model choose.")
    words = f'{BEGIN} "\\n" {_object(reply_name(tools), _literal("{}"))} "\\n" {END}'
    more = calling.most - 1
    lines = [
        f"start: {'calls' if calling.required else 'calls | words'}",
        f"words: {words}",
        "calls: one" + (f' ("\\n" one){{0,{more}}} ("\\n" words)?' if more else ""),
        f'one: {BEGIN} "\\n" call "\\n" {END}',
        f"call: {' | '.join(f'call_{at}' for at in range(len(allowed)))}",
    ]
    lines += [f"call_{at}: {_object(tool.name, f'@arguments_{at}')}" for at, tool in enumerate(allowed)]
    if calling.required and not more:
        lines.pop(1)
    grammars: list[dict[str, object]] = [{"lark_grammar": "\n".join(lines)}]
    grammars += [{"name": f"arguments_{at}", **json_schema_part(tool.parameters)} for at, tool in enumerate(allowed)]
    return Form(Syntax.GRAMMARS, json.dumps({"grammars": grammars}))


def repeated(prompt: Prompt, calls: Sequence[ToolCall]) -> bool:
    """Whether each of these calls has been made, and answered, since the user spoke last."""
    made: list[tuple[str, object]] = []
    for message in prompt.messages:
        made = [] if message.role == "user" else [*made, *map(_meaning, message.calls)]
    return bool(calls) and all(_meaning(call) in made for call in calls)


def _meaning(call: ToolCall) -> tuple[str, object]:
    try:
        return call.name, json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.name, call.arguments


def choice_tokens(tools: Sequence[Tool], tokenizer: TextTokenizer) -> int:
    """How many tokens at most are written before the arguments of a call, or around the choice of words."""
    heads = (f'\n{{"name": "{tool.name}", "arguments": {{}}}}\n' for tool in offered(tools))
    return 2 + max(len(tokenizer.encode(head)) for head in heads)


def call_marks(tokenizer: TextTokenizer) -> tuple[int, int] | None:
    """The tokens that stand around a call; None where this model has none."""
    begin, end = tokenizer.added(BEGIN), tokenizer.added(END)
    return None if begin is None or end is None else (begin, end)


class CallReader:
    """Takes the tokens of an answer of calls, gives what becomes known of them.

    Args:
        marks: as :func:`call_marks`.
        reply: the name that means an answer in words.
    """

    def __init__(self, marks: tuple[int, int], tokenizer: TextTokenizer, reply: str) -> None:
        self._begin, self._end = marks
        self._tokenizer = tokenizer
        self._reply = reply
        self._held = b""
        self._name = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.calls = 0
        """How many have begun."""
        self.replies = False
        """Whether words were chosen."""

    def take(self, token: int) -> CallPiece | None:
        """What a token makes certain, if anything."""
        if token in {self._begin, self._end}:
            self._held, self._name = b"", ""
            self._decoder.reset()
            return None
        self._held += self._tokenizer.token_bytes([token])
        name = ""
        if not self._name:
            head = _HEAD.match(self._held)
            if head is None:
                return None
            self._name, self._held = head[1].decode(), self._held[head.end() :]
            if self._name == self._reply:
                self.replies = True
            else:
                name, self.calls = self._name, self.calls + 1
        if self._name == self._reply:
            return None
        # The last bytes may be the end of the object around the arguments.
        certain = max(0, len(self._held) - _TAIL)
        arguments, self._held = self._decoder.decode(self._held[:certain]), self._held[certain:]
        return CallPiece(self.calls - 1, name, arguments) if name or arguments else None


def _object(name: str, arguments: str) -> str:
    head = f'{{"name": {json.dumps(name)}, "arguments": '
    return f"{_literal(head)} {arguments} {_literal('}')}"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
