"""The database: its schema is what the migrations make, and the repositories give back what they took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import SQLModel

from appliance.core.errors import Unavailable
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState, Member, Origin, Project, Version
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAYA = Person("sub-1", "Maya", "maya@intramural.example")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(made.engine)
    yield made
    made.close()


def project(name: str = "Seedlings") -> Project:
    return Project(new_id("app"), name, "", MAYA, NOW, NOW)


def version(of: Project, number: int, build: str | None = None) -> Version:
    return Version(of.id, number, "c" * 40, "s" * 64, MAYA, "made", Origin.PROMPT, NOW, build_id=build)


def build(of: Project) -> Build:
    return Build(new_id("bld"), of.id, MAYA, Origin.PROMPT, "Keep seedlings", BuildState.QUEUED, NOW)


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    upgrade(database.engine)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_a_database_of_a_newer_release_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="another release"):
        upgrade(database.engine)


def test_projects_come_back_and_belong_to_somebody(database: Database) -> None:
    projects = Projects(database)
    mine = project()
    projects.add(mine)
    assert projects.get(mine.id) == mine
    assert projects.owned_by("sub-1") == [mine]
    assert projects.owned_by("sub-2") == []
    assert projects.all_standing() == []


def test_a_version_becomes_current_with_its_address_in_one_step(database: Database) -> None:
    projects = Projects(database)
    first, second = project(), project()
    for one in (first, second):
        projects.add(one)
        projects.add_version(version(one, 1), name="Seed trays", about="Trays", slug="seed-trays")
    slugs = [found.slug for one in (first, second) if (found := projects.get(one.id))]
    assert slugs == ["seed-trays", "seed-trays-2"]
    later = projects.add_version(version(first, 2), name="Renamed", about="", slug="renamed")
    assert (later.slug, later.current, later.name) == ("seed-trays", 2, "Renamed")
    assert [one.number for one in projects.versions(first.id)] == [2, 1]
    assert projects.by_slug("seed-trays") == later


def test_a_failed_write_changes_nothing(database: Database) -> None:
    projects = Projects(database)
    mine = project()
    projects.add(mine)
    projects.add_version(version(mine, 1), name="One", about="", slug="one")
    with pytest.raises(Unavailable):
        projects.add_version(version(mine, 1), name="Two", about="", slug="two")
    kept = projects.get(mine.id)
    assert kept is not None
    assert (kept.name, kept.current) == ("One", 1)


def test_a_build_goes_through_its_states(database: Database) -> None:
    projects, builds = Projects(database), Builds(database)
    mine = project()
    projects.add(mine)
    made = build(mine)
    builds.add(made)
    assert builds.unfinished() == [made]
    builds.start(made.id, NOW)
    builds.record_progress(made.id, stages={"plan": 1.5, "write": 0.25}, tokens={"sampled": 9})
    builds.finish(made.id, BuildState.DONE, at=NOW + timedelta(seconds=9), version=1)
    found = builds.get(made.id)
    assert found is not None
    assert (found.state, found.version, list(found.stages)) == (BuildState.DONE, 1, ["plan", "write"])
    assert found.finished_at == NOW + timedelta(seconds=9)
    assert found.tokens == {"sampled": 9}
    assert builds.unfinished() == []
    assert builds.latest(mine.id) == found


def test_events_are_numbered_and_can_be_read_from_anywhere(database: Database) -> None:
    projects, builds = Projects(database), Builds(database)
    mine = project()
    projects.add(mine)
    made = build(mine)
    builds.add(made)
    for number in range(5):
        builds.append_event(made.id, "check", NOW, {"text": f"ä{number}"})
    assert [event.seq for event in builds.events(made.id)] == [1, 2, 3, 4, 5]
    assert [event.data["text"] for event in builds.events(made.id, after=3)] == ["ä3", "ä4"]


def test_members_are_known_by_address_whatever_its_case(database: Database) -> None:
    projects = Projects(database)
    mine = project()
    projects.add(mine)
    projects.add_version(version(mine, 1), name="One", about="", slug="one")
    projects.put_member(Member(mine.id, "Uwe@Intramural.example", "Gardener", NOW))
    projects.put_member(Member(mine.id, "uwe@intramural.example", "Boss", NOW))
    found = projects.member(mine.id, "UWE@intramural.example")
    assert found is not None
    assert found.role == "Boss"
    assert [one.id for one in projects.shared_with("uwe@INTRAMURAL.example")] == [mine.id]
    projects.remove_member(mine.id, "uwe@intramural.example")
    assert projects.members(mine.id) == []
