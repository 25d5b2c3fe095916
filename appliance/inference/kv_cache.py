"""The key/value cache: one arena that the graph reads and writes in place, cut into slots of one conversation each.

Layout: ``[layers, key or value, slots, kv_heads, max_len, head_dim]``, so that one layer's keys or values of
neighbouring slots are one contiguous tensor, and a row of it is where the graph's ``GroupQueryAttention`` appends.
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Rows: TypeAlias = "NDArray[np.floating[Any]]"
Place = tuple[str, int, type[np.floating[Any]], list[int], int]
"""Device, its number, element type, shape, address."""


@dataclass(frozen=True)
class CacheShape:
    """Sizes of a slot; ``max_len`` in tokens, ``element`` float32 or float16."""

    layers: int
    kv_heads: int
    max_len: int
    head_dim: int
    element: str = "float32"

    @property
    def kind(self) -> type[np.floating[Any]]:
        """NumPy's type of an element."""
        return np.float16 if self.element == "float16" else np.float32

    @property
    def bytes_per_token(self) -> int:
        """Of keys and values together, over all layers."""
        return self.layers * 2 * self.kv_heads * self.head_dim * np.dtype(self.kind).itemsize

    def prefix_shape(self, length: int) -> tuple[int, int, int, int, int]:
        """Shape of the stored rows of ``length`` tokens: layer, key or value, head, token, width."""
        return (self.layers, 2, self.kv_heads, length, self.head_dim)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens are equal."""
    limit = min(len(first), len(second))
    if first[:limit] == second[:limit]:
        return limit
    return next(index for index in range(limit) if first[index] != second[index])


class SlotCache:
    """Slots with a cursor in each, whoever has the memory. Owned by the engine's thread.

    The rows beyond a cursor are garbage that the next step overwrites; so forgetting costs nothing.

    Args:
        shape: of one slot.
        slots: how many conversations fit.
    """

    movable: bool = False
    """Whether rows can be copied between slots, stored and restored."""

    def __init__(self, shape: CacheShape, *, slots: int = 1) -> None:
        self.shape: Final = shape
        self.slots: Final = slots
        self._tokens: list[list[int]] = [[] for _ in range(slots)]

    def tokens(self, slot: int = 0) -> list[int]:
        """The tokens whose keys and values are in the slot; not to be changed by the caller."""
        return self._tokens[slot]

    def length(self, slot: int = 0) -> int:
        """How many these are."""
        return len(self._tokens[slot])

    def extend(self, slot: int, tokens: Sequence[int]) -> None:
        """Move the cursor over rows that a step has just written."""
        self._tokens[slot].extend(tokens)

    def rewind(self, slot: int, length: int) -> None:
        """Forget everything after the first ``length`` tokens."""
        del self._tokens[slot][length:]

    def prefix(self, slot: int, length: int) -> Rows:
        """A contiguous copy of the rows of the first ``length`` tokens, in :meth:`CacheShape.prefix_shape`."""
        raise self._immovable(slot, length)

    def restore(self, slot: int, tokens: Sequence[int], rows: Rows) -> None:
        """Make ``tokens`` the whole content, with the first of the rows that :meth:`prefix` returned for them."""
        raise self._immovable(slot, len(tokens), rows.shape)

    def copy(self, source: int, target: int, length: int) -> None:
        """Make the first ``length`` tokens of one slot the whole content of another."""
        raise self._immovable(source, target, length)

    def _immovable(self, *asked: object) -> TypeError:
        message = f"{type(self).__name__} moves no rows; asked for {asked}"
        return TypeError(message)


class BoundCache(SlotCache, ABC):
    """One whose memory a graph's inputs and outputs are bound to."""

    @abstractmethod
    def place(self, index: int, part: int, first: int, last: int) -> Place:
        """Where a layer's keys (``part`` 0) or values (1) of some slots lie: what an IO binding takes."""


class KvCache(BoundCache):
    """In this process's memory.

    Args:
        shape: of one slot.
        slots: how many conversations fit; memory is committed page by page when it is first written.

    Raises:
        OSError: there is not so much memory.
    """

    movable = True

    def __init__(self, shape: CacheShape, *, slots: int = 1) -> None:
        super().__init__(shape, slots=slots)
        sizes = (shape.layers, 2, slots, shape.kv_heads, shape.max_len, shape.head_dim)
        # NumPy would ask for huge pages; as a head of a slot is one of them, the first token would commit all of it.
        memory = mmap.mmap(-1, max(1, slots * shape.max_len * shape.bytes_per_token))
        self._memory = np.frombuffer(memory, dtype=shape.kind, count=int(np.prod(sizes))).reshape(sizes)

    def place(self, index: int, part: int, first: int, last: int) -> Place:
        """Where a layer's keys or values of some slots lie: what an IO binding takes."""
        memory = self.layer(index, part, first, last)
        return "cpu", 0, self.shape.kind, list(memory.shape), memory.ctypes.data

    def layer(self, index: int, part: int, first: int = 0, last: int | None = None) -> Rows:
        """The tensor ``[slots, kv_heads, max_len, head_dim]`` of a layer's keys (``part`` 0) or values (1).

        It covers the slots from ``first`` up to, not including, ``last``; all of them without ``last``.
        """
        layer: Rows = self._memory[index, part, first : self.slots if last is None else last]
        return layer

    def prefix(self, slot: int, length: int) -> Rows:
        """As :class:`SlotCache` says."""
        return np.ascontiguousarray(self._memory[:, :, slot, :, :length, :])

    def restore(self, slot: int, tokens: Sequence[int], rows: Rows) -> None:
        """As :class:`SlotCache` says."""
        self._tokens[slot].clear()
        np.copyto(self._memory[:, :, slot, :, : len(tokens), :], rows[:, :, :, : len(tokens), :])
        self._tokens[slot].extend(tokens)

    def copy(self, source: int, target: int, length: int) -> None:
        """As :class:`SlotCache` says."""
        np.copyto(self._memory[:, :, target, :, :length, :], self._memory[:, :, source, :, :length, :])
        self._tokens[target][:] = self._tokens[source][:length]
