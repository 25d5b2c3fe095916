"""A maker's first quarter of an hour in a real browser: through the real front door, issuer, gate, sandbox and app."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.faults.test_studio_crash import ROOT, Service
from tests.fixtures.studio import free_port, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP *.localhost 127.0.0.1",
]  # fmt: skip
WORDS = "Handover notes between shifts: machine, what happened, how urgent it is, and whether it is settled."
PATIENCE = 120_000
expect.set_options(timeout=20_000)  # a busy machine is no reason to fail


class Watched:
    """A page of which every console error, script error and failed request is remembered."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.troubles.append(f"{kind}: {text}")

    def _failed(self, url: str, why: str) -> None:
        if "ERR_ABORTED" not in why:  # a frame that is replaced while it loads
            self.troubles.append(f"request: {url} {why}")


@pytest.fixture(scope="module")
def studio() -> Iterator[str]:
    with short_folder() as home:
        service = Service(home, free_port(), free_port(), line_seconds=0.12)
        address = f"http://studio.intramural.localhost:{service.port}"
        arguments = ["--home", home, "--port", service.issuer_port, "--redirect-uri", f"{address}/sign-in/callback"]
        arguments += ["--post-logout-redirect-uri", f"{address}/sign-in"]
        issuer = subprocess.Popen(
            [sys.executable, "-m", "appliance.identity.demo_issuer", *map(str, arguments)],
            cwd=ROOT, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert issuer.stdout is not None
            assert issuer.stdout.readline()
            with service.running():
                yield address
        finally:
            issuer.terminate()
            issuer.communicate(timeout=10)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    made = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def maya(studio: str, browser: Browser) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 820})
    watched = Watched(context.new_page())
    sign_in(watched.page, studio, "Maya")
    yield watched
    context.close()


def sign_in(page: Page, studio: str, name: str) -> None:
    page.goto(studio)
    page.get_by_role("link", name="Sign in with your company account").click()
    page.get_by_role("button", name=name).click()
    page.wait_for_url(f"{studio}/")


@pytest.fixture(scope="module")
def app(maya: Watched) -> str:
    """The address of the app that Maya makes in the first test."""
    page = maya.page
    page.get_by_label("Describe your app").fill(WORDS)
    page.get_by_role("button", name="Build it").click()
    page.wait_for_url("**/apps/app_*")
    expect(page.locator("pre[data-live]")).to_contain_text("role Operator", timeout=PATIENCE)
    expect(page.locator("h1")).to_have_text("Shift Handover")
    expect(page.locator('[data-stage="verify"]')).to_have_class("now", timeout=PATIENCE)
    expect(page.locator("[data-check-list] li").nth(3)).to_be_attached(timeout=PATIENCE)
    expect(page.get_by_text("Version 1 is ready.")).to_be_visible(timeout=PATIENCE)
    return page.url


def test_from_a_sentence_to_an_app_in_the_frame(maya: Watched, app: str) -> None:
    frame = maya.page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Notes")).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_text("Oil leak at the left cylinder")).to_be_visible()
    frame.get_by_role("link", name="New note").first.click()
    frame.get_by_label("Title").fill("Coolant topped up")
    frame.locator("select[name=machine]").select_option(label="Press 1")
    frame.locator("form[method=post] button[type=submit]").last.click()
    expect(frame.get_by_role("heading", name="Coolant topped up")).to_be_visible(timeout=PATIENCE)


def test_a_reload_shows_the_same(maya: Watched, app: str) -> None:
    maya.page.goto(app)
    expect(maya.page.get_by_text("Version 1 is ready.")).to_be_visible()
    expect(maya.page.locator("[data-check-count]")).to_contain_text("checks passed")
    expect(maya.page.locator(".stages .done")).to_have_count(5)


def test_view_as_another_role(maya: Watched, app: str) -> None:
    page, frame = maya.page, maya.page.frame_locator("iframe")
    page.goto(app)
    expect(frame.get_by_text("Owner", exact=True).first).to_be_visible(timeout=PATIENCE)
    page.get_by_label("View the app as").select_option("Operator")
    expect(frame.get_by_text("Operator", exact=True).first).to_be_visible(timeout=PATIENCE)
    frame.get_by_role("link", name="Machines").click()
    expect(frame.get_by_role("heading", name="Machines")).to_be_visible()
    expect(frame.get_by_role("link", name="New machine")).to_have_count(0)
    page.get_by_label("View the app as").select_option("")
    expect(frame.get_by_text("Owner", exact=True).first).to_be_visible(timeout=PATIENCE)


