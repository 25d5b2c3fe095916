"""The accounting of one request: which tokens to compute next, what came out, when it is over. No model, no clock.

A scheduler may ask many sequences for their next chunk and run them in any order; each knows only itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.core.ports import GenerationFailed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from appliance.inference.constraint import Constraint
    from appliance.inference.sampler import Sampler


@dataclass(frozen=True)
class Generation:
    """How to continue a conversation: under ``constraint``, for at most ``max_tokens`` tokens, forced ones included."""

    constraint: Constraint
    sampler: Sampler
    max_tokens: int
    end_tokens: frozenset[int]


@dataclass(frozen=True)
class Chunk:
    """Tokens for one step; ``logits`` says whether the step must end in a choice.

    ``decode`` tells a step of the model's own output from one that reads what it was given.
    """

    tokens: list[int]
    logits: bool
    decode: bool


def context_full(context: int) -> GenerationFailed:
    """The error for a conversation that has no room left."""
    message = "The model's context is full."
    action = "Shorten the request, or raise model.context_tokens if the model allows it."
    return GenerationFailed(message, cause=f"{context} tokens", action=action)


class TokenSequence:
    """One request while the engine works on it. Owned by the engine's thread.

    Args:
        tokens: the conversation so far.
        cached: how many of them are in the cache; at least one must not be when there is something to generate.
        written: how many leading ones are not new text: what the model wrote, and what came before that.
        generation: None when only the cache is to be filled.
        max_chunk: the most tokens in a step.
        context: the most tokens in a conversation.
    """

    def __init__(
        self,
        tokens: list[int],
        *,
        cached: int,
        generation: Generation | None,
        max_chunk: int,
        context: int,
        written: int = 0,
    ) -> None:
        self._tokens = list(tokens)
        self._given = len(tokens)
        self._written = written
        self._computed = cached
        self._generation = generation
        self._max_chunk = max_chunk
        self._context = context
        self._ended = False
        self.sampled = 0
        self.forced = 0
        if self._given > context:
            raise context_full(context)

    @property
    def generated(self) -> list[int]:
        """The tokens that were sampled or forced so far, without the one that ended the answer."""
        return self._tokens[self._given :]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to compute. The last tokens may be outside the cache: nobody needs them yet."""
        if self._generation is None:
            return self._computed == len(self._tokens)
        return self._ended

    def start(self) -> list[int]:
        """Take the tokens that the grammar forces before any choice; returns them."""
        return [] if self._generation is None else self._follow(self._generation)

    def next_chunk(self) -> Chunk:
        """What the next step computes. Starts the computation of the mask when that step ends in a choice."""
        tokens = self._tokens[self._computed : self._computed + self._max_chunk]
        last = self._computed + len(tokens) == len(self._tokens)
        logits = last and self._generation is not None
        if logits and self._generation is not None:
            self._generation.constraint.begin_mask()
        reads = self._computed < self._given and self._computed + len(tokens) > self._written
        return Chunk(tokens, logits=logits, decode=not reads)

    def absorb(self, chunk: Chunk, logits: NDArray[np.float32] | None) -> list[int]:
        """Note that ``chunk`` is in the cache, choose the next token if it was asked for, and follow what it forces.

        Returns:
            The new tokens.

        Raises:
            GenerationFailed: the context is full, or the grammar is a dead end.
        """
        self._computed += len(chunk.tokens)
        generation = self._generation
        if generation is None or logits is None:
            return []
        token = generation.sampler.choose(logits, generation.constraint.mask())
        generation.constraint.accept(token)
        if token in generation.end_tokens:
            self._ended = True
            return []
        if len(self._tokens) >= self._context:
            raise context_full(self._context)
        self._tokens.append(token)
        self.sampled += 1
        return [token, *self._follow(generation)]

    def _follow(self, generation: Generation) -> list[int]:
        """Append forced tokens and see whether that was all."""
        budget = generation.max_tokens - len(self.generated)
        room = self._context - len(self._tokens)
        forced = generation.constraint.forced(min(budget, room))
        self._tokens.extend(forced)
        self.forced += len(forced)
        self._ended = generation.constraint.finished or len(forced) == budget
        if not self._ended and len(self._tokens) >= self._context:
            raise context_full(self._context)
        return forced
