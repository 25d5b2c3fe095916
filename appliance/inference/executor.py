"""One step of the model on ONNX Runtime: tokens in, the next token's logits out, the cache extended in place.

Inputs and outputs are bound once to memory that stays, so a decode step copies nothing and allocates nothing of the
size of the vocabulary. The graph contract is that of ``model_bundle.build.graph``. ONNX Runtime releases the GIL while
it computes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime as ort

from appliance.core.ports import GenerationFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from appliance.inference.kv_cache import KvCache

PROVIDER: Final = "CPUExecutionProvider"


class StepInterrupted(Exception):  # noqa: N818 - not a fault; never leaves the engine
    """The step was given up half-way; the cache is as before."""


def open_session(graph: Path, *, threads: int) -> ort.InferenceSession:
    """Load the graph for latency at batch 1: all threads inside one operator, spinning between operators.

    Raises:
        GenerationFailed: ONNX Runtime cannot load it, or would not run it on :data:`PROVIDER`.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(str(graph), options, providers=[PROVIDER])
    except Exception as error:  # the library raises many unrelated kinds
        message = "The model cannot be loaded."
        raise GenerationFailed(
            message, cause=_one_line(error), action="Verify the bundle or build it again."
        ) from error
    if session.get_providers() != [PROVIDER]:
        message = "The model would not run on the requested device."
        raise GenerationFailed(message, cause=f"providers {session.get_providers()}", action="Report this.")
    return session


class Executor:
    """Runs steps of one session on one cache. Owned by the engine's thread.

    Args:
        session: from :func:`open_session`.
        cache: the memory to bind.
        vocabulary: width of the logits.
        max_chunk: the most tokens in one step.
    """

    def __init__(self, session: ort.InferenceSession, cache: KvCache, *, vocabulary: int, max_chunk: int) -> None:
        self.max_chunk: Final = max_chunk
        self._session = session
        self._cache = cache
        self._tokens = np.zeros((1, max_chunk), dtype=np.int64)
        self._last = np.zeros(1, dtype=np.int32)
        self._total = np.zeros((), dtype=np.int32)
        self._row = np.zeros(1, dtype=np.int64)
        self._logits = np.zeros((1, vocabulary), dtype=np.float32)
        self._running: ort.RunOptions | None = None
        # The shape of a decode step never changes, so its binding is made once.
        self._decode = self._binding(tokens=1, logits=True)
        self._chunk = self._binding(tokens=1, logits=False)

    def step(self, tokens: Sequence[int], *, logits: bool) -> NDArray[np.float32] | None:
        """Append ``tokens`` to the cache.

        Args:
            tokens: between 1 and ``max_chunk``, and no more than the cache has room for.
            logits: whether to compute the distribution after the last of them.

        Returns:
            The logits ``[vocabulary]``, in memory that the next step reuses; the caller may change them. None if not
            asked for.

        Raises:
            GenerationFailed: ONNX Runtime failed; the cache is as before.
            StepInterrupted: :meth:`interrupt` was called meanwhile.
        """
        count, past = len(tokens), len(self._cache)
        if not 1 <= count <= self.max_chunk or past + count > self._cache.shape.max_len:
            message = "A step does not fit."
            raise GenerationFailed(message, cause=f"{count} tokens after {past}", action="Report this.")
        self._tokens[0, :count] = tokens
        self._last[0] = past + count - 1
        self._total[()] = past + count
        self._row[0] = count - 1
        binding = self._decode
        if count > 1 or not logits:
            binding = self._chunk
            self._shape(binding, tokens=count, logits=logits)
        running = ort.RunOptions()
        self._running = running
        try:
            self._session.run_with_iobinding(binding, running)
        except Exception as error:  # the library raises many unrelated kinds
            if running.terminate:
                raise StepInterrupted from None
            message = "The model could not compute the next token."
            raise GenerationFailed(
                message, cause=_one_line(error), action="Try again; report this if it recurs."
            ) from error
        self._cache.extend(tokens)
        return self._logits[0] if logits else None

    def interrupt(self) -> None:
        """Have the running step give up before its next operator; callable from any thread, harmless when none runs."""
        running = self._running
        if running is not None:
            running.terminate = True

    def _binding(self, *, tokens: int, logits: bool) -> ort.IOBinding:
        binding = self._session.io_binding()
        binding.bind_input("seqlens_k", "cpu", 0, np.int32, [1], self._last.ctypes.data)
        binding.bind_input("total_sequence_length", "cpu", 0, np.int32, [], self._total.ctypes.data)
        for index in range(self._cache.shape.layers):
            for part, name in enumerate(("key", "value")):
                memory = self._cache.layer(index, part)
                place = ("cpu", 0, np.float32, list(memory.shape), memory.ctypes.data)
                binding.bind_input(f"past_key_values.{index}.{name}", *place)
                binding.bind_output(f"present.{index}.{name}", *place)
        self._shape(binding, tokens=tokens, logits=logits)
        return binding

    def _shape(self, binding: ort.IOBinding, *, tokens: int, logits: bool) -> None:
        rows = 1 if logits else 0
        binding.bind_input("input_ids", "cpu", 0, np.int64, [1, tokens], self._tokens.ctypes.data)
        binding.bind_input("logit_rows", "cpu", 0, np.int64, [rows], self._row.ctypes.data)
        shape = [rows, self._logits.shape[1]]
        binding.bind_output("logits", "cpu", 0, np.float32, shape, self._logits.ctypes.data)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
