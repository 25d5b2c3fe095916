"""The whole way in real Chromium against a real Keycloak, through the real front door: in, on, up and out."""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from appliance.core.clock import SystemClock
from appliance.identity.client_key import ClientKey
from appliance.identity.oidc import RelyingParty
from appliance.identity.provider import http_client
from appliance.identity.sign_in import OidcConfig
from appliance.identity.token_endpoint import TokenEndpoint
from tests.faults.test_studio_crash import Service
from tests.fixtures.keycloak_realm import WORD, TestRealm, make_realm, totp
from tests.fixtures.studio import free_port, short_folder
from tests.fixtures.studio_browser import FLAGS, WORDS, ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.keycloak_server import KeycloakServer

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
ROBOT = "nightly-robot"
RECHECK = 5
SIGN_IN = re.compile(r"/sign-in(\?|$)")


@dataclass
class World:
    realm: TestRealm
    service: Service
    studio: str
    robot: ClientKey
    browser: Browser

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A browser of one's own."""
        context = self.browser.new_context(accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(60_000)
        try:
            yield page
        finally:
            context.close()

    def sign_in(self, page: Page, name: str) -> None:
        page.goto(self.studio)
        page.get_by_role("link", name="Sign in with your company account").click()
        type_password(page, name)
        page.wait_for_url(f"{self.studio}/")

    def status(self, path: str, session: str) -> int:
        """What the studio answers to a browser that shows this cookie."""
        host = {"Host": f"studio.intramural.localhost:{self.service.port}", "Accept": "text/html"}
        headers = {**host, "Cookie": f"__Host-intramural={session}"}
        return httpx.get(f"http://127.0.0.1:{self.service.port}{path}", headers=headers, trust_env=False).status_code

    def events(self, name: str) -> list[dict[str, Any]]:
        """What the audit log says of this kind, oldest first."""
        with self.service.client() as client:
            found = client.get("/api/audit/entries", params={"event": name, "purpose": "a test"})
            assert found.status_code == 200, found.text
            entries: list[dict[str, Any]] = found.json()["entries"]
            return entries


def type_password(page: Page, name: str) -> None:
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password", exact=True).fill(WORD)
    page.get_by_role("button", name="Sign In").click()


@pytest.fixture(scope="module")
def world(keycloak: KeycloakServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with short_folder() as home, sync_playwright() as playwright:
        port = free_port()
        studio = f"http://studio.intramural.localhost:{port}"
        key = ClientKey(home / "keys" / "oidc-client.pem")
        robot = ClientKey(tmp_path_factory.mktemp("robot") / "key.pem")
        realm = make_realm(keycloak, "browser", studio, key.jwks, automation={ROBOT: robot.jwks})
        realm.add("maya", "maker", "user")
        realm.add("uwe", "user")
        realm.add("ada", "auditor", otp=True)
        realm.add("rob", "maker")
        identity = {
            "issuer": realm.issuer,
            "recheck_seconds": RECHECK,
            "automation_clients": [ROBOT],
        }
        service = Service(home, port, free_port(), line_seconds=0.5, identity=identity)
        with service.running():
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            yield World(realm, service, studio, robot, browser)
            browser.close()


def cookie(page: Page, name: str = "__Host-intramural") -> dict[str, Any]:
    return next(dict(one) for one in page.context.cookies() if one["name"] == name)


def test_in_with_a_new_session_and_out_at_the_provider_too(world: World) -> None:
    with world.page() as page:
        page.goto(f"{world.studio}/sign-in/start?to=//evil.example")
        expect(page.get_by_text("not allowed")).to_be_visible()
        world.sign_in(page, "maya")
        first = cookie(page)["value"]
        page.goto(f"{world.studio}/sign-in/start?to=/")  # the provider knows the browser; the session is a new one
        kept = cookie(page)
        assert kept["value"] != first
        assert world.status("/", first) == 303
        assert world.status("/", kept["value"]) == 200
        assert (kept["secure"], kept["httpOnly"], kept["path"], kept["sameSite"]) == (True, True, "/", "Lax")
        expect(page.get_by_label("Describe your app")).to_be_visible()
        page.goto(f"{world.studio}/sign-in/callback?code=x&state=y&iss=z")
        expect(page.get_by_text("not begun in this browser")).to_be_visible()
        page.goto(world.studio)
        page.locator("details.me summary").click()
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(SIGN_IN)
        assert world.status("/", kept["value"]) == 303
        page.goto(world.studio)
        page.get_by_role("link", name="Sign in with your company account").click()
        expect(page.get_by_label("Username or email")).to_be_visible()  # the provider has forgotten too


def test_another_group_counts_at_the_next_look(world: World) -> None:
    with world.page() as page:
        world.sign_in(page, "rob")
        expect(page.get_by_label("Describe your app")).to_be_visible()
        world.realm.leave("rob", "maker")
        time.sleep(RECHECK)
        answer = page.goto(f"{world.studio}/imports/new")
        assert answer is not None
        assert answer.status == 403
        told = [
            one["details"]["removed"] for one in world.events("identity.groups_changed") if "removed" in one["details"]
        ]
        assert told == [["/maker"]]


def test_an_export_of_the_log_asks_for_the_second_factor(world: World) -> None:
    with world.page() as page:
        world.sign_in(page, "ada")
        page.goto(f"{world.studio}/audit")
        before = cookie(page)["value"]
        page.get_by_role("button", name="Export").first.click()
        page.get_by_role("link", name="Confirm that it is me").click()
        page.get_by_label("One-time code").fill(totp())
        page.get_by_role("button", name="Sign In").click()
        page.wait_for_url(f"{world.studio}/audit*")
        assert cookie(page)["value"] != before
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").first.click()
        assert Path(download.value.path()).stat().st_size > 0
        assert any(one["details"].get("acr") == "2" for one in world.events("identity.stepped_up"))


def test_an_administrators_logout_ends_pages_apps_and_streams(world: World) -> None:
    with world.page() as page, world.page() as other:
        world.sign_in(page, "maya")
        world.sign_in(other, "maya")
        page.goto(world.studio)
        page.get_by_label("Describe your app").fill(WORDS)
        page.get_by_role("button", name="Build it").click()
        page.get_by_text("Who may settle a note?").wait_for()
        page.get_by_label("Whoever wrote it, too").check()
        page.get_by_role("button", name="Build it").click()
        page.wait_for_url("**/apps/app_*")
        app = page.url
        page.evaluate(
            """async () => {
              const at = `/api/builds/${document.querySelector('[data-build]').dataset.build}/events?after=0`;
              window.streamed = 'open';
              fetch(at).then(async (answer) => {
                const reader = answer.body.getReader();
                while (!(await reader.read()).done);
                window.streamed = 'ended';
              }).catch(() => { window.streamed = 'ended'; });
            }"""
        )
        world.realm.admin.user_logout(world.realm.people["maya"])
        deadline = time.monotonic() + 8
        while page.evaluate("() => window.streamed") != "ended":
            assert time.monotonic() < deadline, "the stream goes on"
            time.sleep(0.1)
        for one in (page, other):
            one.goto(app)
            one.wait_for_url(SIGN_IN)
        ended = [one for one in world.events("identity.session_ended") if "by" in one["details"]]
        assert {one["details"]["by"] for one in ended} == {"provider"}
        assert len(ended) >= 2
        world.sign_in(page, "maya")
        page.goto(app)
        ready(page, 1)
        frame = page.frame_locator("iframe[data-base]")
        expect(frame.locator("h1").first).to_be_visible()
        source = page.locator("iframe[data-base]").get_attribute("src") or ""
        entered = page.context.new_page()
        entered.goto(world.studio + source if source.startswith("/") else source)
        where = entered.url
        assert "studio." not in where
        world.realm.disable("maya")
        try:
            time.sleep(RECHECK)
            entered.goto(where)
            entered.wait_for_url(SIGN_IN)
        finally:
            world.realm.disable("maya", enabled=True)


def test_what_a_client_says_of_itself_counts_for_nothing_at_the_front_door(world: World) -> None:
    slug = "shift-handover"
    door = f"http://127.0.0.1:{world.service.port}"
    token = (world.service.home / "run" / "cli.token").read_text()
    forged = {
        "X-Intramural-Identity": "eyJhbGciOiJub25lIn0.e30.",
        "X_Intramural_Identity": "maya",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": f"studio.intramural.localhost:{world.service.port}",
        "X-Forwarded-User": "maya",
        "Authorization": f"Bearer {token}",
    }
    with httpx.Client(trust_env=False, timeout=30) as client:
        for host, path, wanted in (
            (f"{slug}.intramural.localhost", "/", {302}),
            ("studio.intramural.localhost", "/", {303, 401, 403}),
            ("studio.intramural.localhost", "/api/audit/entries", {403}),
            ("studio.intramural.localhost", "/gate/check", {404}),
        ):
            answer = client.get(door + path, headers={**forged, "Host": f"{host}:{world.service.port}"})
            assert answer.status_code in wanted, (host, path, answer.status_code, answer.text[:200])
        origin = {"Host": f"studio.intramural.localhost:{world.service.port}"}
        logout = client.post(f"{door}/sign-in/backchannel-logout", data={"logout_token": "a.b.c"}, headers=origin)
        assert logout.status_code == 400


def test_a_service_account_is_known_and_nothing_else_is_taken_for_its_token(world: World) -> None:
    async def tokens() -> tuple[str, str]:
        async with http_client() as http:
            party = RelyingParty(OidcConfig(world.realm.issuer, ROBOT, "", client_key=world.robot), http, SystemClock())
            right = await TokenEndpoint(party.client, party.config, SystemClock()).client_credentials()
            return right, right.rpartition(".")[0] + "." + "A" * 342

    with ThreadPoolExecutor(1) as pool:  # the browser's own event loop runs in this thread
        right, unsigned = pool.submit(asyncio.run, tokens()).result()
    door = f"http://127.0.0.1:{world.service.port}"
    host = {"Host": f"studio.intramural.localhost:{world.service.port}"}
    with httpx.Client(trust_env=False, timeout=30) as client:
        me = client.get(f"{door}/api/me", headers={**host, "Authorization": f"Bearer {right}"})
        assert me.status_code == 200, me.text
        assert (me.json()["name"], me.json()["roles"]) == (ROBOT, [])
        refused = client.get(f"{door}/api/me", headers={**host, "Authorization": f"Bearer {unsigned}"})
        assert refused.status_code == 401
        reading = client.get(f"{door}/api/audit/entries", headers={**host, "Authorization": f"Bearer {right}"})
        assert reading.status_code == 403
