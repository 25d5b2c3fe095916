"""A field that a role may not read is nowhere, and one that it may not set stays as it is."""

from __future__ import annotations

import re

import pytest

from tests.fixtures.generated_apps import blueprint, row_ids, served


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with served(blueprint("repair_desk"), tmp_path_factory.mktemp("desk"), examples=False) as app:
        app.owner.post("/room/new", {"name": "Hall"})
        app.as_("Reporter", name="Rita").get("/")
        form = {"title": "Lamp", "room": "1", "status": "open", "reporter": "rita@example.com"}
        app.owner.post("/job/new", form | {"cost": "4321.00", "note": "for her eyes"})
        app.owner.post("/job/new", form | {"cost": "1.00", "note": "xyzzy", "reporter": "someone@example.com"})
        yield app


@pytest.fixture
def rita(desk):
    return desk.as_("Reporter", name="Rita")


PAGES = ("/job", "/job/1", "/job/1/edit", "/job/new", "/job/export.csv", "/pages/jobs", "/pages/board", "/room/1")


@pytest.mark.parametrize("path", PAGES)
def test_a_field_that_may_not_be_read_is_nowhere(rita, path):
    text = rita.get(path).text
    assert "4321" not in text
    assert "8642" not in text
    assert "osts" not in text
    assert "cost" not in text.replace("Double cost", "")


def test_the_owner_reads_it_everywhere(desk):
    for path in ("/job/1", "/job/1/edit", "/job/export.csv"):
        assert "4321" in desk.owner.get(path).text.replace("\u202f", "")


def test_guessing_a_filter_or_an_order_tells_nothing(rita):
    assert len(row_ids(rita.get("/job").text)) == 1
    for query in ("f.cost=4321.00", "f.cost=1", "f.cost=~", "f.nothing=1", "f.secret=x", "f.double_cost=8642"):
        page = rita.get(f"/job?{query}").text
        assert len(row_ids(page)) == 1, query
        assert "There is no column" in page, query
    unknown, unread = (rita.get(f"/job?sort={name}").text for name in ("nothing", "cost"))
    for text in (unknown, unread):
        assert "There is no column" in text
    assert row_ids(rita.get("/job?q=4321").text) == []
    assert len(rita.get("/job/export.csv?f.cost=9999").text.splitlines()) == 2


def test_over_a_reference_too(desk, rita):
    technician = desk.as_("Technician", name="Tim")
    assert technician.get("/room?f.open_jobs=2").status_code == 200
    page = rita.get("/job?f.room.nothing=1").text
    assert row_ids(page) == []


def test_a_field_that_is_readable_only_in_own_rows(desk, rita):
    assert "for her eyes" in rita.get("/job/1").text
    assert row_ids(rita.get("/job?q=xyzzy").text) == []
    anna = desk.as_("Auditor", name="Anna")
    desk.owner.post("/job/1/edit", {"title": "Lamp", "room": "1", "reporter": "rita@example.com", "note": "hers alone"})
    desk.owner.post(
        "/job/1/edit",
        {"title": "Lamp", "room": "1", "reporter": "rita@example.com", "note": "for her eyes", "cost": "4321"},
    )
    for path in ("/job/1", "/job", "/job/export.csv"):  # she sees every job, but notes only in her own
        text = anna.get(path).text
        assert "for her eyes" not in text, path
        assert "hers alone" not in text, path
    assert "hers alone" in rita.get("/job/1").text  # in what happened to her own job
    assert row_ids(anna.get("/job?q=her+eyes").text) == []
    assert row_ids(anna.get("/job?f.note=for+her+eyes").text) == []


def test_a_forged_value_is_refused_or_ignored_and_never_kept(desk, rita):
    form = {"title": "Forged", "room": "1", "status": "open", "reporter": "rita@example.com", "note": "for her eyes"}
    answer = rita.post("/job/1/edit", form | {"note": "changed"})  # she may read it, not set it
    assert answer.status_code == 403
    assert "may not set" in answer.text
    assert "Forged" not in rita.get("/job/1").text
    assert rita.post("/job/1/edit", form | {"cost": "0.01", "secret": "x", "days_late": "5"}).status_code == 303
    page = desk.owner.get("/job/1").text.replace("\u202f", "")
    assert "4321.00" in page
    assert "for her eyes" in page
    made = rita.post("/job/new", {"title": "New", "room": "1", "status": "open", "cost": "66"})
    assert made.status_code == 303
    assert "66.00" not in desk.owner.get(made.headers["location"]).text


def test_what_may_only_be_read_is_shown_in_the_form_without_a_control(rita):
    page = rita.get("/job/1/edit").text
    assert 'data-fixed="note"' in page
    assert 'name="note"' not in page
    assert 'data-fixed="number"' in page


def test_help_stands_beside_its_field(rita):
    page = rita.get("/job/new").text
    assert re.search(r'aria-describedby="[^"]*f-title-help', page)
    assert "What is wrong, in a few words" in page


def test_hidden_fields_are_in_no_page_and_no_export(desk):
    for path in PAGES:
        assert "ecret" not in desk.owner.get(path).text, path
