"""The text generator that the rest of the appliance uses: conversations with the worker process."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from appliance.core.errors import IntramuralError
from appliance.core.ports import (
    ContextFull,
    EngineDescription,
    GenerationBusy,
    GenerationCancelled,
    GenerationFailed,
    Grammar,
    GrammarRefused,
    TokenUsage,
)
from appliance.core.tools import ToolsRefused
from appliance.inference import protocol
from appliance.inference.answers import UnknownToken
from appliance.inference.chat import InvalidPrompt
from appliance.inference.wire_values import asking, opening, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.core.answers import AnswerEnd, AnswerPiece, RawPrompt, Wanted
    from appliance.core.ports import Prompt

_ERRORS: Final[dict[str, type[IntramuralError]]] = {
    kind.code: kind
    for kind in (
        GenerationFailed,
        GenerationBusy,
        GenerationCancelled,
        ContextFull,
        GrammarRefused,
        ToolsRefused,
        InvalidPrompt,
        UnknownToken,
    )
}
_AnswerT = TypeVar("_AnswerT", bound=protocol.Answer)


def _no_wait() -> None:
    """The worker is expected to run."""


def _ignore(_position: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class WorkerGenerator:
    """Implements :class:`appliance.core.ports.TextGenerator` over the worker's socket; any thread may use it.

    Attributes:
        socket_path: of the worker.
        wait_ready: called before a connection is made; blocks until the worker runs, or raises GenerationFailed.
        on_queued: hears how many conversations go first while this one waits.
        answer_seconds: how long the worker may be silent before it counts as hung.
    """

    socket_path: Path
    wait_ready: Callable[[], None] = _no_wait
    on_queued: Callable[[int], None] = _ignore
    answer_seconds: float = 330.0

    @contextlib.contextmanager
    def session(self, prompt: Prompt | RawPrompt) -> Iterator[WorkerSession]:
        """Open a conversation; it is over, and its slot free, when the block is left.

        Raises:
            GenerationFailed: the worker does not run, its queue is full (GenerationBusy), or the prompt does not fit
                (ContextFull).
            InvalidPrompt: the chat is not one that can be answered.
        """
        link = self._connect()
        try:
            link.ask(opening(prompt), protocol.Opened)
            yield WorkerSession(link)
        finally:
            link.close()

    def describe(self) -> EngineDescription:
        """What model on what hardware.

        Raises:
            GenerationFailed: the worker does not run.
        """
        link = self._connect()
        try:
            told = link.ask(protocol.Describe(), protocol.Described)
        finally:
            link.close()
        return EngineDescription(
            model=told.model,
            bundle_digest=told.bundle_digest,
            provider=told.provider,
            threads=told.threads,
            context_tokens=told.context_tokens,
            executor=told.executor,
        )

    def _connect(self) -> _Link:
        self.wait_ready()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.answer_seconds)
        try:
            connection.connect(str(self.socket_path))
        except OSError as error:
            connection.close()
            message = "The model is not running."
            action = "Wait a moment and try again; if it stays away, look at the worker's log."
            raise GenerationFailed(message, cause=str(error), action=action) from error
        return _Link(connection, self.on_queued)


class _Link:
    """A connection: frames out from any thread, frames in from one."""

    def __init__(self, connection: socket.socket, on_queued: Callable[[int], None]) -> None:
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._on_queued = on_queued
        self._sending = threading.Lock()
        self._closed = False

    def send(self, request: protocol.Request) -> None:
        """Write one frame."""
        frame = protocol.encode(request)
        try:
            with self._sending:
                self._connection.sendall(frame)
        except OSError as error:
            self._lost(error)

    def receive(self) -> protocol.Answer:
        """Read the next frame; the worker's errors are raised, and news of the queue is passed on."""
        while True:
            try:
                header = self._exactly(protocol.LENGTH.size)
                answer = protocol.decode_answer(self._exactly(protocol.body_length(header)))
            except OSError as error:
                self._lost(error)
            if isinstance(answer, protocol.Failed):
                kind = _ERRORS.get(answer.code, GenerationFailed)
                raise kind(answer.message, cause=answer.cause, action=answer.action)
            if not isinstance(answer, protocol.Queued):
                return answer
            self._on_queued(answer.position)

    def ask(self, request: protocol.Request, expected: type[_AnswerT]) -> _AnswerT:
        """Send a request and wait for its answer."""
        self.send(request)
        answer = self.receive()
        if not isinstance(answer, expected):
            message = "The model's worker gave an answer that does not fit."
            raise GenerationFailed(message, cause=type(answer).__name__, action="Report this.")
        return answer

    def close(self) -> None:
        """Hang up; the worker cancels whatever it still does for us."""
        self._closed = True
        self._stream.close()
        self._connection.close()

    def _exactly(self, length: int) -> bytes:
        content = self._stream.read(length) if not self._closed else b""
        if len(content) != length:
            message = "end of stream"
            raise ConnectionResetError(message)
        return content

    def _lost(self, error: OSError) -> NoReturn:
        if self._closed:
            message, action = "The session is closed.", "Open a new one."
        elif isinstance(error, TimeoutError):
            message, action = "The model does not answer.", "Try again; if it recurs, restart the appliance."
        else:
            message = "The model's process stopped while it was working."
            action = "Try again; it is being restarted."
        raise GenerationFailed(message, cause=str(error), action=action) from error


