"""A radix tree over token ids: which of many token sequences shares the longest beginning with a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

from appliance.inference.kv_cache import common_prefix

_HolderT = TypeVar("_HolderT", bound="Hashable")


class _Node(Generic[_HolderT]):
    __slots__ = ("children", "edge", "holders")

    def __init__(self, edge: tuple[int, ...]) -> None:
        self.edge = edge
        self.children: dict[int, _Node[_HolderT]] = {}
        self.holders: dict[_HolderT, None] = {}
        """Everyone whose sequence goes through or ends in this node, in order of arrival."""


class RadixIndex(Generic[_HolderT]):
    """Sequences by holder; each holder has at most one. Not thread-safe."""

    def __init__(self) -> None:
        self._root: _Node[_HolderT] = _Node(())
        self._sequences: dict[_HolderT, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._sequences)

    def put(self, holder: _HolderT, tokens: Sequence[int]) -> None:
        """Note what a holder has, instead of what it had."""
        self.remove(holder)
        sequence = tuple(tokens)
        if not sequence:
            return
        self._sequences[holder] = sequence
        node, rest = self._root, sequence
        while rest:
            child = node.children.get(rest[0])
            if child is None:
                child = node.children[rest[0]] = _Node(rest)
            shared = common_prefix(child.edge, rest)
            if shared < len(child.edge):
                child = self._divide(node, child, shared)
            child.holders[holder] = None
            node, rest = child, rest[shared:]

    def remove(self, holder: _HolderT) -> None:
        """Forget a holder; unknown ones are ignored."""
        rest = self._sequences.pop(holder, ())
        node = self._root
        while rest:
            child = node.children[rest[0]]
            rest = rest[len(child.edge) :]
            del child.holders[holder]
            if not child.holders:
                del node.children[child.edge[0]]
                return
            node = child

    def longest(self, tokens: Sequence[int]) -> tuple[_HolderT | None, int]:
        """A holder whose sequence shares the most leading tokens with ``tokens``, and how many these are."""
        node, rest, matched = self._root, tuple(tokens), 0
        found: _HolderT | None = None
        while rest:
            child = node.children.get(rest[0])
            if child is None:
                break
            shared = common_prefix(child.edge, rest)
            matched += shared
            found = next(iter(child.holders))
            if shared < len(child.edge):
                break
            node, rest = child, rest[shared:]
        return found, matched

    def _divide(self, parent: _Node[_HolderT], child: _Node[_HolderT], at: int) -> _Node[_HolderT]:
        upper: _Node[_HolderT] = _Node(child.edge[:at])
        upper.holders = dict(child.holders)
        upper.children[child.edge[at]] = child
        parent.children[child.edge[0]] = upper
        child.edge = child.edge[at:]
        return upper
