"""Who computes next: pure accounting over slots and tickets. No model, no tokens, no clock.

A ticket is a request. It waits in order of arrival, gets a slot, and runs until it is removed. When others wait and no
slot is free, the one that has had the most computes no more for now: it goes to the end of the queue, and its tokens
are computed again (or found in the prefix cache) when its turn comes. So no arrival order starves anyone.

Tickets in the background are the exception by intent: they go last, make room at once, and compute only while no
other does.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INLINE_PER_OTHER: Final = 2
_MAX_INLINE: Final = 8
"""Tokens that a conversation rather feeds into the common batch one by one than in a chunk of its own, which would hold
up the others; twice as many as there are others, because a row of a batch costs about a tenth of a chunk."""


@dataclass(frozen=True)
class Chunk:
    """The next ``count`` tokens of one ticket."""

    ticket: int
    count: int


@dataclass(frozen=True)
class Batch:
    """One token of each of these tickets."""

    tickets: tuple[int, ...]


Step = Chunk | Batch
_PASSING: Final = 4
"""Short prompts go first, so that an editor's does not wait for a long chat. What others read meanwhile counts so often
towards the turn of the long one: after a quarter as many tokens as it has, no newcomer goes before its next chunk."""


@dataclass(frozen=True)
class Policy:
    """How work is shared.

    Attributes:
        max_chunk: the most tokens of a step when nobody else waits for one.
        budget_seconds: how long chunks may hold up conversations that are writing, one after the other.
        write_share: the part of the time that these have while others read. They take it in several steps, so that
            chunks need not be small, which would cost more for each of their tokens.
        quantum: tokens that a ticket may compute before it has to make room for one that waits; twice as many each time
            that it had to, so that what it has to compute again does not keep it from ever getting further.
        least_chunk: tokens; a smaller step is not worth its cost.
    """

    max_chunk: int = 256
    budget_seconds: float = 0.5
    write_share: float = 0.5
    quantum: int = 2048
    least_chunk: int = 16


class Scheduler:
    """Owned by the engine's thread.

    Args:
        slots: how many tickets run at a time.
        policy: how work is shared among them.
    """

    def __init__(self, slots: int, policy: Policy | None = None) -> None:
        self._policy = policy or Policy()
        self._free = set(range(slots))
        self._queue: deque[int] = deque()
        self._running: OrderedDict[int, int] = OrderedDict()
        self._spent: dict[int, int] = {}
        self._preempted: dict[int, int] = {}
        self._background: set[int] = set()
        self._seconds_per_token = 0.01
        self._chunk_seconds = 0.0
        self._owed = 0.0
        """Seconds that those who write have to get before the next chunk."""
        self._readers: tuple[int, ...] = ()
        self._writers: tuple[int, ...] = ()
        self._passed: dict[int, int] = {}

    @property
    def free(self) -> frozenset[int]:
        """Slots that nobody has."""
        return frozenset(self._free)

    @property
    def waiting(self) -> tuple[int, ...]:
        """Tickets without a slot, first come first."""
        return tuple(self._queue)

    @property
    def running(self) -> Mapping[int, int]:
        """The slot of each running ticket."""
        return dict(self._running)

    def submit(self, ticket: int, *, background: bool = False) -> None:
        """Queue a ticket, behind those that came before; one in the background behind all others.

        Raises:
            ValueError: it is here already.
        """
        if ticket in self._running or ticket in self._queue:
            message = f"ticket {ticket} is here already"
            raise ValueError(message)
        if background:
            self._background.add(ticket)
        self._enqueue(ticket)

    def promote(self, ticket: int) -> None:
        """Somebody waits for it now: it is in the background no more."""
        if ticket in self._background:
            self._background.discard(ticket)
            if ticket in self._queue:
                self._queue.remove(ticket)
                self._enqueue(ticket)

    def remove(self, ticket: int) -> None:
        """It is over, or was cancelled, wherever it was; its slot is free at once. Unknown tickets are ignored."""
        if ticket in self._running:
            self._free.add(self._running.pop(ticket))
            del self._spent[ticket]
        elif ticket in self._queue:
            self._queue.remove(ticket)
        self._preempted.pop(ticket, None)
        self._passed.pop(ticket, None)
        self._background.discard(ticket)

    def admit(
        self, choose: Callable[[int, frozenset[int]], int], held: Callable[[int], bool] = lambda _ticket: False
    ) -> list[tuple[int, int]]:
        """Give free slots to whoever waits longest.

        Args:
            choose: the slot that suits a ticket best, of those that are free.
            held: whether a ticket gains by waiting for one that runs; it keeps its place in the queue.

        Returns:
            The tickets that run from now on, and their slots.

        Raises:
            ValueError: ``choose`` named a slot that is not free.
        """
        admitted = []
        for ticket in tuple(self._queue):
            if not self._free:
                break
            if held(ticket):
                continue
            slot = choose(ticket, frozenset(self._free))
            if slot not in self._free:
                message = f"slot {slot} is not free"
                raise ValueError(message)
            self._queue.remove(ticket)
            self._free.remove(slot)
            self._running[ticket] = slot
            self._spent[ticket] = 0
            admitted.append((ticket, slot))
        return admitted

    def preempt(self) -> int | None:
        """If somebody waits in vain, and somebody else has had a quantum: take the slot of whoever has had most.

        A ticket in the background has had its quantum as soon as another one waits.

        Returns:
            The ticket that went back to the end of the queue; it has to replay its tokens when it runs again.
        """
        if not self._queue or self._free or not self._running or self._queue[0] in self._background:
            return None
        idle = next((ticket for ticket in self._running if ticket in self._background), None)
        ticket = max(self._running, key=self._share) if idle is None else idle
        if idle is None and self._share(ticket) < 1:
            return None
        times = self._preempted.get(ticket, 0) + 1
        self.remove(ticket)
        self._preempted[ticket] = times
        if idle is not None:
            self._background.add(ticket)
        self._enqueue(ticket)
        return ticket

    def move(self, ticket: int, slot: int) -> None:
        """Note that a running ticket's rows were copied to a free slot.

        Raises:
            ValueError: the slot is not free.
        """
        if slot not in self._free:
            message = f"slot {slot} is not free"
            raise ValueError(message)
        self._free.add(self._running[ticket])
        self._free.remove(slot)
        self._running[ticket] = slot

    def compaction(self, tickets: Sequence[int]) -> tuple[int, int] | None:
        """A ticket and a free slot that it should move to, so that a batch covers fewer idle slots; or None."""
        slots = sorted(self._running[ticket] for ticket in tickets)
        if not slots or slots[-1] - slots[0] + 1 <= max(len(slots) + 1, len(slots) * 5 // 4):
            return None
        inside = [slot for slot in self._free if slots[0] < slot < slots[-1]]
        if not inside:
            return None
        return next(ticket for ticket in tickets if self._running[ticket] == slots[-1]), min(inside)

    def next_step(self, pending: Mapping[int, int]) -> Step | None:
        """What to compute now.

        Args:
            pending: for every running ticket how many of its tokens are known and not computed; at least one.
        """
        batch, single = self._split(pending)
        self._readers, self._writers = tuple(single), tuple(batch)
        if single and (not batch or self._owed <= 0):
            ticket = min(single, key=lambda one: pending[one] - _PASSING * self._passed.get(one, 0))
            limit = self._policy.max_chunk
            if batch:
                left = self._policy.budget_seconds - self._chunk_seconds
                limit = min(limit, max(self._policy.least_chunk, int(left / self._seconds_per_token)))
            parts = -(-pending[ticket] // limit)  # equal ones: a short last chunk would cost more than its share
            return Chunk(ticket, -(-pending[ticket] // parts))
        return Batch(tuple(batch)) if batch else None

    def done(self, step: Step, seconds: float) -> None:
        """Account for a step that was computed."""
        if isinstance(step, Batch):
            self._owed = max(0.0, self._owed - seconds) if self._readers else 0.0
            self._chunk_seconds = 0.0
            for ticket in step.tickets:
                self._charge(ticket, 1)
            return
        self._chunk_seconds += seconds
        if self._chunk_seconds >= self._policy.budget_seconds:
            share = self._policy.write_share / (1 - self._policy.write_share)
            self._owed, self._chunk_seconds = self._chunk_seconds * share if self._writers else 0.0, 0.0
        self._charge(step.ticket, step.count)
        if step.count >= self._policy.least_chunk:
            self._seconds_per_token += 0.3 * (seconds / step.count - self._seconds_per_token)
        for reader in self._running.keys() & self._readers:
            self._passed[reader] = 0 if reader == step.ticket else self._passed.get(reader, 0) + step.count
        if step.ticket in self._running:
            self._running.move_to_end(step.ticket)

    def _enqueue(self, ticket: int) -> None:
        if ticket in self._background:
            self._queue.append(ticket)
            return
        ahead = sum(other not in self._background for other in self._queue)
        self._queue.insert(ahead, ticket)

    def _share(self, ticket: int) -> float:
        """How much of its quantum a running ticket has had."""
        return self._spent[ticket] / (self._policy.quantum << min(32, self._preempted.get(ticket, 0)))

    def _charge(self, ticket: int, tokens: int) -> None:
        if ticket in self._spent:
            self._spent[ticket] += tokens

    def _split(self, pending: Mapping[int, int]) -> tuple[list[int], list[int]]:
        awaited = [ticket for ticket in self._running if ticket not in self._background] or list(self._running)
        others = len(awaited) - 1
        inline = 1 if others == 0 else min(_MAX_INLINE, _INLINE_PER_OTHER * others)
        batch = [ticket for ticket in awaited if pending[ticket] <= inline]
        single = [ticket for ticket in awaited if pending[ticket] > inline]
        if len(batch) == 1 and pending[batch[0]] > 1 and not single:
            return [], batch
        return batch, single
