"""A reviewer tries the version that they are asked about: in every role, on records of its own, until it is decided."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest

from appliance.blueprint.model import OWNER, PUBLIC
from appliance.core.clock import ManualClock
from appliance.db.records import Origin
from appliance.studio.trials import NothingToTry, trial_id, trial_label
from appliance.web.server import make_app
from tests.e2e.test_publish import built, entered, next_version
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.governed import ADA, MAKER, OTTO, REVIEWER, RITA, ask
from tests.fixtures.studio import MAYA, UWE, Visitor, running, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.app import Appliance
    from appliance.db.approval_records import Approval
    from appliance.db.records import Project

pytestmark = pytest.mark.sandbox
WITH_KIOSK = SHIFTS.replace(
    "example Machine", 'page "Tell us" kiosk Note (title, machine) thanks "Noted"\nexample Machine', 1
)
IDENTITY = "X-Intramural-Identity"


class World:
    def __init__(self, appliance: Appliance) -> None:
        self.appliance = appliance
        self.trials, self.decisions = appliance.governance.trials, appliance.governance.decisions
        self.app = make_app(appliance.services())
        build = appliance.studio.build_service.submit(MAKER, WITH_KIOSK, origin=Origin.BLUEPRINT)
        self.project = built(appliance, build.project_id, 1)
        self.host = f"{trial_label(self.project.slug or '')}.intramural.localhost:{appliance.settings.web.port}"
        self.rita = sign_in(appliance, RITA, "reviewer")

    def call(self, address: str, who: Visitor | None = None, method: str = "GET", **more: Any) -> httpx.Response:
        """One request, as the front door hands it on."""
        parts = urlsplit(address)
        base = f"http://{parts.netloc}" if parts.netloc else self.appliance.addresses.studio
        headers = {"x-forwarded-for": "192.0.2.9", "accept": "text/html", **more.pop("headers", {})}
        cookies = more.pop("cookies", {}) | ({} if who is None else who.cookies)
        if who is not None and method == "POST":
            headers |= {"x-csrf-token": who.session.csrf_token, "origin": self.appliance.addresses.studio}

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies) as browser:
                return await browser.request(method, address, headers=headers, **more)

        return asyncio.run(go())

    def come_in(self, who: Visitor, asked: Approval, role: str = "") -> dict[str, str]:
        """The whole way from the request's page to the trial's origin; the cookies that a browser then has there."""
        opened = self.call(f"/approvals/{asked.id}/try/open", who, params={"role": role})
        assert opened.status_code == 303, opened.text[:500]
        begun = self.call(opened.headers["location"])
        entered = self.call(begun.headers["location"], who)
        cookies = dict(begun.cookies)
        redeemed = self.call(entered.headers["location"], cookies=cookies)
        assert redeemed.status_code == 303, redeemed.text[:500]
        return cookies | dict(redeemed.cookies)

    def gate(self, cookies: dict[str, str], uri: str = "/", method: str = "GET") -> httpx.Response:
        seen = {"x-forwarded-host": self.host, "x-forwarded-uri": uri, "x-forwarded-method": method}
        return self.call(f"http://{self.host}/gate/check", headers=seen, cookies=cookies)

    def roles(self, answer: httpx.Response) -> list[str]:
        assert answer.status_code == 200, answer.text[:500]
        claims = jwt.decode(answer.headers[IDENTITY], options={"verify_signature": False})
        assert str(claims["aud"]).startswith("trial_")
        return list(claims["roles"])

    def notes(self, asked: Approval, records: str) -> list[str]:
        """Titles of the notes that the trial holds."""
        self.trials.start(asked)
        folder = self.appliance.studio.versions.folder(self.project.id) / "trials" / asked.id / records
        with sqlite3.connect(folder / "app.db") as database:
            return [str(row[0]) for row in database.execute("select title from note")]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(ScriptedPlanner([WITH_KIOSK])) as appliance:
        yield World(appliance)


@pytest.fixture
def asked(world: World) -> Iterator[Approval]:
    made = ask(world.appliance, world.project.id, 1)
    yield made
    found = world.appliance.governance.approvals.find(made.id)
    if found is not None and not found.state.final:
        world.decisions.withdraw(MAKER, made.id)


def records_of_the_preview(appliance: Appliance, project: Project) -> Any:
    return appliance.studio.previews.prepare(project).data


def test_it_is_the_version_asked_about_on_examples_never_on_what_people_entered(world: World, asked: Approval) -> None:
    world.appliance.studio.previews.start(world.project)
    entered(records_of_the_preview(world.appliance, world.project), "Entered by Maya")
    text = WITH_KIOSK.replace("  settled boolean\n", "  settled boolean\n  cause text\n", 1)
    next_version(world.appliance, world.project, text, 2)
    assert "cause" not in world.trials.text(asked)
    titles = world.notes(asked, "examples")
    assert len(titles) == 2
    assert "Entered by Maya" not in titles
    answer = world.call(f"/approvals/{asked.id}/try/restart", world.rita, "POST", data={"records": "empty"})
    assert answer.status_code == 303
    assert world.notes(asked, "empty") == []
    world.call(f"/approvals/{asked.id}/try/restart", world.rita, "POST", data={"records": "examples"})
    assert len(world.notes(asked, "examples")) == 2


def test_a_reviewer_comes_in_with_every_right_or_in_a_role(world: World, asked: Approval) -> None:
    page = world.call(f"/approvals/{asked.id}", world.rita)
    assert f'href="/approvals/{asked.id}/try"' in page.text
    assert "View as" in world.call(f"/approvals/{asked.id}/try", world.rita).text
    assert world.roles(world.gate(world.come_in(world.rita, asked))) == [OWNER]
    cookies = world.come_in(world.rita, asked, "Operator")
    assert world.roles(world.gate(cookies)) == ["Operator"]
    wrong = world.call(f"/approvals/{asked.id}/try/open", world.rita, params={"role": "Emperor"})
    assert wrong.status_code == 403
    tried = [leaf for _, leaf in world.appliance.audit.leaves() if leaf.event == "approval.tried"]
    assert {leaf.details.get("view_as") for leaf in tried if leaf.kind == "intent"} >= {None, "Operator"}
    assert tried[-1].details | {} == {} or tried[-1].result == "done"


def test_nobody_else_comes_in(world: World, asked: Approval) -> None:
    for person, group in ((MAYA, "maker"), (UWE, "user"), (OTTO, "operator"), (ADA, "auditor")):
        who = sign_in(world.appliance, person, group)
        for path in ("try", "try/open"):
            assert world.call(f"/approvals/{asked.id}/{path}", who).status_code in {403, 404}, (group, path)
        answer = world.call(f"/approvals/{asked.id}/try/restart", who, "POST", data={"records": "empty"})
        assert answer.status_code in {403, 404}, group
        entering = {"app": trial_label(world.project.slug or ""), "binding": "b" * 43}
        assert world.call("/enter", who, params=entering).status_code in {403, 404}, group
    # A session of somebody who was a reviewer and is not any more: the gate asks again for each request.
    cookies = world.come_in(world.rita, asked)
    sessions = world.appliance.services().identity.sessions
    sessions.revoke(world.rita.session.id)
    world.rita = sign_in(world.appliance, RITA, "reviewer")
    assert world.gate(cookies).status_code == 302


def test_a_kiosk_of_a_trial_is_not_open_to_everybody(world: World, asked: Approval) -> None:
    world.trials.start(asked)
    assert world.gate({}, "/kiosk/tell-us").status_code == 302
    assert world.gate({}, "/kiosk/tell-us", "POST").status_code == 401
    assert world.roles(world.gate(world.come_in(world.rita, asked), "/kiosk/tell-us")) == [PUBLIC]


@pytest.mark.parametrize("end", ["approve", "refuse", "withdraw", "expire"])
def test_it_is_gone_when_the_request_is_over(world: World, end: str) -> None:
    asked = ask(world.appliance, world.project.id, 1)
    cookies = world.come_in(world.rita, asked)
    folder = world.appliance.studio.versions.folder(world.project.id) / "trials" / asked.id
    assert folder.exists()
    label = trial_label(world.project.slug or "")
    assert label in [one.label for one in world.trials.routes()]
    if end == "approve":
        world.decisions.approve(REVIEWER, asked.id, "tried it")
        world.appliance.governance.publishing.withdraw(MAKER, world.project, "for the next test")
    elif end == "refuse":
        world.decisions.refuse(REVIEWER, asked.id, "it has no due date")
    elif end == "withdraw":
        world.decisions.withdraw(MAKER, asked.id)
    else:
        approvals = world.appliance.governance.approvals
        real, approvals._clock = approvals._clock, ManualClock(asked.expires_at)
        approvals.expire()
        approvals._clock = real
    assert not folder.exists()
    assert world.appliance.apps.state(trial_id(asked.id)) == "asleep"
    assert label not in [one.label for one in world.trials.routes()]
    assert world.gate(cookies).status_code == 404
    with pytest.raises(NothingToTry):
        world.trials.start(asked)
    assert world.call(f"/approvals/{asked.id}/try", world.rita).status_code in {404, 422}


def test_what_a_stop_left_goes_at_the_next_start(world: World, asked: Approval) -> None:
    world.trials.start(asked)
    folder = world.appliance.studio.versions.folder(world.project.id) / "trials"
    left = folder / "apr_00000000000000000000000000"
    shutil.copytree(folder / asked.id / "code", left / "code")
    world.trials.forget_ended()
    assert [path.name for path in folder.iterdir()] == [asked.id]
