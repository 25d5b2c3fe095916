"""Steps of the model on onnxruntime-genai: one of its generators for each slot, all over the same weights.

Only its forward pass is used: tokens are appended, logits taken, and what follows is rewound. Choosing, masks, guesses
and scheduling stay the engine's, so that the text is the same as on ONNX Runtime. What its Python interface of 0.18
lacks: keys and values cannot be moved between generators; a generator of several rows takes no more tokens after its
first ones, so that a batch is computed one slot at a time; a step holds Python's global lock and cannot be interrupted,
so that chunks are short. Its paged engine chooses tokens itself and shows no logits (docs/adr/0018-second-executor.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from appliance.core.ports import GenerationFailed
from appliance.inference.genai_model import library, open_genai
from appliance.inference.kv_cache import SlotCache
from appliance.inference.limits import Device
from model_bundle.build.genai_graph import LAST_LOGITS, ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from model_bundle.verify import VerifiedBundle

MOST_AT_ONCE: Final = 128
"""Tokens of a chunk on a processor: nothing else happens in the worker meanwhile, not even a cancellation."""


class GenaiExecutor:
    """An :class:`appliance.inference.execution.Executor` on onnxruntime-genai.

    Args:
        generators: makes a new generator; memory for its whole context is taken then.
        cache: cursors; the memory is the generators'.
        vocabulary: width of the logits.
        max_chunk: the most tokens in one chunk.
    """

    def __init__(self, generators: Callable[[], Any], cache: SlotCache, *, vocabulary: int, max_chunk: int) -> None:
        self.max_chunk: Final = max_chunk
        self._nothing = np.zeros((0, vocabulary), dtype=np.float32)
        self._new = generators
        self._cache = cache
        self._generators: dict[int, Any] = {}

    def chunk(self, slot: int, tokens: Sequence[int], *, rows: int) -> NDArray[np.float32]:
        """As the protocol says."""
        logits = self._append(slot, tokens, rows)
        self._cache.extend(slot, tokens)
        return logits

    def batch(self, entries: Sequence[tuple[int, int, bool]]) -> NDArray[np.float32]:
        """As the protocol says; computed one slot after another."""
        logits = [self._append(slot, [token], int(wanted)) for slot, token, wanted in entries]
        for slot, token, _ in entries:
            self._cache.extend(slot, [token])
        return np.concatenate(logits)

    def interrupt(self) -> None:
        """Nothing: the step, which is short, goes on to its end."""

    def _append(self, slot: int, tokens: Sequence[int], rows: int) -> NDArray[np.float32]:
        """Compute after the slot's cursor, which is not moved: if it stays, the next step rewinds the generator."""
        count, past = len(tokens), self._cache.length(slot)
        if not 1 <= count <= self.max_chunk or past + count > self._cache.shape.max_len or rows > min(count, ROWS):
            message = "A step does not fit."
            raise GenerationFailed(message, cause=f"{count} tokens after {past}", action="Report this.")
        try:
            generator = self._generators.get(slot)
            if generator is None:
                generator = self._generators[slot] = self._new()
            if generator.token_count() != past:
                generator.rewind_to(past)
            generator.append_tokens(np.asarray(tokens, dtype=np.int32))
            found: NDArray[np.float32] = generator.get_output(LAST_LOGITS) if rows else self._nothing
        except Exception as error:  # the library raises RuntimeError for everything
            message = "The model could not compute the next token."
            cause = " ".join(str(error).split())[:500]
            raise GenerationFailed(message, cause=cause, action="Try again; report this if it recurs.") from error
        return found[len(found) - rows :].astype(np.float32, copy=False)


def genai_executor(
    bundle: VerifiedBundle, cache: SlotCache, *, threads: int, max_chunk: int, device: Device
) -> GenaiExecutor:
    """An executor for ``bundle``.

    Raises:
        GenerationFailed: as :func:`appliance.inference.genai_model.open_genai`.
    """
    context = cache.shape.max_len
    model = open_genai(bundle, threads=threads, context_tokens=context, device=device)
    genai = library(device)

    def new() -> Any:
        parameters = genai.GeneratorParams(model)
        parameters.set_search_options(max_length=context)
        return genai.Generator(model, parameters)

    most = min(max_chunk, MOST_AT_ONCE) if device is Device.CPU else max_chunk
    return GenaiExecutor(new, cache, vocabulary=bundle.manifest.graph.vocabulary, max_chunk=most)
