"""Publishing end to end, in one process with real sandbox, front door and records: what colleagues get is what was
approved, until the next approval, and nothing at all after it was taken back."""

from __future__ import annotations

import sqlite3
import time
import zipfile
from typing import TYPE_CHECKING

import httpx
import pytest

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Question
from appliance.core.errors import Refused
from appliance.db.approval_records import ApprovalState
from appliance.db.records import Member, Origin
from appliance.studio.errors import NotAllowed
from appliance.studio.permits import as_principal, permit
from appliance.studio.releases import NotPublished, live_id, live_label
from appliance.studio.standing import data_folder
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.governed import MAKER, OPERATOR, REVIEWER, SECOND, acting_as, ask, publish
from tests.fixtures.studio import UWE, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.app import Appliance
    from appliance.db.records import Project, Version

pytestmark = pytest.mark.sandbox
GATE_ASKED = 502
"""The front door knows the address and asks the gate, whose web service does not run in these tests."""


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with running(ScriptedPlanner([SHIFTS])) as made:
        yield made


@pytest.fixture(scope="module")
def project(appliance: Appliance) -> Project:
    build = appliance.studio.build_service.submit(MAKER, SHIFTS, origin=Origin.BLUEPRINT)
    return built(appliance, build.project_id, 1)


def built(appliance: Appliance, project_id: str, version: int) -> Project:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        project = appliance.studio.projects.get(project_id)
        if project is not None and project.current == version and not appliance.studio.builds.unfinished():
            return project
        time.sleep(0.05)
    raise AssertionError(appliance.studio.builds.latest(project_id))


def next_version(appliance: Appliance, project: Project, text: str, version: int) -> Project:
    made = appliance.studio.revisions.propose_text(MAKER, project.id, text)
    appliance.studio.revisions.accept(MAKER, project.id, made.id)
    return built(appliance, project.id, version)


def through_the_front_door(appliance: Appliance, label: str, path: str = "/") -> httpx.Response:
    port = appliance.settings.web.port
    headers = {"host": f"{label}.{appliance.settings.web.domain}:{port}"}
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers)


def inside(appliance: Appliance, socket: Path, audience: str, role: str, path: str = "/") -> str:
    """A page of an app, asked for as the gate hands a request on."""
    token = appliance.tokens.issue(audience=audience, person=UWE, roles=(role,))
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://app", timeout=30, follow_redirects=True) as client:
        answer = client.get(path, headers={"X-Intramural-Identity": token})
        assert answer.status_code == 200, answer.text[:500]
        return answer.text


def version_of(appliance: Appliance, project: Project) -> Version:
    version = appliance.studio.projects.version(project.id, 1)
    assert version is not None
    return version


def records(appliance: Appliance, project: Project) -> Path:
    known = appliance.governance.publishing.of(project.id)
    assert known is not None
    return appliance.studio.versions.folder(project.id) / "data" / known.data


def entered(folder: Path, title: str) -> None:
    """A record that somebody wrote in the app with this folder."""
    with sqlite3.connect(folder / "app.db") as database:
        columns = [row[1] for row in database.execute("pragma table_info(note)") if row[1] != "id"]
        names = ", ".join(f'"{name}"' for name in columns)
        taken = ", ".join("?" if name == "title" else f'"{name}"' for name in columns)
        database.execute(f"insert into note ({names}) select {taken} from note limit 1", (title,))  # noqa: S608


def exported(appliance: Appliance, project: Project, *, published: bool) -> str:
    """The records in an archive of the app, as text."""
    made = appliance.transfers.exports.export(MAKER, project.id, published=published)
    with zipfile.ZipFile(made.path) as archive:
        names = [name for name in archive.namelist() if "/data/tables/" in name]
        text = "".join(archive.read(name).decode() for name in names)
    made.remove()
    assert "Oil leak" in text
    return text


