"""Who may call what: every route of the studio, by every kind of visitor, as one table. A new route must join it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from litestar import get
from litestar.exceptions import LitestarException

from appliance.app import Appliance
from appliance.authz.actions import Action
from appliance.core.filetree import FileTree
from appliance.core.ids import new_id
from appliance.db.records import Build, BuildState, Member, Origin, Project, Version
from appliance.web.access import PUBLIC, rule
from appliance.web.limits import Limits, RateLimit
from appliance.web.request_context import UndecidedError
from appliance.web.server import make_app
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.studio import MARA, MAYA, UWE, Visitor, settings_in, short_folder, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar import Litestar

    from appliance.web.services import Services

pytestmark = pytest.mark.sandbox
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROXIED = {"x-forwarded-for": "127.0.0.1", "accept": "text/html"}


@dataclass(frozen=True)
class Studio:
    appliance: Appliance
    services: Services
    app: Litestar
    project: Project
    build: str
    visitors: dict[str, Visitor]

    @property
    def origin(self) -> str:
        return self.services.addresses.studio

    def call(self, method: str, path: str, visitor: str = "nobody", **more: Any) -> httpx.Response:
        """One request as the front door would hand it on."""
        known = self.visitors.get(visitor)
        headers = {**PROXIED, **more.pop("headers", {})}
        if method == "POST" and "origin" not in headers:
            headers["origin"] = self.origin
        if method == "POST" and known is not None and "data" not in more and "json" not in more:
            headers.setdefault("x-csrf-token", known.session.csrf_token)

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type]
            cookies = known.cookies if known else {}
            async with httpx.AsyncClient(
                transport=transport, base_url=more.pop("base", self.origin), cookies=cookies
            ) as client:
                return await client.request(method, path, headers=headers, **more)

        return asyncio.run(go())


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    with short_folder() as home:
        appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
        project = Project(new_id("app"), "Shift Handover", "", MAYA, NOW, NOW)
        appliance.studio.projects.add(project)
        tree = FileTree({"blueprint.app": SHIFTS.encode()})
        trailers = {"Version": "1", "Origin": "prompt"}
        commit = appliance.studio.versions.commit(project.id, tree, author=MAYA, summary="x", at=NOW, trailers=trailers)
        version = Version(project.id, 1, commit, "s" * 64, MAYA, "x", Origin.PROMPT, NOW)
        project = appliance.studio.projects.add_version(version, name="Shift Handover", about="", slug="shift-handover")
        build = Build(new_id("bld"), project.id, MAYA, Origin.PROMPT, "Keep notes", BuildState.QUEUED, NOW)
        appliance.studio.builds.add(build)
        appliance.studio.builds.finish(build.id, BuildState.DONE, at=NOW, version=1)
        appliance.studio.events.publish(build.id, "build.done", report={})
        services = appliance.services()
        generous = RateLimit(burst=1000, per_minute=1000)
        visitors = {
            "owner": sign_in(appliance, MAYA, "maker", "user"),
            "other maker": sign_in(appliance, MARA, "/maker"),
            "app user": sign_in(appliance, UWE, "user"),
            "auditor": sign_in(appliance, UWE, "auditor"),
        }
        app = make_app(services, Limits(posts=generous, builds=generous, sign_ins=generous))
        yield Studio(appliance, services, app, project, build.id, visitors)
        appliance.stop()


# nobody, app user, auditor, other maker, owner. 303* = sent to sign in.
TABLE = [
    ("GET", "/", "303 200 200 200 200"),
    ("POST", "/apps", "401 403 403 422 422"),
    ("GET", "/apps/{app}", "303 403 403 404 200"),
    ("POST", "/apps/{app}/builds", "401 403 403 404 422"),
    ("POST", "/apps/{app}/code/again", "401 403 403 404 404"),
    ("POST", "/apps/{app}/restore", "401 403 403 404 404"),
    ("GET", "/start/{turn}", "303 403 403 404 404"),
    ("POST", "/start/{turn}", "401 403 403 404 404"),
    ("GET", "/apps/{app}/people", "303 403 403 404 200"),
    ("GET", "/apps/{app}/data", "303 403 403 404 200"),
    ("GET", "/apps/{app}/pages", "303 403 403 404 200"),
    ("GET", "/apps/{app}/access", "303 403 403 404 200"),
    ("GET", "/apps/{app}/look", "303 403 403 404 200"),
    ("GET", "/apps/{app}/code", "303 403 403 404 200"),
    ("GET", "/apps/{app}/checks", "303 403 403 404 200"),
    ("GET", "/apps/{app}/versions", "303 403 403 404 200"),
    ("GET", "/apps/{app}/blueprint", "303 403 403 404 200"),
    ("POST", "/apps/{app}/blueprint", "401 403 403 404 422"),
    ("POST", "/apps/{app}/blueprint/check", "401 403 403 404 201"),
    ("POST", "/apps/{app}/edits", "401 403 403 404 422"),
    ("POST", "/apps/{app}/edits/back", "401 403 403 404 303"),
    ("POST", "/apps/{app}/edits/forget", "401 403 403 404 303"),
    ("POST", "/apps/{app}/changes", "401 403 403 404 303"),
    ("POST", "/apps/{app}/requests", "401 403 403 404 422"),
    ("GET", "/apps/{app}/turns/{turn}", "303 403 403 404 404"),
    ("POST", "/apps/{app}/turns/{turn}/stop", "401 403 403 404 404"),
    ("GET", "/apps/{app}/suggestions", "303 403 403 404 200"),
    ("GET", "/apps/{app}/proposals/{proposal}", "303 403 403 404 404"),
    ("POST", "/apps/{app}/proposals/{proposal}/answer", "401 403 403 404 404"),
    ("POST", "/apps/{app}/proposals/{proposal}/accept", "401 403 403 404 404"),
    ("POST", "/apps/{app}/proposals/{proposal}/withdraw", "401 403 403 404 404"),
    ("POST", "/apps/{app}/people", "401 403 403 404 422"),
    ("POST", "/apps/{app}/people/remove", "401 403 403 404 303"),
    ("GET", "/apps/{app}/blueprint/1", "303 403 403 404 200"),
    ("GET", "/apps/{app}/open", "303 403 403 403 303"),
    ("GET", "/enter?app=shift-handover", "303 403 403 403 303"),
    ("GET", "/api/builds/{build}/events", "401 403 403 404 200"),
    ("POST", "/api/builds/{build}/cancel", "401 403 403 404 303"),
    ("GET", "/apps/{app}/export", "303 403 403 404 200"),
    ("POST", "/apps/{app}/export", "401 403 403 404 503"),
    ("GET", "/apps/{app}/left-out/0", "303 403 403 404 404"),
    ("POST", "/api/apps/{app}/export", "404 404 404 404 404"),
    ("GET", "/imports/new", "303 403 403 200 200"),
    ("POST", "/imports", "401 403 403 422 422"),
    ("GET", "/imports/{draft}", "303 403 403 404 404"),
    ("POST", "/imports/{draft}", "401 403 403 404 404"),
    ("POST", "/imports/{draft}/discard", "401 403 403 404 404"),
    ("GET", "/contracts/new", "303 403 403 200 200"),
    ("POST", "/contracts", "401 403 403 422 422"),
    ("GET", "/contracts/{draft}", "303 403 403 404 404"),
    ("POST", "/contracts/{draft}", "401 403 403 404 404"),
    ("POST", "/contracts/{draft}/discard", "401 403 403 404 404"),
    ("POST", "/api/contracts", "404 404 404 404 404"),
    ("POST", "/api/audit/exports", "404 404 404 404 404"),
    ("POST", "/api/audit/exports/end", "404 404 404 404 404"),
    ("POST", "/api/audit/bodies", "404 404 404 404 404"),
    ("GET", "/api/audit/privacy", "404 404 404 404 404"),
    ("POST", "/api/audit/privacy", "404 404 404 404 404"),
    ("GET", "/audit", "303 403 200 403 403"),
    ("GET", "/usage", "303 403 403 403 403"),
    ("GET", "/usage.csv", "303 403 403 403 403"),
    ("GET", "/api/usage", "404 404 404 404 404"),
    ("POST", "/audit", "401 403 200 403 403"),
    ("GET", "/audit/entries/0", "303 403 200 403 403"),
    ("POST", "/audit/entries/0/bodies", "401 403 422 403 403"),
    ("GET", "/audit/apps/{app}/versions/1", "303 403 422 403 403"),
    ("POST", "/audit/export", "401 403 422 403 403"),
    ("GET", "/catalogue", "303 200 200 200 200"),
    ("GET", "/apps/{app}/use", "303 403 403 403 403"),
    ("GET", "/apps/{app}/publish", "303 403 403 404 200"),
    ("POST", "/apps/{app}/publish", "401 403 403 404 422"),
    ("POST", "/apps/{app}/class", "401 403 403 404 422"),
    ("POST", "/apps/{app}/unpublish", "401 403 403 403 422"),
    ("POST", "/apps/{app}/export/request", "401 403 403 404 303"),
    ("GET", "/approvals", "303 200 200 200 200"),
    ("GET", "/approvals/{approval}", "303 404 404 404 404"),
    ("GET", "/approvals/{approval}/try", "303 404 404 404 404"),
    ("GET", "/approvals/{approval}/try/open", "303 404 404 404 404"),
    ("POST", "/approvals/{approval}/try/restart", "401 404 404 404 404"),
    ("POST", "/approvals/{approval}/approve", "401 404 404 404 404"),
    ("POST", "/approvals/{approval}/refuse", "401 404 404 404 404"),
    ("POST", "/approvals/{approval}/withdraw", "401 404 404 404 404"),
    ("POST", "/approvals/{approval}/carry-out", "401 404 404 404 404"),
    ("POST", "/delegations", "401 403 422 403 403"),
    ("POST", "/delegations/{delegation}/end", "401 403 404 403 403"),
    ("GET", "/models", "303 403 403 403 403"),
    ("POST", "/models", "401 403 403 403 403"),
    ("GET", "/api/models", "404 404 404 404 404"),
    ("POST", "/api/models", "404 404 404 404 404"),
    ("GET", "/policy", "303 403 200 403 403"),
    ("GET", "/policy/versions/1", "303 403 200 403 403"),
    ("GET", "/policy/versions/99", "303 403 404 403 403"),
    ("POST", "/policy/try", "401 403 422 403 403"),
    ("POST", "/policy", "401 403 422 403 403"),
    ("GET", "/erasures", "303 403 200 403 403"),
    ("POST", "/erasures", "401 403 422 403 403"),
    ("POST", "/erasures/{erasure}/approve", "401 403 422 403 403"),
    ("POST", "/erasures/{erasure}/refuse", "401 403 422 403 403"),
    ("POST", "/erasures/holds", "401 403 422 403 403"),
    ("POST", "/erasures/holds/{hold}/lift", "401 403 422 403 403"),
    ("GET", "/api/audit/entries", "401 403 200 403 403"),
    ("GET", "/api/audit/entries/0", "401 403 200 403 403"),
    ("POST", "/api/audit/entries/0/bodies", "401 403 422 403 403"),
    ("GET", "/api/audit/lineage/{app}/1", "401 403 422 403 403"),
    ("POST", "/api/apps", "404 404 404 404 404"),
    ("GET", "/keys", "303 200 200 200 200"),
    ("POST", "/keys", "401 403 403 422 422"),
    ("POST", "/keys/{key}/revoke", "401 403 403 403 403"),
    ("GET", "/api/keys", "404 404 404 404 404"),
    ("POST", "/api/keys", "404 404 404 404 404"),
    ("POST", "/api/keys/{key}/revoke", "404 404 404 404 404"),
    ("GET", "/v1/models", "401 401 401 401 401"),
    ("GET", "/v1/models/{model}", "401 401 401 401 401"),
    ("POST", "/v1/chat/completions", "401 401 401 401 401"),
    ("POST", "/v1/completions", "401 401 401 401 401"),
    ("POST", "/sign-out", "401 - - - -"),
    ("GET", "/sign-in", "200 303 303 303 303"),
    ("GET", "/sign-in/start", "503 503 503 503 503"),
    ("GET", "/sign-in/callback", "403 403 403 403 403"),
    ("GET", "/health/live", "200 200 200 200 200"),
    ("GET", "/health/ready", "503 503 503 503 503"),
    ("GET", "/gate/check", "404 404 404 404 404"),
    ("GET", "/.intramural/session", "404 404 404 404 404"),
    ("GET", "/.intramural/enter", "404 404 404 404 404"),
    ("GET", "/sign-in/step-up", "303 503 503 503 503"),
    ("POST", "/sign-in/backchannel-logout", "400 400 400 400 400"),
    *(
        (method, f"/api/identity/{path}", "404 404 404 404 404")
        for method, path in (
            ("POST", "provisioning"),
            ("POST", "provisioning/end"),
            ("GET", "scim-tokens"),
            ("POST", "scim-tokens"),
            ("POST", "scim-tokens/revoke"),
            ("POST", "sync"),
            ("GET", "orphans"),
        )
    ),
    *((method, "/scim/v2/Users", "401 401 401 401 401") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")),
    ("GET", "/api/me", "401 200 200 200 200"),
    ("GET", "/static/studio.css", "200 200 200 200 200"),
]
MADE = (("turn", "trn"), ("proposal", "prp"), ("draft", "imp"), ("erasure", "ers"), ("hold", "hold"))
MADE += (("approval", "apr"), ("delegation", "dlg"))
MADE += (("key", "key"), ("model", "model"))
WHO = ("nobody", "app user", "auditor", "other maker", "owner")


@pytest.mark.parametrize(("method", "path", "row"), TABLE, ids=[f"{method} {path}" for method, path, _ in TABLE])
def test_the_table(studio: Studio, method: str, path: str, row: str) -> None:
    made = {name: new_id(prefix) for name, prefix in MADE}
    address = path.format(app=studio.project.id, build=studio.build, **made)
    for who, expected in zip(WHO, row.split(), strict=True):
        if expected == "-":
            continue
        answer = studio.call(method, address, who)
        assert answer.status_code == int(expected), f"{who}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code == 303 and who == "nobody":
            assert answer.headers["location"].startswith("/sign-in?to=")


def test_every_route_is_in_the_table(studio: Studio) -> None:
    known = {(method, "/scim/v2/*") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
    known |= {(method, re.sub(r"{\w+}", "*", path.partition("?")[0])) for method, path, _ in TABLE}
    known |= {(method, re.sub(r"/\d+(?=/|$)", "/*", path)) for method, path in known}
    for route in studio.app.routes:
        path = "/".join("*" if part.startswith("{") else part for part in route.path_format.split("/")) or "/"
        if path.startswith(("/static", "/.intramural/static")):
            continue
        for method in route.methods - {"OPTIONS", "HEAD"}:  # type: ignore[attr-defined]
            assert (method, path) in known, f"{method} {path} is missing from the table"


def test_every_route_says_how_callers_are_known_and_what_they_want(studio: Studio) -> None:
    asked = set()
    for route in studio.app.routes:
        for handler in getattr(route, "route_handlers", []):
            if {"GET", "POST", "PUT", "PATCH", "DELETE"} & set(handler.http_methods):
                assert handler.opt.get("access") in {"public", "signed-in", "either", "local", "key"}, route.path
                assert isinstance(handler.opt.get("action"), Action), f"{route.path} declares no action"
                asked.add(handler.opt["action"])
    assert len(asked) > 15


def test_a_route_without_an_action_is_closed_and_one_that_forgets_to_decide_does_not_answer(studio: Studio) -> None:
    @get("/silent", opt={"access": "public"})
    async def silent() -> str:
        return "told"

    @get("/forgetful", opt=rule(PUBLIC, Action.PREVIEW_APP, by_handler=True))
    async def forgetful() -> str:
        return "told"

    app = make_app(studio.services)
    for handler in (silent, forgetful):
        app.register(handler)
    open_house = Studio(studio.appliance, studio.services, app, studio.project, studio.build, studio.visitors)
    assert open_house.call("GET", "/silent", "owner").status_code == 404
    with pytest.raises(LitestarException) as failed:
        open_house.call("GET", "/forgetful", "owner")
    assert isinstance(failed.value.__cause__, UndecidedError)


def test_words_reach_no_model_that_is_not_rated_for_the_data(studio: Studio) -> None:
    model = studio.services.settings.model.model_copy(update={"ceiling": "public"})
    tight = replace(studio.services, settings=studio.services.settings.model_copy(update={"model": model}))
    app = make_app(tight, studio.app.state.limits)
    lowered = Studio(studio.appliance, tight, app, studio.project, studio.build, studio.visitors)
    address = f"/apps/{studio.project.id}"
    for path in ("/apps", f"{address}/requests", f"{address}/builds"):
        form = {"request": "Keep notes", "csrf_token": studio.visitors["owner"].session.csrf_token}
        answer = lowered.call("POST", path, "owner", data=form, headers={"hx-request": "true"})
        assert answer.status_code == 403, path
        assert "Data of this class may not be given to this model." in answer.text
    context: Any = [leaf for _, leaf in studio.appliance.audit.leaves()][-2].details["context"]
    assert (context["rule"], context["decision"]) == ("data-stays-below-the-models-ceiling", "deny")


def test_a_refusal_says_why_and_what_next_in_plain_words(studio: Studio) -> None:
    for who, path, words, following in (
        ("app user", "/imports/new", "Making apps is reserved for makers.", "group of makers"),
        ("owner", "/audit", "Reading the audit log is reserved for auditors.", "group of auditors"),
        ("other maker", f"/apps/{studio.project.id}", "There is no such app among yours.", "list of apps"),
    ):
        answer = studio.call("GET", path, who, headers={"accept": "application/json"}).json()["error"]
        assert answer["message"] == words
        assert following in answer["action"]


@pytest.mark.parametrize("origin", ["", "null", "http://evil.example", "http://shift-handover.intramural.localhost"])
def test_a_form_from_elsewhere_is_refused(studio: Studio, origin: str) -> None:
    answer = studio.call("POST", "/apps", "owner", headers={"origin": origin})
    assert answer.status_code == 403
    assert "open" in answer.text


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_the_sessions_token_is_refused(studio: Studio, token: str) -> None:
    answer = studio.call("POST", "/apps", "owner", data={"request": "Keep a list of plants", "csrf_token": token})
    assert answer.status_code == 403


def test_a_session_counts_on_the_studios_host_only(studio: Studio) -> None:
    for host in ("http://shift-handover.intramural.localhost", "http://evil.example", "http://127.0.0.1"):
        assert studio.call("GET", "/", "owner", base=host).status_code == 401


def test_the_local_operator_is_known_by_token_and_by_coming_without_a_proxy(studio: Studio) -> None:
    token = studio.services.cli_token

    def post(headers: dict[str, str]) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=studio.app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.post("/api/apps", json={"request": ""}, headers=headers)

        return asyncio.run(go())

    right = {"authorization": f"Bearer {token}"}
    assert post(right).status_code == 422  # let in; the empty request is refused
    assert post({}).status_code == 404
    assert post({"authorization": "Bearer wrong"}).status_code == 403
    assert post({"authorization": f"Basic {token}"}).status_code == 403
    for header in ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via"):
        assert post({**right, header: "127.0.0.1"}).status_code == 403
    leaves = [leaf for _, leaf in studio.appliance.audit.leaves()]
    assert leaves[-1].event == "access.refused"
    last = [leaf for leaf in leaves if leaf.event == "prompt.submitted"][-1]
    assert last.principal == f"local-operator:{studio.services.operator}"
    assert studio.appliance.layout.cli_token.stat().st_mode & 0o777 == 0o600


def test_every_answer_carries_the_headers(studio: Studio) -> None:
    for path in ("/sign-in", "/", "/nothing-here", "/health/live", "/static/studio.js"):
        headers = studio.call("GET", path, "owner").headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert studio.call("GET", "/", "owner").headers["cache-control"] == "no-store"


def test_pages_hold_no_inline_script_or_style(studio: Studio) -> None:
    for path in ("/", f"/apps/{studio.project.id}", "/sign-in", "/nothing-here"):
        text = studio.call("GET", path, "owner").text
        assert "<script>" not in text
        assert " style=" not in text
        assert "onclick" not in text
        assert "http://" not in text.replace(studio.origin, "").replace("http://shift-handover", "").replace(
            "http://www.w3.org/2000/svg", ""
        )


def test_view_as_is_for_the_owner_and_for_roles_that_exist(studio: Studio) -> None:
    address = f"/apps/{studio.project.id}/open"
    good = studio.call("GET", f"{address}?role=Operator", "owner")
    assert good.status_code == 303
    assert good.headers["location"].startswith("http://shift-handover.intramural.localhost")
    assert studio.call("GET", f"{address}?role=Boss", "owner").status_code == 403
    assert studio.call("GET", f"{address}?role=%40owner", "app user").status_code == 403
    studio.appliance.studio.projects.put_member(Member(studio.project.id, MARA.email, "Operator", NOW))
    try:
        for wanted in (address, f"{address}?role=Operator"):  # what is not published is its maker's alone
            refused = studio.call("GET", wanted, "other maker", headers={"accept": "application/json"})
            assert refused.status_code == 403
            assert refused.json()["error"]["message"] == "Only its maker sees an app before it is published."
    finally:
        studio.appliance.studio.projects.remove_member(studio.project.id, MARA.email)
    assert studio.call("GET", f"{address}?to=//evil.example", "owner").status_code == 422


def test_a_session_of_an_app_is_made_once_from_a_code_of_that_app(studio: Studio) -> None:
    host, rest, mine = code_for(studio, f"/apps/{studio.project.id}/open?to=/note")
    assert studio.call("GET", rest, base="http://other.intramural.localhost", headers=mine).status_code == 404
    first = studio.call("GET", rest, base=host, headers=mine)
    assert (first.status_code, first.headers["location"]) == (303, "/note")
    cookie = first.headers["set-cookie"]
    for wish in ("__Host-intramural-app=", "HttpOnly", "Secure", "Path=/", "SameSite=lax"):
        assert wish in cookie
    assert "Domain" not in cookie
    assert studio.call("GET", rest, base=host, headers=mine).status_code == 403


def code_for(studio: Studio, way: str, who: str = "owner") -> tuple[str, str, dict[str, str]]:
    """A browser on its way into an app: the app's origin, the address with the code, and the browser's secret."""
    host, _, rest = studio.call("GET", way, who).headers["location"].partition("/.intramural")
    begun = studio.call("GET", f"/.intramural{rest}", base=host)
    secret = begun.headers["set-cookie"].partition(";")[0]
    back = begun.headers["location"].removeprefix(studio.origin)
    host, _, rest = studio.call("GET", back, who).headers["location"].partition("/.intramural")
    return host, f"/.intramural{rest}", {"cookie": secret}


def test_a_code_opens_nothing_in_another_browser(studio: Studio) -> None:
    """Login CSRF: a link with the attacker's own code must not sign a victim in as the attacker."""
    for victim in ({}, {"cookie": f"__Host-intramural-browser={'v' * 43}"}):
        host, link, _ = code_for(studio, f"/apps/{studio.project.id}/open")
        refused = studio.call("GET", link, base=host, headers=victim)
        assert refused.status_code == 403
        assert "__Host-intramural-app" not in refused.headers.get("set-cookie", "")