class WorkerSession:
    """Implements :class:`appliance.core.ports.GenerationSession`."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._cancelled = threading.Event()

    def append(self, text: str) -> None:
        """Add text that the caller decides; an empty one changes nothing."""
        self._check()
        self._link.ask(protocol.Append(text), protocol.Done)

    def generate(self, grammar: Grammar, *, max_tokens: int, temperature: float = 0.0, seed: int = 0) -> Iterator[str]:
        """Yield text under ``grammar``.

        When the iterator is closed early (a loop is left with ``break``), the generation stops and is forgotten: the
        conversation is as it was before.
        """
        self._check()
        self._link.send(protocol.Generate(grammar.lark, max_tokens, temperature, seed))
        finished = False
        try:
            while True:
                try:
                    answer = self._link.receive()
                except IntramuralError:
                    finished = True
                    raise
                if isinstance(answer, protocol.Finished):
                    finished = True
                    return
                self._check()  # pieces that were on their way when somebody cancelled are not handed on
                if not isinstance(answer, protocol.Piece):
                    finished = True
                    message = "The model's worker gave an answer that does not fit."
                    raise GenerationFailed(message, cause=type(answer).__name__, action="Report this.")
                yield answer.text
        finally:
            if not finished:
                self._abandon()

    def answer(self, wanted: Wanted) -> Iterator[AnswerPiece | AnswerEnd]:
        """Yield the pieces of one answer, and its end last; when the iterator is closed early, the answer stops."""
        self._check()
        self._link.send(asking(wanted))
        finished = False
        try:
            while not finished:
                try:
                    got = self._link.receive()
                except IntramuralError:
                    finished = True
                    raise
                finished = not isinstance(got, protocol.Part)
                self._check()
                yield told(got)
        finally:
            if not finished:
                self._abandon()

    def mark(self) -> int:
        """The number of tokens now; a point to rewind to."""
        self._check()
        return self._link.ask(protocol.Mark(), protocol.Marked).mark

    def rewind(self, mark: int) -> None:
        """Forget everything after ``mark``."""
        self._check()
        self._link.ask(protocol.Rewind(mark), protocol.Done)

    def usage(self) -> TokenUsage:
        """Totals so far."""
        self._check()
        told = self._link.ask(protocol.GetUsage(), protocol.UsageReport)
        return TokenUsage(
            prompt=told.prompt,
            cached=told.cached,
            sampled=told.sampled,
            forced=told.forced,
            drafted=told.drafted,
            prefill_seconds=told.prefill_seconds,
            decode_seconds=told.decode_seconds,
        )

    def cancel(self) -> None:
        """End the session at the next token; callable from any thread."""
        self._cancelled.set()
        with contextlib.suppress(GenerationFailed):
            self._link.send(protocol.Cancel())

    def _abandon(self) -> None:
        """Stop the running generation and read away what was still on its way."""
        with contextlib.suppress(GenerationFailed, GenerationCancelled):
            self._link.send(protocol.Abandon())
            while not isinstance(self._link.receive(), protocol.Done):
                pass

    def _check(self) -> None:
        if self._cancelled.is_set():
            message = "The generation was cancelled."
            raise GenerationCancelled(message)
