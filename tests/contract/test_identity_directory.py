"""The directory read from a real Keycloak with least rights: who is here, who left, and who gets their apps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.audit.entries import by_schema
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.core.clock import SystemClock
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Project
from appliance.db.repositories.projects import Projects
from appliance.identity.client_key import ClientKey
from appliance.identity.directory import Directory
from appliance.identity.errors import DirectoryUnavailable
from appliance.identity.keycloak_directory import KeycloakDirectory
from appliance.studio.departures import Departures
from appliance.studio.directory_sync import DirectorySync
from tests.fixtures.keycloak_realm import TestRealm, make_realm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.audit.leaf import Leaf
    from tests.fixtures.keycloak_server import KeycloakServer

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@dataclass
class World:
    realm: TestRealm
    directory: Directory
    projects: Projects
    sync: DirectorySync
    audit: AuditLog
    ended: list[str]
    departures: Departures
    key: ClientKey

    def app_of(self, name: str) -> str:
        subject = self.realm.people[name]
        project = Project(new_id("app"), f"{name}s app", "", Person(subject, name, f"{name}@acme.example"), NOW, NOW)
        self.projects.add(project)
        return project.id

    def said(self, event: str) -> list[Leaf]:
        return [leaf for _, leaf in self.audit.leaves() if leaf.event == event and leaf.kind == "intent"]

    def owner(self, app: str) -> str:
        project = self.projects.get(app)
        assert project is not None
        return project.owner.subject


@pytest.fixture(scope="module")
def world(keycloak: KeycloakServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("directory")
    key = ClientKey(folder / "key.pem")
    realm = make_realm(keycloak, "directory", "https://studio.acme.example", '{"keys":[]}', key.jwks)
    profile = realm.admin
    profile.change_current_realm("directory")
    known = profile.get_realm_users_profile()
    profile.update_realm_users_profile({**known, "unmanagedAttributePolicy": "ADMIN_EDIT"})
    realm.add("boss", "maker")
    realm.add("stella", "operator")
    realm.add("maya", "maker", attributes={"manager": [realm.people["boss"]]})
    realm.add("uwe", "user")
    database = Database(make_engine(sqlite_url(folder / "db.sqlite")))
    upgrade(database.engine)
    projects, directory = Projects(database), Directory(folder / "directory.sqlite")
    log_key = load_or_make_log_key(folder / "audit.json")
    ended: list[str] = []

    def end(subject: str) -> int:
        ended.append(subject)
        return 1

    with AuditLog.open(folder / "audit", log_key, SystemClock(), compose=by_schema) as audit:
        departures = Departures(
            directory=directory,
            projects=projects,
            end_sessions=end,
            has_sessions=lambda _subject: True,
            audit=audit,
            clock=SystemClock(),
            steward="stella@acme.example",
        )
        source = KeycloakDirectory(realm.issuer, key, SystemClock())
        sync = DirectorySync(source, directory, departures, 30)
        yield World(realm, directory, projects, sync, audit, ended, departures, key)
    directory.close()
    database.close()


def test_people_and_groups_are_read(world: World) -> None:
    assert world.sync.once() == 0
    people = {person.user_name: person for person in world.directory.people("keycloak")}
    assert set(people) == {"boss", "maya", "stella", "uwe"}  # no service accounts
    assert people["maya"].subject == world.realm.people["maya"]
    assert (people["maya"].name, people["maya"].email) == ("Maya Sample", "maya@acme.example")
    manager = world.directory.manager_of(people["maya"])
    assert manager is not None
    assert manager.user_name == "boss"
    assert {"/maker", "/user", "/operator", "/auditor", "/reviewer"} <= set(world.directory.group_names())
    assert [person.user_name for person in world.directory.search("may")] == ["maya"]


def test_apps_of_somebody_who_left_go_to_the_manager_or_the_steward(world: World) -> None:
    world.sync.once()
    mayas, uwes = world.app_of("maya"), world.app_of("uwe")
    world.realm.disable("maya")
    world.realm.admin.delete_user(world.realm.people["uwe"])
    assert world.sync.once() == 2
    assert set(world.ended[-2:]) == {world.realm.people["maya"], world.realm.people["uwe"]}
    assert world.owner(mayas) == world.realm.people["boss"]
    assert world.owner(uwes) == world.realm.people["stella"]
    rules = [one.details["rule"] for one in world.said("app.handed_over")]
    assert sorted(rules[-2:]) == ["manager", "steward"]
    assert world.directory.gone(world.realm.people["maya"])
    assert world.sync.once() == 0  # said once
    late = world.app_of("maya")  # a stop between the reading and the handing over
    world.departures.recover()
    assert world.ended.count(world.realm.people["maya"]) == 2
    assert world.owner(late) == world.realm.people["boss"]
    world.realm.disable("maya", enabled=True)
    world.sync.once()
    assert not world.directory.gone(world.realm.people["maya"])
    assert world.said("directory.person_returned")


def test_a_reading_without_most_people_is_not_believed(world: World) -> None:
    for number in range(14):
        world.realm.add(f"many{number}")
    world.sync.once()
    for number in range(14):
        world.realm.admin.delete_user(world.realm.people[f"many{number}"])
    with pytest.raises(DirectoryUnavailable, match="any more"):
        world.sync.once()
    assert not world.directory.gone(world.realm.people["many3"])
    assert world.sync.once(accept=True) == 14
    assert world.directory.gone(world.realm.people["many3"])


def test_the_service_account_may_read_and_nothing_else(world: World, tmp_path: Path) -> None:
    token = KeycloakDirectory(world.realm.issuer, world.key, SystemClock())._token()
    import httpx

    admin = f"{world.realm.server.url}/admin/realms/{world.realm.name}"
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{admin}/users", headers=headers, trust_env=False).status_code == 200
    made = httpx.post(f"{admin}/users", headers=headers, json={"username": "x"}, trust_env=False)
    assert made.status_code == 403
    assert httpx.get(f"{admin}/clients", headers=headers, trust_env=False).status_code in {200, 403}
    assert httpx.put(admin, headers=headers, json={"enabled": False}, trust_env=False).status_code == 403
    other = KeycloakDirectory(world.realm.issuer, ClientKey(tmp_path / "other.pem"), SystemClock())
    with pytest.raises(DirectoryUnavailable):
        other.read()
