"""The generations of one answer, and what of them the client is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

from appliance.core.answers import Form, Syntax, Wanted
from appliance.core.ports import GenerationCancelled, GenerationFailed, GrammarRefused
from appliance.core.tools import ToolsRefused
from appliance.inference import protocol
from appliance.inference.answers import Answering, ReadingCalls, choice_of, generation_of
from appliance.inference.sequence import Generation, context_full
from appliance.inference.token_stream import TokenStream
from appliance.inference.tokenizer import TextTokenizer
from appliance.inference.tool_calls import CallReader, call_marks, repeated, reply_name
from appliance.inference.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.ports import Prompt
    from appliance.core.tools import Tool
    from appliance.inference.drafter import Drafter
    from appliance.inference.ownership import Owner
    from appliance.inference.served_model import ServedModel

_ReadingOf = Callable[[Wanted, Generation, TextTokenizer], Answering | ReadingCalls]


@dataclass(frozen=True)
class Written:
    """How a generation ended."""

    complete: bool
    cached: int
    tokens: int


class Client(Protocol):
    """Whoever waits for the answer."""

    abandoned: bool
    cancelled: bool

    def begin(self, work: Work) -> Work:
        """Hand work in, so that it stops when the client goes."""
        ...

    async def send(self, answer: protocol.Answer) -> None:
        """Tell the client."""
        ...


class AnswerWriter:
    """Belongs to one connection, on its event loop."""

    def __init__(
        self, model: ServedModel, client: Client, drafter: Drafter | None, *, owner: Owner, background: bool
    ) -> None:
        self._model = model
        self._client = client
        self._drafter = drafter
        self._owner = owner
        self._background = background

    async def choose(self, tokens: list[int], wanted: Wanted, prompt: Prompt | None) -> Written | None:
        """Calls, or words where the model chooses them; the choice itself does not count as part of the answer."""
        tokenizer, chat = self._model.loaded.tokenizer, self._model.loaded.chat
        marks = call_marks(tokenizer)
        if prompt is None or not prompt.tools or marks is None:
            message = "No functions are offered that could be called."
            raise GenerationFailed(message, action="Offer some, or ask for no calls.")
        reader = CallReader(marks, tokenizer, reply_name(prompt.tools))
        choice = await asyncio.to_thread(self._usable, wanted, prompt.tools)
        may_repeat = not wanted.calling or wanted.calling.required or prompt.messages[-1].role != "tool"
        reading = ReadingCalls(reader, hold=not may_repeat)
        made = await self.write(tokens, choice, lambda *_: reading)
        if made is None or not made.complete or (reader.calls and (may_repeat or not repeated(prompt, reading.calls))):
            if made is not None and (held := reading.held()) is not None:
                await self._client.send(held)
            return made
        spoken = await asyncio.to_thread(chat.render, replace(prompt, tools=()))
        said = await self.write(list(spoken.tokens), wanted)
        return said and replace(said, cached=made.cached)

    def _usable(self, wanted: Wanted, tools: Sequence[Tool]) -> Wanted:
        """How calls and the choice of words are written, if the schema of every function can be used."""
        compiled = partial(self._model.grammars.compile, scope=self._owner.scope)
        try:
            choice = choice_of(wanted, tools, self._model.loaded.tokenizer)
            compiled(choice.form)
        except GrammarRefused as error:
            raise _refused(error, tools, compiled) from error
        return choice

    async def write(self, tokens: list[int], wanted: Wanted, reading_of: _ReadingOf = Answering) -> Written | None:
        """Send what one generation gives; None when the client does not want it any more."""
        tokenizer = self._model.loaded.tokenizer
        constraint = await asyncio.to_thread(self._model.grammars.compile, wanted.form, scope=self._owner.scope)
        if self._drafter is not None:
            self._drafter.follow(tokens)
        room = self._model.loaded.description.context_tokens - len(tokens)
        if room < 1:
            raise context_full(self._model.loaded.description.context_tokens)
        generation = generation_of(wanted, constraint, tokenizer, room=room, drafter=self._drafter)
        work = Work(tokens, generation, owner=self._owner, background=self._background)
        reading, stream = reading_of(wanted, generation, tokenizer), TokenStream(work)
        self._client.begin(work)
        async for new in stream:
            part = reading.take(new)
            if reading.stopped:
                work.cancel()
            if part is not None and not self._client.abandoned:
                await self._client.send(part)
        if self._client.abandoned:
            return None
        try:
            complete = work.result.result().complete
        except GenerationCancelled:
            if not reading.stopped or self._client.cancelled:
                raise
            complete = True
        if (rest := reading.finish()) is not None:
            await self._client.send(rest)
        return Written(complete or reading.stopped, work.cached, reading.tokens)


def _refused(error: GrammarRefused, tools: Sequence[Tool], compiled: Callable[[Form], object]) -> GrammarRefused:
    """The error with the function whose schema it is."""
    for tool in tools:
        try:
            compiled(Form(Syntax.JSON_SCHEMA, tool.parameters))
        except GrammarRefused as own:
            message = f"Invalid schema for function '{tool.name}'."
            return ToolsRefused(message, cause=own.cause or own.message, action="Correct its parameters.")
    return ToolsRefused(error.message, cause=error.cause, action=error.action)
