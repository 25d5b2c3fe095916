"""One client's conversation, on the worker's side."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.core.answers import RawPrompt
from appliance.core.errors import IntramuralError
from appliance.core.ports import GenerationCancelled, GenerationFailed, Grammar, Message, Prompt
from appliance.inference import protocol
from appliance.inference.answers import MAX_TOKENS, Answering, checked, generation_of
from appliance.inference.conversation import Conversation
from appliance.inference.detokenizer import StreamingDetokenizer
from appliance.inference.drafter import Drafter
from appliance.inference.executor import MAX_DRAFT
from appliance.inference.ownership import Owner
from appliance.inference.sampler import Sampler
from appliance.inference.sequence import Generation
from appliance.inference.work import Work, cancelled

if TYPE_CHECKING:
    from concurrent.futures import Future

    from appliance.inference.constraint import GrammarCompiler
    from appliance.inference.conversation import Point
    from appliance.inference.engine import Engine
    from appliance.inference.loader import LoadedModel
    from appliance.inference.turnstile import Turnstile
    from appliance.inference.work import Outcome

_MAX_MESSAGES: Final = 256
_MAX_SCOPE: Final = 64
"""Characters: a SHA-256 in hex."""
_WRITE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class ServedModel:
    """What every connection shares.

    Attributes:
        request_seconds: limit of one generation, and of a client's silence while it holds the slot.
    """

    loaded: LoadedModel
    engine: Engine
    grammars: GrammarCompiler
    request_seconds: float


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
        self._work: Work | None = None
        self._cancelled = False
        self._abandoned = False
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
        await self._send(_failed(error))

    async def _read_all(self) -> None:
        while True:
            length = protocol.body_length(await self._reader.readexactly(protocol.LENGTH.size))
            request = protocol.decode_request(await self._reader.readexactly(length))
            if isinstance(request, protocol.Cancel):
                self._cancelled = True
                self._stop_work()
                continue
            if isinstance(request, protocol.Abandon):
                self._abandoned = True
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
                if self._cancelled:
                    raise cancelled()
                answer = await self._answer(request)
            except protocol.ProtocolError:
                raise
            except IntramuralError as error:
                answer = _failed(error)
            await self._send(answer)

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
            self._abandoned = False
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
        model = self._model.loaded
        if request.text is not None:
            prompt = await asyncio.to_thread(model.chat.render_raw, RawPrompt(request.text, request.suffix))
        else:
            messages = tuple(Message(turn.role, turn.content) for turn in request.messages)
            prompt = await asyncio.to_thread(model.chat.render, Prompt(messages, request.stable))
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
        if self._cancelled:
            raise cancelled()
        await self._send(protocol.Queued(position))

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
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[list[int] | None] = asyncio.Queue()  # bounded by max_tokens
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
            on_tokens=lambda tokens: _post(loop, arrived, tokens),
        )
        self._begin(work)
        work.result.add_done_callback(lambda _future: _post(loop, arrived, None))
        detokenizer = StreamingDetokenizer(skip=len(held))
        while (tokens := await arrived.get()) is not None:
            text = detokenizer.push(self._model.loaded.tokenizer.token_bytes(tokens))
            if text and not self._abandoned:
                await self._send(protocol.Piece(text))
        self._work = None
        if self._abandoned:
            return protocol.Finished()  # what became of it is of no interest; the next request restores
        conversation.absorb(work.result.result(), incomplete=detokenizer.pending)
        return protocol.Finished()

    async def _give_answer(self, conversation: Conversation, request: protocol.AskAnswer) -> protocol.Answer:
        """One answer; the conversation stays as it was."""
        wanted = checked(request)
        self._before = conversation.point()
        tokenizer, tokens = self._model.loaded.tokenizer, conversation.spelled()
        constraint = await asyncio.to_thread(self._model.grammars.compile, wanted.form, scope=self._owner.scope)
        if self._drafter is not None:
            self._drafter.follow(tokens)
        room = self._model.loaded.description.context_tokens - len(tokens)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[list[int] | None] = asyncio.Queue()  # bounded by the context
        generation = generation_of(wanted, constraint, tokenizer, room=room, drafter=self._drafter)
        work = Work(
            tokens,
            generation,
            owner=self._owner,
            background=self._background,
            on_tokens=lambda new: _post(loop, arrived, new),
        )
        answering = Answering(wanted, generation, tokenizer)
        self._begin(work)
        work.result.add_done_callback(lambda _future: _post(loop, arrived, None))
        while (new := await arrived.get()) is not None:
            part = answering.take(new)
            if answering.stopped:
                work.cancel()
            if part is not None and not self._abandoned:
                await self._send(part)
        self._work = None
        if self._abandoned:
            return protocol.Finished()
        try:
            complete = work.result.result().complete
        except GenerationCancelled:
            if not answering.stopped or self._cancelled:
                raise
            complete = True
        if (rest := answering.finish()) is not None:
            await self._send(rest)
        return protocol.Ended(complete or answering.stopped, len(tokens), work.cached, answering.tokens)

    async def _run(self, work: Work) -> Outcome:
        """Work without a stream."""
        future: Future[Outcome] = self._begin(work).result
        outcome = await asyncio.wrap_future(future)
        self._work = None
        return outcome

    def _begin(self, work: Work) -> Work:
        self._work = work
        work.seconds = self._model.request_seconds
        if self._cancelled or self._abandoned:  # asked for before the work existed
            work.cancel()
        return self._model.engine.submit(work)

    def _stop_work(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _send(self, answer: protocol.Answer) -> None:
        self._writer.write(protocol.encode(answer))
        async with asyncio.timeout(_WRITE_SECONDS):
            await self._writer.drain()


def _post(loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[list[int] | None], tokens: list[int] | None) -> None:
    """Hand something from the engine's thread to the event loop, which may be gone when the worker stops."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(queue.put_nowait, tokens)


def _failed(error: IntramuralError) -> protocol.Failed:
    return protocol.Failed(error.code, error.message, error.cause, error.action)