def test_phone_width_in_the_frame(maya: Watched, app: str) -> None:
    page = maya.page
    page.get_by_role("button", name="Phone width").click()
    box = page.locator("iframe").bounding_box()
    assert box is not None
    assert box["width"] <= 392
    page.get_by_role("button", name="Desktop width").click()


def test_an_edited_blueprint_and_back_again_keeps_the_records(maya: Watched, app: str) -> None:
    page, frame = maya.page, maya.page.frame_locator("iframe")
    page.goto(app)
    page.get_by_role("tab", name="Blueprint").click()
    text = page.get_by_label("The blueprint's text")
    text.fill(text.input_value().replace("Still Open", "Open Notes"))
    page.get_by_role("button", name="Build this blueprint").click()
    expect(page.get_by_text("Version 2 is ready.")).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_role("link", name="Open Notes")).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_text("Coolant topped up").first).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your records are kept")
    dialog.get_by_role("button", name="Go back").click()
    expect(page.get_by_role("tab", name="Versions")).to_contain_text("3", timeout=PATIENCE)
    page.get_by_role("tab", name="App").click()
    expect(frame.get_by_role("link", name="Still Open")).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_text("Coolant topped up").first).to_be_visible()


def test_words_that_cannot_be_used_stay_in_the_box(maya: Watched, studio: str) -> None:
    page = maya.page
    page.goto(studio)
    box = page.get_by_label("Describe your app")
    before = len(maya.troubles)
    for words, answer in (("🎉🎉", "no words"), ("x" * 5000, "5,000 characters")):
        box.fill(words)
        page.get_by_role("button", name="Build it").click()
        expect(page.get_by_role("alert")).to_contain_text(answer)
        assert box.input_value() == words
    page.reload()
    assert len(box.input_value()) == 5000
    box.fill("")
    del maya.troubles[before:]  # the browser reports each 422 in its console


def test_a_colleague_gets_the_role_that_they_were_given(maya: Watched, app: str, studio: str, browser: Browser) -> None:
    page = maya.page
    page.goto(f"{app}#people")
    page.get_by_label("E-mail address").fill("uwe@intramural.example")
    page.locator("select[name=role]").select_option("Operator")
    page.get_by_role("button", name="Let in").click()
    expect(page.get_by_text("uwe@intramural.example")).to_be_visible(timeout=PATIENCE)
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    uwe = Watched(context.new_page())
    sign_in(uwe.page, studio, "Uwe")
    expect(uwe.page.get_by_label("Describe your app")).to_have_count(0)
    uwe.page.get_by_role("link", name="Shift Handover").first.click()
    expect(uwe.page.get_by_text("Oil leak at the left cylinder")).to_be_visible(timeout=PATIENCE)
    assert uwe.page.url.startswith("http://shift-handover.")
    assert uwe.page.goto(app) is not None
    expect(uwe.page.get_by_role("heading")).to_contain_text("reserved for makers")
    context.close()
    assert [trouble for trouble in uwe.troubles if "403" not in trouble] == []


def test_the_address_of_an_app_leads_through_sign_in_and_back(app: str, studio: str, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(studio.replace("studio.", "shift-handover.") + "/machine?sort=name")
    page.get_by_role("link", name="Sign in with your company account").click()
    page.get_by_role("button", name="Maya").click()
    page.wait_for_url(lambda url: url.endswith("/machine?sort=name"))
    expect(page.get_by_role("heading", name="Machines")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone(maya: Watched, app: str, studio: str, browser: Browser, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme=scheme,  # type: ignore[arg-type]
        storage_state=maya.page.context.storage_state(),
    )  # fmt: skip
    watched = Watched(context.new_page())
    page = watched.page
    for address in (studio, *(f"{app}#{tab}" for tab in ("build", "preview", "versions", "blueprint", "people"))):
        page.goto(address)
        page.reload()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.evaluate(_LOW_CONTRAST) == [], address
    context.close()
    assert watched.troubles == []


def test_everything_can_be_reached_by_keyboard(maya: Watched, app: str) -> None:
    page = maya.page
    page.goto(app)
    page.get_by_role("tab", name="App").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Versions")).to_be_focused()
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_nothing_went_wrong_on_the_way(maya: Watched, app: str) -> None:
    assert maya.troubles == []


# Text against its background by WCAG 2.2 (1.4.3): 4.5 to 1, or 3 to 1 for large text.
_LOW_CONTRAST = """() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = (node) => {
    for (; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.offsetParent || node.closest(":disabled")) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(parse(style.color)), light(background(node))].sort((x, y) => y - x);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const words = `${node.tagName} ${node.className} ${node.textContent.trim().slice(0, 30)}`;
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) found.push(words);
  }
  return found;
}"""
