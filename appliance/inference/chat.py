"""Renders a chat with the bundle's template. The template is data from outside, so it runs in Jinja's sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from appliance.core.errors import IntramuralError, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.answers import RawPrompt
    from appliance.core.ports import Message, Prompt
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
        self._tokenizer = tokenizer
        self._begin = [] if begin is None else [begin]
        try:
            if len(source) > _MAX_TEMPLATE:
                _refuse(f"it has {len(source)} characters; at most {_MAX_TEMPLATE} are read")
            self._template = environment.from_string(source)
        except TemplateError as error:
            message = "The bundle's chat template cannot be read."
            raise ChatTemplateError(message, cause=str(error), action="Build the bundle again.") from error

    def render(self, prompt: Prompt) -> PromptTokens:
        """The tokens of the chat, up to where the assistant speaks.

        Raises:
            InvalidPrompt: there is no message, the last is not the user's, or ``stable`` is out of range.
            ChatTemplateError: the template fails on this chat.
        """
        messages = prompt.messages
        if not messages or messages[-1].role != "user" or not 0 <= prompt.stable <= len(messages):
            message = "The chat cannot be answered."
            raise InvalidPrompt(message, action="End it with a message of the user's, and count its stable messages.")
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

    def _text(self, messages: Sequence[Message], *, speak: bool) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._template.render(messages=turns, add_generation_prompt=speak, bos_token="", eos_token="")
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


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)
