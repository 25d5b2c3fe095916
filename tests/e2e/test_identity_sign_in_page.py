"""The demonstration sign-in in a real browser: the form leads back, on a phone, by keyboard, without script."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
PHONE = {"width": 320, "height": 640}


class Studio(BaseHTTPRequestHandler):
    """Where the browser comes back to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>Back</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def callback() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Studio)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://studio.intramural.localhost:{server.server_address[1]}/auth/callback"
    server.shutdown()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory, callback: str) -> Iterator[str]:
    home = str(tmp_path_factory.mktemp("issuer"))
    command = [sys.executable, "-m", "appliance.identity.demo_issuer", "--home", home, "--port", "0"]
    process = subprocess.Popen([*command, "--redirect-uri", callback], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["issuer"]
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


def open_page(browser: Browser, issuer: str, callback: str, **options: object) -> Page:
    query = {
        "response_type": "code",
        "client_id": "intramural-studio",
        "redirect_uri": callback,
        "scope": "openid",
        "state": '"><b>x',
        "nonce": "n",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    page = browser.new_page(**options)  # type: ignore[arg-type]
    page.goto(f"{issuer}/authorize?{urlencode(query)}")
    return page


@pytest.mark.parametrize("script", [True, False])
def test_a_click_leads_back_with_a_code(browser: Browser, issuer: str, callback: str, script: bool) -> None:
    page = open_page(browser, issuer, callback, java_script_enabled=script)
    assert page.get_by_role("heading", level=1).inner_text() == "Demonstration sign-in"
    assert "no password" in page.locator(".notice").inner_text()
    page.get_by_role("button", name="Maya").click()
    page.wait_for_url(f"{callback}?**")
    answer = parse_qs(urlsplit(page.url).query)
    assert answer["state"] == ['"><b>x']
    assert answer["iss"] == [issuer]
    assert len(answer["code"][0]) == 43
    page.close()


def test_it_works_by_keyboard_and_fits_a_phone(browser: Browser, issuer: str, callback: str, tmp_path: Path) -> None:
    page = open_page(browser, issuer, callback, viewport=PHONE, color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.evaluate("document.scripts.length") == 0
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{callback}?**")
    page.close()


def test_nothing_is_loaded_from_elsewhere(browser: Browser, issuer: str, callback: str) -> None:
    context = browser.new_context()
    requested: list[str] = []
    problems: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    page.on("console", lambda message: problems.append(message.text))
    page.goto(f"{issuer}/authorize?client_id=unknown")
    assert "not registered" in page.inner_text("main")
    assert {urlsplit(url).netloc for url in requested} == {urlsplit(issuer).netloc}
    assert [one for one in problems if "Content Security Policy" in one] == []
    context.close()