def test_a_browser_keeps_its_secret_when_two_tabs_enter(studio: Studio) -> None:
    host, first, mine = code_for(studio, f"/apps/{studio.project.id}/open?to=/one")
    again = studio.call("GET", "/.intramural/enter?to=/two", base=host, headers=mine)
    assert "set-cookie" not in again.headers
    assert studio.call("GET", first, base=host, headers=mine).status_code == 303


def test_the_gate_sends_a_page_view_to_sign_in_and_tells_the_rest(studio: Studio) -> None:
    base = f"http://shift-handover.intramural.localhost:{studio.services.addresses.port}"
    seen = {
        "x-forwarded-host": base.partition("://")[2],
        "x-forwarded-uri": "/note?page=2",
        "x-forwarded-method": "GET",
    }
    view = studio.call("GET", "/gate/check", base=base, headers=seen)
    assert view.status_code == 302
    way = f"{studio.origin}/enter?app=shift-handover&to=%2Fnote%3Fpage%3D2&binding="
    assert view.headers["location"].startswith(way)
    assert "__Host-intramural-browser=" in view.headers["set-cookie"]
    for headers in ({**seen, "x-forwarded-method": "POST"}, {**seen, "sec-fetch-mode": "cors"}):
        refused = studio.call("GET", "/gate/check", base=base, headers=headers)
        assert refused.status_code == 401
        assert "X-Intramural-Identity" not in refused.headers
    unknown = {**seen, "x-forwarded-host": "nothing.intramural.localhost"}
    assert studio.call("GET", "/gate/check", base=base, headers=unknown).status_code == 404


