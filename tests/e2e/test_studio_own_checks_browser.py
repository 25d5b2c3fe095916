"""A maker's own checks, what was assumed, and what a request left out, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.studio_browser import PATIENCE, ask, chromium, first_app, look, ready

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with first_app(browser) as watched:
        yield watched.page
    # The last test is answered with 422, and the browser says so twice.
    assert [trouble for trouble in watched.troubles if "422" not in trouble] == []


def app_of(page: Page) -> str:
    return page.url.partition("/apps/")[0] + "/apps/" + page.url.partition("/apps/")[2].partition("/")[0]


def gather_check(page: Page, *, who: str, can: str, act: str, whose: str = "") -> None:
    page.goto(f"{app_of(page)}/checks")
    page.get_by_text("Add a check").click()
    for name, chosen in (("role", who), ("can", can), ("act", act)):
        page.locator(f".add-form select[name={name}]").select_option(label=chosen)
    page.locator(".add-form select[name=whose]").select_option(whose)


def accept(page: Page) -> None:
    page.get_by_role("button", name="See what they do").click()
    page.get_by_role("button", name="Make this change").click()
    page.wait_for_url("**/apps/app_*")


def test_what_was_added_unasked_is_named_and_goes_with_one_click(page: Page) -> None:
    page.get_by_text("I added what such apps usually have").click()
    look(page, "assumed")
    page.get_by_role("button", name="Remove Machine.hall").click()
    expect(page.get_by_text("1 change gathered, not made yet")).to_be_visible()
    expect(page.get_by_role("button", name="Remove Machine.hall")).to_have_count(0)
    page.get_by_role("button", name="See what they do").click()
    expect(page.locator(".proposal")).to_contain_text("hall")
    page.get_by_label("Machine.hall").check()
    page.get_by_role("button", name="Make this change").click()
    page.wait_for_url("**/apps/app_*")
    ready(page, 2)


def test_what_a_request_asked_for_in_vain_stands_on_the_proposal(page: Page) -> None:
    ask(page, "Add a due date and the moon")
    expect(page.locator(".left-out")).to_contain_text("Not done: the field “moon” of Note.")
    look(page, "left-out")
    with page.expect_navigation():
        page.get_by_role("button", name="Discard").click()
    expect(page.locator(".proposal")).to_have_count(0)


def test_a_check_is_tried_at_every_version_from_then_on(page: Page) -> None:
    gather_check(page, who="Operator", can="can", act="add Note")
    page.get_by_label("Field 1").select_option("Note|urgency")
    page.get_by_label("Value 1", exact=True).fill("High")
    page.get_by_label("Field afterwards 1").select_option("Note|settled")
    page.get_by_label("Value afterwards 1").fill("no")
    look(page, "check-form")
    page.get_by_role("button", name="Gather this check").click()
    expect(page.locator(".own-list")).to_contain_text("An Operator can add a Note with urgency = high")
    expect(page.locator(".lock-note")).to_have_count(0)
    look(page, "check-gathered")
    page.get_by_role("button", name="See what they do").click()
    expect(page.locator(".proposal")).to_contain_text("Every version from now on is tried for this")
    page.get_by_role("button", name="Make this change").click()
    page.wait_for_url("**/apps/app_*")
    ready(page, 3)
    page.goto(f"{app_of(page)}/checks")
    expect(page.locator(".check-group").first).to_contain_text("Your own checks")
    expect(page.locator(".check-group").first).to_contain_text("1 of 1")
    look(page, "checks")


def test_a_check_against_the_access_keeps_the_version_back(page: Page) -> None:
    gather_check(page, who="Operator", can="can", act="delete Machine")
    page.get_by_role("button", name="Gather this check").click()
    expect(page.locator(".lock-note")).to_contain_text("Under Access, an Operator may not delete Machines.")
    look(page, "check-doubt")
    accept(page)
    failure = page.locator(".failure")
    expect(failure).to_be_visible(timeout=PATIENCE)
    failure.get_by_text("What exactly").click()
    expect(failure).to_contain_text(
        "does not hold: it is not allowed. Under Access, an Operator may not delete Machines."
    )
    expect(failure).to_contain_text("Version 3 keeps running")
    page.goto(f"{app_of(page)}/blueprint")
    assert "delete Machine" not in page.locator("textarea").input_value()


def test_a_check_that_cannot_be_read_is_refused_with_what_to_write(page: Page) -> None:
    gather_check(page, who="the owner", can="cannot", act="add Note")
    page.get_by_label("Field 1").select_option("Note|day")
    page.get_by_label("Value 1", exact=True).fill("soon")
    page.get_by_role("button", name="Gather this check").click()
    expect(page.get_by_text("is not a date").first).to_be_visible()
