"""The studio's small rules: addresses, schemas, limits, events, evidence."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.parser import parse
from appliance.core.clock import ManualClock
from appliance.core.errors import Refused
from appliance.core.events import Event, Outcome
from appliance.core.ports import GenerationCancelled, LeafRef, Person
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState, Origin, Project
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.studio.addresses import RESERVED, Addresses, slug_for
from appliance.studio.control import Control
from appliance.studio.errors import BuildCancelled, BuildTimedOut, Interrupted
from appliance.studio.events import EventStream, TextStream
from appliance.studio.evidence import act
from appliance.studio.schema import schema_digest
from tests.fakes.studio_planner import SHIFTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ADDRESSES = Addresses("intramural.localhost", 8080)


def test_addresses_are_built_and_read_in_one_place() -> None:
    assert ADDRESSES.studio == "http://studio.intramural.localhost:8080"
    assert ADDRESSES.app("seed-trays") == "http://seed-trays.intramural.localhost:8080"
    assert Addresses("apps.example", 80).studio == "http://studio.apps.example"
    assert ADDRESSES.slug_of("Seed-Trays.intramural.localhost:8080") == "seed-trays"


@pytest.mark.parametrize(
    "host",
    ["studio.intramural.localhost:8080", "intramural.localhost", "a.b.intramural.localhost", "evil.example", "",
     "x.intramural.localhost:9999", "x.intramural.localhost.evil.example"],
)  # fmt: skip
def test_a_host_that_is_no_app_names_none(host: str) -> None:
    assert ADDRESSES.slug_of(host) is None


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_an_app_never_takes_a_reserved_address(name: str) -> None:
    assert slug_for(name.title()) not in RESERVED


def test_a_slug_is_always_a_host_label() -> None:
    assert slug_for("日本") == "x"
    assert len(slug_for("word " * 40)) <= 50
    assert not slug_for("a" * 49 + " b").endswith("-")


def test_versions_share_records_exactly_when_their_tables_are_equal() -> None:
    first = parse(SHIFTS)
    other_words = parse(SHIFTS.replace("What the next shift", "All that the next shift"))
    other_field = parse(SHIFTS.replace("  settled boolean\n", "  settled boolean\n  remark text\n"))
    assert schema_digest(first) == schema_digest(other_words)
    assert schema_digest(first) == schema_digest(replace(first, entities=first.entities[::-1]))
    assert schema_digest(first) != schema_digest(other_field)


def test_a_build_ends_early_for_three_reasons() -> None:
    control = Control(60)
    control.check()
    control.interrupt()
    with pytest.raises(Interrupted):
        control.check()
    control.cancel()
    with pytest.raises(BuildCancelled):
        control.check()
    with pytest.raises(BuildTimedOut):
        Control(-1).check()


def test_text_is_joined_and_nothing_of_it_is_lost() -> None:
    out: list[str] = []
    stream = TextStream(out.append)
    for char in "entity Machine":
        stream.write(char)
    stream.flush()
    stream.flush()
    assert "".join(out) == "entity Machine"
    assert len(out) <= 3


def test_listeners_are_woken_and_forgotten(tmp_path: Path) -> None:
    database = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(database.engine)
    projects, builds = Projects(database), Builds(database)
    maya = Person("s", "Maya")
    projects.add(Project("app_1", "X", "", maya, NOW, NOW))
    builds.add(Build("bld_1", "app_1", maya, Origin.PROMPT, "x", BuildState.QUEUED, NOW))
    stream = EventStream(builds, ManualClock(NOW))
    woken = threading.Event()
    with stream.listening("bld_1", woken.set):
        stream.publish("bld_1", "check", text="ok")
        assert woken.is_set()
        woken.clear()
    stream.publish("bld_1", "check", text="two")
    assert not woken.is_set()
    assert [event.data["text"] for event in stream.after("bld_1", 0)] == ["ok", "two"]
    database.close()


class Notebook:
    """An audit sink that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, object]] = []

    def intent(
        self, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
    ) -> LeafRef:
        self.lines.append((f"intent {event}", details))
        return LeafRef(len(self.lines), "00")

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Mapping[str, object] | None = None) -> LeafRef:
        self.lines.append((f"outcome {result}", details))
        return LeafRef(len(self.lines), "00")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "done"),
        (Refused("no"), "refused"),
        (BuildCancelled("stop"), "cancelled"),
        (GenerationCancelled("stop"), "cancelled"),
        (Interrupted("off"), "failed"),
        (ZeroDivisionError(), "failed"),
        (KeyboardInterrupt(), "failed"),
    ],
)
def test_every_act_has_an_outcome(error: BaseException | None, outcome: str) -> None:
    audit = Notebook()

    def do() -> None:
        with act(audit, Event.BUILD_STARTED, principal="user:s", resource="app_1") as under_way:
            under_way.details["version"] = 1
            if error is not None:
                raise error

    if error is None:
        do()
    else:
        with pytest.raises(type(error)):
            do()
    assert [line for line, _ in audit.lines] == ["intent build.started", f"outcome {outcome}"]
    last = audit.lines[-1][1]
    assert isinstance(last, dict)
    assert last["version"] == 1
