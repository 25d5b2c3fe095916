"""An auditor in a real browser: find what a maker did, look at the proof, read the words, go to the lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.fixtures.studio_browser import FLAGS, WORDS, Watched, axe_faults, build_first, served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


def test_an_auditor_follows_a_version_back_to_its_words() -> None:
    with served(0.0) as (studio, service), service.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        maker = browser.new_context().new_page()
        sign_in(maker, studio, "Maya")
        build_first(maker, studio)
        assert maker.get_by_role("link", name="Audit log").count() == 0
        refused = maker.goto(f"{studio}/audit")
        assert refused is not None
        assert refused.status == 403
        watched = Watched(browser.new_context(extra_http_headers={"X-Forwarded-For": "6.6.6.6"}).new_page())
        page = watched.page
        sign_in(page, studio, "Ada")
        search(page, "version.committed")
        page.locator(".evidence a").last.click()
        expect(page.get_by_text("Proven to be in the log")).to_be_visible()
        page.get_by_role("link", name="How version 1 came to be").click()
        expect(page.get_by_role("heading", name="Shift Handover, version 1")).to_be_visible()
        expect(page.get_by_text("checks passed")).to_be_visible()
        assert axe_faults(page) == []
        page.get_by_role("link", name="Prompt submitted").click()
        page.get_by_label("Purpose").fill("yearly review")
        page.get_by_role("button", name="Open").click()
        expect(page.locator(".sealed-text")).to_contain_text(WORDS)
        assert axe_faults(page) == []
        injected_search(page, studio)
        words_search(page, studio)
        phone(page, studio)
        refused_is_recorded(page, studio)
        with page.expect_download() as download:
            page.get_by_role("button", name="Export").click()
        assert download.value.suggested_filename == "audit.zip"
        assert watched.troubles == []
        browser.close()


def search(page: Page, event: str) -> None:
    page.get_by_role("link", name="Audit log").click()
    page.get_by_label("Event").select_option(event)
    page.get_by_role("button", name="Search", exact=True).press("Enter")


def injected_search(page: Page, studio: str) -> None:
    page.goto(f"{studio}/audit")
    page.get_by_role("textbox", name="Person").fill('"><img src=x onerror=alert(1)>')
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    assert page.locator("main img").count() == 0


def words_search(page: Page, studio: str) -> None:
    page.goto(f"{studio}/audit?event=prompt.submitted")
    page.get_by_text("Search what people wrote").click()
    page.get_by_label("Words").fill("urgent")
    page.get_by_label("Purpose").fill("yearly review")
    page.get_by_role("button", name="Open and search").click()
    expect(page.get_by_role("status")).to_contain_text("opened")
    expect(page.locator(".evidence").first).to_contain_text("Prompt submitted")
    assert axe_faults(page) == []


def phone(page: Page, studio: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{studio}/audit")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".evidence a").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def refused_is_recorded(page: Page, studio: str) -> None:
    """The maker's attempt stands in the log, from the address of the connection and not the claimed one."""
    page.goto(f"{studio}/audit?event=access.refused")
    expect(page.locator(".evidence").last).to_contain_text("user:demo-maya")
    page.goto(f"{studio}/audit?person=demo-ada")
    expect(page.locator(".evidence", has_text="from 127.0.0.1").first).to_be_visible()
    assert "6.6.6.6" not in page.content()
