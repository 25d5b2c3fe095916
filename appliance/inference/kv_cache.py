"""The key/value cache: one arena that the graph reads and writes in place, and the list of tokens that it holds.

Layout: ``[layers, key or value, slots, kv_heads, max_len, head_dim]`` float32, so that one layer's keys or values are
one contiguous tensor, and its rows for a token are where the graph's ``GroupQueryAttention`` appends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ALIGNMENT: Final = 64
"""Bytes; a cache line, and the width of an AVX-512 register."""


@dataclass(frozen=True)
class CacheShape:
    """Sizes of the cache; ``max_len`` in tokens."""

    layers: int
    kv_heads: int
    max_len: int
    head_dim: int

    @property
    def bytes_per_token(self) -> int:
        """Of keys and values together, over all layers."""
        return self.layers * 2 * self.kv_heads * self.head_dim * 4

    def prefix_shape(self, length: int) -> tuple[int, int, int, int, int]:
        """Shape of the stored rows of ``length`` tokens: layer, key or value, head, token, width."""
        return (self.layers, 2, self.kv_heads, length, self.head_dim)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens are equal."""
    limit = min(len(first), len(second))
    if first[:limit] == second[:limit]:
        return limit
    return next(index for index in range(limit) if first[index] != second[index])


class KvCache:
    """One conversation's slot: memory, and a cursor. Owned by the engine's thread.

    The rows beyond the cursor are garbage that the next step overwrites; so forgetting costs nothing.
    """

    def __init__(self, shape: CacheShape) -> None:
        self.shape: Final = shape
        sizes = (shape.layers, 2, 1, shape.kv_heads, shape.max_len, shape.head_dim)
        count = int(np.prod(sizes))
        memory = np.zeros(count + _ALIGNMENT // 4, dtype=np.float32)  # pages are committed when first written
        offset = (-memory.ctypes.data % _ALIGNMENT) // 4
        self._memory = memory[offset : offset + count].reshape(sizes)
        self._tokens: list[int] = []

    def layer(self, index: int, part: int) -> NDArray[np.float32]:
        """The tensor ``[1, kv_heads, max_len, head_dim]`` of a layer's keys (``part`` 0) or values (1)."""
        layer: NDArray[np.float32] = self._memory[index, part]
        return layer

    @property
    def tokens(self) -> list[int]:
        """The tokens whose keys and values are in the cache; not to be changed by the caller."""
        return self._tokens

    def __len__(self) -> int:
        return len(self._tokens)

    def extend(self, tokens: Sequence[int]) -> None:
        """Move the cursor over rows that a step has just written."""
        self._tokens.extend(tokens)

    def rewind(self, length: int) -> None:
        """Forget everything after the first ``length`` tokens."""
        del self._tokens[length:]

    def prefix(self, length: int) -> NDArray[np.float32]:
        """A contiguous copy of the rows of the first ``length`` tokens, in :meth:`CacheShape.prefix_shape`."""
        return np.ascontiguousarray(self._memory[:, :, 0, :, :length, :])

    def restore(self, tokens: Sequence[int], rows: NDArray[np.float32]) -> None:
        """Make ``tokens`` the whole content, with rows that :meth:`prefix` returned for them."""
        self._tokens.clear()
        np.copyto(self._memory[:, :, 0, :, : len(tokens), :], rows)
        self._tokens.extend(tokens)
