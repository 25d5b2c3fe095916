"""A maker turns a table into an app in a real browser: hand in, answer, adjust, create, find the rows, take it away."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect, sync_playwright

from tests.e2e.test_studio_browser import FLAGS, PATIENCE, Watched, sign_in
from tests.faults.test_studio_crash import ROOT, Service
from tests.fixtures.studio import free_port, short_folder
from tests.unit.test_importer_reading import workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
ROOMS = [["Room no", "Floor"], *([f"R{n}", n % 3] for n in range(6))]
BOOKINGS = [
    ["Booked by", "Room", "Day", "Cost (€)", "Catering", "State"],
    *([f"Person {n}", f"R{n % 6}", f"0{n % 9 + 1}/0{n % 7 + 1}/2026", f"{n}.50", "x" if n % 2 else "",
       ("asked", "agreed")[n % 2]] for n in range(14)),
    ["Nobody", "R99", "01/02/2026", "1.00", "", "asked"],
]  # fmt: skip


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with short_folder() as home:
        yield Service(home, free_port(), free_port())


def address_of(service: Service) -> str:
    return f"http://studio.intramural.localhost:{service.port}"


@pytest.fixture(scope="module")
def studio(service: Service) -> Iterator[str]:
    home, address = service.home, address_of(service)
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
def maya(studio: str) -> Iterator[Watched]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context(viewport={"width": 1280, "height": 820}, accept_downloads=True)
        watched = Watched(context.new_page())
        sign_in(watched.page, studio, "Maya")
        yield watched
        browser.close()


def wide_as_the_screen(page: Page) -> bool:
    """Whether nothing sticks out to the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_pasted_mess_is_refused_and_stays_in_the_box(maya: Watched, studio: str) -> None:
    page = maya.page
    page.get_by_role("link", name="Start from a table").click()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("alert")).to_contain_text("There is nothing to read yet.")
    page.get_by_label("Or paste a table here").fill("Only one line")
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("h1")).to_have_text("What your table becomes")
    page.get_by_role("button", name="Throw away").click()
    page.wait_for_url(f"{studio}/")


def test_from_a_workbook_to_an_app_with_its_rows(maya: Watched, studio: str, tmp_path) -> None:
    page = maya.page
    file = tmp_path / "Room bookings.xlsx"
    file.write_bytes(workbook(Bookings=BOOKINGS, Rooms=ROOMS))
    page.goto(f"{studio}/imports/new")
    page.get_by_label("CSV, TSV or Excel").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("h1")).to_have_text("What your table becomes")
    expect(page.get_by_text("1 question is open")).to_be_visible()
    create = page.get_by_role("button", name="Create the app")
    expect(create).to_be_disabled()
    expect(page.get_by_label("Kind of Room", exact=True)).to_have_value("ref")
    page.locator("#c0-1-misfits summary").click()
    expect(page.get_by_text("“R99” is not in the other table")).to_be_visible()
    page.locator("#c0-2-day-first").focus()
    page.keyboard.press("Space")
    expect(create).to_be_enabled()
    page.get_by_label("Kind of State").select_option("text")
    expect(page.get_by_text("You chose this.")).to_be_visible()
    under_way: list[Route] = []  # an answer that comes late must not take away what was written meanwhile
    page.route("**/imports/*", lambda route: route.continue_() if under_way else under_way.append(route))
    page.get_by_label("Take Floor").uncheck()
    page.get_by_label("Name of the app").press_sequentially("Our ")
    under_way[0].continue_()
    page.wait_for_timeout(500)
    expect(page.get_by_label("Name of the app")).to_have_value("Our Room bookings")
    page.get_by_label("Name of the app").fill("Rooms and Bookings")
    page.keyboard.press("Tab")
    expect(page.get_by_text("20 rows will be in the app")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    assert wide_as_the_screen(page)
    page.set_viewport_size({"width": 1280, "height": 820})
    create.click()
    page.wait_for_url("**/apps/app_*", timeout=PATIENCE)
    expect(page.get_by_text("Version 1 is ready.", exact=True)).to_be_visible(timeout=PATIENCE)
    expect(page.locator("h1").first).to_have_text("Rooms and Bookings")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Bookings", exact=True).first.click()
    expect(frame.get_by_text("Person 13").first).to_be_visible(timeout=PATIENCE)


def test_what_was_left_out_and_the_archive_can_be_taken(maya: Watched, tmp_path) -> None:
    page = maya.page
    page.goto(page.url.partition("#")[0].rstrip("/") + "/export")
    expect(page.get_by_text("20 rows of your table are in the app, 1 did not fit.")).to_be_visible()
    with page.expect_download() as left_out:
        page.get_by_role("link", name="Save those that were left out").click()
    assert "R99" in left_out.value.path().read_text(encoding="utf-8-sig")
    with page.expect_download(timeout=PATIENCE) as archive:
        page.get_by_role("button", name="Download the archive").click()
    assert archive.value.suggested_filename == "rooms-and-bookings.zip"
    with zipfile.ZipFile(archive.value.path()) as packed:
        assert "rooms-and-bookings/data/manifest.json" in packed.namelist()
    page.set_viewport_size({"width": 390, "height": 800})
    assert wide_as_the_screen(page)


def test_the_operator_takes_it_on_the_command_line(maya: Watched, service: Service, tmp_path) -> None:
    out = tmp_path / "rooms.zip"

    def export(app: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "appliance.cli", "export", app, "--out", str(out)]
        env = {**os.environ, "INTRAMURAL_HOME": str(service.home)}
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    refused = export("no-such-app")
    assert refused.returncode == 2
    assert "no app" in refused.stdout + refused.stderr
    assert not list(tmp_path.iterdir())
    done = export("rooms-and-bookings")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(out) as packed:
        assert packed.testzip() is None


def test_nothing_went_wrong_behind_the_scenes(maya: Watched) -> None:
    """Refusals (422) are answers, and a proposal that is asked for again takes the place of the one under way."""
    expected = ("422", "Failed to load resource", "htmx:afterRequest", "htmx:sendAbort")
    assert [trouble for trouble in maya.troubles if not any(words in trouble for words in expected)] == []
