"""A maker turns an API contract into an app in a real browser, and the app's API answers to that browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.e2e.test_api_keys_browser import looks_right
from tests.faults.test_studio_crash import ROOT
from tests.fixtures.api_contracts import CONTRACTS
from tests.fixtures.studio_browser import FLAGS, Watched, ready, served, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
EMPTY = "openapi: 3.1.0\ninfo: {title: X, version: '1'}\npaths: {}"


@pytest.fixture(scope="module")
def at() -> Iterator[tuple[Page, str, Path]]:
    """Maya's page, the studio's address, and the appliance's home."""
    with served(0.0) as (studio, service), service.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        watched = Watched(browser.new_context().new_page())
        sign_in(watched.page, studio, "Maya")
        yield watched.page, studio, service.home
        browser.close()


def test_what_is_no_contract_stays_in_the_box_with_what_to_do(at: tuple[Page, str, Path]) -> None:
    page, studio, _ = at
    page.goto(studio)
    page.get_by_role("link", name="Start from an API contract").click()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("alert")).to_contain_text("There is nothing to read yet.")
    page.get_by_label("Or paste it here").fill(EMPTY)
    page.keyboard.press("Tab")
    page.keyboard.type("For the office")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The contract has no operation. (#/paths)")
    expect(page.get_by_label("Or paste it here")).to_have_value(EMPTY)
    expect(page.get_by_label("What is it for?")).to_have_value("For the office")
    looks_right(page, "contract-new")


def test_from_a_contract_to_an_app_that_answers_it(at: tuple[Page, str, Path]) -> None:
    page, studio, _ = at
    page.goto(f"{studio}/contracts/new")
    page.get_by_label("OpenAPI 3.0 or 3.1").set_input_files(CONTRACTS / "room_booking.yaml")
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("h1")).to_have_text("What your contract becomes")
    expect(page.get_by_text("9 of 10 are served")).to_be_visible()
    expect(page.get_by_text("Not served", exact=True)).to_have_count(1)
    expect(page.get_by_role("row", name="GET /v1/rooms-api/rooms Lists Room")).to_be_visible()
    looks_right(page, "contract-show")
    page.set_viewport_size({"width": 1280, "height": 820})
    page.get_by_label("Name of the app").fill("Office Rooms")
    page.get_by_role("button", name="Update the name").click()
    expect(page.get_by_label("Name of the app")).to_have_value("Office Rooms")
    page.get_by_role("button", name="Create the app").click()
    page.wait_for_url("**/apps/app_*")
    ready(page, 1)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open").first.click()
    app = opened.value
    app.wait_for_load_state()
    expect(app.get_by_role("link", name="Rooms", exact=True).first).to_be_visible()
    answer = app.evaluate(
        """async () => {
            const sent = {method: "POST", headers: {"Content-Type": "application/json"},
                          body: JSON.stringify({name: "Attic", seats: 3})};
            const made = await fetch("/v1/rooms-api/rooms", sent);
            const listed = await (await fetch("/v1/rooms-api/rooms?limit=5")).json();
            return [made.status, listed.total, listed.items[0].name];
        }"""
    )
    assert answer == [201, 1, "Attic"]


def test_a_command_does_the_same(at: tuple[Page, str, Path]) -> None:
    _, _, home = at
    command = [sys.executable, "-m", "appliance.cli", "contract", str(CONTRACTS / "help_desk.yaml"), "Our questions."]
    env = {**os.environ, "INTRAMURAL_HOME": str(home)}
    looked = subprocess.run([*command, "--look"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert looked.returncode == 0, looked.stderr
    assert "GET /topics: list Topic" in looked.stderr
    assert "Topic.openQuestions: starts as “0”" in looked.stderr
    made = subprocess.run(
        [*command, "--json", "--name", "Questions"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout[-600:] + made.stderr
    told = json.loads(made.stdout)
    assert (told["name"], told["report"]["verified"]) == ("Questions", True)
    broken = subprocess.run(
        [*command[:-2], str(ROOT / "LICENSE")], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert broken.returncode == 2
    assert "What to do" in broken.stderr
