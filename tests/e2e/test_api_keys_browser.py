"""API keys in a browser: a maker makes one, uses it, revokes it; an operator makes one for a service account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect, sync_playwright

from tests.fixtures.studio_browser import FLAGS, LOW_CONTRAST, Watched, axe_faults, served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.faults.test_studio_crash import Service

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


def models(service: Service, secret: str) -> int:
    """The status with which a program is answered; 503: it was let in, and there is no model here."""
    headers = {"Host": f"studio.intramural.localhost:{service.port}", "Authorization": f"Bearer {secret}"}
    return httpx.get(f"http://127.0.0.1:{service.port}/v1/models", headers=headers).status_code


def looks_right(page: Page, name: str) -> None:
    """At both widths; INTRAMURAL_SHOTS names a folder for what a person wants to look at."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert axe_faults(page) == []
        assert page.evaluate(LOW_CONTRAST) == []
        if folder := os.environ.get("INTRAMURAL_SHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def test_keys_are_made_shown_once_and_revoked() -> None:
    with served(0.0) as (studio, service), service.running(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        watched = Watched(browser.new_context().new_page())
        page = watched.page
        sign_in(page, studio, "Maya")
        page.locator(".me summary").click()
        page.get_by_role("link", name="API keys").click()
        looks_right(page, "keys-none")
        page.get_by_label("What for").fill("Editor on my laptop")
        page.get_by_label("Complete text and code").uncheck()
        page.get_by_role("button", name="Make the key").press("Enter")
        secret = page.get_by_label("The secret of the key").input_value()
        assert models(service, secret) == 503
        looks_right(page, "keys-made")
        page.goto(f"{studio}/keys")
        assert secret not in page.content()
        row = page.get_by_role("listitem", name="Key Editor on my laptop")
        expect(row.get_by_text("last used just now")).to_be_visible()
        row.get_by_text("Revoke …").press("Enter")
        looks_right(page, "keys-revoking")
        row.get_by_role("button", name="Revoke “Editor on my laptop”").click()
        expect(row.get_by_text("revoked", exact=True)).to_be_visible()
        assert models(service, secret) == 401
        assert page.get_by_role("heading", name="Service accounts").count() == 0
        assert watched.troubles == []
        an_operator_serves_a_program(Watched(browser.new_context().new_page()), studio, service)
        browser.close()


def an_operator_serves_a_program(watched: Watched, studio: str, service: Service) -> None:
    page = watched.page
    sign_in(page, studio, "Otto")
    page.goto(f"{studio}/keys")
    assert page.get_by_label("What for").count() == 1  # no maker: no key of his own
    page.get_by_text("Make a key for a service account").click()
    page.get_by_role("textbox", name="Service account").fill("ci-runner")
    page.get_by_label("What for").fill("Nightly review")
    page.get_by_role("button", name="Make the key").click()
    assert models(service, page.get_by_label("The secret of the key").input_value()) == 503
    looks_right(page, "keys-operator")
    assert watched.troubles == []
