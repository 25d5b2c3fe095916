"""A generated app in a real browser, used as a person would: desktop and phone, mouse and keyboard."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from appliance.codegen.render import render
from tests.fixtures.generated_apps import blueprint

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Address and signed-in cookies of an app that runs alone."""
    folder = tmp_path_factory.mktemp("app")
    render(blueprint("equipment_loans")).write_to(folder)
    env = {"PATH": os.environ["PATH"], "APP_DATA_DIR": str(folder / "data"), "APP_LOAD_EXAMPLES": "1"}
    command = [sys.executable, "-u", "-m", "lab_equipment_loans_app", "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True)
    link = re.search(r"(http://127\.0\.0\.1:\d+)/\S+", process.stdout.readline())
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            httpx.get(f"{link.group(1)}/healthz")
            break
        except httpx.TransportError:
            time.sleep(0.05)
    cookie = httpx.get(link.group()).cookies["app_session"]
    yield link.group(1), {"name": "app_session", "value": cookie, "url": link.group(1)}
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        )
        yield launched
        launched.close()


@pytest.fixture(params=SIZES)
def page(request, running, browser):
    address, cookie = running
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=address)
    context.add_cookies([cookie])
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type in ("error", "warning") and "422" not in message.text
            else None
        ),
    )
    opened.on("requestfinished", lambda request: complaints.append(request.url) if address not in request.url else None)
    yield opened
    context.close()
    assert complaints == []


def fits(page):
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_person_adds_finds_changes_and_deletes_an_item(page):
    page.goto("/item")
    fits(page)
    page.get_by_role("link", name="New item").click()
    page.get_by_role("button", name="Add item").click()
    problems = page.get_by_role("alert")
    expect(problems).to_be_focused()
    problems.get_by_role("link", name="Name: Fill this in.").click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    page.keyboard.type("Soldering <b>iron</b>")
    page.get_by_label("Category").select_option("other")
    fits(page)
    page.get_by_label("Name").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Soldering <b>iron</b>")
    expect(page.get_by_text("Soldering <b>iron</b> added")).to_be_visible()
    fits(page)

    page.goto("/item")
    page.keyboard.press("/")
    page.keyboard.type("solder")
    expect(page.get_by_text("1 item", exact=True)).to_be_visible()
    assert "q=solder" in page.url
    page.locator("[data-row-id]").get_by_role("link", name="Soldering").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Location").fill("Bench 9")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("dd", has_text="Bench 9")).to_be_visible()

    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Delete")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("iron</b> deleted")).to_be_visible()
    expect(page.locator("[data-row-id]")).to_have_count(5)


def test_columns_sort_and_filters_narrow_without_a_reload(page):
    page.goto("/item")
    page.evaluate("window.sameDocument = true")
    if page.viewport_size["width"] > 800:
        page.get_by_role("link", name="Name").click()
        expect(page.locator("th[aria-sort=ascending]")).to_have_text("Name")
        expect(page.locator("[data-row-id]").first).to_contain_text("Canon")
    page.get_by_label("Category").select_option("laptop")
    expect(page.get_by_text("2 items", exact=True)).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    page.get_by_role("link", name="Clear search and filters").click()
    expect(page.locator("[data-row-id]")).to_have_count(5)


def test_the_dashboard_leads_to_the_rows_behind_a_number(page):
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    fits(page)
    card = page.get_by_role("link", name="Overdue").locator("visible=true").last
    number = card.locator(".big").inner_text()
    card.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overdue")
    expect(page.locator("[data-row-id]")).to_have_count(int(number))
    page.goto("/pages/overview")
    page.get_by_role("table", name="Items by category").get_by_role("link", name="laptop").click()
    expect(page.locator("[data-row-id]")).to_have_count(2)


def test_the_keyboard_alone_reaches_everything(page):
    page.goto("/loan")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="New loan")).to_be_focused()
    if page.viewport_size["width"] < 800:
        page.get_by_role("button", name="Menu").press("Enter")
        expect(page.get_by_role("link", name="Overview")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Menu")).to_be_focused()


def test_every_control_has_a_name(page):
    for path in ("/pages/overview", "/loan", "/loan/new", "/loan/1", "/item/1/edit", "/pages/item-history?id=1"):
        page.goto(path)
        fits(page)
        nameless = page.evaluate(
            """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href]')]
              .filter(e => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim()
                || e.querySelector('img[alt]:not([alt=""])')))
              .map(e => e.outerHTML)"""
        )
        assert nameless == []
