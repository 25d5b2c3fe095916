"""A fair order of waiting work: people take turns, and each person's own work stays in the order it was asked for.

Start-time fair queueing (Goyal, Vin, Cheng, 1996) with every piece of work counted as one: a piece gets the tag
``max(virtual time, the person's last tag) + 1``, the smallest tag goes next, the earlier one of two. Whoever has many
pieces waiting gets far tags; somebody who comes anew is served after at most one piece of each person who waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item]):
    tag: int
    arrival: int
    person: str
    item: Item


class FairQueue(Generic[Item]):
    """Not thread-safe; its owner holds a lock. Bounded by its owner, too."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting[Item]] = []
        self._last: dict[str, int] = {}
        self._virtual = 0
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, person: str, item: Item) -> None:
        """Add work of a person."""
        tag = max(self._virtual, self._last.get(person, 0)) + 1
        self._last[person] = tag
        self._arrivals += 1
        self._waiting.append(_Waiting(tag, self._arrivals, person, item))
        self._waiting.sort(key=lambda one: (one.tag, one.arrival))

    def pop(self) -> Item:
        """The work that is next.

        Raises:
            IndexError: nothing waits.
        """
        first = self._waiting.pop(0)
        self._virtual = first.tag
        waiting = {one.person for one in self._waiting}
        # Who waits for nothing and is not ahead of the virtual time needs no memory.
        self._last = {name: tag for name, tag in self._last.items() if tag > self._virtual or name in waiting}
        return first.item

    def remove(self, unwanted: Callable[[Item], bool]) -> list[Item]:
        """Take work out; the person's later work moves up. Returns what was taken."""
        gone = [one for one in self._waiting if unwanted(one.item)]
        for person in {one.person for one in gone}:
            left = [one for one in self._waiting if one.person == person and not unwanted(one.item)]
            tags = sorted(one.tag for one in self._waiting if one.person == person)
            fresh = [_Waiting(tag, one.arrival, person, one.item) for tag, one in zip(tags, left, strict=False)]
            self._waiting = [one for one in self._waiting if one.person != person] + fresh
            self._last[person] = fresh[-1].tag if fresh else min(tags[0] - 1, self._last.get(person, 0))
        self._waiting.sort(key=lambda one: (one.tag, one.arrival))
        return [one.item for one in gone]

    def order(self) -> list[Item]:
        """Everything that waits, in the order in which it will be served if nothing else comes."""
        return [one.item for one in self._waiting]

    def of(self, person: str) -> int:
        """How much of one person's work waits."""
        return sum(one.person == person for one in self._waiting)
