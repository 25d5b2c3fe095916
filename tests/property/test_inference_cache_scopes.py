"""Whose rows a conversation is given: under any order of arrivals those of its own scope, and the appliance's own."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from appliance.inference.kv_cache import CacheShape, KvCache, common_prefix
from appliance.inference.ownership import Owner
from appliance.inference.prefix_cache import PrefixCache
from appliance.inference.slots import Slots
from tests.fixtures.inference_parts import Parts, engine_parts
from tests.fixtures.tiny_bundle import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.inference.work import Work

SHAPE = CacheShape(layers=1, kv_heads=1, max_len=96, head_dim=1)
SLOTS = 3
SCOPES = ("ada", "ben", "cem")
PREFIX = tuple(range(40))
"""The appliance's own words; whoever asks with ``shared`` begins with them, and anybody else may as well."""
SALTS = itertools.count()
"""So that no example meets what another one left in the engine."""
_FREE = 0.0


@dataclass(frozen=True)
class Asked:
    """A request: whose, what, and how much of it the appliance wrote itself."""

    scope: str
    tokens: tuple[int, ...]
    shared: int = 0
    slot: int = 0


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """Few words and few scopes, so that beginnings meet often."""
    length = draw(st.sampled_from((0, 20, 40)))
    shared = length == 40 and draw(st.booleans())
    words = draw(st.lists(st.sampled_from((7, 8)), min_size=1, max_size=3))
    tokens = PREFIX[:length] + tuple(word for word in words for _ in range(17))
    return Asked(
        draw(st.sampled_from(SCOPES)), tokens[: SHAPE.max_len - 1], 40 if shared else 0, draw(st.integers(0, 2))
    )


@dataclass
class World:
    """Slots whose rows say by whom each was computed: 0 for the appliance's own words, otherwise the scope's number."""

    slots: Slots
    running: dict[int, Asked] = field(default_factory=dict)

    def rows(self, slot: int) -> list[float]:
        count = self.slots.cache.length(slot)
        return [float(value) for value in self.slots.cache.layer(0, 0)[slot, 0, :count, 0]]

    def take(self, request: Asked) -> None:
        """Give the request a slot that nobody uses, and compute what is missing there."""
        free = frozenset(range(SLOTS)) - set(self.running)
        if not free:
            self.end(min(self.running))
            free = frozenset(range(SLOTS)) - set(self.running)
        own, tokens = SCOPES.index(request.scope) + 1.0, list(request.tokens)
        if request.shared:
            stable = tokens[: request.shared]
            self._run(request, stable, free, stable=True)
            self.slots.keep(self._last, stable)
            self.slots.note(self._last)
        self._run(request, tokens, free, stable=False)
        for at, mark in enumerate(self.rows(self._last)):
            assert mark in {own, _FREE}, f"row {at} is of {SCOPES[int(mark) - 1]}, not of {request.scope}"
            assert mark == own or at < len(PREFIX)
        self.running[self._last] = request

    def _run(self, request: Asked, tokens: list[int], free: frozenset[int], *, stable: bool) -> None:
        owner = Owner(request.scope, shared=request.shared)
        cache, known = self.slots.cache, self.slots.known(tokens, request.scope)
        assert known <= max(self._allowed(slot, tokens, request.scope) for slot in range(SLOTS)), "another's is counted"
        self._last = slot = self.slots.choose(tokens, free, request.scope)
        kept = self.slots.fill(slot, tokens, owner, stable=stable)
        assert kept == cache.length(slot) <= max(known, kept)
        assert cache.tokens(slot) == tokens[:kept]
        for at in [*range(min(kept, request.shared)), *range(kept, len(tokens))]:
            mark = _FREE if at < request.shared else SCOPES.index(request.scope) + 1.0
            for part in (0, 1):
                cache.layer(0, part)[slot, 0, at, 0] = mark
        cache.extend(slot, tokens[kept:])
        self.slots.note(slot)

    def _allowed(self, slot: int, tokens: list[int], scope: str) -> int:
        """How many leading tokens of a slot, or of the stored prefix, are the scope's or the appliance's."""
        marks, held = self.rows(slot), self.slots.cache.tokens(slot)
        own = (SCOPES.index(scope) + 1.0, _FREE)
        common = common_prefix(held, tokens)
        mine = next((at for at in range(common) if marks[at] not in own), common)
        return max(mine, common_prefix(list(PREFIX), tokens))

    _last: int = 0

    def end(self, slot: int) -> None:
        self.running.pop(slot, None)
        self.slots.note(slot)

    def move(self, source: int) -> None:
        free = sorted(set(range(SLOTS)) - set(self.running))
        if source in self.running and free:
            self.slots.move(source, free[0])
            self.running[free[0]] = self.running.pop(source)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(asked(), st.tuples(st.sampled_from(("end", "move")), st.integers(0, 2))), max_size=25))
def test_rows_are_of_the_own_scope_or_of_the_appliance(
    tmp_path_factory: pytest.TempPathFactory, moves: list[Asked | tuple[str, int]]
) -> None:
    prefixes = PrefixCache(tmp_path_factory.mktemp("p"), bundle="b" * 64, shape=SHAPE, limit=2)
    world = World(Slots(KvCache(SHAPE, slots=SLOTS), prefixes))
    try:
        for move in moves:
            if isinstance(move, Asked):
                world.take(move)
            elif move[0] == "end":
                world.end(move[1])
            else:
                world.move(move[1])
    finally:
        prefixes.close()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("scopes")
    with engine_parts(
        tiny_bundle(folder / "bundle"), folder / "prefixes", slots=SLOTS, context=SHAPE.max_len * 2
    ) as made:
        yield made


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(asked(), min_size=2, max_size=7))
@example([Asked("ada", PREFIX), Asked("ben", PREFIX), Asked("ada", PREFIX)])
def test_what_is_told_as_cached_does_not_depend_on_other_scopes(parts: Parts, requests: list[Asked]) -> None:
    """On the engine, all at once: queues, batches, waiting for one another, slots of those who are gone."""
    salt = next(SALTS)
    salted = [int(token) for token in np.random.default_rng(salt).permutation(400)]

    def work(request: Asked, count: int) -> Work:
        tokens = [salted[token] for token in request.tokens]
        owner = Owner(f"{request.scope} {salt}", shared=request.shared)
        return parts.work(tokens, "start: /[a-z]{3}/", max_tokens=count, owner=owner)

    works = [work(request, 2) for request in requests]
    together(parts, works)
    for number, (request, made) in enumerate(zip(requests, works, strict=True)):
        told = made.result.result().cached
        others = [other for at, other in enumerate(requests) if at != number]
        may = [
            common_prefix(
                request.tokens, other.tokens if other.scope == request.scope else other.tokens[: other.shared]
            )
            for other in others
        ]
        assert told <= max(may, default=0), (requests, number)


def together(parts: Parts, works: list[Work]) -> None:
    """Hand all in while the engine is held up, so that they certainly meet."""
    held, go_on = threading.Event(), threading.Event()

    def hold(_tokens: list[int]) -> None:
        held.set()
        go_on.wait(10)

    first = parts.work([1, 2, 3], "start: /[ab]/")
    first.on_tokens = hold
    parts.engine.submit(first)
    assert held.wait(10)
    for one in works:
        parts.engine.submit(one)
    go_on.set()
    for one in works:
        one.result.result(timeout=60)
