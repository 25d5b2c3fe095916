"""A policy changed by two people in a browser: tried, asked for, approved by another, and felt at once by a maker."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.fixtures.studio_browser import FLAGS, Watched, axe_faults, served, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
MAKERS = '[Action::"createApp", Action::"importTable"]'


def test_two_people_change_what_makers_may_do() -> None:
    with served(0.0) as (studio, service), service.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        maya = browser.new_context().new_page()
        sign_in(maya, studio, "Maya")
        maya.goto(f"{studio}/imports/new")
        expect(maya.get_by_role("heading", level=1)).to_contain_text("table")
        watched = Watched(browser.new_context().new_page())
        rita = watched.page
        sign_in(rita, studio, "Rita")
        rita.get_by_role("link", name="Approvals").click()
        rita.get_by_role("link", name="Policy").click()
        rules = rita.get_by_label("Rules")
        text = rules.input_value()
        assert MAKERS in text
        rules.fill(text.replace("permit (", "permitt (", 1))
        rita.get_by_role("button", name="Try it").click()
        expect(rita.get_by_role("alert")).to_contain_text("The policy in force stays.")
        watched.troubles.clear()  # the browser reports the 422 in its console
        rita.get_by_label("Rules").fill(text.replace(MAKERS, '[Action::"createApp"]'))
        rita.get_by_role("button", name="Try it").click()
        expect(rita.get_by_role("status")).to_contain_text("decisions of the last 30 days were tried again")
        assert axe_faults(rita) == []
        rita.get_by_label("Why").fill("No tables at this site")
        rita.get_by_role("button", name="Ask for an approval").click()
        expect(rita.get_by_text("somebody else decides")).to_be_visible()
        ada = browser.new_context().new_page()
        sign_in(ada, studio, "Ada")
        ada.get_by_role("link", name="Approvals").click()
        ada.get_by_role("link", name="Change the policy: No tables at this site").click()
        expect(ada.get_by_text("What it would change")).to_be_visible()
        ada.get_by_role("button", name="Approve").press("Enter")
        expect(ada.get_by_text("approved", exact=True).first).to_be_visible()
        refused = maya.goto(f"{studio}/imports/new")
        assert refused is not None
        assert refused.status == 403
        rita.goto(f"{studio}/policy")
        expect(rita.get_by_text("number 2, changed by you")).to_be_visible()
        rita.set_viewport_size({"width": 390, "height": 844})
        assert rita.evaluate("document.documentElement.scrollWidth") <= 390
        assert watched.troubles == []
        browser.close()
