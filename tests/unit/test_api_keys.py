"""Keys of programs: made once, kept as a digest, counted for as long as they and their holder stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.core.clock import ManualClock
from appliance.core.events import Event
from appliance.core.ports import LeafRef, Person
from appliance.core.settings import ApiSettings
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.repositories.api_keys import ApiKeyStore
from appliance.db.repositories.personal import Personal
from appliance.identity.api_keys import ApiKeyRefused, digest_of, new_secret
from appliance.studio.api_keys import MAX_LIVE, ApiKeys, KeyNotMade
from appliance.studio.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.core.events import Outcome

MAYA = Person("sub-1", "Maya", "maya@intramural.example")
MAKER = frozenset({"maker"})
DAY = 86_400


class Notes:
    """An audit log that is only a list."""

    def __init__(self) -> None:
        self.events: list[tuple[Event, str, Mapping[str, object]]] = []

    def intent(
        self, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
    ) -> LeafRef:
        self.events.append((event, principal, details or {}))
        return LeafRef(len(self.events), "")

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Mapping[str, object] | None = None) -> LeafRef:
        return intent


class Gone:
    """A directory in which people can be missing."""

    def __init__(self) -> None:
        self.left: set[str] = set()

    def groups_now(self, holder: Person, known: frozenset[str]) -> frozenset[str] | None:
        return None if holder.subject in self.left else known


class World:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = ManualClock(datetime(2026, 11, 29, tzinfo=UTC))
        self.notes, self.people = Notes(), Gone()
        self.keys = ApiKeys(ApiKeyStore(database), self.notes, self.clock, ApiSettings(), self.people)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(database.engine)
    yield World(database)
    database.close()


def refusal(world: World, secret: str) -> str:
    with pytest.raises(ApiKeyRefused) as caught:
        world.keys.admit(secret)
    assert caught.value.action
    return caught.value.message


def test_a_key_counts_until_it_ends_and_its_secret_is_kept_nowhere(world: World, tmp_path: Path) -> None:
    made = world.keys.create(MAYA, MAKER, name="  Editor  on my laptop ", days=20)
    admitted = world.keys.admit(made.secret)
    assert (admitted.key.id, admitted.groups, admitted.key.name) == (made.key.id, MAKER, "Editor on my laptop")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert made.secret.encode() not in stored
    assert made.secret[9:].encode() not in stored
    assert made.secret not in str(world.notes.events)
    world.clock.advance(20 * DAY - 1)
    world.keys.admit(made.secret)
    world.clock.advance(1)
    assert "expired" in refusal(world, made.secret)
    assert world.keys.find(made.key.id).used_at is not None  # type: ignore[union-attr]


def test_a_revoked_key_is_dead_at_once_and_revoking_is_recorded_once(world: World) -> None:
    made = world.keys.create(MAYA, MAKER, name="x")
    for _ in range(2):
        world.keys.revoke(made.key.id, by="user:sub-1")
    assert "revoked" in refusal(world, made.secret)
    assert [event for event, _, _ in world.notes.events] == [Event.API_KEY_CREATED, Event.API_KEY_REVOKED]
    with pytest.raises(NotFound):
        world.keys.revoke("key_none", by="user:sub-1")


def test_the_key_of_somebody_who_left_or_stays_away_is_dead(world: World) -> None:
    made = world.keys.create(MAYA, MAKER, name="x")
    world.people.left.add(MAYA.subject)
    assert "not here any more" in refusal(world, made.secret)
    world.people.left.clear()
    world.clock.advance(31 * DAY)
    assert "not signed in" in refusal(world, made.secret)
    world.keys.seen(MAYA, frozenset({"user"}))
    assert world.keys.admit(made.secret).groups == {"user"}  # what the sign-in said last, whatever it was before


@pytest.mark.parametrize(
    "secret", ["", "imk_", "imk_" + "x" * 42, "imk_" + "x" * 44, "sk-" + "x" * 43, "imk_" + "é" * 43]
)
def test_what_is_no_secret_is_no_key(world: World, secret: str) -> None:
    assert digest_of(secret) is None
    assert "not known" in refusal(world, secret)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(200)}
    assert len(made) == 200
    assert {len(secret) for secret in made} == {47}
    assert len({digest_of(secret) for secret in made}) == 200


def test_keys_that_cannot_be_are_refused(world: World) -> None:
    for wrong in ({"name": ""}, {"name": "x" * 61}, {"name": "x", "days": 366}, {"name": "x", "scopes": ["admin"]}):
        with pytest.raises(KeyNotMade):
            world.keys.create(MAYA, MAKER, **wrong)  # type: ignore[arg-type]
    for service in ("", "UPPER", "a b", "../x", "user:maya", "x" * 41):
        with pytest.raises(KeyNotMade):
            world.keys.create_for_service(service, created_by="local-operator:root")
    for number in range(MAX_LIVE):
        world.keys.create(MAYA, MAKER, name=str(number))
    with pytest.raises(KeyNotMade, match="20 keys already"):
        world.keys.create(MAYA, MAKER, name="one more")


def test_a_service_account_asks_the_model_and_nothing_else(world: World) -> None:
    made = world.keys.create_for_service("ci-runner", created_by="local-operator:root", scopes=["chat"])
    world.clock.advance(60 * DAY)
    admitted = world.keys.admit(made.secret)
    assert (admitted.key.principal, admitted.groups) == ("service:ci-runner", {"maker"})
    assert [key.id for key in world.keys.of_services()] == [made.key.id]
    assert world.keys.of_person(MAYA) == []


def test_an_erased_persons_keys_go_with_them(world: World) -> None:
    made = world.keys.create(MAYA, MAKER, name="x")
    assert Personal(world.database).erase(MAYA.subject)["api keys"] == 1
    assert "not known" in refusal(world, made.secret)
