"""The engine: one thread that owns the session and the cache, and advances requests one step at a time.

Nothing else touches ONNX Runtime. Between any two steps it looks for cancellations; a step that is running when one
comes is given up before its next operator.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError
from appliance.core.ports import GenerationCancelled, GenerationFailed
from appliance.inference.executor import StepInterrupted
from appliance.inference.kv_cache import common_prefix
from appliance.inference.sequence import Generation, TokenSequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.inference.executor import Executor
    from appliance.inference.kv_cache import KvCache
    from appliance.inference.prefix_cache import PrefixCache

_LOG = logging.getLogger(__name__)
_MIN_STORED: Final = 32
"""Tokens; a shorter prefix is computed faster than it is looked after."""


@dataclass(frozen=True)
class Outcome:
    """What a request came to. Seconds are of computation, without waiting."""

    generated: tuple[int, ...]
    cached: int
    sampled: int
    forced: int
    prefill_seconds: float
    decode_seconds: float


@dataclass(eq=False)
class Work:
    """A request to the engine.

    Attributes:
        tokens: the conversation so far.
        generation: how to continue it, or None to fill the cache only.
        written: how many leading tokens are not new text; decides only what counts as prefill in the figures.
        stable: these tokens recur in other conversations, so their keys and values are kept.
        seconds: limit, from the first step on.
        on_tokens: called on the engine's thread with new tokens; must return at once.
        result: the outcome, or the error.
        interrupt: set by the engine when the request is admitted; gives up the running step.
    """

    tokens: list[int]
    generation: Generation | None = None
    written: int = 0
    stable: bool = False
    seconds: float = 300.0
    on_tokens: Callable[[list[int]], None] = lambda _tokens: None
    result: Future[Outcome] = field(default_factory=Future)
    interrupt: Callable[[], None] | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop it, in the middle of a step if need be; callable from any thread."""
        self._cancelled.set()
        if (interrupt := self.interrupt) is not None:
            interrupt()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancelled.is_set()


class _Running:
    """A request that has been admitted."""

    def __init__(self, work: Work, sequence: TokenSequence, cached: int) -> None:
        self.work = work
        self.sequence = sequence
        self.cached = cached
        self.prefill_seconds = 0.0
        self.decode_seconds = 0.0
        self.deadline = time.monotonic() + work.seconds

    def outcome(self) -> Outcome:
        sequence = self.sequence
        return Outcome(
            generated=tuple(sequence.generated),
            cached=self.cached,
            sampled=sequence.sampled,
            forced=sequence.forced,
            prefill_seconds=self.prefill_seconds,
            decode_seconds=self.decode_seconds,
        )


class Engine:
    """Starts its thread when made.

    Args:
        executor: runs steps on ``cache``.
        cache: one slot; so one request runs at a time and the others wait in order.
        prefixes: stored keys and values of stable prompts.
    """

    def __init__(self, executor: Executor, cache: KvCache, prefixes: PrefixCache) -> None:
        self._executor = executor
        self._cache = cache
        self._prefixes = prefixes
        self._inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._active: list[_Running] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Work:
        """Hand in a request; its ``result`` is set by the engine's thread."""
        if self._closing.is_set():
            work.result.set_exception(_closed())
        else:
            self._inbox.put(work)
        return work

    def close(self) -> None:
        """Stop after the running step; whatever is unfinished fails."""
        self._closing.set()
        self._inbox.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while not self._closing.is_set():
            if not self._active:
                work = self._inbox.get()
                if work is not None:
                    self._guarded(work, partial(self._admit, work))
            for running in tuple(self._active):
                if not self._guarded(running.work, partial(self._advance, running)):
                    self._active.remove(running)
        for running in self._active:
            running.work.result.set_exception(_closed())
        while not self._inbox.empty():
            work = self._inbox.get()
            if work is not None:
                work.result.set_exception(_closed())

    def _guarded(self, work: Work, action: Callable[[], bool]) -> bool:
        """Run one action for a request; whatever it raises becomes the request's result and leaves the engine well."""
        try:
            return action()
        except IntramuralError as error:
            work.result.set_exception(error)
        except Exception as error:  # noqa: BLE001 - the last resort of one request, so that the others live on
            _LOG.exception("a step failed unexpectedly")
            message = "The engine failed on this request."
            wrapped = GenerationFailed(message, cause=repr(error), action="Try again; report this if it recurs.")
            wrapped.__cause__ = error
            work.result.set_exception(wrapped)
        return False

    def _admit(self, work: Work) -> bool:
        if work.cancelled:
            raise _cancelled()
        kept = common_prefix(self._cache.tokens, work.tokens)
        if work.stable and kept < len(work.tokens):
            rows = self._prefixes.find(work.tokens)
            if rows is not None:
                self._cache.restore(work.tokens, rows)
                kept = len(work.tokens)
        # The logits of the last token are gone, so a generation has to compute at least that one.
        needed = min(kept, len(work.tokens) - 1) if work.generation is not None else kept
        self._cache.rewind(max(0, needed))
        sequence = TokenSequence(
            work.tokens,
            cached=len(self._cache),
            generation=work.generation,
            max_chunk=self._executor.max_chunk,
            context=self._cache.shape.max_len,
            written=work.written,
        )
        running = _Running(work, sequence, kept)
        work.interrupt = self._executor.interrupt
        if forced := sequence.start():
            work.on_tokens(forced)
        self._active.append(running)
        return True

    def _advance(self, running: _Running) -> bool:
        """One step; returns whether there is more to do."""
        work, sequence = running.work, running.sequence
        if work.cancelled:
            raise _cancelled()
        if sequence.finished:
            self._finish(running)
            return False
        if time.monotonic() > running.deadline:
            message = "The model took too long."
            cause = f"limit {work.seconds:g} s"
            raise GenerationFailed(message, cause=cause, action="Ask for less, or raise model.request_seconds.")
        started = time.perf_counter()
        chunk = sequence.next_chunk()
        try:
            logits = self._executor.step(chunk.tokens, logits=chunk.logits)
        except StepInterrupted:
            # Meant for this request, which ends above; or for one that has just ended, then the step is run again.
            return True
        tokens = sequence.absorb(chunk, logits)
        spent = time.perf_counter() - started
        if chunk.decode:
            running.decode_seconds += spent
        else:
            running.prefill_seconds += spent
        if tokens:
            work.on_tokens(tokens)
        return True

    def _finish(self, running: _Running) -> None:
        work = running.work
        stable = work.stable and len(work.tokens) >= _MIN_STORED
        if stable and self._prefixes.find(work.tokens) is None:
            self._prefixes.store(work.tokens, self._cache.prefix(len(work.tokens)))
        work.result.set_result(running.outcome())


def _cancelled() -> GenerationCancelled:
    message = "The generation was cancelled."
    return GenerationCancelled(message)


def _closed() -> GenerationFailed:
    message = "The engine is shutting down."
    return GenerationFailed(message, action="Try again when it runs.")
