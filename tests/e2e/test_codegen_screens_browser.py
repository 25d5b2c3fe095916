"""Every kind of page in a real browser: drag, keyboard, phone, light and dark, print."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from appliance.blueprint.naming import slug
from tests.fixtures.live_app import Live, live
from tests.fixtures.screens_app import screens_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser
MADE = screens_blueprint()
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
ADDRESSES = [f"/pages/{slug(page.title)}" for page in MADE.pages]
ADDRESSES += ["/pages/visits?show=week", "/pages/schedule?show=list", "/pages/plan?zoom=year", "/kiosk/welcome"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(MADE, tmp_path_factory.mktemp("live")) as app:
        yield app


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        )
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, running: Live, browser: Any) -> Iterator[Any]:
    width, height = SIZES[request.param]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        base_url=running.address,
        color_scheme="dark" if request.param == "phone" else "light",
    )
    context.add_cookies([running.cookie])
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning") and not re.search(r"status of 4(09|22)", message.text)
            else None
        ),
    )
    yield opened
    context.close()
    assert complaints == []


def test_every_page_fits_the_screen_names_its_controls_and_can_be_read(page):
    for address in ADDRESSES:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]),select,textarea,button,a[href],summary')]
              .filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim()
                || e.querySelector('img[alt]:not([alt=""])')))
              .map(e => e.outerHTML)"""
        )
        assert nameless == [], address
        assert page.evaluate("document.querySelectorAll('[style]').length") == 0, address


def status_of(running: Live, number: str) -> str:
    return next(str(job.status) for job in running.rows("Job") if job.id == int(number))


@pytest.mark.parametrize("page", ["desktop"], indirect=True)
def test_a_card_is_dragged_to_another_column(page, running):
    page.goto("/pages/job-board")
    card = page.locator(".lane[data-key='planned'] .ticket").first
    number = card.get_attribute("data-row-id")
    goal = page.locator(".lane[data-key='in progress']")
    before = int(goal.locator(".count").get_attribute("data-count"))
    card.drag_to(goal, target_position={"x": 90, "y": 70})  # both on the screen: nothing scrolls under the pointer
    expect(page.locator("#board-news")).to_contain_text("moved to in progress")
    expect(goal.locator(f".ticket[data-row-id='{number}']")).to_be_visible()
    expect(goal.locator(".count")).to_have_attribute("data-count", str(before + 1))
    assert status_of(running, number) == "in progress"


def test_a_card_is_moved_without_a_mouse(page, running):
    page.goto("/pages/job-board")
    card = page.locator(".lane[data-key='waiting for parts'] .ticket").first
    number = card.get_attribute("data-row-id")
    card.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(card.get_by_role("button", name="done")).to_be_visible()
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="done")).to_be_hidden()
    expect(card.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(card.get_by_role("button", name="done")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#board-news")).to_contain_text("moved to done")
    moved = page.locator(f".lane[data-key='done'] .ticket[data-row-id='{number}']")
    expect(moved).to_be_visible()
    expect(moved.locator("summary")).to_be_focused()
    assert status_of(running, number) == "done"
    moved.locator("summary").click()
    moved.get_by_role("button", name="waiting for parts").click()
    expect(page.locator(f".lane[data-key='waiting for parts'] .ticket[data-row-id='{number}']")).to_be_visible()


def test_a_card_that_somebody_else_changed_goes_back(page, running):
    page.goto("/pages/job-board")
    card = page.locator(".lane[data-key='planned'] .ticket").nth(1)
    number = card.get_attribute("data-row-id")
    card.evaluate("element => { element.dataset.version = '0'; }")
    card.locator("summary").click()
    card.get_by_role("button", name="in progress").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody changed this job meanwhile")
    expect(page.locator(f".lane[data-key='planned'] .ticket[data-row-id='{number}']")).to_be_visible()
    assert status_of(running, number) == "planned"


def test_a_calendar_is_walked_through_and_takes_a_new_entry(page):
    page.goto("/pages/schedule")
    here = page.locator(".timebar h2").inner_text()
    page.get_by_role("link", name="Later").click()
    expect(page.locator(".timebar h2")).not_to_have_text(here)
    page.get_by_role("link", name="Today").click()
    expect(page.locator(".timebar h2")).to_have_text(here)
    phone = page.viewport_size["width"] < 800
    expect(page.locator("div.month")).to_be_visible(visible=not phone)
    expect(page.locator("ol.days.month")).to_be_visible(visible=phone)
    page.get_by_role("link", name="Week", exact=True).click()
    expect(page.locator("ol.days.week > li")).to_have_count(7)
    page.locator(".plus:visible").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("New job")
    assert page.get_by_label("Start").input_value()


def test_search_narrows_a_board_and_a_chart_without_a_reload(page):
    page.goto("/pages/job-board")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("searchbox").fill("boiler")
    expect(page.get_by_role("link", name="Clear search and filters")).to_be_visible()
    for title in page.locator(".ticket .what").all_inner_texts():
        assert "boiler" in title.lower()
    assert page.evaluate("window.sameDocument") is True
    page.goto("/pages/jobs-by-trade")
    page.locator(".narrowing summary").click()
    page.get_by_label("Status").select_option("done")
    expect(page).to_have_url(re.compile(r"f\.status=done"))


def test_a_kiosk_works_on_any_screen_and_starts_again(page, running):
    page.context.clear_cookies()
    before = len(running.rows("Visitor"))
    page.goto("/kiosk/welcome")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("Name: Fill this in.")
    page.get_by_label("Name").fill("Zoë <b>")
    page.get_by_label("delivery").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Please take a seat")
    assert len(running.rows("Visitor")) == before + 1
    page.get_by_role("link", name="Start again").click()
    expect(page.get_by_label("Name")).to_have_value("")
    assert httpx.get(f"{running.address}/visitor").status_code == 401


def test_a_report_prints_as_a_report(page):
    page.goto("/pages/cost-report")
    page.emulate_media(media="print")
    for part in (".side", ".bar", ".tools", ".buttons"):
        expect(page.locator(part).first).to_be_hidden()
    expect(page.locator("table.report thead").first).to_be_visible()
    assert page.pdf()[:4] == b"%PDF"
