"""Steps of the model on ONNX Runtime: tokens in, logits out, the cache extended in place.

There are two kinds, because that is what ``GroupQueryAttention`` computes on top of a past: several tokens of one
conversation (a chunk), or one token each of several conversations (a batch). A batch covers neighbouring slots; an idle
one among them computes a row that nobody reads, beyond its cursor. The cache is bound once, to memory that stays. The
graph contract is that of ``model_bundle.build.graph``. ONNX Runtime releases the GIL while it computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import onnxruntime as ort

from appliance.core.ports import GenerationFailed
from appliance.inference.execution import MAX_DRAFT, StepInterrupted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.inference.kv_cache import BoundCache


@dataclass(frozen=True)
class Graphs:
    """Sessions over the same weights in one or two forms, which share the cache.

    Attributes:
        narrow: for few tokens: the least bytes per step.
        wide: for many tokens in a step (prompts, batches): the least arithmetic; None if the bundle has no such graph.
        wide_from: how many tokens a step must have to go to ``wide``.
    """

    narrow: ort.InferenceSession
    wide: ort.InferenceSession | None = None
    wide_from: int = 1 << 30


class OnnxExecutor:
    """An :class:`appliance.inference.execution.Executor` on ONNX Runtime.

    Args:
        graphs: from ``appliance.inference.sessions``.
        cache: the memory to bind.
        vocabulary: width of the logits.
        max_chunk: the most tokens in one chunk.
    """

    def __init__(self, graphs: Graphs, cache: BoundCache, *, vocabulary: int, max_chunk: int) -> None:
        self.max_chunk: Final = max_chunk
        self._graphs = graphs
        self._cache = cache
        rows = max(cache.slots, MAX_DRAFT + 1)
        self._tokens = np.zeros(max(max_chunk, rows), dtype=np.int64)
        self._last = np.zeros(cache.slots, dtype=np.int32)
        self._total = np.zeros((), dtype=np.int32)
        self._rows = np.zeros(rows, dtype=np.int64)
        self._logits = np.zeros((rows, vocabulary), dtype=cache.shape.kind)
        self._running: ort.RunOptions | None = None
        self._bindings: dict[tuple[bool, int, int], ort.IOBinding] = {}
        self._on_device = cache.place(0, 0, 0, 1)[0] != "cpu"

    def chunk(self, slot: int, tokens: Sequence[int], *, rows: int) -> NDArray[np.float32]:
        """As the protocol says."""
        count, past = len(tokens), self._cache.length(slot)
        if not 1 <= count <= self.max_chunk or past + count > self._cache.shape.max_len or rows > count:
            message = "A step does not fit."
            raise GenerationFailed(message, cause=f"{count} tokens after {past}", action="Report this.")
        self._tokens[:count] = tokens
        self._last[0] = past + count - 1
        self._total[()] = past + count
        self._rows[:rows] = range(count - rows, count)
        # Drafts are verified by the graph that would have computed them one by one.
        wide = count >= self._graphs.wide_from and rows <= 1
        self._run(wide, slot, slot + 1, per_row=count, rows=rows)
        self._cache.extend(slot, tokens)
        return self._logits[:rows].astype(np.float32, copy=False)

    def batch(self, entries: Sequence[tuple[int, int, bool]]) -> NDArray[np.float32]:
        """As the protocol says."""
        first = min(slot for slot, _, _ in entries)
        last = max(slot for slot, _, _ in entries) + 1
        room = self._cache.shape.max_len - 1
        for slot in range(first, last):
            if self._cache.length(slot) > room:
                if any(slot == entry[0] for entry in entries):
                    message = "A step does not fit."
                    raise GenerationFailed(message, cause=f"slot {slot} is full", action="Report this.")
                self._cache.rewind(slot, room)  # an idle slot: the row that nobody reads needs a place
            self._last[slot - first] = self._cache.length(slot)
        self._tokens[: last - first] = 0
        for slot, token, _ in entries:
            self._tokens[slot - first] = token
        self._total[()] = int(self._last[: last - first].max()) + 1
        wanted = [slot - first for slot, _, logits in entries if logits]
        self._rows[: len(wanted)] = wanted
        self._run(last - first >= self._graphs.wide_from, first, last, per_row=1, rows=len(wanted))
        for slot, token, _ in entries:
            self._cache.extend(slot, [token])
        return self._logits[: len(wanted)].astype(np.float32, copy=False)

    def interrupt(self) -> None:
        """Have the running step give up before its next operator."""
        running = self._running
        if running is not None:
            running.terminate = True

    def _run(self, wide: bool, first: int, last: int, *, per_row: int, rows: int) -> None:
        session = self._graphs.wide if wide and self._graphs.wide is not None else self._graphs.narrow
        key = (session is self._graphs.wide, first, last)
        binding = self._bindings.get(key)
        if binding is None:
            binding = self._bindings[key] = self._binding(session, first, last)
        # Bound anew each time: what a device reads is copied to it when it is bound, not when the graph is run.
        binding.bind_input("input_ids", "cpu", 0, np.int64, [last - first, per_row], self._tokens.ctypes.data)
        binding.bind_input("seqlens_k", "cpu", 0, np.int32, [last - first], self._last.ctypes.data)
        binding.bind_input("total_sequence_length", "cpu", 0, np.int32, [], self._total.ctypes.data)
        binding.bind_input("logit_rows", "cpu", 0, np.int64, [rows], self._rows.ctypes.data)
        shape = [rows, self._logits.shape[1]]
        binding.bind_output("logits", "cpu", 0, self._cache.shape.kind, shape, self._logits.ctypes.data)
        running = ort.RunOptions()
        self._running = running
        try:
            if self._on_device:
                binding.synchronize_inputs()
            session.run_with_iobinding(binding, running)
            if self._on_device:
                binding.synchronize_outputs()
        except Exception as error:  # the library raises many unrelated kinds
            if running.terminate:
                raise StepInterrupted from None
            message = "The model could not compute the next token."
            cause = " ".join(str(error).split())[:500]
            raise GenerationFailed(message, cause=cause, action="Try again; report this if it recurs.") from error

    def _binding(self, session: ort.InferenceSession, first: int, last: int) -> ort.IOBinding:
        binding = session.io_binding()
        parts: tuple[tuple[Literal[0, 1], str], ...] = ((0, "key"), (1, "value"))
        for index in range(self._cache.shape.layers):
            for part, name in parts:
                place = self._cache.place(index, part, first, last)
                binding.bind_input(f"past_key_values.{index}.{name}", *place)
                binding.bind_output(f"present.{index}.{name}", *place)
        return binding
