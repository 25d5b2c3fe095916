"""What is in the cache's slots, and how a conversation gets as much of it as it may have: kept, copied or restored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from appliance.inference.ownership import OwnedIndex, Owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.inference.kv_cache import SlotCache
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
        prefixes: stored keys and values of prompts that recur, which are the appliance's own.
    """

    def __init__(self, cache: SlotCache, prefixes: PrefixCache) -> None:
        self.cache: Final = cache
        self._prefixes = prefixes
        self._index = OwnedIndex()
        self._owners = {slot: Owner.alone() for slot in range(cache.slots)}
        self._used = dict.fromkeys(range(cache.slots), 0)
        self._clock = 0
        self._asked = dict.fromkeys(range(cache.slots), 0)
        self._changes = 0
        """How often a slot went from one conversation to another."""

    def choose(self, tokens: Sequence[int], free: frozenset[int], scope: str) -> int:
        """The free slot that costs least: what it forgets may be wanted again, what it lacks is copied or computed.

        So a conversation finds its own slot again, and a new one does not take the slot of another that has the same
        beginning and only pauses. What a slot forgets counts for less the longer nobody asked for it: for half each
        time that as many other conversations came as there are slots, so that a long one of somebody who is gone goes
        at last. Among equals it is the slot that was not used for longest, low numbers first.
        """
        kept = {slot: self._usable(slot, tokens, scope) for slot in free}
        known = max(self.known(tokens, scope), *kept.values())
        lacking = _COPY if self.cache.movable else 1.0

        def cost(slot: int) -> float:
            forgotten = self.cache.length(slot) - kept[slot]
            ages = (self._changes - self._asked[slot]) / self.cache.slots
            return _FORGET * forgotten * math.exp2(-ages) + lacking * (known - kept[slot])

        return min(free, key=lambda slot: (cost(slot), self._used[slot], slot))

    def known(self, tokens: Sequence[int], scope: str) -> int:
        """How many leading tokens some slot or stored prefix holds for a conversation in ``scope``."""
        return max(self._index.longest(tokens, scope)[1], self._prefixes.longest(tokens)[1])

    def fill(self, slot: int, tokens: Sequence[int], owner: Owner, *, stable: bool) -> int:
        """Bring the longest known beginning of ``tokens`` into ``slot``.

        Args:
            slot: nobody else's.
            tokens: of the conversation.
            owner: whose it is; the slot is theirs from now on.
            stable: look for exactly these among the stored prefixes first, as a prompt that recurs.

        Returns:
            How many tokens the slot now shares with ``tokens``; the rest of it is forgotten.
        """
        own = self._usable(slot, tokens, owner.scope)
        self._changes += own < self.cache.length(slot)
        self._asked[slot] = self._changes
        self._index.remove(slot)
        self._owners[slot] = owner
        if not self.cache.movable:
            self.cache.rewind(slot, own)
            return own
        if stable and own < len(tokens) and (rows := self._prefixes.find(tokens)) is not None:
            self.cache.restore(slot, tokens, rows)
            return len(tokens)
        holder, shared = self._index.longest(tokens, owner.scope)
        if holder is not None:
            shared = self._usable(holder, tokens, owner.scope)
        stored, length = self._prefixes.longest(tokens)
        if stored is not None and length >= max(own, shared) + WORTH_COPYING:
            self.cache.restore(slot, tokens[:length], stored)
            return length
        if holder is not None and shared >= own + WORTH_COPYING:
            self.cache.copy(holder, slot, shared)
            return shared
        self.cache.rewind(slot, own)
        return own

    def note(self, slot: int) -> None:
        """Make what the slot holds now known to later conversations that may use it."""
        self._clock += 1
        self._used[slot] = self._clock
        self._index.put(slot, self.cache.tokens(slot), self._owners[slot])

    def move(self, source: int, target: int) -> None:
        """Copy everything of one slot to another, and forget it in the first."""
        self.cache.copy(source, target, self.cache.length(source))
        self.cache.rewind(source, 0)
        self._index.remove(source)
        self._owners[target], self._owners[source] = self._owners[source], Owner.alone()
        self._asked[target] = self._asked[source]
        self.note(target)

    def keep(self, slot: int, tokens: Sequence[int]) -> None:
        """Store the beginning ``tokens`` of the slot for other conversations and the next start."""
        if self.cache.movable and self._prefixes.find(tokens) is None:
            self._prefixes.store(tokens, self.cache.prefix(slot, len(tokens)))

    def _usable(self, slot: int, tokens: Sequence[int], scope: str) -> int:
        """How many leading ``tokens`` a conversation in ``scope`` may take from a slot."""
        return self._owners[slot].usable(self.cache.tokens(slot), tokens, scope)
