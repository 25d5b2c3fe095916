"""Renders a chat with the bundle's template. The template is data from outside, so it runs in Jinja's sandbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from jinja2 import TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from appliance.core.errors import IntramuralError, Refused
from appliance.inference.tool_calls import BEGIN, MAX_TOOLS, call_marks, offered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.answers import RawPrompt
    from appliance.core.ports import Message, Prompt
    from appliance.core.tools import Tool
    from appliance.inference.tokenizer import TextTokenizer

_MAX_TEMPLATE: Final = 64 << 10
_MIDDLE: Final = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")


class ChatTemplateError(IntramuralError):
    """The bundle's chat template cannot be used."""

    code = "chat_template"


class InvalidPrompt(Refused):
    """The chat is not one that can be answered."""

    code = "invalid_prompt"


@dataclass(frozen=True)
class PromptTokens:
    """A rendered prompt; the first ``stable`` tokens are the same for every request of its kind."""

    tokens: tuple[int, ...]
    stable: int


class ChatTemplate:
    """A bundle's chat template in the dialect that Hugging Face uses (Jinja 2).

    Args:
        source: the template.
        tokenizer: of the same bundle.
        begin: a token to put before every prompt, or None.

    Raises:
        ChatTemplateError: it cannot be compiled.
    """

    def __init__(self, source: str, tokenizer: TextTokenizer, *, begin: int | None = None) -> None:
        # Not a web page: the output is tokens, and escaping would corrupt it.
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
        environment.globals["raise_exception"] = _refuse
        environment.filters["tojson"] = _as_json  # Jinja's own escapes for HTML, which models were not trained on
        self._tokenizer = tokenizer
        self._begin = [] if begin is None else [begin]
        try:
            if len(source) > _MAX_TEMPLATE:
                _refuse(f"it has {len(source)} characters; at most {_MAX_TEMPLATE} are read")
            self._template = environment.from_string(source)
            names = meta.find_undeclared_variables(environment.parse(source))
            self._calls = "tools" in names and BEGIN in source and call_marks(tokenizer) is not None
        except TemplateError as error:
            message = "The bundle's chat template cannot be read."
            raise ChatTemplateError(message, cause=str(error), action="Build the bundle again.") from error

    def render(self, prompt: Prompt) -> PromptTokens:
        """The tokens of the chat, up to where the assistant speaks.

        Raises:
            InvalidPrompt: there is no message, the last is not the user's or a tool's, ``stable`` is out of range, or
                this model cannot call functions.
            ChatTemplateError: the template fails on this chat.
        """
        messages = prompt.messages
        if not messages or messages[-1].role not in {"user", "tool"} or not 0 <= prompt.stable <= len(messages):
            message = "The chat cannot be answered."
            raise InvalidPrompt(message, action="End it with a message of the user's, and count its stable messages.")
        if prompt.tools or any(message.calls or message.role == "tool" for message in messages):
            return self._with_calls(prompt)
        text = self._text(messages, speak=True)
        stable_text = self._text(messages[: prompt.stable], speak=False) if prompt.stable else ""
        if not text.startswith(stable_text):
            stable_text = ""  # this template looks ahead, so nothing of the chat is certain to recur
        stable = self._encode(stable_text, messages[: prompt.stable])
        rest = self._encode(text[len(stable_text) :], messages[prompt.stable if stable_text else 0 :])
        if stable:
            stable = [*self._begin, *stable]
        else:
            rest = [*self._begin, *rest]
        return PromptTokens(tokens=(*stable, *rest), stable=len(stable))

    def render_raw(self, prompt: RawPrompt) -> PromptTokens:
        """The tokens of a text to continue. With a suffix: both in the order of models that fill in the middle
        (arXiv 2207.14255), between the control tokens that such models are trained with.

        Raises:
            InvalidPrompt: this model has no such tokens.
        """
        tokenizer = self._tokenizer
        before = tokenizer.encode(prompt.text)
        if not prompt.suffix:
            start = [*self._begin, *before]
            return PromptTokens(tokens=tuple(start or sorted(tokenizer.end_tokens)[:1]), stable=0)
        marks = [tokenizer.control(name) for name in _MIDDLE]
        if None in marks:
            message = "This model cannot fill in the middle of a text."
            raise InvalidPrompt(message, action="Leave the suffix out.")
        prefix, suffix, middle = (mark for mark in marks if mark is not None)
        after = tokenizer.encode(prompt.suffix)
        return PromptTokens(tokens=(*self._begin, prefix, *before, suffix, *after, middle), stable=0)

    def _with_calls(self, prompt: Prompt) -> PromptTokens:
        tools = offered(prompt.tools)
        names = [part for tool in tools for part in (tool.name, tool.description, tool.parameters)]
        names += [part for message in prompt.messages for call in message.calls for part in (call.name, call.arguments)]
        if not self._calls or len(tools) > MAX_TOOLS:
            message = "This model cannot call functions, or not so many."
            raise InvalidPrompt(message, action="Leave tools out.")
        if any(self._tokenizer.has_special_text(part) for part in names):
            message = "A function or a call contains the model's control tokens."
            raise InvalidPrompt(message, action="Remove text such as <|im_end|> from it.")
        told: list[dict[str, object]] = [{"type": "function", "function": _function(tool)} for tool in tools]
        text = self._text(prompt.messages, speak=True, tools=told)
        return PromptTokens(tokens=(*self._begin, *self._encode(text, prompt.messages)), stable=0)

    def _text(
        self, messages: Sequence[Message], *, speak: bool, tools: Sequence[dict[str, object]] | None = None
    ) -> str:
        turns = [_turn(message) for message in messages]
        given = {"messages": turns, "add_generation_prompt": speak, "tools": tools, "bos_token": "", "eos_token": ""}
        try:
            return self._template.render(given)
        except (TemplateError, TypeError, ValueError, KeyError, ArithmeticError, RecursionError) as error:
            message = "The bundle's chat template fails on this chat."
            raise ChatTemplateError(message, cause=str(error), action="Use another bundle.") from error

    def _encode(self, text: str, messages: Sequence[Message]) -> list[int]:
        """Encode rendered text; control tokens that stand inside a message are plain text there."""
        tokens: list[int] = []
        for message in messages:
            content = message.content.strip()
            if not self._tokenizer.has_special_text(content):
                continue
            before, found, text = text.partition(content)
            if not found:
                problem = "A message contains the model's control tokens, and the chat template rewrites it."
                raise InvalidPrompt(problem, action="Remove text such as <|im_end|> from the message.")
            tokens += [*self._tokenizer.encode_template(before), *self._tokenizer.encode(content)]
        return [*tokens, *self._tokenizer.encode_template(text)]


def _turn(message: Message) -> dict[str, object]:
    turn: dict[str, object] = {"role": message.role, "content": message.content}
    if message.calls:
        calls = [{"name": call.name, "arguments": _read(call.arguments)} for call in message.calls]
        turn["tool_calls"] = [{"type": "function", "function": call} for call in calls]
    return turn


def _function(tool: Tool) -> dict[str, object]:
    return {"name": tool.name, "description": tool.description, "parameters": _read(tool.parameters)}


def _read(text: str) -> object:
    """JSON as a value; what is none stays a text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)
