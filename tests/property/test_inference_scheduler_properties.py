"""The scheduler's accounting under any order of arrivals, ends and cancellations: no model, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.inference.drafter import Drafter, StepCost
from appliance.inference.kv_cache import common_prefix
from appliance.inference.radix import RadixIndex
from appliance.inference.scheduler import Batch, Policy, Scheduler

POLICY = Policy(max_chunk=32, budget_seconds=0.1, quantum=64, least_chunk=4)


@dataclass
class World:
    """Requests as counts of tokens: a prompt to read, then tokens to write one by one."""

    scheduler: Scheduler
    prompt: dict[int, int] = field(default_factory=dict)
    write: dict[int, int] = field(default_factory=dict)
    computed: dict[int, int] = field(default_factory=dict)
    first_admitted: list[int] = field(default_factory=list)
    background: set[int] = field(default_factory=set)
    finished: list[int] = field(default_factory=list)

    def submit(self, ticket: int, prompt: int, write: int, *, background: bool = False) -> None:
        self.prompt[ticket], self.write[ticket], self.computed[ticket] = prompt, write, 0
        self.background |= {ticket} if background else set()
        self.scheduler.submit(ticket, background=background)

    def check(self) -> None:
        running = self.scheduler.running
        assert len(set(running.values())) == len(running), "a slot is shared"
        assert not set(running.values()) & self.scheduler.free, "a slot is used and free"
        assert len(running) + len(self.scheduler.free) == self.slots, "a slot is lost"
        assert not set(running) & set(self.scheduler.waiting)

    slots: int = 0

    def turn(self) -> None:
        if (preempted := self.scheduler.preempt()) is not None:
            self.computed[preempted] = 0  # everything is replayed
        for ticket, _ in self.scheduler.admit(lambda _ticket, free: min(free)):
            if ticket not in self.first_admitted:
                self.first_admitted.append(ticket)
        self.check()
        running = self.scheduler.running
        pending = {
            ticket: max(1, self.prompt[ticket] - self.computed[ticket]) if self.computed[ticket] >= 0 else 1
            for ticket in running
        }
        step = self.scheduler.next_step(pending)
        if step is None:
            assert not running
            return
        tickets = step.tickets if isinstance(step, Batch) else (step.ticket,)
        assert len(set(tickets)) == len(tickets)
        assert set(tickets) <= set(running)
        awaited = (set(running) | set(self.scheduler.waiting)) - self.background
        assert not awaited or not set(tickets) & self.background, "somebody waits for one that nobody waits for"
        for ticket in tickets:
            count = 1 if isinstance(step, Batch) else step.count
            assert 1 <= count <= min(pending[ticket], POLICY.max_chunk)
            last = count == pending[ticket]
            self.computed[ticket] += count
            if last:
                self.write[ticket] -= 1
                self.prompt[ticket] = self.computed[ticket] + 1  # the token just written is the next to compute
        self.scheduler.done(step, 0.01 * (1 if isinstance(step, Batch) else step.count))
        for ticket in tickets:
            if self.write[ticket] <= 0:
                self.scheduler.remove(ticket)
                self.finished.append(ticket)
        self.check()


REQUEST = st.tuples(st.integers(1, 200), st.integers(1, 20), st.booleans())


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 4), st.lists(st.one_of(REQUEST, st.integers(0, 30), st.none()), max_size=40))
def test_every_request_ends_and_no_slot_is_lost_or_shared(
    slots: int, moves: list[tuple[int, int, bool] | int | None]
) -> None:
    """A request arrives, in the background or not, a number is cancelled, None lets one step pass; afterwards
    everything that remains must end."""
    world = World(Scheduler(slots, POLICY), slots=slots)
    cancelled: set[int] = set()
    number = 0
    for move in moves:
        if isinstance(move, tuple):
            prompt, write, background = move
            world.submit(number, prompt, write, background=background)
            number += 1
        elif move is not None:
            world.scheduler.remove(move)  # cancelled at once, wherever it is, even if it never existed
            cancelled |= {move} & set(range(number)) - set(world.finished)
            world.check()
        else:
            world.turn()
    for _ in range(20_000):
        if not world.scheduler.running and not world.scheduler.waiting:
            break
        world.turn()
    assert set(world.finished) | cancelled == set(range(number))
    assert world.scheduler.free == frozenset(range(slots))
    for background in (True, False):
        admitted = [
            ticket
            for ticket in world.first_admitted
            if ticket not in cancelled and (ticket in world.background) is background
        ]
        assert admitted == sorted(admitted), "first come, first served"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 12))
def test_endless_requests_do_not_starve_short_ones(slots: int, short: int) -> None:
    """As many requests without an end as there are slots, and new ones whenever there is room in the queue."""
    world = World(Scheduler(slots, POLICY), slots=slots)
    for ticket in range(slots * 2):
        world.submit(ticket, 10, 1 << 30)
    for ticket in range(100, 100 + short):
        world.submit(ticket, 20, 3)
    for _ in range(POLICY.quantum * (slots + short) * 20):
        world.turn()
        if len(world.finished) == short:
            break
    assert sorted(world.finished) == list(range(100, 100 + short))


@given(st.integers(1, 3), st.lists(st.booleans(), min_size=2, max_size=8))
def test_whoever_is_waited_for_leaves_the_background(slots: int, background: list[bool]) -> None:
    world = World(Scheduler(slots, POLICY), slots=slots)
    for ticket, behind in enumerate(background):
        world.submit(ticket, 300, 3, background=behind)
    world.turn()
    for ticket in range(len(background)):
        world.scheduler.promote(ticket)
    world.background.clear()
    for _ in range(20_000):
        if len(world.finished) == len(background):
            break
        world.turn()
    assert sorted(world.finished) == list(range(len(background)))


@given(st.integers(2, 6))
def test_long_prompts_do_not_hold_up_those_who_write(writers: int) -> None:
    scheduler = Scheduler(writers + 1, POLICY)
    for ticket in range(writers + 1):
        scheduler.submit(ticket)
    scheduler.admit(lambda _ticket, free: min(free))
    pending = dict.fromkeys(range(writers), 1) | {writers: 5000}
    waited = worst = 0.0
    for _ in range(100):
        step = scheduler.next_step(pending)
        assert step is not None
        seconds = 0.02 if isinstance(step, Batch) else 0.01 * step.count
        waited = 0.0 if isinstance(step, Batch) else waited + seconds
        worst = max(worst, waited)
        scheduler.done(step, seconds)
    assert worst <= 2 * POLICY.budget_seconds + 0.01 * POLICY.least_chunk


@given(st.integers(2, 8), st.sets(st.integers(0, 7), min_size=1))
def test_compaction_moves_into_the_gap_only(slots: int, used: set[int]) -> None:
    scheduler = Scheduler(slots, POLICY)
    wanted = sorted(slot for slot in used if slot < slots)
    for ticket, slot in enumerate(wanted):
        scheduler.submit(ticket)
        scheduler.admit(lambda _ticket, _free, slot=slot: slot)
    tickets = list(range(len(wanted)))
    for _ in range(slots):
        move = scheduler.compaction(tickets)
        if move is None:
            break
        ticket, target = move
        assert target in scheduler.free
        assert target < scheduler.running[ticket]
        scheduler.move(ticket, target)
    taken = sorted(scheduler.running.values())
    if taken:
        assert taken[-1] - taken[0] + 1 <= max(len(taken) + 1, len(taken) * 5 // 4)


TOKENS = st.lists(st.integers(0, 3), max_size=12)


@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(TOKENS, st.none())), max_size=25), TOKENS)
def test_radix_index_finds_the_longest_beginning(moves: list[tuple[int, list[int] | None]], asked: list[int]) -> None:
    index: RadixIndex[int] = RadixIndex()
    model: dict[int, list[int]] = {}
    for holder, tokens in moves:
        if tokens is None:
            index.remove(holder)
            model.pop(holder, None)
        else:
            index.put(holder, tokens)
            model.pop(holder, None)
            if tokens:
                model[holder] = tokens
    assert len(index) == len(model)
    best = max((common_prefix(tokens, asked) for tokens in model.values()), default=0)
    holder, length = index.longest(asked)
    assert length == best
    assert (holder is None) == (best == 0)
    if holder is not None:
        assert common_prefix(model[holder], asked) == best


@given(st.lists(TOKENS, max_size=6), st.integers(0, 8))
def test_guesses_are_something_that_was_said_after_the_same_words(parts: list[list[int]], room: int) -> None:
    drafter = Drafter(StepCost(), limit=8)
    said: list[int] = []
    for part in parts:
        drafter.extend(part)
        said += part
        guess = drafter.guess(room)
        assert len(guess) <= room
        if guess:
            places = [
                start
                for start in range(2, len(said) - len(guess) + 1)
                if said[start - 2 : start] == said[-2:] and said[start : start + len(guess)] == guess
            ]
            assert places
        drafter.verified(len(guess), len(guess) // 2)
    drafter.follow(said[: len(said) // 2])
    drafter.follow(said)
    fresh = Drafter(StepCost(), limit=8)
    fresh.follow(said)
    again, anew = drafter.guess(4), fresh.guess(4)  # as long as each trusts itself, but the same tokens
    assert common_prefix(again, anew) == min(len(again), len(anew))


def test_copies_are_guessed_longer_while_they_are_right() -> None:
    drafter = Drafter(StepCost(), limit=8)
    drafter.follow([*range(100), 10, 11, 12])
    lengths = []
    for _ in range(12):
        guess = drafter.guess(8)
        lengths.append(len(guess))
        drafter.verified(len(guess), len(guess))
        drafter.extend([*guess, drafter.guess(8)[0] if not guess else guess[-1] + 1])
    assert lengths[-1] > lengths[0] > 0
    for _ in range(30):
        drafter.verified(4, 0)
    assert len(drafter.guess(8)) < lengths[-1]


@given(st.integers(1, 4), st.integers(1, 6))
def test_those_who_write_have_their_share_of_the_time_while_others_read(writers: int, readers: int) -> None:
    scheduler = Scheduler(writers + readers, POLICY)
    pending = dict.fromkeys(range(writers), 1) | dict.fromkeys(range(writers, writers + readers), 3000)
    for ticket in pending:
        scheduler.submit(ticket)
    scheduler.admit(lambda _ticket, free: min(free))
    wrote = read = 0.0
    for _ in range(400):
        step = scheduler.next_step(pending)
        assert step is not None
        seconds = 0.02 if isinstance(step, Batch) else 0.005 * step.count
        wrote += seconds if isinstance(step, Batch) else 0.0
        read += 0.0 if isinstance(step, Batch) else seconds
        scheduler.done(step, seconds)
    assert 0.4 <= wrote / (wrote + read) <= 0.6


@given(st.integers(1, 8), st.integers(100, 3000), st.lists(st.integers(17, 90), min_size=1, max_size=60))
def test_short_prompts_go_first_and_a_long_one_is_not_passed_for_ever(slots: int, long: int, short: list[int]) -> None:
    scheduler = Scheduler(slots + 1, POLICY)
    scheduler.submit(0)
    pending, waiting = {0: long}, list(enumerate(short, start=1))
    scheduler.admit(lambda _ticket, free: min(free))
    passed, worst, first_chunks = 0, 0, []
    while pending:
        while waiting and len(pending) <= slots:
            ticket, count = waiting.pop()
            scheduler.submit(ticket)
            scheduler.admit(lambda _ticket, free: min(free))
            pending[ticket] = count
        step = scheduler.next_step(pending)
        assert step is not None
        assert not isinstance(step, Batch)
        first_chunks.append(step.ticket)
        passed = 0 if step.ticket == 0 else passed + step.count
        worst = max(worst, passed) if 0 in pending else worst
        scheduler.done(step, 0.01 * step.count)
        pending[step.ticket] -= step.count
        if not pending[step.ticket]:
            scheduler.remove(step.ticket)
            del pending[step.ticket]
    assert worst <= long / 4 + slots * max(short) + POLICY.max_chunk  # those who came before it was its turn, too
    assert long <= max(short) or first_chunks[0] != 0
