"""The people of an app: a directory for those who work with it, where everybody keeps their own details."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.parser import parse
from tests.fixtures.generated_apps import Served, served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = parse("""app "Directory Trial"
role Member
entity Note
  title text required
  author person default me
access Note: Member all
""")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Served]:
    with served(APP, tmp_path) as running:
        yield running


def test_everybody_keeps_their_own_details_and_others_find_them(app: Served) -> None:
    mia, tom = app.as_("Member", name="Mia"), app.as_("Member", name="Tom")
    assert mia.get("/-/people/me").status_code == 200
    sent = {"phone": "+49 30 123", "job_title": "Clerk <b>", "department": "Archive"}
    assert mia.post("/-/people/me", sent).status_code == 303
    page = tom.get("/-/people?q=archive").text
    assert "+49 30 123" in page
    assert "Clerk &lt;b&gt;" in page
    assert "Clerk" not in tom.get("/-/people?q=nobody").text


def test_only_people_with_a_role_see_who_else_is_there(app: Served) -> None:
    for role in ("Somebody else",):
        assert app.as_(role, name="Eve").get("/-/people").status_code == 403


def test_details_are_not_taken_from_another_site(app: Served) -> None:
    mia = app.as_("Member", name="Mia")
    assert mia.post("/-/people/me", {"csrf_token": "forged", "phone": "1"}, csrf=False).status_code == 403


def test_an_older_database_gets_the_columns(tmp_path: Path) -> None:
    with served(APP, tmp_path):
        pass
    (path,) = tmp_path.rglob("app.db")
    with sqlite3.connect(path) as database:
        for name in ("phone", "job_title", "department"):
            database.execute(f"ALTER TABLE _people DROP COLUMN {name}")
    with served(APP, tmp_path) as again:
        assert again.as_("Member", name="Mia").get("/-/people").status_code == 200