def test_a_version_goes_from_its_maker_to_its_users_and_stays_until_the_next_approval(
    appliance: Appliance, project: Project
) -> None:
    governance, label = appliance.governance, live_label(project.slug or "")
    assert through_the_front_door(appliance, label).status_code == 404
    with pytest.raises(NotPublished):
        governance.releases.start(project)
    asked = ask(appliance, project.id, 1, copy=True)
    assert {one.code for one in asked.findings} >= {"checks-passed"}
    assert [one.id for one in governance.approvals.waiting_for(REVIEWER)] == [asked.id]
    assert governance.approvals.waiting_for(MAKER) == []
    with pytest.raises(Refused, match="such a request"):
        ask(appliance, project.id, 1)
    done = governance.decisions.approve(REVIEWER, asked.id, "looks right")
    assert done.state is ApprovalState.DONE
    socket = governance.releases.start(project)
    assert socket != appliance.apps.address(project.id).socket
    assert "Oil leak" in inside(appliance, socket, live_id(project.id), "Operator", "/note")
    own, preview = records(appliance, project), data_folder(appliance.studio.versions, version_of(appliance, project))
    assert own.name.startswith("live-")
    entered(own, "Entered in the release")
    assert "Entered in the release" in inside(appliance, socket, live_id(project.id), "Operator", "/note")
    with sqlite3.connect(own.parent / preview / "app.db") as other:
        assert other.execute("select count(*) from note where title = 'Entered in the release'").fetchone() == (0,)

    text = SHIFTS.replace("  settled boolean\n", "  settled boolean\n  cause text\n", 1)
    changed = next_version(appliance, project, text, 2)
    assert governance.releases.version(changed).number == 1
    assert "cause" not in governance.releases.text(changed)
    again = publish(appliance, project.id, 2)
    assert again.state is ApprovalState.DONE
    assert "cause" in governance.releases.text(changed)
    page = inside(appliance, governance.releases.start(changed), live_id(project.id), "Operator", "/note")
    assert "Entered in the release" in page
    assert records(appliance, project) != own
    assert not own.exists()
    packed = {published: exported(appliance, project, published=published) for published in (True, False)}
    assert "Entered in the release" in packed[True]
    assert "Entered in the release" not in packed[False]
    published = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "app.published"]
    assert [leaf.result for leaf in published] == [None, "done"] * 2
    assert published[2].details["approved_by"] == ["user:demo-rita"]
    assert (published[2].details["requested_by"], published[2].details["replaces"]) == ("user:demo-maya", 1)


def test_the_front_door_asks_who_is_there_and_shows_only_members_the_release(
    appliance: Appliance, project: Project
) -> None:
    label = live_label(project.slug or "")
    assert through_the_front_door(appliance, label).status_code == GATE_ASKED
    catalogue = appliance.governance.publishing.catalogue
    actor = acting_as(UWE, "user")
    assert catalogue(actor) == []
    appliance.studio.projects.put_member(Member(project.id, UWE.email, "Operator", project.created_at))
    try:
        assert [one.id for one, _ in catalogue(actor)] == [project.id]
        assert appliance.governance.releases.roles(project, UWE) == ("Operator",)
    finally:
        appliance.studio.projects.remove_member(project.id, UWE.email)


def test_whoever_had_a_part_in_it_cannot_approve_it(appliance: Appliance, project: Project) -> None:
    decisions = appliance.governance.decisions
    with pytest.raises(Refused, match="is internal"):
        ask(appliance, project.id, 2, level=0)
    asked = ask(appliance, project.id, 1)
    both = type(MAKER)(MAKER.person, maker=True, roles=frozenset({"maker", "reviewer"}))
    with pytest.raises(NotAllowed, match="cannot approve it"):
        decisions.approve(both, asked.id, "mine is good")
    assert appliance.governance.approvals.find(asked.id).state is ApprovalState.WAITING  # type: ignore[union-attr]
    with pytest.raises(Refused, match="reason"):
        decisions.refuse(REVIEWER, asked.id, "  ")
    refused = decisions.refuse(REVIEWER, asked.id, "say who uses it")
    assert (refused.state, refused.outcome) == (ApprovalState.REFUSED, "say who uses it")
    asked = ask(appliance, project.id, 1)
    assert decisions.withdraw(MAKER, asked.id).state is ApprovalState.WITHDRAWN


def test_restricted_data_needs_two_and_one_person_counts_once(appliance: Appliance, project: Project) -> None:
    governance = appliance.governance
    asked = ask(appliance, project.id, 2, level=3)
    assert governance.approvals.rights.missing(asked, []) == 2
    first = governance.decisions.approve(REVIEWER, asked.id, "")
    assert first.state is ApprovalState.WAITING
    governance.decisions.approve(REVIEWER, asked.id, "again")
    assert governance.approvals.find(asked.id).state is ApprovalState.WAITING  # type: ignore[union-attr]
    assert governance.decisions.approve(SECOND, asked.id, "").state is ApprovalState.DONE
    assert appliance.studio.projects.get(project.id).level == 3  # type: ignore[union-attr]
    owned = questions.app(project.id, owner=MAKER.principal, level=3)
    export = Question(as_principal(MAKER), Action.EXPORT_APP, owned)
    with pytest.raises(NotAllowed, match="only after an approval"):
        permit(governance.authority, export)


def test_taken_back_it_is_gone_at_once_and_its_records_wait(appliance: Appliance, project: Project) -> None:
    governance, label = appliance.governance, live_label(project.slug or "")
    before = governance.publishing.of(project.id)
    assert before is not None
    governance.publishing.withdraw(OPERATOR, project, "it shows too much")
    assert through_the_front_door(appliance, label).status_code == 404
    with pytest.raises(NotPublished):
        governance.releases.start(project)
    asked = ask(appliance, project.id, 2, level=3)
    governance.decisions.approve(REVIEWER, asked.id, "")
    governance.decisions.approve(SECOND, asked.id, "")
    after = governance.publishing.of(project.id)
    assert after is not None
    assert after.data == before.data
    assert through_the_front_door(appliance, label).status_code == GATE_ASKED
