"""Whose keys and values are in the cache: what one person's words left there must not show to another.

A prompt that is in memory already is answered sooner, and its length is told as cached. If rows were reused whoever
they came from, anybody could try beginnings and learn from the time to the first token what somebody else had asked
(arXiv 2502.07776). So rows are found within a scope only, apart from those of the appliance's own fixed words.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.inference.kv_cache import common_prefix
from appliance.inference.radix import RadixIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

_NUMBERS: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a conversation is.

    Attributes:
        scope: its rows are reused in conversations of the same scope only.
        shared: how many of its leading tokens are the appliance's own words, which anybody may have the rows of.
    """

    scope: str
    shared: int = 0

    @classmethod
    def alone(cls) -> Owner:
        """A scope that no other conversation of this process is in."""
        return cls(f"alone {next(_NUMBERS)}")

    def usable(self, held: Sequence[int], tokens: Sequence[int], scope: str) -> int:
        """How many leading ``tokens`` of a conversation in ``scope`` it may take over from ``held``, which are this
        owner's."""
        common = common_prefix(held, tokens)
        return common if self.scope == scope else min(common, self.shared)


class OwnedIndex:
    """Finds the slot that holds the longest beginning among those that a scope may use. Not thread-safe."""

    def __init__(self) -> None:
        self._shared: RadixIndex[int] = RadixIndex()
        self._own: dict[str, RadixIndex[int]] = {}
        self._owners: dict[int, Owner] = {}

    def put(self, slot: int, tokens: Sequence[int], owner: Owner) -> None:
        """Note what a slot holds, and whose it is, instead of what it held."""
        self.remove(slot)
        if not tokens:
            return
        self._owners[slot] = owner
        self._shared.put(slot, tokens[: owner.shared])
        self._own.setdefault(owner.scope, RadixIndex()).put(slot, tokens)

    def remove(self, slot: int) -> None:
        """Forget a slot; unknown ones are ignored."""
        owner = self._owners.pop(slot, None)
        if owner is None:
            return
        self._shared.remove(slot)
        own = self._own[owner.scope]
        own.remove(slot)
        if not len(own):
            del self._own[owner.scope]

    def longest(self, tokens: Sequence[int], scope: str) -> tuple[int | None, int]:
        """A slot, and how many leading ``tokens`` of it a conversation in ``scope`` may use; None and 0 if none."""
        shared = self._shared.longest(tokens)
        own = self._own[scope].longest(tokens) if scope in self._own else (None, 0)
        return own if own[1] >= shared[1] else shared
