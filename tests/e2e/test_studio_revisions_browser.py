"""How a maker keeps improving an app, in a real browser: in words, by hand, as text, and back again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.fixtures.studio_browser import (
    FLAGS,
    PATIENCE,
    Watched,
    ask,
    axe_faults,
    build_first,
    ready,
    served,
    sign_in,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.test_studio_crash import Service

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, Service]]:
    with served(0.02) as found:
        yield found


@pytest.fixture(scope="module")
def studio(place: tuple[str, Service]) -> Iterator[str]:
    with place[1].running():
        yield place[0]


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
    context = browser.new_context(viewport={"width": 1280, "height": 820}, bypass_csp=True)
    watched = Watched(context.new_page())
    sign_in(watched.page, studio, "Maya")
    yield watched
    context.close()


@pytest.fixture(scope="module")
def app(maya: Watched, studio: str) -> str:
    return build_first(maya.page, studio)


def version_now(page: Page, app: str) -> int:
    page.goto(app)
    return int(re.sub(r"\D", "", page.locator(".version-now").inner_text()))


def test_a_request_is_shown_before_it_happens_and_then_happens(maya: Watched, app: str) -> None:
    page, frame = maya.page, maya.page.frame_locator("iframe")
    before = version_now(page, app)
    frame.get_by_role("link", name="New note").first.click()
    frame.get_by_label("Title").fill("Coolant topped up")
    frame.locator("select[name=machine]").select_option(label="Press 1")
    frame.locator("form[method=post] button[type=submit]").last.click()
    expect(frame.get_by_role("heading", name="Coolant topped up")).to_be_visible(timeout=PATIENCE)
    ask(page, "Add a due date to notes and show late ones")
    card = page.locator(".proposal")
    expect(card).to_contain_text("Late")
    expect(card).to_contain_text("due")
    expect(page.get_by_label("What should be different?")).to_have_value("")
    assert axe_faults(page) == []
    page.reload()
    expect(card).to_contain_text("Nothing has happened yet.")
    card.get_by_role("button", name="Make this change").click()
    ready(page, before + 1)
    expect(frame.get_by_role("link", name="Late")).to_be_visible(timeout=PATIENCE)
    expect(frame.get_by_text("Coolant topped up").first).to_be_visible()
    expect(page.locator(".did").last).to_contain_text("Late")


def test_a_request_that_is_discarded_leaves_everything(maya: Watched, app: str) -> None:
    page = maya.page
    before = version_now(page, app)
    ask(page, "Remove the urgency")
    expect(page.locator(".proposal")).to_contain_text("urgency")
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".proposal")).to_have_count(0)
    assert version_now(page, app) == before


def test_what_is_put_aside_must_be_confirmed(maya: Watched, app: str) -> None:
    page = maya.page
    page.goto(app)
    ask(page, "Remove the urgency")
    page.get_by_role("button", name="Make this change").click()
    expect(page.get_by_role("checkbox", name="Note.urgency")).to_be_focused()  # the browser asks for what is required
    page.get_by_role("button", name="Discard").click()
    expect(page.locator(".proposal")).to_have_count(0)


def test_a_model_that_fails_says_so_and_keeps_the_words(maya: Watched, app: str) -> None:
    page = maya.page
    page.goto(app)
    box = page.get_by_label("What should be different?")
    box.fill("Please fail at this")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".failure")).to_contain_text("Nothing has changed; version", timeout=PATIENCE)
    expect(page.locator(".failure")).to_contain_text("Try again")
    expect(box).to_have_value("Please fail at this")
    page.reload()
    expect(box).to_have_value("Please fail at this")
    box.fill("")


def test_a_field_is_renamed_by_hand_and_keeps_its_data(maya: Watched, app: str) -> None:
    page, frame = maya.page, maya.page.frame_locator("iframe")
    before = version_now(page, app)
    page.goto(f"{app}/data?entity=Note")
    page.locator("#field-urgency").click()
    drawer = page.locator("details[name=field][open]")
    drawer.get_by_label("Name", exact=True).fill("Priority")
    drawer.get_by_label("Choice 1").fill("minor")
    drawer.get_by_role("button", name="Gather this change").click()
    expect(page.get_by_role("region", name="Gathered changes")).to_contain_text("2 changes gathered")
    page.locator('[data-item="settled"] > [data-grip]').focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("region", name="Gathered changes")).to_contain_text("3 changes gathered")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("region", name="Gathered changes")).to_contain_text("2 changes gathered")
    page.goto(f"{app}/access")
    page.get_by_label("Operator: delete Note").select_option(label="Own")
    page.get_by_role("button", name="Gather these changes").click()
    expect(page.get_by_role("region", name="Gathered changes")).to_contain_text("3 changes gathered")
    page.get_by_role("button", name="See what they do").click()
    card = page.locator(".proposal")
    expect(card).to_contain_text("is now called “priority”")
    expect(card).to_contain_text("Operator may delete only their own Note.")
    assert axe_faults(page) == []
    card.get_by_role("button", name="Make this change").click()
    ready(page, before + 1)
    expect(page.get_by_role("region", name="Gathered changes")).to_have_count(0)
    row = frame.get_by_role("row").filter(has_text="Tool changed")
    expect(row).to_contain_text("minor", timeout=PATIENCE)
    expect(frame.get_by_text("Coolant topped up").first).to_be_visible()


def test_undo_brings_the_version_before_back_with_today_s_records(maya: Watched, app: str) -> None:
    page, frame = maya.page, maya.page.frame_locator("iframe")
    before = version_now(page, app)
    page.get_by_role("button", name="Undo").click()
    card = page.locator(".proposal")
    expect(card).to_contain_text(f"What going back to version {before - 1} does")
    expect(card).to_contain_text("is now called “urgency”")
    card.get_by_role("button", name="Go back").click()
    expect(page.locator(".version-now")).to_have_text(f"Version {before + 1}", timeout=PATIENCE)
    expect(frame.get_by_role("row").filter(has_text="Tool changed")).to_contain_text("low", timeout=PATIENCE)
    expect(frame.get_by_text("Coolant topped up").first).to_be_visible()
    page.goto(f"{app}/versions?before={before}&after={before + 1}")
    expect(page.get_by_role("region", name=f"From version {before}")).to_contain_text("is now called “urgency”")


def test_a_broken_text_is_told_with_its_place_and_kept(maya: Watched, app: str) -> None:
    page = maya.page
    before, troubles = version_now(page, app), len(maya.troubles)
    page.goto(f"{app}/blueprint")
    text = page.get_by_label("The blueprint’s text")
    broken = text.input_value().replace("ref(Machine)", "ref(Machin)")
    text.fill(broken)
    state = page.locator("#text-state")
    expect(state).to_contain_text("Did you mean Machine?")
    expect(state).to_contain_text(re.compile(r"Line \d+, column \d+"))
    page.get_by_role("button", name="See what it changes").click()
    expect(page.get_by_role("alert")).to_contain_text("Machin")
    page.reload()
    assert text.input_value() == broken
    page.get_by_role("button", name="Go there").click()
    assert page.evaluate("getSelection().toString()").startswith("Machin")
    text.fill(broken.replace("ref(Machin)", "ref(Machine)").replace("Still Open", "Open Notes"))
    expect(state).to_contain_text("This is a blueprint")
    page.get_by_role("button", name="See what it changes").click()
    expect(page.locator(".proposal")).to_contain_text("Open Notes")
    page.get_by_role("button", name="Discard").click()
    page.wait_for_url("**/blueprint")
    assert version_now(page, app) == before
    del maya.troubles[troubles:]  # the browser reports the 422 in its console


def test_two_windows_see_the_same_and_the_later_one_is_told(maya: Watched, app: str) -> None:
    first = maya.page
    before = version_now(first, app)
    second = first.context.new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(f"{app}/look")
    second.get_by_label("What it is for, in one sentence").fill("What every shift must know.")
    second.get_by_role("button", name="Gather these changes").click()
    expect(second.get_by_role("region", name="Gathered changes")).to_be_visible()
    first.goto(f"{app}/look")
    expect(first.get_by_role("region", name="Gathered changes")).to_contain_text("1 change gathered")
    for page in (first, second):
        page.get_by_role("button", name="See what they do").click()
        expect(page.locator(".proposal")).to_be_visible()
    first.get_by_role("button", name="Make this change").click()
    ready(first, before + 1)
    second.get_by_role("button", name="Make this change").click()
    expect(second.get_by_role("alert")).to_contain_text("the app has changed since it was made")
    second.reload()
    expect(second.locator(".proposal")).to_contain_text("can no longer be made")
    second.close()


def test_a_build_goes_on_without_its_page(maya: Watched, app: str) -> None:
    page = maya.page
    before = version_now(page, app)
    page.goto(f"{app}/look")
    page.get_by_label("Teal").check(force=True)
    page.get_by_role("button", name="Gather these changes").click()
    page.get_by_role("button", name="See what they do").click()
    page.get_by_role("button", name="Make this change").click()
    expect(page.locator('[data-stage="verify"]')).to_have_class("now", timeout=PATIENCE)
    page.goto("about:blank")
    page.goto(app)
    ready(page, before + 1)


def test_a_protected_part_says_who_protects_it(maya: Watched, app: str) -> None:
    page = maya.page
    page.goto(f"{app}/data?entity=Machine")
    page.get_by_role("button", name="Protect Machine").click()
    expect(page.get_by_text("Protected by you")).to_be_visible()
    expect(page.get_by_role("button", name="Protect Machine")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Protect Machine").click()
    expect(page.get_by_text("Protected by you")).to_have_count(0)


def test_nothing_went_wrong_on_the_way(maya: Watched, app: str) -> None:
    assert maya.troubles == []
