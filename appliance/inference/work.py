"""What the engine is asked for, and what it answers."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from appliance.core.ports import GenerationCancelled, GenerationFailed
from appliance.inference.ownership import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.inference.sequence import Generation


@dataclass(frozen=True)
class Outcome:
    """What a request came to. Seconds are of computation, without waiting; a step that several share counts for each.

    ``drafted`` of the ``sampled`` tokens had been guessed and took no step of their own.
    """

    generated: tuple[int, ...]
    cached: int
    sampled: int
    forced: int
    drafted: int
    prefill_seconds: float
    decode_seconds: float
    complete: bool = True
    """Whether the answer came to its own end."""


@dataclass(eq=False)
class Work:
    """A request to the engine.

    Attributes:
        tokens: the conversation so far.
        generation: how to continue it, or None to fill the cache only.
        written: how many leading tokens are not new text; decides only what counts as prefill in the figures.
        stable: these tokens are the appliance's own and recur in other conversations, so their rows are kept.
        owner: whose rows these are; nobody else's by default.
        background: nobody waits for it.
        seconds: limit, from its admission on.
        on_tokens: called on the engine's thread with new tokens; must return at once.
        cached: how many of ``tokens`` were in the cache already; set when it is admitted.
        result: the outcome, or the error.
        interrupt: set by the engine when the request is admitted; gives up the running step if it is this one's alone.
    """

    tokens: list[int]
    generation: Generation | None = None
    written: int = 0
    stable: bool = False
    owner: Owner = field(default_factory=Owner.alone)
    background: bool = False
    seconds: float = 300.0
    on_tokens: Callable[[list[int]], None] = lambda _tokens: None
    cached: int = 0
    result: Future[Outcome] = field(default_factory=Future)
    interrupt: Callable[[], None] | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        if self.stable:
            self.owner = replace(self.owner, shared=len(self.tokens))

    def cancel(self) -> None:
        """Stop it, in the middle of a step if need be; callable from any thread."""
        self._cancelled.set()
        if (interrupt := self.interrupt) is not None:
            interrupt()

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop."""
        return self._cancelled.is_set()


def cancelled() -> GenerationCancelled:
    """The error of a request that somebody stopped."""
    message = "The generation was cancelled."
    return GenerationCancelled(message)


def closed() -> GenerationFailed:
    """The error of a request that the engine will not get to."""
    message = "The engine is shutting down."
    return GenerationFailed(message, action="Try again when it runs.")


def too_slow(seconds: float) -> GenerationFailed:
    """The error of a request that is over its time."""
    message = "The model took too long."
    return GenerationFailed(
        message, cause=f"limit {seconds:g} s", action="Ask for less, or raise model.request_seconds."
    )
