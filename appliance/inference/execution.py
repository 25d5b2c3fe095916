"""What the engine needs of whatever runs the model: steps on slots.

Two libraries do: ONNX Runtime (``executor.py``) and onnxruntime-genai (``genai_executor.py``). What one of them cannot
do is a property of its cache (:attr:`appliance.inference.kv_cache.SlotCache.movable`) or a limit (``max_chunk``), and
the engine goes by these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

MAX_DRAFT: Final = 15
"""Drafted tokens that one step can verify."""


class StepInterrupted(Exception):  # noqa: N818 - not a fault; never leaves the engine
    """The step was given up half-way; the cache is as before."""


class Executor(Protocol):
    """Runs steps on one cache and moves its cursors. Owned by the engine's thread."""

    @property
    def max_chunk(self) -> int:
        """The most tokens in one chunk."""
        ...

    def chunk(self, slot: int, tokens: Sequence[int], *, rows: int) -> NDArray[np.float32]:
        """Append ``tokens`` to a slot.

        Args:
            slot: whose.
            tokens: between 1 and ``max_chunk``, and no more than the slot has room for.
            rows: after how many of the last tokens the distribution is wanted; at most ``MAX_DRAFT + 1``.

        Returns:
            Logits ``[rows, vocabulary]``, in memory that the next step may reuse; the caller may change them.

        Raises:
            GenerationFailed: it could not be computed; the cache is as before.
            StepInterrupted: :meth:`interrupt` was called meanwhile.
        """
        ...

    def batch(self, entries: Sequence[tuple[int, int, bool]]) -> NDArray[np.float32]:
        """Append one token to each of several slots.

        Args:
            entries: slot, token, and whether the distribution after it is wanted; every slot at most once.

        Returns:
            Logits of those that want them, in the order of ``entries``; memory as for :meth:`chunk`.

        Raises:
            GenerationFailed: it could not be computed; the cache is as before.
            StepInterrupted: :meth:`interrupt` was called meanwhile.
        """
        ...

    def interrupt(self) -> None:
        """Have the running step give up if it can; callable from any thread, harmless when none runs."""
        ...