def test_too_many_at_once_is_told(studio: Studio) -> None:
    few, many = RateLimit(burst=2, per_minute=0), RateLimit(burst=99, per_minute=99)
    tight = make_app(studio.services, Limits(posts=many, builds=few, sign_ins=few))
    limited = Studio(studio.appliance, studio.services, tight, studio.project, studio.build, studio.visitors)
    assert [limited.call("POST", "/apps", "owner").status_code for _ in range(3)] == [422, 422, 429]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("", "There is no request yet."),
        ("   \n\t ", "There is no request yet."),
        ("x" * 50_000, "The request has 50,000 characters"),
        ("🎉🚀🔥", "no words"),
        ("<script>alert(1)</script>" * 400, "characters"),
    ],
)
def test_bad_input_is_answered_in_words_and_stays_in_the_box(studio: Studio, words: str, answer: str) -> None:
    token = studio.visitors["owner"].session.csrf_token
    form = {"request": words, "csrf_token": token}
    page = studio.call("POST", "/apps", "owner", data=form)
    assert page.status_code == 422
    assert answer in page.text
    assert words.strip() in page.text.replace("&lt;", "<").replace("&gt;", ">")
    fragment = studio.call("POST", "/apps", "owner", data=form, headers={"hx-request": "true"})
    assert fragment.status_code == 422
    assert answer in fragment.text
    assert "<html" not in fragment.text


def test_a_body_that_is_too_large_is_refused(studio: Studio) -> None:
    token = studio.visitors["owner"].session.csrf_token
    answer = studio.call("POST", "/apps", "owner", data={"request": "x" * (2 << 20), "csrf_token": token})
    assert answer.status_code == 413
    assert studio.call("GET", "/health/live").status_code == 200
