"""Two people and one erasure, in a browser while the service runs: whoever asks sees no way to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.fixtures.studio_browser import FLAGS, Watched, axe_faults, served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faults.test_studio_crash import Service

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


def test_the_second_person_approves_while_the_service_runs() -> None:
    with served(0.0) as (studio, service), service.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        operator_asks(service, "sub-gone", "they left the company")
        operator_asks(service, "sub-kept", "they left, too")
        watched = Watched(browser.new_context().new_page())
        page = watched.page
        sign_in(page, studio, "Ada")
        page.get_by_role("link", name="Audit log").click()
        page.get_by_role("link", name="Erasures and legal holds").click()
        expect(page.get_by_text("they left the company")).to_be_visible()
        assert axe_faults(page) == []
        approve_one_and_refuse_one(page)
        own_request_has_no_way_to_approve(page)
        a_hold_stops_everything(page)
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert axe_faults(page) == []
        assert watched.troubles == []
        browser.close()


def operator_asks(service: Service, subject: str, reason: str) -> None:
    with service.client() as client:
        body = {"act": "request", "target": subject, "reason": reason}
        assert client.post("/api/audit/privacy", json=body).status_code == 200


def approve_one_and_refuse_one(page: Page) -> None:
    gone = page.get_by_role("listitem", name="Erasure of sub-gone")
    gone.get_by_text("Approve …").press("Enter")
    gone.get_by_role("button", name="Erase for good").click()
    expect(page.locator(".evidence", has_text="sub-gone").get_by_text("erased")).to_be_visible()
    kept = page.get_by_role("listitem", name="Erasure of sub-kept")
    kept.get_by_text("Refuse …").click()
    kept.get_by_label("Reason").fill("a contract still runs")
    kept.get_by_role("button", name="Refuse", exact=True).click()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    page.get_by_role("link", name="its entry in the log").click()
    expect(page.get_by_role("heading", name="Privacy subject erased")).to_be_visible()
    expect(page.get_by_text("Proven to be in the log")).to_be_visible()
    page.go_back()


def own_request_has_no_way_to_approve(page: Page) -> None:
    page.get_by_text("Ask for an erasure").click()
    asking = page.locator("form[action='/erasures']")
    asking.get_by_label("Subject").fill("sub-own")
    asking.get_by_label("Reason").fill("asked by Ada")
    asking.get_by_role("button", name="Ask").click()
    own = page.get_by_role("listitem", name="Erasure of sub-own")
    expect(own.get_by_text("somebody else must approve it")).to_be_visible()
    expect(own.get_by_text("Approve …")).to_have_count(0)


def a_hold_stops_everything(page: Page) -> None:
    page.get_by_text("Set a legal hold").click()
    holding = page.locator("form[action='/erasures/holds']")
    holding.get_by_label("Subject").fill("sub-own")
    holding.get_by_label("Reason").fill("a lawsuit")
    holding.get_by_role("button", name="Set the hold").click()
    expect(page.get_by_text("A legal hold forbids it: a lawsuit")).to_be_visible()
