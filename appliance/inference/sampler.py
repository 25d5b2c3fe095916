"""Chooses the next token among those that the grammar allows, and tells how probable it was where that is asked."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.core.answers import Adjustment
from appliance.core.ports import GenerationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TRIES: Final = 4
"""How often the overall best token is tried before all allowed ones are listed: it is allowed most of the time."""
_PROBABLE: Final = 256
"""Among so many of the most probable tokens the nucleus is looked for first; it seldom has more."""


def allowed_tokens(mask: NDArray[np.uint32]) -> NDArray[np.intp]:
    """The ids whose bit is set (bit ``i % 32`` of word ``i // 32``), ascending."""
    words = np.flatnonzero(mask)
    if len(words) * 8 < len(mask):
        bits = np.unpackbits(mask[words].view(np.uint8).reshape(len(words), 4), axis=1, bitorder="little")
        rows, columns = np.nonzero(bits)
        return words[rows] * 32 + columns
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))


@dataclass(frozen=True)
class Chance:
    """A choice: natural logarithms of probabilities in the model's distribution over the whole vocabulary."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]
    """The most probable tokens, best first."""


class Sampler:
    """Greedy at temperature 0, otherwise softmax sampling with its own seeded generator (PCG64).

    Args:
        temperature: divides the logits; 0 takes the largest.
        seed: the same seed, prompt and grammar give the same text on the same machine.
        top_p: sample among the most probable tokens that together have this probability (nucleus sampling,
            arXiv 1904.09751); the most probable one always counts.
        adjustment: what is added to the logits. Guesses are verified by the choices that are made with it, one by one,
            so that it changes nothing about them.
        top_logprobs: note for each choice how probable it was, and so many of the most probable tokens; None: do not.
    """

    def __init__(
        self,
        temperature: float = 0.0,
        seed: int = 0,
        *,
        top_p: float = 1.0,
        top_logprobs: int | None = None,
        adjustment: Adjustment | None = None,
    ) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._top_logprobs = top_logprobs
        self._random = np.random.default_rng(seed)
        self._adjustment = adjustment or Adjustment()
        self._bias = np.array([token for token, _ in self._adjustment.bias], dtype=np.intp)
        self._bias_values = np.array([value for _, value in self._adjustment.bias], dtype=np.float32)
        self._written: Counter[int] = Counter()
        self.chances: Final[deque[Chance]] = deque()
        """One for each choice that was not taken from here yet, in order."""

    @property
    def tells(self) -> bool:
        """Whether :attr:`chances` are noted."""
        return self._top_logprobs is not None

    def choose(self, logits: NDArray[np.float32], mask: NDArray[np.uint32]) -> int:
        """The chosen token id. ``logits`` is scratch memory: it may be changed.

        Raises:
            GenerationFailed: the grammar allows no token, or the logits are not numbers.
        """
        if self._top_logprobs is None:
            return self._choose(logits, mask)
        largest = logits.max()
        _require_number(largest)
        total = float(largest) + float(np.log(np.exp(logits - largest).sum(dtype=np.float64)))
        best = _best(logits, self._top_logprobs)
        top = tuple((int(token), float(logits[token]) - total) for token in best)
        told = logits.copy()
        token = self._choose(logits, mask)
        self.chances.append(Chance(token, float(told[token]) - total, top))
        return token

    def wrote(self, tokens: Sequence[int]) -> None:
        """Count tokens that were written without a choice."""
        if self._adjustment.frequency or self._adjustment.presence:
            self._written.update(tokens)

    def _choose(self, logits: NDArray[np.float32], mask: NDArray[np.uint32]) -> int:
        self._adjust(logits)
        token = self._chosen(logits, mask)
        self.wrote((token,))
        return token

    def _adjust(self, logits: NDArray[np.float32]) -> None:
        logits[self._bias] += self._bias_values
        if self._written:
            tokens = np.fromiter(self._written.keys(), np.intp, len(self._written))
            counts = np.fromiter(self._written.values(), np.float32, len(self._written))
            logits[tokens] -= self._adjustment.frequency * counts + self._adjustment.presence

    def _chosen(self, logits: NDArray[np.float32], mask: NDArray[np.uint32]) -> int:
        if self._temperature == 0.0:
            for _ in range(_TRIES):
                best = int(logits.argmax())
                _require_number(logits[best])
                if mask[best >> 5] >> (best & 31) & 1:
                    return best
                logits[best] = -np.inf
        allowed = allowed_tokens(mask)
        allowed = allowed[: np.searchsorted(allowed, len(logits))]
        if not len(allowed):
            message = "The grammar leaves the model no way to go on."
            raise GenerationFailed(message, action="Report this text and the grammar that was used.")
        scores = logits[allowed]
        if self._temperature == 0.0:
            best = int(scores.argmax())
            _require_number(scores[best])
            return int(allowed[best])
        scaled = (scores.astype(np.float64) - scores.max()) / self._temperature
        weights = np.exp(scaled)
        if self._top_p < 1.0:
            nucleus = _nucleus(weights, self._top_p)
            allowed, weights = allowed[nucleus], weights[nucleus]
        weights = weights.cumsum()
        _require_number(weights[-1])
        return int(allowed[np.searchsorted(weights, self._random.random() * weights[-1], side="right")])


def _best(values: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The places of the ``count`` largest values, largest first; of equal ones the first."""
    count = min(count, len(values))
    if not count:
        return np.empty(0, dtype=np.intp)
    threshold = np.partition(values, -count)[-count]
    places = np.flatnonzero(values >= threshold)
    return places[np.argsort(-values[places], kind="stable")][:count]


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.intp]:
    """The places of the fewest largest weights that make up ``top_p`` of the sum, ascending."""
    wanted = top_p * weights.sum()
    _require_number(wanted)
    count = min(_PROBABLE, len(weights))
    while True:
        places = np.argpartition(-weights, count - 1)[:count]
        places = places[np.lexsort((places, -weights[places]))]
        reached = int(np.searchsorted(weights[places].cumsum(), wanted, side="left")) + 1
        if reached <= count or count == len(weights):
            return np.sort(places[: min(reached, count)])
        count = min(len(weights), count * 8)


def _require_number(value: np.floating[np.typing.NBitBase] | np.float32) -> None:
    if not np.isfinite(value):
        message = "The model computed something that is not a number."
        raise GenerationFailed(message, cause=f"logit {value}", action="Verify the bundle; report this if it recurs.")
