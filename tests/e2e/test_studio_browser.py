"""A maker's first quarter of an hour in a real browser: through the real front door, issuer, gate, sandbox and app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.fixtures.studio_browser import (
    FLAGS,
    LOW_CONTRAST,
    PATIENCE,
    WORDS,
    Watched,
    axe_faults,
    publish,
    ready,
    served,
    sign_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def studio() -> Iterator[str]:
    with served(0.12) as (address, service), service.running():
        yield address


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


@pytest.fixture(scope="module")
def app(maya: Watched) -> str:
    """The address of the app that Maya makes in the first test."""
    page = maya.page
    page.get_by_label("Describe your app").fill(WORDS)
    page.get_by_role("button", name="Build it").click()
    page.get_by_text("Who may settle a note?").wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="Skip").click()
    page.wait_for_url("**/apps/app_*")
    expect(page.locator("pre[data-live]")).to_contain_text("role Operator", timeout=PATIENCE)
    expect(page.locator("h1")).to_have_text("Shift Handover")
    expect(page.locator('[data-stage="verify"]')).to_have_class("now", timeout=PATIENCE)
    expect(page.locator("[data-check-list] li").nth(3)).to_be_attached(timeout=PATIENCE)
    ready(page, 1)
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
    expect(maya.page.locator("[data-ending]")).to_contain_text("Version 1 is ready.")
    expect(maya.page.get_by_text("Who may settle a note? Shift leaders only.")).to_be_visible()
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
    page.goto(f"{app}/people")
    page.get_by_label("E-mail address").fill("uwe@intramural.example")
    page.locator("select[name=role]").select_option("Operator")
    page.get_by_role("button", name="Let in").click()
    expect(page.get_by_text("uwe@intramural.example")).to_be_visible(timeout=PATIENCE)
    context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    uwe = Watched(context.new_page())
    sign_in(uwe.page, studio, "Uwe")
    expect(uwe.page.get_by_label("Describe your app")).to_have_count(0)
    expect(uwe.page.get_by_text("There is no app for you yet.")).to_be_visible()
    publish(page, app, browser, studio)
    uwe.page.reload()
    uwe.page.get_by_role("link", name="Shift Handover").first.click()
    expect(uwe.page.get_by_text("Oil leak at the left cylinder")).to_be_visible(timeout=PATIENCE)
    assert uwe.page.url.startswith("http://shift-handover--live.")
    preview = uwe.page.goto(uwe.page.url.replace("--live", ""))
    assert preview is not None
    assert preview.status == 403
    expect(uwe.page.get_by_role("heading")).to_contain_text("Only its maker sees an app before it is published.")
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
    parts = ("data", "pages", "access", "look", "people", "checks", "versions", "blueprint")
    for address in (studio, app, *(f"{app}/{part}" for part in parts)):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
        assert page.evaluate(LOW_CONTRAST) == [], address
    context.close()
    assert watched.troubles == []


def test_no_page_has_a_serious_fault_for_axe(maya: Watched, app: str, studio: str, browser: Browser) -> None:
    parts = ("data", "data?add=entity", "pages", "access", "look", "people", "checks", "versions", "blueprint")
    for scheme, width in (("light", 1280), ("dark", 390)):
        context = browser.new_context(
            viewport={"width": width, "height": 820}, color_scheme=scheme, bypass_csp=True,  # type: ignore[arg-type]
            storage_state=maya.page.context.storage_state(),
        )  # fmt: skip
        page = context.new_page()
        for address in (studio, app, *(f"{app}/{part}" for part in parts)):
            page.goto(address)
            page.evaluate("for (const box of document.querySelectorAll('details')) { box.name = ''; box.open = true; }")
            assert axe_faults(page) == [], f"{address} {scheme}"
        context.close()


def test_everything_can_be_reached_by_keyboard(maya: Watched, app: str) -> None:
    page = maya.page
    page.goto(app)
    page.get_by_role("navigation").get_by_role("link", name="Data").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Data", level=1).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#field-name").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("A line of help below it").first).to_be_visible()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_nothing_went_wrong_on_the_way(maya: Watched, app: str) -> None:
    assert maya.troubles == []
