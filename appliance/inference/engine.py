"""The engine: one thread that owns the sessions and the cache, and advances requests one step at a time.

Nothing else touches ONNX Runtime. The scheduler says who computes next; between any two steps the thread takes in new
requests and looks for cancellations. A step of one conversation that is running when its cancellation comes is given
up before its next operator; a step that several share is finished.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError
from appliance.core.ports import GenerationFailed
from appliance.inference.drafter import StepCost
from appliance.inference.execution import MAX_DRAFT, StepInterrupted
from appliance.inference.scheduler import Batch, Policy, Scheduler
from appliance.inference.sequence import TokenSequence
from appliance.inference.slots import WORTH_COPYING, Slots
from appliance.inference.work import Outcome, Work, cancelled, closed, too_slow

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from appliance.inference.execution import Executor
    from appliance.inference.kv_cache import SlotCache
    from appliance.inference.prefix_cache import PrefixCache
    from appliance.inference.sequence import Chunk

_LOG = logging.getLogger(__name__)
_MIN_STORED: Final = 32
"""Tokens; a shorter prefix is computed faster than it is looked after."""


class _Request:
    """A request that the engine knows."""

    def __init__(self, work: Work, context: int) -> None:
        self.work = work
        self.sequence = TokenSequence(work.tokens, generation=work.generation, context=context, written=work.written)
        self.started = False
        self.cached = 0
        self.prefill_seconds = 0.0
        self.decode_seconds = 0.0
        self.deadline = 0.0

    def spend(self, chunk: Chunk, seconds: float) -> None:
        if chunk.decode:
            self.decode_seconds += seconds
        else:
            self.prefill_seconds += seconds

    def outcome(self) -> Outcome:
        sequence = self.sequence
        return Outcome(
            generated=tuple(sequence.generated),
            cached=self.cached,
            sampled=sequence.sampled,
            forced=sequence.forced,
            drafted=sequence.drafted,
            prefill_seconds=self.prefill_seconds,
            decode_seconds=self.decode_seconds,
            complete=sequence.complete,
        )


class Engine:
    """Starts its thread when made.

    Args:
        executor: runs steps on ``cache``.
        cache: one conversation runs in each slot; the others wait in order.
        prefixes: stored keys and values of stable prompts.
        policy: how steps are shared; the executor's largest chunk by default.
    """

    def __init__(
        self, executor: Executor, cache: SlotCache, prefixes: PrefixCache, *, policy: Policy | None = None
    ) -> None:
        self._executor = executor
        self._slots = Slots(cache, prefixes)
        self._scheduler = Scheduler(cache.slots, policy or Policy(max_chunk=executor.max_chunk))
        self._requests: dict[int, _Request] = {}
        self._numbers = itertools.count()
        self._inbox: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._alone: Work | None = None
        self._closing = threading.Event()
        self.step_cost: Final = StepCost()
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Work:
        """Hand in a request; its ``result`` is set by the engine's thread."""
        if self._closing.is_set():
            work.result.set_exception(closed())
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
            self._take_in(wait=not self._requests)
            for ticket, request in tuple(self._requests.items()):
                if request.work.cancelled:
                    self._end(ticket, error=cancelled())
            self._place()
            self._step()
        for ticket in tuple(self._requests):
            self._end(ticket, error=closed())
        while not self._inbox.empty():
            work = self._inbox.get()
            if work is not None:
                work.result.set_exception(closed())

    def _take_in(self, *, wait: bool) -> None:
        while wait or not self._inbox.empty():
            wait = False
            work = self._inbox.get()
            if work is None:
                return
            try:
                request = _Request(work, self._slots.cache.shape.max_len)
            except IntramuralError as error:
                work.result.set_exception(error)
                continue
            ticket = next(self._numbers)
            self._requests[ticket] = request
            self._scheduler.submit(ticket, background=work.background)

    def _place(self) -> None:
        """Give slots to those who wait."""
        slots = self._scheduler.running
        preempted = self._scheduler.preempt()
        if preempted is not None:
            self._slots.note(slots[preempted])
            _LOG.info("request %d makes room for one that waits", preempted)
        requests = self._requests

        def choose(ticket: int, free: frozenset[int]) -> int:
            request = requests[ticket]
            return self._slots.choose(request.sequence.tokens, free, request.work.owner.scope)

        for ticket, slot in self._scheduler.admit(choose, self._held):
            self._guarded(ticket, partial(self._start, ticket, slot))

    def _held(self, ticket: int) -> bool:
        """Whether another request is just computing what this one begins with and may use; then it is computed once,
        for both."""
        tokens, scope = self._requests[ticket].sequence.tokens, self._requests[ticket].work.owner.scope
        running = self._scheduler.running
        if not running or not self._slots.cache.movable:
            return False
        known = self._slots.known(tokens, scope)
        for other in running:
            sequence, work = self._requests[other].sequence, self._requests[other].work
            shared = work.owner.usable(work.tokens, tokens, scope)
            if shared < known + WORTH_COPYING:
                continue
            if sequence.computed < shared:
                self._scheduler.promote(other)
                return True
            self._slots.note(running[other])  # so that it is found there
        return False

    def _start(self, ticket: int, slot: int) -> None:
        request = self._requests[ticket]
        sequence, work = request.sequence, request.work
        shared = self._slots.fill(slot, sequence.tokens, work.owner, stable=work.stable)
        kept = sequence.resume(shared)
        self._slots.cache.rewind(slot, kept)
        self._slots.note(slot)
        if request.started:
            return
        request.started = True
        request.cached = min(shared, len(work.tokens))
        work.cached = kept
        request.deadline = time.monotonic() + work.seconds
        work.interrupt = partial(self._interrupt, work)
        if forced := sequence.start():
            if work.generation is not None and work.generation.drafter is not None:
                work.generation.drafter.extend(forced)
            work.on_tokens(forced)

    def _interrupt(self, work: Work) -> None:
        if self._alone is work:
            self._executor.interrupt()

    def _step(self) -> None:
        for ticket in self._scheduler.running:
            self._guarded(ticket, partial(self._settle, ticket))
        running = self._scheduler.running
        step = self._scheduler.next_step({ticket: self._requests[ticket].sequence.pending for ticket in running})
        if step is None:
            return
        started = time.perf_counter()
        try:
            if isinstance(step, Batch) and len(step.tickets) > 1:
                self._batch(step.tickets)
            elif isinstance(step, Batch):
                self._guarded(step.tickets[0], partial(self._chunk, step.tickets[0], 1, alone=len(running) == 1))
            else:
                self._guarded(step.ticket, partial(self._chunk, step.ticket, step.count, alone=len(running) == 1))
        except StepInterrupted:
            return  # meant for a request that ends before the next step; or for one that has just ended: run it again
        self._scheduler.done(step, time.perf_counter() - started)

    def _settle(self, ticket: int) -> None:
        """End a request that is complete or over its time."""
        request = self._requests[ticket]
        if request.sequence.finished:
            work, slot = request.work, self._scheduler.running[ticket]
            if work.stable and len(work.tokens) >= _MIN_STORED:
                self._slots.keep(slot, work.tokens)
            self._end(ticket, outcome=request.outcome())
        elif time.monotonic() > request.deadline:
            raise too_slow(request.work.seconds)

    def _chunk(self, ticket: int, count: int, *, alone: bool) -> None:
        request, slot = self._requests[ticket], self._scheduler.running[ticket]
        room = min(
            MAX_DRAFT, self._executor.max_chunk - count, self._slots.cache.shape.max_len - request.sequence.length
        )
        chunk = request.sequence.next_chunk(count, draft=max(0, room) if alone else 0)
        started = time.perf_counter()
        self._alone = request.work
        try:
            logits = self._executor.chunk(slot, chunk.tokens, rows=chunk.rows)
        finally:
            self._alone = None
        spent = time.perf_counter() - started
        if alone and chunk.rows:
            self.step_cost.learn(len(chunk.tokens), spent)
        self._absorb(request, slot, chunk, logits)
        request.spend(chunk, time.perf_counter() - started)

    def _batch(self, tickets: tuple[int, ...]) -> None:
        if self._slots.cache.movable and (move := self._scheduler.compaction(tickets)) is not None:
            ticket, target = move
            self._slots.move(self._scheduler.running[ticket], target)
            self._scheduler.move(ticket, target)
        slots = self._scheduler.running
        chunks = {ticket: self._requests[ticket].sequence.next_chunk(1) for ticket in tickets}
        started = time.perf_counter()
        try:
            logits = self._executor.batch(
                [(slots[ticket], chunk.tokens[0], chunk.rows > 0) for ticket, chunk in chunks.items()]
            )
        except GenerationFailed:
            _LOG.exception("a batch failed; its requests go on one by one")
            for ticket in tickets:
                self._guarded(ticket, partial(self._chunk, ticket, 1, alone=False))
            return
        row = 0
        for ticket, chunk in chunks.items():
            own = logits[row : row + chunk.rows]
            row += chunk.rows
            self._guarded(ticket, partial(self._absorb, self._requests[ticket], slots[ticket], chunk, own))
        spent = time.perf_counter() - started
        for ticket, chunk in chunks.items():
            if ticket in self._requests:
                self._requests[ticket].spend(chunk, spent)

    def _absorb(self, request: _Request, slot: int, chunk: Chunk, logits: NDArray[np.float32]) -> None:
        tokens = request.sequence.absorb(chunk, logits)
        self._slots.cache.rewind(slot, request.sequence.computed)
        if tokens:
            request.work.on_tokens(tokens)

    def _guarded(self, ticket: int, action: Callable[[], None]) -> None:
        """Run one action for a request; whatever it raises becomes the request's result and leaves the others well."""
        try:
            action()
        except StepInterrupted:
            raise
        except IntramuralError as error:
            self._end(ticket, error=error)
        except Exception as error:  # noqa: BLE001 - the last resort of one request, so that the others live on
            _LOG.exception("a step failed unexpectedly")
            message = "The engine failed on this request."
            wrapped = GenerationFailed(message, cause=repr(error), action="Try again; report this if it recurs.")
            wrapped.__cause__ = error
            self._end(ticket, error=wrapped)

    def _end(self, ticket: int, *, outcome: Outcome | None = None, error: BaseException | None = None) -> None:
        request = self._requests.pop(ticket, None)
        if request is None:
            return
        slot = self._scheduler.running.get(ticket)
        self._scheduler.remove(ticket)
        if slot is not None:
            self._slots.note(slot)
        request.work.interrupt = None
        if outcome is not None:
            request.work.result.set_result(outcome)
        elif error is not None:
            request.work.result.set_exception(error)
