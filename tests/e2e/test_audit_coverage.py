"""Every route and every use case that changes something, or shows an app or evidence, is in the audit log.

A maker's whole way is walked through the real web application; each route leaves the entries that the table names, or
stands in the list of exceptions with a reason. The few that need much to be reached name their use case. A route that
is in none of them fails, and so does a use case.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from appliance.app import Appliance
from appliance.authz.questions import Question
from appliance.core import conversation
from appliance.core.ids import new_id
from appliance.studio.api_keys import ApiKeys
from appliance.studio.approval import ApprovalService
from appliance.studio.build import BuildService
from appliance.studio.classifying import Classifying
from appliance.studio.conversation import Conversation
from appliance.studio.deciding import Decisions
from appliance.studio.delegation import Delegations
from appliance.studio.exporting import ExportService
from appliance.studio.gathering import Gathering
from appliance.studio.importing import ImportService
from appliance.studio.models import Models
from appliance.studio.policy import PolicyService
from appliance.studio.project import ProjectService
from appliance.studio.publishing import Publishing
from appliance.studio.revision import RevisionService
from appliance.studio.trials import Trials
from appliance.web.limits import Limits, RateLimit
from appliance.web.server import make_app
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner, ScriptedReviser
from tests.fixtures.governed import REVIEWER, RITA
from tests.fixtures.studio import MARA, MAYA, UWE, Visitor, running, settings_in, short_folder, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar import Litestar

    from appliance.audit.leaf import Leaf

pytestmark = pytest.mark.sandbox
APP = "/apps/*"
OWN = "the maker's own app, shown to nobody but its maker; a refusal to anybody else is recorded"
DRAFT = "a draft of the maker's own; what it leads to is recorded when it is proposed or built"
SILENT = {
    ("GET", "/"): "the person's own list of names",
    ("GET", "/start/*"): DRAFT,
    ("GET", APP): OWN,
    ("GET", "/models"): "what lies on the machine; no words and no data of anybody",
    ("GET", "/api/models"): "what lies on the machine; no words and no data of anybody",
    ("GET", "/approvals/*/try"): "the frame around a trial; the app in it is opened by a route of its own",
    ("GET", f"{APP}/people"): OWN,
    ("GET", f"{APP}/data"): OWN,
    ("GET", f"{APP}/pages"): OWN,
    ("GET", f"{APP}/access"): OWN,
    ("GET", f"{APP}/look"): OWN,
    ("GET", f"{APP}/checks"): OWN,
    ("GET", f"{APP}/code"): OWN,
    ("GET", f"{APP}/versions"): OWN,
    ("GET", f"{APP}/blueprint"): OWN,
    ("GET", f"{APP}/blueprint/*"): OWN,
    ("GET", f"{APP}/export"): OWN,
    ("GET", f"{APP}/turns/*"): OWN,
    ("GET", f"{APP}/suggestions"): OWN,
    ("GET", f"{APP}/proposals/*"): OWN,
    ("GET", f"{APP}/left-out/*"): "rows of a table that the maker handed in",
    ("GET", "/api/builds/*/events"): OWN,
    ("POST", f"{APP}/blueprint/check"): "says whether a text is a blueprint, and keeps nothing",
    ("POST", f"{APP}/edits"): DRAFT,
    ("POST", f"{APP}/edits/back"): DRAFT,
    ("POST", f"{APP}/edits/forget"): DRAFT,
    ("POST", f"{APP}/turns/*/stop"): "ends a plan; the outcome of plan.made is cancelled",
    ("GET", "/contracts/new"): "an empty form",
    ("POST", "/contracts"): DRAFT,
    ("GET", "/contracts/*"): DRAFT,
    ("POST", "/contracts/*/discard"): DRAFT,
    ("GET", "/imports/new"): "an empty form",
    ("POST", "/imports"): DRAFT,
    ("GET", "/imports/*"): DRAFT,
    ("POST", "/imports/*/discard"): DRAFT,
    ("GET", "/sign-in"): "a button",
    ("GET", "/sign-in/start"): "sends to the identity provider; nobody is signed in yet",
    ("GET", "/.intramural/session"): "the second half of /open and /enter, which record; a refusal is recorded",
    ("GET", "/.intramural/enter"): "gives a browser a secret and asks /enter, which records",
    ("GET", "/sign-in/step-up"): "sends to the identity provider; identity.stepped_up when it answers",
    ("GET", "/scim/*/*"): "an identity system reads what it pushed; a wrong token is recorded",
    ("GET", "/api/identity/scim-tokens"): "names of tokens, each recorded when it was made",
    ("GET", "/api/identity/orphans"): "names of apps for the operator",
    ("POST", "/api/identity/provisioning/end"): "the outcome of identity.realm_provisioned",
    ("GET", "/api/me"): "tells somebody their own name and roles",
    ("GET", "/gate/check"): "once for each request to an app; the opening and every refusal are recorded",
    ("GET", f"{APP}/publish"): OWN,
    ("GET", "/catalogue"): "names of published apps that the person may use",
    ("GET", "/approvals"): "names of requests; what one holds is recorded when its page is opened",
    ("GET", "/keys"): "the person's own keys, and those of service accounts for operators; no secret is in it",
    ("GET", "/api/keys"): "the same for the operator; each key was recorded when it was made",
    ("GET", "/v1/models"): "the name of the model; a refusal is recorded",
    ("GET", "/v1/models/*"): "the name of the model; a refusal is recorded",
    ("GET", "/health/live"): "health",
    ("GET", "/health/ready"): "health",
    ("GET", "/api/audit/privacy"): "names of requests and holds for the operator, each recorded when it was made",
    ("POST", "/api/audit/exports/end"): "the outcome of audit.exported",
}
WALKED = {
    ("POST", "/apps"): "prompt.submitted",
    ("POST", "/start/*"): "prompt.submitted",
    ("POST", f"{APP}/builds"): "prompt.submitted",
    ("POST", f"{APP}/blueprint"): "revision.proposed",
    ("POST", f"{APP}/requests"): "prompt.submitted",
    ("POST", f"{APP}/people"): "access.granted",
    ("POST", f"{APP}/people/remove"): "access.revoked",
    ("POST", f"{APP}/export"): "app.exported",
    ("GET", f"{APP}/open"): "app.opened",
    ("POST", f"{APP}/restore"): "revision.proposed",
    ("POST", f"{APP}/proposals/*/withdraw"): "revision.withdrawn",
    ("POST", f"{APP}/proposals/*/accept"): "revision.accepted",
    ("POST", "/api/builds/*/cancel"): "build.cancelled",
    ("GET", "/enter"): "app.opened",
    ("GET", "/sign-in/callback"): "identity.sign_in_refused",
    ("POST", "/sign-out"): "identity.signed_out",
    ("POST", "/sign-in/backchannel-logout"): "identity.sign_in_refused",
    ("GET", "/audit"): "audit.searched",
    ("POST", "/audit"): "audit.searched",
    ("GET", "/audit/entries/*"): "audit.viewed",
    ("POST", "/audit/entries/*/bodies"): "audit.viewed",
    ("GET", "/audit/apps/*/versions/*"): "audit.viewed",
    ("POST", "/audit/export"): "audit.exported",
    ("POST", f"{APP}/publish"): "approval.requested",
    ("POST", f"{APP}/export/request"): "approval.requested",
    ("GET", "/approvals/*"): "approval.viewed",
    ("GET", "/approvals/*/try/open"): "approval.tried",
    ("POST", "/approvals/*/try/restart"): "approval.tried",
    ("POST", "/approvals/*/approve"): "approval.approved",
    ("POST", "/approvals/*/refuse"): "approval.refused",
    ("POST", "/approvals/*/withdraw"): "approval.withdrawn",
    ("GET", f"{APP}/use"): "app.release_opened",
    ("POST", f"{APP}/class"): "app.classified",
    ("POST", f"{APP}/unpublish"): "app.unpublished",
    ("POST", "/delegations"): "approval.delegated",
    ("POST", "/delegations/*/end"): "approval.delegation_revoked",
    ("GET", "/policy"): "policy.viewed",
    ("GET", "/policy/versions/*"): "policy.viewed",
    ("POST", "/policy/try"): "policy.tried",
    ("POST", "/policy"): "approval.requested",
    ("GET", "/erasures"): "privacy.erasures_viewed",
    ("POST", "/erasures"): "privacy.erasure_requested",
    ("POST", "/erasures/*/approve"): "privacy.subject_erased",
    ("POST", "/erasures/*/refuse"): "privacy.erasure_rejected",
    ("POST", "/erasures/holds"): "privacy.hold_set",
    ("POST", "/erasures/holds/*/lift"): "privacy.hold_lifted",
    ("GET", "/api/audit/entries"): "audit.searched",
    ("GET", "/api/audit/entries/*"): "audit.viewed",
    ("POST", "/api/audit/entries/*/bodies"): "privacy.body_opened",
    ("GET", "/api/audit/lineage/*/*"): "audit.viewed",
    ("POST", "/api/audit/exports"): "audit.exported",
    ("POST", "/api/audit/bodies"): "privacy.body_opened",
    ("POST", "/api/audit/privacy"): "privacy.hold_set",
    ("POST", "/keys"): "api.key_created",
    ("POST", "/keys/*/revoke"): "api.key_revoked",
    ("POST", "/api/keys"): "api.key_created",
    ("POST", "/api/keys/*/revoke"): "api.key_revoked",
    ("POST", "/api/apps"): "prompt.submitted",
    ("GET", "/usage"): "usage.viewed",
    ("GET", "/usage.csv"): "usage.viewed",
    ("GET", "/api/usage"): "usage.viewed",
    ("POST", "/api/apps/*/export"): "app.exported",
}
ELSEWHERE = {
    ("POST", "/models"): "approval.requested, by Models.ask",
    ("POST", "/api/models"): "approval.requested, by Models.ask",
    ("POST", "/approvals/*/carry-out"): "app.published, by Publishing.carry_out",
    ("POST", "/api/identity/provisioning"): "identity.realm_provisioned, in test_identity_provisioning",
    ("POST", "/api/identity/scim-tokens"): "directory.scim_token_made, in test_identity_scim",
    ("POST", "/api/identity/scim-tokens/revoke"): "directory.scim_token_revoked, in test_identity_scim",
    ("POST", "/api/identity/sync"): "directory.person_deprovisioned, in test_identity_directory",
    ("POST", "/scim/*/*"): "directory.person_pushed, in test_identity_scim",
    ("PUT", "/scim/*/*"): "directory.person_pushed, in test_identity_scim",
    ("PATCH", "/scim/*/*"): "directory.person_pushed, in test_identity_scim",
    ("DELETE", "/scim/*/*"): "directory.person_pushed, in test_identity_scim",
    ("POST", "/v1/chat/completions"): "api.completion_requested, in test_openai_client.py",
    ("POST", "/v1/completions"): "api.completion_requested, in test_openai_client.py",
    ("POST", "/imports/*"): "data.imported, by ImportService.create",
    ("POST", "/contracts/*"): "contract.taken, by ContractService.create",
    ("POST", "/api/contracts"): "contract.taken, by ContractService.build",
    ("POST", f"{APP}/changes"): "revision.proposed, by RevisionService.propose_edits",
    ("POST", f"{APP}/code/again"): "prompt.submitted, by BuildService.submit; then code.written for each attempt",
    ("POST", f"{APP}/proposals/*/answer"): "records.tried, by RevisionService.answer",
}


@dataclass
class World:
    appliance: Appliance
    app: Litestar
    maker: Visitor
    auditor: Visitor
    project: str
    cli_token: str
    walked: set[tuple[str, str]] = field(default_factory=set)

    def call(self, method: str, path: str, who: Visitor | None, **more: Any) -> tuple[httpx.Response, list[Leaf]]:
        """One request as the front door hands it on; the answer, and the entries since."""
        before = self.appliance.audit.size
        headers = {"x-forwarded-for": "192.0.2.9", "accept": "text/html", **more.pop("headers", {})}
        if who is not None and method == "POST":
            headers |= {"origin": self.appliance.addresses.studio, "x-csrf-token": who.session.csrf_token}
        if who is None and "authorization" in headers:
            del headers["x-forwarded-for"]

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
            cookies = who.cookies if who else {}
            base = self.appliance.addresses.studio
            async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies, timeout=60) as client:
                return await client.request(method, path, headers=headers, **more)

        answer = asyncio.run(go())
        self.walked.add((method, pattern(path.partition("?")[0])))
        return answer, [leaf for _, leaf in self.appliance.audit.leaves(before)]

    def expect(self, method: str, path: str, who: Visitor | None, **more: Any) -> httpx.Response:
        """The same; the event of the table must be there, in the name of who asked."""
        answer, leaves = self.call(method, path, who, **more)
        event = WALKED[method, pattern(path.partition("?")[0])]
        found = [leaf for leaf in leaves if leaf.event == event and leaf.kind == "intent"]
        assert found, f"{method} {path}: {answer.status_code} {answer.text[:300]}: {[leaf.event for leaf in leaves]}"
        context: Any = found[0].details["context"]
        if who is not None:
            assert found[0].principal == f"user:{who.session.person.subject}"
            assert context["session"] == who.session.key
            assert who.session.id not in str([dict(leaf.details) for leaf in leaves])
            assert context["source"] == "192.0.2.9"
        assert context["request"].startswith("req_")
        assert context["rule"]
        assert context["policy"] == self.appliance.governance.authority.engine.digest
        assert Question.from_details(context["asked"]).principal.name == found[0].principal
        return answer

    def settled(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if not self.appliance.studio.builds.unfinished():
                return
            time.sleep(0.05)
        pytest.fail("a build did not end")


def pattern(path: str) -> str:
    parts = path.split("/")
    return (
        "/".join("*" if part.startswith("{") or (part != "v1" and re.search(r"\d", part)) else part for part in parts)
        or "/"
    )


def world_of(appliance: Appliance) -> World:
    services = appliance.services()
    many = RateLimit(burst=1000, per_minute=1000)
    app = make_app(services, Limits(posts=many, builds=many, sign_ins=many))
    maker, auditor = sign_in(appliance, MAYA, "maker"), sign_in(appliance, UWE, "auditor")
    return World(appliance, app, maker, auditor, "", services.cli_token)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running(ScriptedPlanner([SHIFTS])) as appliance:
        made = world_of(appliance)
        answer = made.expect("POST", "/apps", made.maker, data={"request": "Handover notes between shifts"})
        made.project = answer.headers["location"].rpartition("/")[2]
        made.settled()
        yield made


def proposal(world: World, hour: str) -> str:
    text = SHIFTS.replace("What the next shift must know.", f"What the next shift must know, {hour}.")
    answer = world.expect("POST", f"/apps/{world.project}/blueprint", world.maker, data={"text": text})
    return str(answer.headers["location"])


def test_a_maker_leaves_entries_everywhere(world: World) -> None:
    maker, app = world.maker, f"/apps/{world.project}"
    member = {"email": "uwe@intramural.example", "role": "Operator"}
    world.expect("POST", f"{app}/people", maker, data=member)
    world.expect("POST", f"{app}/people/remove", maker, data=member)
    world.expect("GET", f"{app}/open", maker)
    _, again = world.call("GET", f"{app}/open", maker)
    assert again == []  # once for each session and app
    other = sign_in(world.appliance, MAYA, "maker")
    world.expect("GET", "/enter?app=shift-handover", other)
    world.expect("POST", f"{app}/export", maker)
    world.expect("POST", f"{proposal(world, 'early')}/withdraw", maker)
    world.expect("POST", f"{proposal(world, 'late')}/accept", maker)
    world.settled()
    world.expect("POST", f"{app}/restore", maker, data={"version": "1"})
    build = world.appliance.studio.builds.latest(world.project)
    assert build is not None
    world.expect("POST", f"/api/builds/{build.id}/cancel", maker)
    world.expect("POST", f"{app}/builds", maker, data={"request": "Handover notes"})
    world.settled()
    world.expect("POST", "/keys", maker, data={"name": "Editor"})
    key = world.appliance.api.keys.of_person(MAYA)[0]
    world.expect("POST", f"/keys/{key.id}/revoke", maker)
    world.expect("POST", "/sign-out", other)
    world.expect("GET", "/sign-in/callback", None)
    world.expect("POST", "/sign-in/backchannel-logout", None, data={"logout_token": "no.such.token"})


def test_the_words_of_a_turn_and_what_the_model_made_of_them_belong_together() -> None:
    with running_with_reviser() as world:
        asked = world.expect("POST", "/apps", world.maker, data={"request": "Handover notes between shifts"})
        world.expect("POST", asked.headers["location"], world.maker, data={"skip": "1"})
        world.settled()
        project = world.appliance.studio.projects.all_standing()[0]
        world.expect("POST", f"/apps/{project.id}/requests", world.maker, data={"request": "Add a due date to notes"})
        turn = world.appliance.studio.conversation.latest(project.id)
        assert turn is not None
        assert turn.over.wait(60)
        leaves = [leaf for _, leaf in world.appliance.audit.leaves()]
        proposed = [leaf for leaf in leaves if leaf.event == "revision.proposed" and leaf.kind == "intent"]
        plans = [leaf for leaf in leaves if leaf.event == "plan.made" and leaf.kind == "intent"]
        assert plans[-1].details["context"] == proposed[-1].details["context"]
        assert {plan.details["kind"] for plan in plans} == {"questions", "prompt", "revision"}
        REVISED.update(world.walked)


REVISED: set[tuple[str, str]] = set()


@contextmanager
def running_with_reviser() -> Iterator[World]:
    questions = (conversation.Question("keep", "How long are notes kept?", ("A week", "A month")),)
    with short_folder() as home:
        reviser = ScriptedReviser(questions=questions)
        appliance = Appliance(settings_in(home), planner=ScriptedPlanner([SHIFTS]), reviser=reviser)
        try:
            appliance.start()
            yield world_of(appliance)
        finally:
            appliance.stop()


def test_the_auditor_and_the_operator_leave_entries_everywhere(world: World) -> None:
    auditor = world.auditor
    leaves = list(world.appliance.audit.leaves())
    written = next((ref.index, leaf) for ref, leaf in leaves if leaf.event == "prompt.submitted")
    body: Any = written[1].details["body"]
    world.expect("GET", "/audit", auditor)
    world.expect("POST", "/audit", auditor, data={"text": "handover", "purpose": "review"})
    world.expect("GET", f"/audit/entries/{written[0]}", auditor)
    world.expect("POST", f"/audit/entries/{written[0]}/bodies", auditor, data={"purpose": "review"})
    world.expect("GET", f"/audit/apps/{world.project}/versions/1", auditor)
    world.expect("POST", "/audit/export", auditor, data={"format": "jsonl"})
    a_second_auditor_decides_on_erasures(world)
    world.expect("GET", "/api/audit/entries", auditor)
    world.expect("GET", f"/api/audit/entries/{written[0]}", auditor)
    world.expect("POST", f"/api/audit/entries/{written[0]}/bodies", auditor, data={"purpose": "review"})
    world.expect("GET", f"/api/audit/lineage/{world.project}/1", auditor)
    local = {"headers": {"authorization": f"Bearer {world.cli_token}"}}
    world.expect("POST", "/api/audit/exports", None, json={"details": {"format": "csv", "start": 0}}, **local)
    world.expect("POST", "/api/audit/bodies", None, json={**body, "purpose": "review"}, **local)
    hold = {"act": "hold", "target": new_id("sub"), "reason": "a test"}
    world.expect("POST", "/api/audit/privacy", None, json=hold, **local)
    made = world.expect("POST", "/api/keys", None, json={"service": "ci"}, **local).json()
    world.expect("POST", f"/api/keys/{made['key']['id']}/revoke", None, **local)
    world.expect("POST", f"/api/apps/{world.project}/export", None, **local)
    world.expect("POST", "/api/apps", None, json={"request": ""}, **local)
    operator = sign_in(world.appliance, MARA, "operator")
    for path in ("/usage?days=7", "/usage.csv"):
        world.expect("GET", path, operator)
    world.expect("GET", "/api/usage", None, **local)


def test_what_is_published_approved_and_lent_leaves_entries(world: World) -> None:
    app, maker = f"/apps/{world.project}", world.maker
    reviewer = sign_in(world.appliance, RITA, "reviewer")
    form = {"version": "1", "level": "1", "comment": "for all shifts", "records": "empty", "review": "12"}
    asked = world.expect("POST", f"{app}/publish", maker, data=form).headers["location"]
    world.expect("GET", asked, reviewer)
    world.call("GET", f"{asked}/try", reviewer)
    world.expect("GET", f"{asked}/try/open", reviewer)
    world.expect("POST", f"{asked}/try/restart", reviewer, data={"records": "empty"})
    assert world.call("POST", f"{asked}/approve", maker)[0].status_code == 403
    _, leaves = world.call("POST", f"{asked}/approve", reviewer, data={"comment": "good"})
    assert [leaf.event for leaf in leaves if leaf.kind == "outcome"][:2] == ["approval.approved", "app.published"]
    world.walked.add(("POST", "/approvals/*/approve"))
    world.expect("GET", f"{app}/use", maker)
    world.expect("POST", f"{app}/unpublish", reviewer, data={"reason": "a trial"})
    for end, who in (("refuse", reviewer), ("withdraw", maker)):
        again = world.expect("POST", f"{app}/publish", maker, data=form).headers["location"]
        world.expect("POST", f"{again}/{end}", who, data={"reason": "not yet"})
    world.expect("POST", f"{app}/class", maker, data={"level": "2"})
    world.expect("POST", f"{app}/export/request", maker, data={"comment": "to the works council"})
    lent = {"email": "mara@intramural.example", "days": "3", "reason": "on leave"}
    world.expect("POST", "/delegations", reviewer, data=lent)
    delegation = world.appliance.governance.delegations.given(REVIEWER)[0]
    world.expect("POST", f"/delegations/{delegation.id}/end", reviewer)


def test_what_happens_to_the_policy_leaves_entries(world: World) -> None:
    text = world.appliance.governance.authority.engine.text + '@id("extra") permit (principal, action, resource);'
    world.expect("GET", "/policy", world.auditor)
    world.expect("GET", "/policy/versions/1", world.auditor)
    world.expect("POST", "/policy/try", world.auditor, data={"text": text})
    world.expect("POST", "/policy", world.auditor, data={"text": text, "comment": "a trial"})


def a_second_auditor_decides_on_erasures(world: World) -> None:
    second, privacy = sign_in(world.appliance, MARA, "auditor"), world.appliance.privacy
    world.expect("GET", "/erasures", second)
    for answer in ("approve", "refuse"):
        wanted = {"subject": f"user:{new_id('sub')}", "reason": "they left"}
        world.expect("POST", "/erasures", world.auditor, data=wanted)
        request = privacy.requests()[-1]
        assert not request.subject.startswith("user:")
        own = world.expect("POST", f"/erasures/{request.id}/approve", world.auditor)
        assert (own.status_code, privacy.requests()[-1].state) == (422, "waiting")
        assert "whoever asked for it cannot approve it" in own.text
        world.expect("POST", f"/erasures/{request.id}/{answer}", second, data={"reason": "not needed"})
    assert [one.state for one in privacy.requests()] == ["done", "rejected"]
    world.expect("POST", "/erasures/holds", second, data={"subject": "sub-9", "reason": "a lawsuit"})
    hold = next(one for one in privacy.holds() if one.subject == "sub-9")
    world.expect("POST", f"/erasures/holds/{hold.id}/lift", second, data={"reason": "it is over"})


@pytest.mark.parametrize("form", ["jsonl", "csv", "ocsf", "cef", "ecs", "syslog"])
def test_no_export_holds_an_address(world: World, form: str) -> None:
    """Colleagues were let in, decisions lent, and a reason named somebody by address."""
    app = f"/apps/{world.project}"
    world.call("POST", f"{app}/people", world.maker, data={"email": UWE.email, "role": "Operator"})
    lent = {"email": MARA.email, "days": "3", "reason": f"on leave, ask {MARA.email} instead"}
    world.call("POST", "/delegations", sign_in(world.appliance, RITA, "reviewer"), data=lent)
    path = world.appliance.services().export_log("user:demo-ada", form, "", "")
    with zipfile.ZipFile(path) as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"approval.delegated" in content
    assert b"address:" in content
    for person in (MAYA, UWE, MARA, RITA):
        assert person.email.encode() not in content
        assert person.email.encode().split(b"@")[1] not in content.replace(b"studio.intramural", b"")


def test_refusals_are_recorded_with_the_rule_that_refused(world: World) -> None:
    stranger = sign_in(world.appliance, UWE, "user", "maker")
    for path, who, code in (
        ("/audit", stranger, "not_allowed"),
        (f"/apps/{world.project}", stranger, "not_found"),
        (f"/apps/{world.project}/open", stranger, "not_allowed"),
    ):
        answer, leaves = world.call("GET", path, who)
        assert [leaf.result for leaf in leaves] == [None, "refused"], answer.text[:200]
        assert leaves[0].event == "access.refused"
        assert leaves[0].principal == "user:demo-uwe"
        context: Any = leaves[0].details["context"]
        assert (leaves[0].details["code"], context["decision"]) == (code, "deny")
        assert context["session"] == who.session.key
    _, leaves = world.call("POST", "/apps", world.maker, headers={}, data={"csrf_token": "x"})
    assert leaves  # the words were handed in; the token in the header counts
    async_answer, leaves = world.call("GET", "/gate/check", None, headers={"host": "nothing.intramural.localhost"})
    assert async_answer.status_code == 404
    assert leaves == []


def test_every_route_is_walked_or_has_a_reason(world: World) -> None:
    known = {**SILENT, **ELSEWHERE}
    missing = []
    for route in world.app.routes:
        path = pattern(route.path_format)
        if path.startswith(("/static", "/.intramural/static")):
            continue
        for method in route.methods - {"OPTIONS", "HEAD"}:  # type: ignore[attr-defined]
            if (method, path) not in known and (method, path) not in world.walked | REVISED:
                missing.append((method, path))
    assert missing == []
    assert not set(SILENT) & set(WALKED)


READS = {
    "waiting_for",
    "waiting",
    "mine",
    "history",
    "of_project",
    "votes",
    "granted",
    "given",
    "of",
    "catalogue",
    "published",
    "findings",
    "open",
    "get",
    "view",
    "shared",
    "find",
    "position",
    "look",
    "turn",
    "latest",
    "locks",
    "report",
    "name_in_log",
}
INSIDE = {
    "Decisions.carry_out": "app.published and policy.activated, by the part that does it",
    "Decisions.resume": "a part of the start; each request that it carries out is recorded",
    "PolicyService.text": "a version's text; its page records the look",
    "PolicyService.carry_out": "policy.activated, by the function that the start uses, too",
    "Publishing.ask": "approval.requested, by ApprovalService.request",
    "Classifying.ask": "approval.requested, by ApprovalService.request",
    "Classifying.may": "a fact",
    "Models.ask": "approval.requested, by ApprovalService.request",
    "Models.shelf": "what lies on the machine",
    "Models.chosen": "a fact",
    "ApprovalService.decided": "a part of the decision, which is recorded",
    "Trials.restart": "approval.tried, by act_on",
    "Trials.waiting": "a fact",
    "Trials.start": "approval.tried, by the route that lets somebody in",
    "Trials.forget": "a part of the decision, which is recorded",
    "Trials.forget_ended": "a part of the start",
    "Trials.version": "a fact",
    "Trials.text": "a version's text; the page of the request records the look",
    "Trials.with_examples": "a fact",
    "Trials.routes": "addresses for the front door",
    "ApiKeys.admit": "once for each request of a program; what it asks, and every refusal, is recorded",
    "ApiKeys.seen": "a part of identity.signed_in",
    "ApiKeys.live": "a fact",
    "ApiKeys.of_person": "the person's own keys",
    "ApiKeys.of_services": "no secret is in it",
    "ApiKeys.everyones": "no secret is in it",
    "BuildService.start": "the service's own start",
    "BuildService.stop": "the service's own stop",
    "Conversation.next_steps": "ideas for the maker's own app; nothing is kept",
    "Conversation.can_revise": "a fact",
    "Conversation.settle": "forgets a turn whose proposal was recorded",
    "Conversation.stop": "the plan's outcome is cancelled",
    "Conversation.erase": "a part of privacy.subject_erased",
    "Gathering.add": DRAFT,
    "Gathering.take_back": DRAFT,
    "Gathering.forget": DRAFT,
    "ImportService.take": DRAFT,
    "ImportService.decide": DRAFT,
    "ImportService.discard": DRAFT,
    "ImportService.left_out": "rows of a table that the maker handed in",
    "ImportService.before_start": "a part of the first start of an app whose import was recorded",
}


@pytest.mark.parametrize(
    "service",
    [
        BuildService,
        ProjectService,
        RevisionService,
        Conversation,
        ImportService,
        ExportService,
        Gathering,
        ApprovalService,
        Decisions,
        Delegations,
        Publishing,
        PolicyService,
        Trials,
        Models,
        Classifying,
        ApiKeys,
    ],
)
def test_every_use_case_records_or_has_a_reason(service: type) -> None:
    sources = {name: inspect.getsource(one) for name, one in vars(service).items() if inspect.isfunction(one)}

    def records(name: str, seen: frozenset[str] = frozenset()) -> bool:
        text = sources.get(name, "")
        if re.search(r"\b_?act\(", text) or re.search(r"\.(submit|_restore|_locks\.put)\(", text):
            return True
        inner = set(re.findall(r"self\.(\w+)\(", text)) - seen - {name}
        return any(records(one, seen | {name}) for one in inner if one in sources)

    silent = [name for name in sources if not name.startswith("_") and name not in READS and not records(name)]
    assert [name for name in silent if f"{service.__name__}.{name}" not in INSIDE] == []
