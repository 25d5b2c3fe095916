"""Actions, undo, rules, reminders and activity in a real browser, on a desktop and on a phone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from appliance.codegen.render import render
from tests.fixtures.generated_apps import blueprint

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": (1280, 860), "phone": (390, 844)}
PICTURES = os.environ.get("BEHAVIOUR_PICTURES", "")
"""A folder for screenshots, for people who look at them."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Address and signed-in cookie of an app that runs alone, with its owner at the browser."""
    folder = tmp_path_factory.mktemp("app")
    render(blueprint("repair_desk")).write_to(folder)
    env = {"PATH": os.environ["PATH"], "APP_DATA_DIR": str(folder / "data"), "APP_LOAD_EXAMPLES": "1"}
    command = [sys.executable, "-u", "-m", "repair_desk_app", "--port", "0"]
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
            if message.type in ("error", "warning") and not re.search("409|422", message.text)
            else None
        ),
    )
    opened.size = request.param
    yield opened
    context.close()
    assert complaints == []


def picture(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}-{page.size}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def new_job(page, title, **fields):
    page.goto("/job/new")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Room").select_option(label="Workshop")
    for label, value in fields.items():
        page.get_by_label(label.capitalize()).fill(value)
    page.get_by_role("button", name="Add job").click()
    page.wait_for_url(re.compile(r"/job/\d+$"))


def test_an_action_and_its_undo(page):
    new_job(page, "Squeaky door", technician="tim@example.com", costs="140")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_text(": Finish")).to_be_visible()
    expect(page.get_by_role("button", name="Finish")).to_have_count(0)
    expect(page.get_by_text("did “Finish”")).to_be_visible()
    picture(page, "after-action")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("“Finish” taken back", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Finish")).to_be_visible()
    picture(page, "after-undo")


def test_a_rule_speaks_on_the_page_of_the_row(page):
    new_job(page, "No technician")
    page.get_by_role("button", name="Finish").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Say who did it before it is done.")
    expect(alert).to_be_focused()
    picture(page, "refused")


def test_the_list_marks_rows_and_acts_on_them(page):
    late = (datetime.now().astimezone().date() - timedelta(days=4)).isoformat()
    new_job(page, f"Late pump {page.size}", due=late, technician="tim@example.com")
    page.goto(f"/job?q=Late+pump+{page.size}")
    row = page.locator("tr[data-row-id]")
    expect(row).to_have_class(re.compile("marked-red"))
    expect(row.locator(".mark")).to_have_text("Late")
    picture(page, "list")
    row.get_by_role("button", name=re.compile("Finish")).click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    assert f"q=Late+pump+{page.size}" in page.url
    expect(page.locator(".mark")).to_have_count(0)


def test_a_card_on_the_board_is_marked_and_acted_on(page):
    late = (datetime.now().astimezone().date() - timedelta(days=2)).isoformat()
    new_job(page, f"Card {page.size}", due=late, technician="tim@example.com")
    page.goto("/pages/board")
    card = page.locator("li.ticket", has_text=f"Card {page.size}")
    expect(card.locator(".mark")).to_have_text("Late")
    picture(page, "board")
    card.get_by_role("button", name=re.compile("Finish")).click()
    page.wait_for_url(re.compile("/pages/board"))
    expect(card.locator(".mark")).to_have_count(0)


def test_reminders_are_put_away(page):
    today = datetime.now().astimezone().date().isoformat()
    new_job(page, f"Remember {page.size}", due=today)
    bell = page.get_by_role("link", name=re.compile("reminder"))
    expect(bell).to_be_visible()
    bell.click()
    waiting = page.locator("li[data-reminder]")
    before = waiting.count()
    assert before >= 1
    picture(page, "reminders")
    waiting.first.get_by_role("button").click()
    expect(waiting).to_have_count(before - 1)


def test_a_form_shows_what_is_given_and_what_helps(page):
    page.goto("/job/1/edit")
    expect(page.locator("[data-fixed=number]")).to_contain_text("JOB-0001")
    expect(page.get_by_label("Title")).to_have_accessible_description("What is wrong, in a few words")
    page.get_by_label("Due").fill("2019-01-01")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert")).to_contain_text("The due date lies too far back.")
    expect(page.get_by_label("Due")).to_have_value("2019-01-01")
    picture(page, "form")
