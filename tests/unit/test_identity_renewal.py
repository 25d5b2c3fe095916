"""Whether the provider still stands by a session: asked in time, by one at a time, through outages and thefts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from appliance.core.clock import ManualClock
from appliance.core.events import Outcome
from appliance.core.ports import LeafRef, Person
from appliance.identity.errors import IssuerUnavailable, SessionEnded
from appliance.identity.renewal import RenewalLimits, Renewals
from appliance.identity.seal import TokenSeal
from appliance.identity.sessions import Sessions
from appliance.identity.sign_in import SignedIn
from appliance.identity.store import SqliteSessionStore

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def signed_in(token: str, *groups: str, sid: str = "s1") -> SignedIn:
    claims = {"sid": sid, "acr": "1", "auth_time": NOW.timestamp()}
    return SignedIn(Person("maya", "Maya"), frozenset(groups), claims, "id", refresh_token=token)


@dataclass
class Provider:
    """Rotates refresh tokens as RFC 9700 §4.14.2 asks: a token that comes twice ends the sign-in."""

    good: str = "r0"
    groups: tuple[str, ...] = ("maker",)
    problem: Exception | None = None
    asked: int = 0
    delay: float = 0.0

    async def refresh(self, token: str, subject: str) -> SignedIn:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if self.problem is not None:
            raise self.problem
        if token != self.good:
            message = "ended"
            raise SessionEnded(message, cause="token reused")
        self.good = f"r{self.asked}"
        return signed_in(self.good, *self.groups)


@dataclass
class Sink:
    """Remembers what it was told."""

    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def intent(self, event: Any, *, principal: str, resource: str, details: Any = None) -> LeafRef:
        self.said.append((event.value, dict(details or {})))
        return LeafRef(len(self.said), "")

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Any = None) -> LeafRef:
        return intent


class World:
    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(NOW)
        self.sessions = Sessions(SqliteSessionStore(path), self.clock, seal=TokenSeal(b"k" * 32))
        self.provider, self.sink = Provider(), Sink()
        limits = RenewalLimits(timedelta(seconds=45), timedelta(minutes=15))
        self.renewals = Renewals(self.provider, self.sessions, self.sink, self.clock, limits)  # type: ignore[arg-type]
        self.key = self.sessions.create(signed_in("r0", "maker")).key

    def use(self, *, force: bool = False) -> frozenset[str]:
        whose = self.sessions.live(self.key)
        assert whose is not None
        return asyncio.run(self.renewals.current(whose, force=force)).groups


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "sessions.sqlite")


def away() -> IssuerUnavailable:
    return IssuerUnavailable("away")


def test_a_fresh_session_is_not_asked_about(world: World) -> None:
    world.clock.advance(44)
    world.use()
    assert world.provider.asked == 0
    world.clock.advance(1)
    world.use()
    world.use()
    assert world.provider.asked == 1


def test_other_groups_are_taken_over_and_told(world: World) -> None:
    world.provider.groups = ("user", "auditor")
    world.clock.advance(45)
    assert world.use() == {"user", "auditor"}
    told = {"session": world.key, "added": ["auditor", "user"], "removed": ["maker"]}
    assert world.sink.said == [("identity.groups_changed", told)]


def test_a_token_used_elsewhere_ends_the_session(world: World) -> None:
    asyncio.run(world.provider.refresh("r0", "maya"))  # the thief was first
    world.clock.advance(45)
    with pytest.raises(SessionEnded):
        world.use()
    assert world.sessions.live(world.key) is None
    assert world.sink.said[0][0] == "identity.session_ended"


def test_an_outage_is_waited_out_and_then_refused_but_not_ended(world: World) -> None:
    world.provider.problem = away()
    world.clock.advance(45)
    assert world.use() == {"maker"}
    world.clock.advance(15 * 60 - 10)
    assert world.use() == {"maker"}
    world.clock.advance(20)
    with pytest.raises(IssuerUnavailable):
        world.use()
    world.provider.problem = None
    assert world.use() == {"maker"}
    assert world.sink.said == []


def test_many_requests_at_once_spend_one_token(world: World) -> None:
    world.provider.delay = 0.05
    world.clock.advance(45)

    async def storm() -> list[Any]:
        whose = world.sessions.live(world.key)
        assert whose is not None
        return await asyncio.gather(*(world.renewals.current(whose) for _ in range(20)))

    assert len(asyncio.run(storm())) == 20
    assert world.provider.asked == 1
    assert world.sessions.live(world.key) is not None


def test_a_process_that_died_while_asking_blocks_nobody_for_long(world: World) -> None:
    world.clock.advance(45)
    assert world.sessions.claim_renewal(world.key) == "r0"  # and then it was killed
    assert world.use() == {"maker"}
    world.clock.advance(16)
    world.use()
    assert world.provider.asked == 1


def test_a_session_whose_tokens_cannot_be_read_any_more_ends(world: World) -> None:
    world.sessions._seal = TokenSeal(b"x" * 32)
    world.clock.advance(45)
    with pytest.raises(SessionEnded):
        world.use()
    assert world.sessions.live(world.key) is None


def test_everything_of_a_person_proves_itself_when_one_session_was_signed_out(world: World) -> None:
    other = world.sessions.create(signed_in("r-other", sid="s2")).key
    asyncio.run(world.renewals.recheck_person("maya"))
    assert world.sessions.live(world.key) is not None  # the provider stands by this one
    assert world.sessions.live(other) is None  # and not by that
    world.provider.problem = away()
    asyncio.run(world.renewals.recheck_person("maya"))
    assert world.sessions.live(world.key) is not None
