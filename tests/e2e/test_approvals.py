"""Requests for approval: who may decide in whose place, how long, how often, and what a crash leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from appliance.app import Appliance
from appliance.core.clock import ManualClock
from appliance.core.errors import Refused
from appliance.core.ports import Person
from appliance.db.approval_records import Approval, ApprovalKind, ApprovalState, Publication, Vote
from appliance.db.records import Project
from appliance.studio.approval import MAX_WAITING, Wanted
from appliance.studio.deciding import NotWaiting
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.rights import counted
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.governed import AUDITOR, MAKER, OPERATOR, REVIEWER, SECOND, acting_as
from tests.fixtures.studio import MAYA, settings_in, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
STAND_IN = acting_as(Person("demo-sina", "Sina", "sina@intramural.example"), "user")


class Letters:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, letter: Any) -> None:
        self.sent += [(to, letter.subject) for to in letter.to]


class World:
    """An appliance that is not started, with a clock that can be moved and a letter box."""

    def __init__(self, appliance: Appliance) -> None:
        self.appliance, self.governance, self.letters = appliance, appliance.governance, Letters()
        self.clock = ManualClock(NOW)
        for part in (self.governance.approvals, self.governance.decisions, self.governance.delegations):
            part._clock = self.clock  # type: ignore[attr-defined]
        self.governance.approvals.rights._clock = self.clock
        notices = self.governance.approvals._notices
        notices._post = self.letters
        lists = {"reviewers": ("reviewers@intramural.example",), "auditors": ("auditors@intramural.example",)}
        notices._settings = notices._settings.model_copy(update=lists)
        self.carried: list[str] = []
        for kind in ApprovalKind:
            self.governance.decisions.carriers[kind] = lambda approval, _votes, _who: self.carried.append(approval.id)

    def ask(self, kind: ApprovalKind = ApprovalKind.PUBLISH, *, level: int = 1) -> Approval:
        project = Project(f"app_{len(self.carried):026}", "Plants", "", MAYA, NOW, NOW)
        if self.appliance.studio.projects.get(project.id) is None:
            self.appliance.studio.projects.add(project)
        wanted = Wanted(kind, "Publish “Plants”", "please", project.id, MAKER.principal, MAKER.principal, level)
        return self.governance.approvals.request(MAKER, wanted)


@pytest.fixture
def world() -> Iterator[World]:
    with short_folder() as home:
        appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
        yield World(appliance)
        appliance.stop()


def test_a_request_is_told_decided_and_told_again(world: World) -> None:
    asked = world.ask()
    assert world.letters.sent == [("reviewers@intramural.example", "Waiting for you: Publish “Plants”")]
    done = world.governance.decisions.approve(REVIEWER, asked.id, "good")
    assert (done.state, world.carried) == (ApprovalState.DONE, [asked.id])
    assert world.letters.sent[-1] == ("maya@intramural.example", "Your request was approved: Publish “Plants”")
    for again in (world.governance.decisions.approve, world.governance.decisions.refuse):
        with pytest.raises(NotWaiting):
            again(SECOND, asked.id, "late")
    with pytest.raises(NotWaiting):
        world.governance.decisions.withdraw(MAKER, asked.id)
    assert [one.id for one in world.governance.approvals.history(SECOND)] == [asked.id]
    assert world.governance.approvals.history(STAND_IN) == []


def test_nobody_else_sees_it_decides_or_withdraws(world: World) -> None:
    asked = world.ask()
    for who in (STAND_IN, OPERATOR, AUDITOR):
        assert world.governance.approvals.waiting_for(who) == []
        with pytest.raises(NotFound):
            world.governance.decisions.approve(who, asked.id, "")
    with pytest.raises(NotAllowed):
        world.governance.decisions.withdraw(REVIEWER, asked.id)
    with pytest.raises(NotAllowed):
        world.governance.approvals.request(STAND_IN, Wanted(ApprovalKind.MODEL, "x"))


def test_it_expires_and_says_so(world: World) -> None:
    asked = world.ask()
    world.clock.advance(timedelta(days=13, hours=23).total_seconds())
    assert world.governance.approvals.waiting_for(REVIEWER)
    world.clock.advance(3601)
    assert world.governance.approvals.waiting_for(REVIEWER) == []
    with pytest.raises(NotWaiting):
        world.governance.decisions.approve(REVIEWER, asked.id, "")
    assert world.letters.sent[-1][1].startswith("Your request was not decided in time")
    assert [leaf.event for _, leaf in world.appliance.audit.leaves()].count("approval.expired") == 2


def test_somebody_decides_in_place_of_another_for_a_while_and_never_on_what_that_one_had_a_part_in(
    world: World,
) -> None:
    governance = world.governance
    asked = world.ask()
    with pytest.raises(NotAllowed):
        governance.delegations.give(STAND_IN, "x@intramural.example", days=1, reason="y")
    for email, days, reason in (("rita@intramural.example", 3, "x"), ("nobody", 3, "x"), ("a@b.example", 31, "x")):
        with pytest.raises(Refused):
            governance.delegations.give(REVIEWER, email, days=days, reason=reason)
    with pytest.raises(Refused, match="reason"):
        governance.delegations.give(REVIEWER, "a@b.example", days=3, reason=" ")
    given = governance.delegations.give(REVIEWER, "Sina@intramural.example", days=3, reason="on leave")
    assert [one.id for one in governance.approvals.waiting_for(STAND_IN)] == [asked.id]
    told = [leaf for _, leaf in world.appliance.audit.leaves() if leaf.event == "approval.delegated"]
    assert "sina" not in str(dict(told[0].details)).lower()
    world.clock.advance(3 * 86_400)
    assert governance.approvals.waiting_for(STAND_IN) == []
    given = governance.delegations.give(REVIEWER, "sina@intramural.example", days=3, reason="on leave")
    governance.delegations.take_back(REVIEWER, given.id)
    assert governance.approvals.waiting_for(STAND_IN) == []
    governance.delegations.give(REVIEWER, "sina@intramural.example", days=3, reason="on leave")
    governance.decisions.approve(STAND_IN, asked.id, "for Rita")
    vote = governance.approvals.votes(asked.id)[0]
    assert (vote.voter, vote.in_place_of) == ("user:demo-sina", "user:demo-rita")

    both = replace(MAKER, roles=MAKER.roles | {"reviewer"})
    governance.delegations.give(both, "sina@intramural.example", days=3, reason="on leave")
    for one in governance.delegations.given(REVIEWER):
        governance.delegations.take_back(REVIEWER, one.id)
    world.carried.append("next")
    own = world.ask()
    with pytest.raises(NotAllowed):
        governance.decisions.approve(STAND_IN, own.id, "for Maya, who asked")


def test_a_person_and_their_stand_in_count_once(world: World) -> None:
    governance = world.governance
    asked = world.ask(level=3)
    governance.delegations.give(REVIEWER, "sina@intramural.example", days=3, reason="on leave")
    governance.decisions.approve(STAND_IN, asked.id, "")
    assert governance.decisions.approve(REVIEWER, asked.id, "").state is ApprovalState.WAITING
    assert governance.approvals.rights.missing(asked, governance.approvals.votes(asked.id)) == 1
    assert governance.decisions.approve(SECOND, asked.id, "").state is ApprovalState.DONE


def test_votes_are_counted_by_whose_right_it_is() -> None:
    def vote(who: str, place: str = "", *, approves: bool = True) -> Vote:
        return Vote("apr", who, who, approves, "", NOW, place)

    assert counted([vote("a"), vote("b", "a"), vote("c", approves=False)]) == 1
    assert counted([vote("a"), vote("b"), vote("c", "d")]) == 3


def test_what_could_not_be_carried_out_stays_approved_says_why_and_is_tried_again(world: World) -> None:
    asked = world.ask()
    decisions = world.governance.decisions
    good = decisions.carriers[ApprovalKind.PUBLISH]

    def full(_approval: Approval, _votes: object, _who: str) -> None:
        message = "The disk is full."
        raise Refused(message, action="Free space.")

    decisions.carriers[ApprovalKind.PUBLISH] = full
    with pytest.raises(Refused, match="full"):
        decisions.approve(REVIEWER, asked.id, "")
    found = world.governance.approvals.find(asked.id)
    assert found is not None
    assert (found.state, found.outcome) == (ApprovalState.APPROVED, "The disk is full. Free space.")
    decisions.carriers[ApprovalKind.PUBLISH] = good
    decisions.resume()
    assert world.carried == [asked.id]
    with pytest.raises(NotWaiting):
        decisions.carry_out(asked.id, "user:demo-maya")


def test_a_crash_after_the_last_vote_is_finished_by_the_start(world: World) -> None:
    asked = world.ask()
    vote = Vote(asked.id, REVIEWER.principal, "Rita", True, "", NOW)
    world.governance.decisions._approvals.vote(vote)
    world.governance.decisions.resume()
    assert world.carried == [asked.id]


def test_requests_are_bounded(world: World) -> None:
    asked = world.ask()
    with pytest.raises(Refused, match="such a request"):
        world.ask()
    wanted = Wanted(ApprovalKind.MODEL, "Another model")
    for _ in range(MAX_WAITING - 1):
        world.governance.approvals._approvals.add(replace(asked, id=f"apr_{_:026}", project_id=None))
    with pytest.raises(Refused, match="wait already"):
        world.governance.approvals.request(OPERATOR, wanted)


def test_records_of_a_release_that_never_came_go_at_the_start_and_those_of_one_that_stands_stay(world: World) -> None:
    project = world.appliance.studio.projects
    asked = world.ask()
    assert asked.project_id is not None
    assert project.get(asked.project_id) is not None
    data = world.appliance.studio.versions.folder(asked.project_id) / "data"
    for name in ("live-half", "live-stands", "before-live-old", "v1-of-the-preview"):
        (data / name).mkdir(parents=True)
    known = Publication(asked.project_id, 1, 1, "live-stands", 1)
    world.governance.publishing._publications.put(known)
    world.governance.records.forget_halves()
    assert sorted(path.name for path in data.iterdir()) == ["before-live-old", "live-stands", "v1-of-the-preview"]


def test_an_owner_is_told_when_somebody_else_takes_their_app_back(world: World) -> None:
    asked = world.ask()
    found = world.appliance.studio.projects.get(asked.project_id or "")
    assert found is not None
    world.governance.publishing._publications.put(Publication(found.id, 1, 1, "live-x", 1))
    world.governance.publishing._publish_routes = lambda: None
    world.governance.publishing.withdraw(OPERATOR, found, "it shows too much")
    assert world.letters.sent[-1] == ("maya@intramural.example", "Taken back: Plants")
    assert world.governance.publishing.of(found.id).version is None  # type: ignore[union-attr]
