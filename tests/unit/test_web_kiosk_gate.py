"""The gate passes the kiosks that an app's blueprint names, exactly as written, and nothing else, without a session."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

from appliance.app import Appliance
from appliance.blueprint.model import PUBLIC
from appliance.blueprint.parser import parse
from appliance.codegen.render import render
from appliance.core.ids import new_id
from appliance.db.records import Origin, Project, Version
from appliance.web.limits import Limits, RateLimit
from appliance.web.server import make_app
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.studio import MAYA, settings_in, short_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.sandbox
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FRONT_DESK = """
app "Front Desk"
about "Who is in the house."
role Host
entity Visitor
  name text required
  company text
access Visitor: Host all
page "Visitors" table Visitor
page "Sign in" kiosk Visitor (name, company) thanks "Please take a seat"
"""
IDENTITY = "X-Intramural-Identity"


@pytest.fixture(scope="module")
def gate() -> Iterator[Callable[..., httpx.Response]]:
    with short_folder() as home:
        appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
        project = Project(new_id("app"), "Front Desk", "", MAYA, NOW, NOW)
        appliance.studio.projects.add(project)
        trailers = {"Version": "1", "Origin": "prompt"}
        commit = appliance.studio.versions.commit(
            project.id, render(parse(FRONT_DESK)), author=MAYA, summary="x", at=NOW, trailers=trailers
        )
        version = Version(project.id, 1, commit, "s" * 64, MAYA, "x", Origin.PROMPT, NOW)
        appliance.studio.projects.add_version(version, name="Front Desk", about="", slug="front-desk")
        many = RateLimit(burst=1000, per_minute=1000)
        services = appliance.services()
        app = make_app(
            services, Limits(posts=many, builds=many, sign_ins=many, kiosks=RateLimit(burst=3, per_minute=0))
        )
        host = f"front-desk.intramural.localhost:{services.addresses.port}"

        def ask(uri: str, method: str = "GET", client: str = "10.0.0.1", **headers: str) -> httpx.Response:
            seen = {
                "x-forwarded-host": host, "x-forwarded-uri": uri, "x-forwarded-method": method,
                "x-forwarded-for": client, "accept": "text/html",
            } | headers  # fmt: skip

            async def go() -> httpx.Response:
                transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
                async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as browser:
                    return await browser.get("/gate/check", headers=seen)

            return asyncio.run(go())

        yield ask
        appliance.stop()


def test_the_kiosk_passes_as_public_and_as_nobody_else(gate: Callable[..., httpx.Response]) -> None:
    for method in ("GET", "POST"):
        answer = gate("/kiosk/sign-in?done=1", method)
        assert answer.status_code == 200, answer.text
        claims: dict[str, Any] = jwt.decode(answer.headers[IDENTITY], options={"verify_signature": False})
        assert (claims["roles"], claims["sub"], claims["name"], claims["email"]) == ([PUBLIC], PUBLIC, "", "")


@pytest.mark.parametrize(
    ("uri", "method"),
    [
        ("/", "GET"), ("/visitor", "GET"), ("/visitor/new", "POST"), ("/pages/sign-in", "GET"), ("/kiosk", "GET"),
        ("/kiosk/", "GET"), ("/kiosk/visitors", "GET"), ("/kiosk/other", "GET"), ("/kiosk/sign-in/", "GET"),
        ("/kiosk/sign-in/x", "GET"), ("/kiosk/../visitor", "GET"), ("/kiosk/sign-in/../../visitor", "GET"),
        ("//kiosk/sign-in", "GET"), ("/kiosk//sign-in", "GET"), ("/KIOSK/sign-in", "GET"), ("/kiosk/Sign-in", "GET"),
        ("/kiosk/%73ign-in", "GET"), ("/%6Biosk/sign-in", "GET"), ("/kiosk/sign-in;x", "GET"),
        ("/kiosk/sign-in#x", "GET"), ("/kiosk/sign-in", "PUT"), ("/kiosk/sign-in", "DELETE"),
        ("/kiosk/sign-in", "HEAD"), ("/kiosk/sign-in", "get"), ("/static/kit.css", "GET"),
        ("http://front-desk/kiosk/sign-in", "GET"), ("/?/kiosk/sign-in", "GET"),
    ],
)  # fmt: skip
def test_nothing_else_passes_without_a_session(gate: Callable[..., httpx.Response], uri: str, method: str) -> None:
    answer = gate(uri, method)
    assert answer.status_code in (302, 401)
    assert IDENTITY not in answer.headers


def test_each_address_that_asks_has_its_own_limit(gate: Callable[..., httpx.Response]) -> None:
    assert [gate("/kiosk/sign-in", client="10.0.0.7").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert gate("/kiosk/sign-in", client="10.0.0.8").status_code == 200
    assert (
        gate("/kiosk/sign-in", client="10.9.9.9, 10.0.0.7").status_code == 429
    )  # only the last one is the door's word
