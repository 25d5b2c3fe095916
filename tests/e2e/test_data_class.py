"""The class of an app's data: set by its maker, laxer only by approval, and felt by words, tables, code, policies."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.app import Appliance
from appliance.core.errors import Refused
from appliance.core.ids import new_id
from appliance.core.screening import Place
from appliance.db.approval_records import ApprovalKind, ApprovalState
from appliance.db.records import Project
from appliance.studio.classifying import StricterNow
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.screening import AskFirst, Choice, SecretFound
from appliance.web.resources import about
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.governed import MAKER, OPERATOR, REVIEWER, SECOND
from tests.fixtures.studio import MAYA, settings_in, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.studio.governing import Governance

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ANNA = "Show the shifts of Mr. Peter Schneider, peter.schneider@example.com"
CARD = "5500 0000 0000 0004"


class World:
    def __init__(self, appliance: Appliance) -> None:
        self.appliance, self.governance = appliance, appliance.governance
        self.project = Project(new_id("app"), "Shifts", "", MAYA, NOW, NOW)
        appliance.studio.projects.add(self.project)
        self.classes = self.governance.classes
        self.screening = appliance.studio.screening

    @property
    def level(self) -> int:
        found = self.appliance.studio.projects.get(self.project.id)
        assert found is not None
        return found.level

    def sent(self, words: str, choice: Choice = Choice.NONE) -> str:
        return self.screening.words(MAKER, words, choice=choice, resource=self.project.id).text


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with short_folder() as home:
        made = Appliance(settings_in(home), planner=ScriptedPlanner())
        deadline = time.monotonic() + 60
        while made.health()["data loss prevention"] != "ok":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield made
        made.stop()


@pytest.fixture
def world(appliance: Appliance) -> World:
    return World(appliance)


def events(governance: Governance, appliance: Appliance, name: str) -> list[dict[str, object]]:
    return [dict(leaf.details) for _, leaf in appliance.audit.leaves() if leaf.event == name and leaf.kind == "intent"]


def test_a_stricter_class_counts_at_once_for_what_is_said_about_the_app(world: World) -> None:
    assert world.sent(ANNA) == ANNA
    world.classes.change(MAKER, world.project.id, 3)
    assert world.level == 3
    masked = world.sent(ANNA)
    assert "Schneider" not in masked
    assert "@example.com" not in masked
    assert "<PERSON_1>" in masked
    with pytest.raises(SecretFound, match="must not be sent"):
        world.sent(f"The card is {CARD}", Choice.SEND)
    other = World(world.appliance)
    assert other.sent(ANNA) == ANNA
    changed = events(world.governance, world.appliance, "app.classified")[-1]
    assert (changed["from"], changed["to"]) == ("internal", "restricted")


def test_confidential_words_are_asked_about(world: World) -> None:
    words = "Order lunch for everybody at 12 Baker Street, London, born 1984-03-02"
    looked = world.appliance._inspector.inspect(words, Place.PROMPT)
    assert {one.kind for one in looked.findings} & {"STREET_ADDRESS", "DATE_OF_BIRTH"}
    assert world.sent(words) == words
    world.classes.change(MAKER, world.project.id, 2)
    with pytest.raises(AskFirst):
        world.sent(words)
    assert "12 Baker Street" not in world.sent(words, Choice.MASK)


def test_what_is_written_for_an_app_is_held_to_what_its_class_blocks(world: World) -> None:
    def put(text: str) -> None:
        world.screening.output(text, principal=MAKER.principal, resource=world.project.id)

    put(f'example Card: "{CARD}", "12 Baker Street"')
    world.classes.change(MAKER, world.project.id, 3)
    put('example Person: "Peter Schneider", "12 Baker Street"')  # made up; and nobody could be asked
    with pytest.raises(SecretFound, match="not put in place"):
        put(f'example Card: "{CARD}"')


def test_a_table_is_looked_through_by_the_class_that_its_app_will_have(world: World) -> None:
    table = {"Address": "12 Baker Street, London"}
    assert world.screening.cells(MAKER, table, choice=Choice.NONE, resource="new-app") is False
    with pytest.raises(AskFirst):
        world.screening.cells(MAKER, table, choice=Choice.NONE, resource="new-app", data_class="confidential")
    assert world.screening.cells(MAKER, table, choice=Choice.NONE, resource="new-app", data_class="restricted") is True
    assert "Baker" not in world.screening.mask_cell(table["Address"], {}, data_class="restricted")


def test_a_laxer_class_needs_somebody_else(world: World) -> None:
    world.classes.change(MAKER, world.project.id, 2)
    with pytest.raises(NotAllowed, match="laxer class"):
        world.classes.change(MAKER, world.project.id, 1)
    with pytest.raises(NotFound):
        world.classes.change(REVIEWER, world.project.id, 3)
    with pytest.raises(Refused, match="no such class"):
        world.classes.change(MAKER, world.project.id, 4)
    with pytest.raises(Refused, match="is confidential"):
        world.classes.ask(MAKER, world.project.id, 2, "why not")
    asked = world.classes.ask(MAKER, world.project.id, 0, "it was never secret")
    assert (asked.kind, asked.level) == (ApprovalKind.CLASSIFY, 2)
    for who in (MAKER, OPERATOR):
        with pytest.raises((NotAllowed, NotFound)):
            world.governance.decisions.approve(who, asked.id, "")
    assert world.governance.decisions.approve(REVIEWER, asked.id, "").state is ApprovalState.DONE
    assert world.level == 0
    assert events(world.governance, world.appliance, "app.classified")[-1]["approved_by"] == [REVIEWER.principal]


def test_restricted_data_needs_two_and_a_class_that_was_changed_meanwhile_is_not_overwritten(world: World) -> None:
    world.classes.change(MAKER, world.project.id, 2)
    stale = world.classes.ask(MAKER, world.project.id, 1, "")
    world.classes.change(MAKER, world.project.id, 3)
    with pytest.raises(StricterNow):
        world.governance.decisions.approve(REVIEWER, stale.id, "")
    assert world.level == 3
    world.governance.decisions.withdraw(MAKER, stale.id)
    asked = world.classes.ask(MAKER, world.project.id, 1, "")
    assert world.governance.decisions.approve(REVIEWER, asked.id, "").state is ApprovalState.WAITING
    assert world.governance.decisions.approve(SECOND, asked.id, "").state is ApprovalState.DONE
    assert world.level == 1


def test_policies_see_the_class(world: World) -> None:
    services = world.appliance.services()
    world.classes.change(MAKER, world.project.id, 3)
    project = world.appliance.studio.projects.get(world.project.id)
    assert about(services, project, None).resource.attributes["level"] == 3
