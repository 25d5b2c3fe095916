"""One client's conversation, on the worker's side."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

from appliance.core.answers import RawPrompt
from appliance.core.errors import IntramuralError
from appliance.core.ports import GenerationFailed, Grammar, Prompt
from appliance.inference import protocol
from appliance.inference.answer_writer import AnswerWriter
from appliance.inference.answers import MAX_TOKENS, checked
from appliance.inference.conversation import Conversation
from appliance.inference.detokenizer import StreamingDetokenizer
from appliance.inference.drafter import Drafter
from appliance.inference.execution import MAX_DRAFT
from appliance.inference.ownership import Owner
from appliance.inference.sampler import Sampler
from appliance.inference.sequence import Generation
from appliance.inference.token_stream import TokenStream
from appliance.inference.wire_values import prompt_of
from appliance.inference.work import Work, cancelled

if TYPE_CHECKING:
    from concurrent.futures import Future

    from appliance.inference.conversation import Point
    from appliance.inference.served_model import ServedModel
    from appliance.inference.turnstile import Turnstile
    from appliance.inference.work import Outcome

_MAX_MESSAGES: Final = 256
_MAX_SCOPE: Final = 64
"""Characters: a SHA-256 in hex."""
_WRITE_SECONDS: Final = 30.0


class Connection:
    """Reads requests and answers them in order, until the client closes or breaks the protocol."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, model: ServedModel, turnstile: Turnstile
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._model = model
        self._turnstile = turnstile
        self._requests: asyncio.Queue[protocol.Request] = asyncio.Queue(maxsize=2)
        self._conversation: Conversation | None = None
        self._background = False
        self._owner = Owner.alone()
        self._opened: Prompt | None = None
        self._work: Work | None = None
        self.cancelled = False
        self.abandoned = False
        self._before: Point | None = None
        self._drafter: Drafter | None = None
        if model.loaded.drafts:
            self._drafter = Drafter(model.engine.step_cost, limit=MAX_DRAFT)

    async def serve(self) -> None:
        """Run until the client is gone; then whatever it had asked for is cancelled and the slot is free."""
        answering = asyncio.create_task(self._answer_all())
        reading = asyncio.create_task(self._read_all())
        try:
            await asyncio.wait((answering, reading), return_when=asyncio.FIRST_COMPLETED)
            for task in (answering, reading):
                if task.done() and (error := task.exception()):
                    await self._report(error)
        finally:
            self._stop_work()
            answering.cancel()
            reading.cancel()
            await asyncio.gather(answering, reading, return_exceptions=True)
            if self._conversation is not None:
                self._turnstile.leave()

    async def _report(self, error: BaseException) -> None:
        """Tell the client why the connection ends, if it still listens."""
        if not isinstance(error, IntramuralError):
            if isinstance(error, (OSError, asyncio.IncompleteReadError)):
                return
            raise error
        await self.send(_failed(error))

    async def _read_all(self) -> None:
        while True:
            length = protocol.body_length(await self._reader.readexactly(protocol.LENGTH.size))
            request = protocol.decode_request(await self._reader.readexactly(length))
            if isinstance(request, protocol.Cancel):
                self.cancelled = True
                self._stop_work()
                continue
            if isinstance(request, protocol.Abandon):
                self.abandoned = True
                self._stop_work()
            if self._requests.full():
                message = "The client did not wait for an answer."
                raise protocol.ProtocolError(message)
            self._requests.put_nowait(request)

    async def _answer_all(self) -> None:
        while True:
            try:
                request = await asyncio.wait_for(self._requests.get(), self._model.request_seconds)
            except TimeoutError:
                message = "The session was idle for too long and was closed."
                raise GenerationFailed(message, action="Open a new session.") from None
            try:
                if self.cancelled:
                    raise cancelled()
                answer = await self._answer(request)
            except protocol.ProtocolError:
                raise
            except IntramuralError as error:
                answer = _failed(error)
            await self.send(answer)

    async def _answer(self, request: protocol.Request) -> protocol.Answer:
        if isinstance(request, protocol.Describe):
            return protocol.Described(**asdict(self._model.loaded.description))
        if isinstance(request, protocol.Open):
            return await self._open(request)
        conversation = self._conversation
        if conversation is None:
            message = "The client asked for something before it opened a conversation."
            raise protocol.ProtocolError(message)
        if isinstance(request, protocol.Generate):
            return await self._generate(conversation, request)
        if isinstance(request, protocol.AskAnswer):
            return await self._give_answer(conversation, request)
        return self._at_once(conversation, request)

    def _at_once(self, conversation: Conversation, request: protocol.Request) -> protocol.Answer:
        """Requests that need no model."""
        if isinstance(request, protocol.Mark):
            return protocol.Marked(conversation.mark())
        if isinstance(request, protocol.GetUsage):
            return protocol.UsageReport(**asdict(conversation.usage))
        if isinstance(request, protocol.Append):
            conversation.append(request.text)
        elif isinstance(request, protocol.Rewind):
            conversation.rewind(request.mark)
        elif isinstance(request, protocol.Abandon):
            self.abandoned = False
            if self._before is not None:
                conversation.restore(self._before)
        self._before = None
        return protocol.Done()

    async def _open(self, request: protocol.Open) -> protocol.Answer:
        if self._conversation is not None or request.version != protocol.VERSION:
            message = "The conversation cannot be opened."
            raise protocol.ProtocolError(message, cause=f"version {request.version}, expected {protocol.VERSION}")
        if len(request.messages) > _MAX_MESSAGES:
            message = "The chat has too many messages."
            raise GenerationFailed(message, action=f"Keep it below {_MAX_MESSAGES}.")
        if len(request.scope) > _MAX_SCOPE:
            message = "The scope of a conversation is too long."
            raise protocol.ProtocolError(message, cause=f"{len(request.scope)} characters")
        model, wanted = self._model.loaded, prompt_of(request)
        if isinstance(wanted, RawPrompt):
            prompt = await asyncio.to_thread(model.chat.render_raw, wanted)
        else:
            self._opened = wanted
            prompt = await asyncio.to_thread(model.chat.render, wanted)
        conversation = Conversation(prompt, model.tokenizer, context=model.description.context_tokens)
        await self._turnstile.enter(self._tell_place)
        self._conversation, self._background = conversation, request.background
        named = Owner(f"named {request.scope}") if request.scope else self._owner
        self._owner = replace(named, shared=prompt.stable)
        if prompt.stable:  # an empty beginning would only clear a slot that may know the rest
            stable = list(prompt.tokens[: prompt.stable])
            outcome = await self._run(Work(stable, stable=True, owner=self._owner, background=request.background))
            conversation.opened(outcome)
        return protocol.Opened()

    async def _tell_place(self, position: int) -> None:
        if self.cancelled:
            raise cancelled()
        await self.send(protocol.Queued(position))

    async def _generate(self, conversation: Conversation, request: protocol.Generate) -> protocol.Answer:
        if not (
            1 <= request.max_tokens <= MAX_TOKENS and 0 <= request.temperature <= 10 and 0 <= request.seed < 1 << 63
        ):
            message = "The limits of a generation are out of range."
            raise GenerationFailed(message, action=f"Ask for 1 to {MAX_TOKENS} tokens at a temperature from 0 to 10.")
        self._before = conversation.point()
        held = conversation.held
        constraint = await asyncio.to_thread(self._model.grammars.compile, Grammar(request.lark), held=held)
        if self._drafter is not None:
            self._drafter.follow(conversation.tokens)
        work = Work(
            conversation.tokens,
            Generation(
                constraint,
                Sampler(request.temperature, request.seed),
                request.max_tokens,
                self._model.loaded.tokenizer.end_tokens,
                self._drafter,
            ),
            written=conversation.written,
            owner=self._owner,
            background=self._background,
        )
        stream = TokenStream(work)
        self.begin(work)
        detokenizer = StreamingDetokenizer(skip=len(held))
        async for tokens in stream:
            text = detokenizer.push(self._model.loaded.tokenizer.token_bytes(tokens))
            if text and not self.abandoned:
                await self.send(protocol.Piece(text))
        self._work = None
        if self.abandoned:
            return protocol.Finished()  # what became of it is of no interest; the next request restores
        conversation.absorb(work.result.result(), incomplete=detokenizer.pending)
        return protocol.Finished()

    async def _give_answer(self, conversation: Conversation, request: protocol.AskAnswer) -> protocol.Answer:
        """One answer; the conversation stays as it was."""
        wanted = checked(request)
        self._before = conversation.point()
        tokens = conversation.spelled()
        writer = AnswerWriter(self._model, self, self._drafter, owner=self._owner, background=self._background)
        if wanted.calling is None:
            made = await writer.write(tokens, wanted)
        else:
            made = await writer.choose(tokens, wanted, self._opened)
        self._work = None
        if made is None:
            return protocol.Finished()
        return protocol.Ended(made.complete, len(tokens), made.cached, made.tokens)

    async def _run(self, work: Work) -> Outcome:
        """Work without a stream."""
        future: Future[Outcome] = self.begin(work).result
        outcome = await asyncio.wrap_future(future)
        self._work = None
        return outcome

    def begin(self, work: Work) -> Work:
        """Hand work in, so that it stops when the client goes or asks for it."""
        self._work = work
        work.seconds = self._model.request_seconds
        if self.cancelled or self.abandoned:  # asked for before the work existed
            work.cancel()
        return self._model.engine.submit(work)

    def _stop_work(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def send(self, answer: protocol.Answer) -> None:
        """Write one frame, if the client reads in time."""
        self._writer.write(protocol.encode(answer))
        async with asyncio.timeout(_WRITE_SECONDS):
            await self._writer.drain()


def _failed(error: IntramuralError) -> protocol.Failed:
    return protocol.Failed(error.code, error.message, error.cause, error.action)
