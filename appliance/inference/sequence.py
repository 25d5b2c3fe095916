"""The accounting of one request: which tokens to compute next, what came out, when it is over. No model, no clock.

A scheduler may ask many sequences for their next chunk and run them in any order; each knows only itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.ports import ContextFull
from appliance.inference.kv_cache import common_prefix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from appliance.inference.constraint import Constraint
    from appliance.inference.drafter import Drafter
    from appliance.inference.sampler import Sampler

_GUESS_AFTER: Final = 8
"""Tokens; a longer chunk is computed in a way that has no room for guesses."""


@dataclass(frozen=True)
class Generation:
    """How to continue a conversation: under ``constraint``, for at most ``max_tokens`` tokens, forced ones included.

    ``drafter`` guesses tokens that one step verifies together; None takes one step for each choice.
    """

    constraint: Constraint
    sampler: Sampler
    max_tokens: int
    end_tokens: frozenset[int]
    drafter: Drafter | None = None


@dataclass(frozen=True)
class Chunk:
    """Tokens for one step.

    ``drafted`` of them, at the end, are guesses. ``rows`` says after how many of the last tokens the distribution is
    wanted. ``decode`` tells a step of the model's own output from one that reads what it was given.
    """

    tokens: list[int]
    rows: int
    decode: bool
    drafted: int = 0


def context_full(context: int) -> ContextFull:
    """The error for a conversation that has no room left."""
    message = "The model's context is full."
    action = "Shorten the request, or raise model.context_tokens if the model allows it."
    return ContextFull(message, cause=f"{context} tokens", action=action)


class TokenSequence:
    """One request while the engine works on it. Owned by the engine's thread.

    Args:
        tokens: the conversation so far.
        generation: None when only the cache is to be filled.
        context: the most tokens in a conversation.
        written: how many leading ones are not new text: what the model wrote, and what came before that.

    Raises:
        ContextFull: the conversation is longer than the context.
    """

    def __init__(self, tokens: list[int], *, generation: Generation | None, context: int, written: int = 0) -> None:
        self._tokens = list(tokens)
        self._given = len(tokens)
        self._written = written
        self._generation = generation
        self._context = context
        self._ended = False
        self.complete = False
        """Whether the answer came to its own end; false where the limit of tokens cut it off."""
        self.computed = 0
        """How many leading tokens are in the cache."""
        self.sampled = 0
        self.forced = 0
        self.drafted = 0
        """How many of the sampled tokens had been guessed, so that they took no step of their own."""
        if self._given > context:
            raise context_full(context)

    @property
    def tokens(self) -> list[int]:
        """Everything so far; not to be changed by the caller."""
        return self._tokens

    @property
    def length(self) -> int:
        """How many these are."""
        return len(self._tokens)

    @property
    def generated(self) -> list[int]:
        """The tokens that were sampled or forced so far, without the one that ended the answer."""
        return self._tokens[self._given :]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to compute. The last tokens may be outside the cache: nobody needs them yet."""
        if self._generation is None:
            return self.computed == len(self._tokens)
        return self._ended

    @property
    def pending(self) -> int:
        """Tokens that are known and not in the cache; at least one while there is something to generate."""
        return len(self._tokens) - self.computed

    def start(self) -> list[int]:
        """Take the tokens that the grammar forces before any choice; returns them."""
        return [] if self._generation is None else self._follow(self._generation)

    def resume(self, cached: int) -> int:
        """Go on from a slot whose first ``cached`` tokens are this request's.

        Returns:
            How many of them to keep: the logits after the last token are gone, so a generation computes it again.
        """
        self.computed = cached if self._generation is None else max(0, min(cached, len(self._tokens) - 1))
        return self.computed

    def next_chunk(self, limit: int, *, draft: int = 0) -> Chunk:
        """What the next step computes. Starts the computation of the mask when that step ends in a choice.

        Args:
            limit: the most tokens that are not guesses.
            draft: the most guesses that may be added.
        """
        tokens = self._tokens[self.computed : self.computed + limit]
        last = self.computed + len(tokens) == len(self._tokens)
        reads = self.computed < self._given and self.computed + len(tokens) > self._written
        generation = self._generation
        if not last or generation is None:
            return Chunk(tokens, rows=0, decode=not reads)
        guesses = self._guess(generation, draft) if len(tokens) <= _GUESS_AFTER else []
        generation.constraint.begin_mask()
        return Chunk([*tokens, *guesses], rows=len(guesses) + 1, decode=not reads, drafted=len(guesses))

    def absorb(self, chunk: Chunk, logits: NDArray[np.float32]) -> list[int]:
        """Note that ``chunk`` is in the cache, choose the next tokens if that was asked for, follow what they force.

        Of guesses, only those that agree with the choices count as computed.

        Args:
            chunk: from :meth:`next_chunk`.
            logits: ``[chunk.rows, vocabulary]``.

        Returns:
            The new tokens.

        Raises:
            GenerationFailed: the context is full, or the grammar is a dead end.
        """
        given = len(chunk.tokens) - chunk.drafted
        self.computed += given
        generation = self._generation
        if generation is None or not chunk.rows:
            return []
        guesses = chunk.tokens[given:]
        taken: list[int] = []
        row = 0
        while True:
            new = self._choose(generation, logits[row])
            taken += new
            agreed = common_prefix(guesses[row:], new)
            self.drafted += min(agreed, 1)
            row += agreed
            self.computed += agreed
            if self._ended or not new or agreed < len(new):
                break
        if generation.drafter is not None:
            generation.drafter.extend(taken)
            if guesses:
                generation.drafter.verified(len(guesses), row)
        return taken

    def _guess(self, generation: Generation, room: int) -> list[int]:
        if generation.drafter is None or not room:
            return []
        left = min(generation.max_tokens - len(self.generated), self._context - len(self._tokens)) - 1
        guesses = generation.drafter.guess(max(0, min(room, left)))
        return generation.constraint.allowed(guesses) if guesses else []

    def _choose(self, generation: Generation, logits: NDArray[np.float32]) -> list[int]:
        """The next choice and what it forces; nothing when it ends the answer."""
        token = generation.sampler.choose(logits, generation.constraint.mask())
        generation.constraint.accept(token)
        if token in generation.end_tokens:
            self._ended = self.complete = True
            return []
        if len(self._tokens) >= self._context:
            raise context_full(self._context)
        self._tokens.append(token)
        self.sampled += 1
        return [token, *self._follow(generation)]

    def _follow(self, generation: Generation) -> list[int]:
        """Append forced tokens and see whether that was all. Where probabilities are told, every token is chosen:
        those of forced ones are not computed."""
        budget = generation.max_tokens - len(self.generated)
        room = self._context - len(self._tokens)
        forced = [] if generation.sampler.tells else generation.constraint.forced(min(budget, room))
        self._tokens.extend(forced)
        generation.sampler.wrote(forced)
        self.forced += len(forced)
        self.complete = generation.constraint.finished
        self._ended = self.complete or len(forced) == budget
        if not self._ended and len(self._tokens) >= self._context:
            raise context_full(self._context)
        return forced
