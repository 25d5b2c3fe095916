"""From a request's bytes to what the model is asked: every parameter has its effect, or the request is refused."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from appliance.core.answers import Adjustment, Form, RawPrompt, Syntax, Wanted
from appliance.core.ports import Prompt
from appliance.web.openai.call_words import with_words_of_calls, words_of_calls
from appliance.web.openai.checks import invalid, missing, number, too_large, unsupported, whole
from appliance.web.openai.errors import ApiError
from appliance.web.openai.messages import messages_of
from appliance.web.openai.tools import tools_of
from appliance.web.openai.wire import ChatRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.web.openai.wire import ResponseFormat

MAX_SCHEMA: Final = 128 << 10
"""Bytes of a schema or grammar."""
MAX_BIAS: Final = 300
MAX_STOPS: Final = 4
MAX_STOP: Final = 256
_SEED: Final = (1 << 63) - 1
_TEXT_TOKENS: Final = 16
"""Of a text completion that names no limit, as the official API has it."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RequestT = TypeVar("_RequestT", ChatRequest, TextRequest)

_ONLY: Final[Mapping[str, tuple[object, ...]]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "store": (False,),
    "modalities": (["text"],),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "service_tier": ("auto", "default"),
    "verbosity": ("medium",),
    "audio": (),
    "moderation": (),
    "prediction": (),
    "reasoning_effort": (),
    "web_search_options": (),
}
"""Parameters without an effect here, and the values that ask for none. Left out are those that have none anywhere:
``user``, ``metadata``, ``safety_identifier`` and those of a prompt cache."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that makes sense. ``texts`` is what a person or program wrote, in order."""

    model: str
    prompt: Prompt | RawPrompt
    wanted: Wanted
    stream: bool
    include_usage: bool
    service_tier: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The words that reach the model."""
        if isinstance(self.prompt, RawPrompt):
            return (self.prompt.text, self.prompt.suffix)
        return (*(message.content for message in self.prompt.messages), *words_of_calls(self.prompt))

    def with_texts(self, texts: Sequence[str]) -> Prompt | RawPrompt:
        """The prompt with other words in the same places.

        Raises:
            ApiError: a function or a call is none any more with these words.
        """
        if isinstance(self.prompt, RawPrompt):
            text, suffix = texts
            return RawPrompt(text, suffix)
        count = len(self.prompt.messages)
        told = zip(self.prompt.messages, texts[:count], strict=True)
        prompt = replace(self.prompt, messages=tuple(replace(message, content=text) for message, text in told))
        return with_words_of_calls(prompt, texts[count:])


def read(body: bytes, kind: type[_RequestT]) -> _RequestT:
    """Parse a request.

    Raises:
        ApiError: it is no JSON, or a parameter is unknown, missing or of the wrong type.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise _mistake(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = "We could not parse the JSON body of your request."
        raise ApiError(message, cause=str(error)[:200]) from error


def chat(request: ChatRequest) -> Asked:
    """What a chat completion asks for.

    Raises:
        ApiError: a value is out of range or not supported.
    """
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        raise ApiError(message, param="max_tokens", reason="invalid_parameter_combination")
    top: int | None = None
    if request.logprobs:
        top = whole("top_logprobs", request.top_logprobs or 0, 0, 20)
    elif request.top_logprobs:
        message = "'top_logprobs' is only allowed when 'logprobs' is true."
        raise ApiError(message, param="top_logprobs", reason="invalid_parameter_combination")
    tools, calling = tools_of(request)
    prompt = Prompt(messages_of(request.messages), tools=tools)
    form = _form(request.response_format, " ".join(message.content for message in prompt.messages))
    limit = request.max_completion_tokens if request.max_tokens is None else request.max_tokens
    limit_name = "max_completion_tokens" if request.max_tokens is None else "max_tokens"
    limit = 0 if limit is None else whole(limit_name, limit, 1, 1 << 16)
    if calling is not None and form.syntax in {Syntax.LARK, Syntax.REGEX}:
        message = "A grammar as 'response_format' is not supported together with 'tools'."
        raise ApiError(message, param="response_format", reason="invalid_parameter_combination")
    asked = _asked(request, prompt, form, limit, top)
    return replace(asked, wanted=replace(asked.wanted, calling=calling))


def text(request: TextRequest) -> Asked:
    """What a text completion asks for.

    Raises:
        ApiError: a value is out of range or not supported.
    """
    prompt = request.prompt
    if isinstance(prompt, list):
        if len(prompt) != 1 or not isinstance(prompt[0], str):
            message = "Only one prompt, as text, is supported at a time."
            raise ApiError(message, param="prompt", reason="unsupported_value")
        prompt = prompt[0]
    limit = _TEXT_TOKENS if request.max_tokens is None else whole("max_tokens", request.max_tokens, 1, 1 << 16)
    top = None if request.logprobs is None else whole("logprobs", request.logprobs, 0, 5)
    raw = RawPrompt(prompt or "", request.suffix or "")
    return _asked(request, raw, _form(request.response_format, "json"), limit, top)


def _asked(
    request: ChatRequest | TextRequest, prompt: Prompt | RawPrompt, form: Form, limit: int, top: int | None
) -> Asked:
    for name, plain in _ONLY.items():
        value = getattr(request, name, None)
        if value is not None and value not in plain:
            raise unsupported(name, value, plain)
    options = request.stream_options
    if options is not None and not request.stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise ApiError(message, param="stream_options", reason="invalid_parameter_combination")
    wanted = Wanted(
        form=form,
        max_tokens=limit,
        temperature=1.0 if request.temperature is None else number("temperature", request.temperature, 0, 2),
        top_p=1.0 if request.top_p is None else number("top_p", request.top_p, 0, 1),
        seed=secrets.randbits(63) if request.seed is None else request.seed & _SEED,
        stop=_stops(request.stop),
        top_logprobs=top,
        adjustment=_adjustment(request),
    )
    return Asked(
        model=request.model,
        prompt=prompt,
        wanted=wanted,
        stream=bool(request.stream),
        include_usage=bool(options is not None and options.include_usage),
        service_tier=getattr(request, "service_tier", None) is not None,
    )


def _adjustment(request: ChatRequest | TextRequest) -> Adjustment | None:
    bias = request.logit_bias or {}
    if len(bias) > MAX_BIAS:
        raise too_large("logit_bias")
    told = []
    for token, value in bias.items():
        if not token.isascii() or not token.isdigit() or isinstance(value, bool) or not isinstance(value, int | float):
            message = "Invalid 'logit_bias': expected numbers of tokens, and a number from -100 to 100 for each."
            raise invalid("logit_bias", message)
        told.append((int(token[:9]), number(f"logit_bias.{token[:9]}", float(value), -100, 100)))
    frequency = number("frequency_penalty", request.frequency_penalty or 0.0, -2, 2)
    presence = number("presence_penalty", request.presence_penalty or 0.0, -2, 2)
    return Adjustment(frequency, presence, tuple(told)) if bias or frequency or presence else None


def _form(wanted: ResponseFormat | None, words: str) -> Form:
    if wanted is None or wanted.type == "text":
        return Form()
    if wanted.type == "json_object":
        if "json" not in words.lower():
            message = (
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
            )
            raise ApiError(message, param="messages")
        return Form(Syntax.JSON_SCHEMA, '{"type":"object"}')
    if wanted.type == "json_schema":
        return _schema(wanted)
    grammar = wanted.grammar
    if grammar is None:
        raise missing("response_format.grammar")
    if len(grammar.definition.encode("utf-8", "replace")) > MAX_SCHEMA:
        raise too_large("response_format.grammar.definition")
    return Form(Syntax(grammar.syntax), grammar.definition)


def _schema(wanted: ResponseFormat) -> Form:
    if wanted.json_schema is None or wanted.json_schema.schema is None:
        raise missing("response_format.json_schema" + ("" if wanted.json_schema is None else ".schema"))
    if not _NAME.fullmatch(wanted.json_schema.name):
        message = "Invalid 'response_format.json_schema.name': expected letters, digits, '_' and '-', 64 at most."
        raise ApiError(message, param="response_format.json_schema.name", reason="invalid_value")
    try:
        source = json.dumps(wanted.json_schema.schema, ensure_ascii=False)
    except (ValueError, RecursionError) as error:
        raise too_large("response_format.json_schema.schema") from error
    if len(source.encode("utf-8", "replace")) > MAX_SCHEMA:
        raise too_large("response_format.json_schema.schema")
    return Form(Syntax.JSON_SCHEMA, source)


def _stops(given: str | list[str] | None) -> tuple[str, ...]:
    stops = (given,) if isinstance(given, str) else tuple(given or ())
    if len(stops) > MAX_STOPS:
        message = f"Invalid 'stop': array too long. Expected at most {MAX_STOPS}, but got {len(stops)} instead."
        raise ApiError(message, param="stop", reason="array_above_max_length")
    if not all(0 < len(stop) <= MAX_STOP for stop in stops):
        message = f"Invalid 'stop': expected texts of 1 to {MAX_STOP} characters."
        raise ApiError(message, param="stop", reason="invalid_value")
    return stops


def _mistake(told: str) -> ApiError:
    """A message of the parser in the words of the official API."""
    what, _, place = told.partition(" - at `$")
    place = place.rstrip("`").removeprefix(".")
    named = re.search(r"`([^`]*)`", what)
    field = "" if named is None else ".".join(part for part in (place, named[1]) if part)
    if what.startswith("Object contains unknown field"):
        return ApiError(f"Unknown parameter: '{field}'.", param=field, reason="unknown_parameter")
    if what.startswith("Object missing required field"):
        return missing(field)
    said = what[:1].lower() + what[1:].replace("`", "")
    if not place:
        return ApiError(f"Invalid body: {said}.")
    reason = "invalid_type" if said.startswith("expected") else "invalid_value"
    return ApiError(f"Invalid value for '{place}': {said}.", param=place, reason=reason)
