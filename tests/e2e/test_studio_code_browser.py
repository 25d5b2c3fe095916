"""The Code page in a real browser: a function is put together, written, looked at, protected and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.studio_browser import PATIENCE, chromium, first_app, look, ready

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]
WANTED = "The year, a hyphen, and the first three letters of the title in capitals"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with first_app(browser) as watched:
        yield watched.page
    assert watched.troubles == []


def code_page(page: Page) -> None:
    start, _, rest = page.url.partition("/apps/")
    page.goto(f"{start}/apps/{rest.partition('/')[0]}/code")


def test_a_function_from_its_description_to_code_that_does_what_the_examples_say(page: Page) -> None:
    code_page(page)
    look(page, "code-empty")
    page.get_by_text("Add a function").click()
    page.get_by_label("Name", exact=True).fill("Short")
    page.get_by_label("Field 1").select_option("Note|day")
    page.get_by_label("Field 2").select_option("Note|title")
    page.locator(".add-form textarea").fill(WANTED)
    page.get_by_role("button", name="Gather this function").click()
    expect(page.get_by_text("Not written yet for what stands here")).to_be_visible()
    page.get_by_label("Day in a new example").fill("2026-11-30")
    page.get_by_label("Title in a new example").fill("Oil leak")
    page.get_by_label("What comes out", exact=True).fill("2026-OIL")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("td strong", has_text="2026-OIL")).to_be_visible()
    look(page, "code-gathered")
    page.get_by_role("button", name="See what they do").click()
    page.get_by_role("button", name="Make this change").click()
    page.wait_for_url("**/apps/app_*")
    ready(page, 2)
    code_page(page)
    expect(page.get_by_text("Written at the second attempt, and it does what the examples say.")).to_be_visible()
    page.get_by_text("The code", exact=True).click()
    expect(page.locator("pre.code")).to_contain_text("title[:3].upper()")
    page.get_by_text("Last checks:").click()
    look(page, "code-written")


def test_what_the_function_gives_stands_in_the_app(page: Page) -> None:
    code_page(page)
    page.goto(page.url.removesuffix("/code"))
    ready(page, 2)
    frame = page.frame_locator("iframe[data-base]")
    frame.get_by_role("link", name="Notes", exact=True).first.click()
    expect(frame.get_by_text("2026-OIL").first).to_be_visible(timeout=PATIENCE)


def test_a_protected_function_offers_no_new_attempt_and_a_removed_one_is_gathered(page: Page) -> None:
    code_page(page)
    page.get_by_role("button", name="Protect from the model").click()
    expect(page.get_by_text("Protected", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    page.get_by_role("button", name="Open to the model").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("This app has no functions of its own.")).to_be_visible()
    expect(page.get_by_text("Note, Short: removed")).to_be_visible()
