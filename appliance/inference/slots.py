"""What is in the cache's slots, and how a conversation gets as much of it as possible: kept, copied or restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.inference.kv_cache import common_prefix
from appliance.inference.radix import RadixIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.inference.kv_cache import KvCache
    from appliance.inference.prefix_cache import PrefixCache

_FORGET: Final = 0.5
_COPY: Final = 0.02
"""What a token is worth that a slot forgets, or that has to be copied to it, where one that is computed costs 1."""
WORTH_COPYING: Final = 16
"""Tokens; fewer are computed again faster than they are fetched."""


class Slots:
    """Owned by the engine's thread.

    Args:
        cache: the memory.
        prefixes: stored keys and values of prompts that recur.
    """

    def __init__(self, cache: KvCache, prefixes: PrefixCache) -> None:
        self.cache: Final = cache
        self._prefixes = prefixes
        self._index: RadixIndex[int] = RadixIndex()
        self._used = dict.fromkeys(range(cache.slots), 0)
        self._clock = 0

    def choose(self, tokens: Sequence[int], free: frozenset[int]) -> int:
        """The free slot that costs least: what it forgets may be wanted again, what it lacks is copied or computed.

        So a conversation finds its own slot again, and a new one does not take the slot of another that has the same
        beginning and only pauses. Among equals it is the slot that was not used for longest, low numbers first.
        """
        kept = {slot: common_prefix(self.cache.tokens(slot), tokens) for slot in free}
        known = max(self.known(tokens), *kept.values())
        lacking = _COPY if self.cache.movable else 1.0

        def cost(slot: int) -> float:
            forgotten = self.cache.length(slot) - kept[slot]
            return _FORGET * forgotten + lacking * (known - kept[slot])

        return min(free, key=lambda slot: (cost(slot), self._used[slot], slot))

    def known(self, tokens: Sequence[int]) -> int:
        """How many leading tokens some slot or stored prefix holds."""
        return max(self._index.longest(tokens)[1], self._prefixes.longest(tokens)[1])

    def fill(self, slot: int, tokens: Sequence[int], *, stable: bool) -> int:
        """Bring the longest known beginning of ``tokens`` into ``slot``.

        Args:
            slot: nobody else's.
            tokens: of the conversation.
            stable: look for exactly these among the stored prefixes first, as a prompt that recurs.

        Returns:
            How many tokens the slot now shares with ``tokens``; the rest of it is forgotten.
        """
        own = common_prefix(self.cache.tokens(slot), tokens)
        if not self.cache.movable:
            self.cache.rewind(slot, own)
            return own
        if stable and own < len(tokens) and (rows := self._prefixes.find(tokens)) is not None:
            self.cache.restore(slot, tokens, rows)
            return len(tokens)
        holder, shared = self._index.longest(tokens)
        if holder is not None and holder != slot:
            shared = common_prefix(self.cache.tokens(holder), tokens)
        stored, length = self._prefixes.longest(tokens)
        if stored is not None and length >= max(own, shared) + WORTH_COPYING:
            self.cache.restore(slot, tokens[:length], stored)
            return length
        if holder is not None and holder != slot and shared >= own + WORTH_COPYING:
            self.cache.copy(holder, slot, shared)
            return shared
        self.cache.rewind(slot, own)
        return own

    def note(self, slot: int) -> None:
        """Make what the slot holds now known to later conversations."""
        self._clock += 1
        self._used[slot] = self._clock
        self._index.put(slot, self.cache.tokens(slot))

    def move(self, source: int, target: int) -> None:
        """Copy everything of one slot to another, and forget it in the first."""
        self.cache.copy(source, target, self.cache.length(source))
        self.cache.rewind(source, 0)
        self._index.remove(source)
        self.note(target)

    def keep(self, slot: int, tokens: Sequence[int]) -> None:
        """Store the beginning ``tokens`` of the slot for other conversations and the next start."""
        if self.cache.movable and self._prefixes.find(tokens) is None:
            self._prefixes.store(tokens, self.cache.prefix(slot, len(tokens)))
