"""Chooses the next token among those that the grammar allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from appliance.core.ports import GenerationFailed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TRIES: Final = 4
"""How often the overall best token is tried before all allowed ones are listed: it is allowed most of the time."""


def allowed_tokens(mask: NDArray[np.uint32]) -> NDArray[np.intp]:
    """The ids whose bit is set (bit ``i % 32`` of word ``i // 32``), ascending."""
    words = np.flatnonzero(mask)
    if len(words) * 8 < len(mask):
        bits = np.unpackbits(mask[words].view(np.uint8).reshape(len(words), 4), axis=1, bitorder="little")
        rows, columns = np.nonzero(bits)
        return words[rows] * 32 + columns
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little"))


class Sampler:
    """Greedy at temperature 0, otherwise softmax sampling with its own seeded generator (PCG64).

    Args:
        temperature: divides the logits; 0 takes the largest.
        seed: the same seed, prompt and grammar give the same text on the same machine.
    """

    def __init__(self, temperature: float = 0.0, seed: int = 0) -> None:
        self._temperature = temperature
        self._random = np.random.default_rng(seed)

    def choose(self, logits: NDArray[np.float32], mask: NDArray[np.uint32]) -> int:
        """The chosen token id. ``logits`` is scratch memory: it may be changed.

        Raises:
            GenerationFailed: the grammar allows no token, or the logits are not numbers.
        """
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
        weights = np.exp(scaled).cumsum()
        _require_number(weights[-1])
        return int(allowed[np.searchsorted(weights, self._random.random() * weights[-1], side="right")])


def _require_number(value: np.floating[np.typing.NBitBase] | np.float32) -> None:
    if not np.isfinite(value):
        message = "The model computed something that is not a number."
        raise GenerationFailed(message, cause=f"logit {value}", action="Verify the bundle; report this if it recurs.")
