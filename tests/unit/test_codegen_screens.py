"""Every kind of page, by requests: what it shows, to whom, within which bounds, with how many database queries."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from appliance.blueprint.naming import slug
from tests.fixtures.generated_apps import Served, row_ids, served
from tests.fixtures.screens_app import STATUS, fill, screens_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE = screens_blueprint()
PAGES = [f"/pages/{slug(page.title)}" for page in MADE.pages]
TODAY = dt.date.today()  # noqa: DTZ011 - the app shows the day where it runs
MONEY = re.compile(r"\d[\d\u202f]*\.\d\d")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(MADE, tmp_path_factory.mktemp("screens"), examples=False) as running:
        fill(running)
        yield running


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # A name of its own is a package of its own: both apps live in this process.
    with served(replace(MADE, name="Empty"), tmp_path_factory.mktemp("empty"), examples=False) as running:
        yield running


def rows(app: Served, name: str) -> list[Any]:
    """All rows of an entity, as they are stored."""
    runtime = app.client.app.state["runtime"]
    model = next(entity.model for entity in runtime.definition.entities if entity.name == name)
    with runtime.database.reading() as session:
        return list(session.query(model).all())


@contextmanager
def counted(app: Served) -> Iterator[list[str]]:
    """The statements that a request sends to the database."""
    engine = app.client.app.state["runtime"].database.engine
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "INSERT", "WITH")):
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def text_of(html: str) -> str:
    main = html[html.index("<main") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_empty_and_says_what_to_do_next(empty, path):
    answer = empty.owner.get(path)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    assert re.search(r'href="/(job|visitor)/new|/kiosk/welcome|class="big"|Nothing to count', answer.text), answer.text


@pytest.mark.parametrize("path", PAGES)
def test_the_number_of_questions_does_not_grow_with_the_rows(app, empty, path):
    for person in (app.owner, empty.owner):
        person.get(path)  # the person is remembered
    with counted(app) as many:
        assert app.owner.get(path).status_code == 200
    with counted(empty) as few:
        assert empty.owner.get(path).status_code == 200
    assert len(many) <= len(few) + 6, many
    assert len(many) <= 32


def test_a_board_has_a_column_for_each_option_and_bounds_the_cards(app):
    html = app.owner.get("/pages/job-board").text
    keys = re.findall(r'<section class="lane"[^>]*data-key="([^"]*)"', html)
    assert tuple(keys) == STATUS
    jobs = rows(app, "Job")
    for key, lane in zip(keys, html.split('<section class="lane"')[1:], strict=True):
        total = sum(job.status == key for job in jobs)
        assert f'data-count="{total}"' in lane
        assert len(row_ids(lane)) == min(total, 50)
        assert (f"of {total}" in lane) is (total > 50)


def test_a_card_moves_and_the_move_is_kept(app):
    job = next(job for job in rows(app, "Job") if job.status == "planned")
    sent = {"id": str(job.id), "value": "in progress", "version": str(job.version)}
    answer = app.owner.post("/pages/job-board/move", sent, accept="application/json")
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"].endswith("moved to in progress")
    assert answer.json()["version"] == job.version + 1
    assert next(row for row in rows(app, "Job") if row.id == job.id).status == "in progress"
    stale = app.owner.post("/pages/job-board/move", sent | {"value": "done"}, accept="application/json")
    assert stale.status_code == 409
    assert next(row for row in rows(app, "Job") if row.id == job.id).status == "in progress"
    plain = app.owner.post("/pages/job-board/move", sent | {"value": "planned", "version": str(job.version + 1)})
    assert (plain.status_code, plain.headers["location"]) == (303, "/pages/job-board")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"value": "nonsense"}, 422),
        ({"value": ""}, 422),
        ({"id": "999999"}, 404),
        ({"id": "x"}, 404),
        ({"id": ""}, 404),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_in_words(app, change, status):
    job = rows(app, "Job")[0]
    sent = {"id": str(job.id), "value": "done", "version": str(job.version)} | change
    answer = app.owner.post("/pages/job-board/move", sent, accept="application/json")
    assert answer.status_code == status
    assert len(answer.json()["message"]) > 10
    assert next(row for row in rows(app, "Job") if row.id == job.id).version == job.version


def test_a_board_moves_cards_only_for_those_who_may_edit_that_row(app):
    jobs = rows(app, "Job")
    runtime = app.client.app.state["runtime"]
    people = {row.email: row.id for row in _people(runtime)}
    mine = next(job for job in jobs if job.assignee == people["mia@example.com"] and job.status != "done")
    theirs = next(job for job in jobs if job.assignee == people["tom@example.com"])
    mia = app.as_("Technician", name="Mia")
    html = mia.get("/pages/job-board").text
    shown = set(row_ids(html))
    assert shown <= {job.id for job in jobs if job.assignee == people["mia@example.com"]}
    assert shown
    kept = {"value": "done", "version": ""}
    refused = mia.post("/pages/job-board/move", kept | {"id": str(theirs.id)}, accept="application/json")
    assert refused.status_code == 404
    allowed = mia.post("/pages/job-board/move", kept | {"id": str(mine.id)}, accept="application/json")
    assert allowed.status_code == 200
    watcher = app.as_("Watcher", name="Wim")
    assert 'draggable="true"' not in watcher.get("/pages/job-board").text
    assert (
        watcher.post("/pages/job-board/move", kept | {"id": str(mine.id)}, accept="application/json").status_code == 403
    )
    assert app.as_("nobody").post("/pages/job-board/move", kept | {"id": str(mine.id)}).status_code in (303, 403)
    assert app.owner.post("/pages/job-board/move", kept | {"id": str(mine.id)}, csrf=False).status_code == 403
    assert next(job for job in rows(app, "Job") if job.id == theirs.id).status == theirs.status


def _people(runtime: Any) -> list[Any]:
    person = __import__(f"{type(runtime).__module__.rpartition('.')[0]}.records", fromlist=["Person"]).Person
    with runtime.database.reading() as session:
        return list(session.query(person).all())


def test_a_calendar_shows_what_touches_the_month_and_steps_through_time(app):
    html = app.owner.get("/pages/schedule").text
    assert TODAY.strftime("%B %Y") in html
    first = TODAY.replace(day=1)
    jobs = [job for job in rows(app, "Job") if job.start is not None]
    touching = {
        job.id
        for job in jobs
        if any(
            job.start <= first.replace(day=number) <= (job.due or job.start)
            for number in range(1, 32)
            if _is_day(first, number)
        )
    }
    agenda = html[html.index('<ol class="days month"') :]
    assert touching == set(row_ids(agenda))
    following = re.search(r'rel="next" href="([^"]+)"', html).group(1)
    assert app.owner.get(following).status_code == 200
    assert "on=" in following
    for asked in (
        "?on=2026-13-40",
        "?on=0001-01-01",
        "?on=9999-12-31&show=week",
        "?show=nonsense",
        "?on=2024-02-29&show=list",
    ):
        assert app.owner.get(f"/pages/schedule{asked}").status_code == 200


def _is_day(first: dt.date, number: int) -> bool:
    try:
        first.replace(day=number)
    except ValueError:
        return False
    return True


def test_an_entry_of_several_days_is_one_bar_and_a_new_entry_starts_on_the_day(app):
    html = app.owner.get("/pages/schedule").text
    assert re.search(r'class="piece c\d s[2-7] r\d', html)
    assert f'href="/job/new?start={TODAY.isoformat()}"' in html
    form = app.owner.get(f"/job/new?start={TODAY.isoformat()}").text
    assert f'value="{TODAY.isoformat()}"' in form
    assert f"/visitor/new?arrival={TODAY.isoformat()}T09:00" in app.owner.get("/pages/visits").text
    assert "/job/new" not in app.as_("Watcher").get("/pages/schedule").text


def test_a_timeline_has_lanes_zooms_and_a_line_for_today(app):
    html = app.owner.get("/pages/plan").text
    assert 'class="now"' in html
    assert [slug(name) for name in re.findall(r'<th scope="row">([^<]+)</th>', html)] == sorted(
        slug(name) for name in re.findall(r'<th scope="row">([^<]+)</th>', html)
    )
    for zoom in ("month", "quarter", "year", "nonsense"):
        page = app.owner.get(f"/pages/plan?zoom={zoom}").text
        for x, width in re.findall(r'<rect class="[a-z]+" x="([\d.-]+)%" y="\d+" width="([\d.-]+)%"', page):
            assert 0 <= float(x) <= 100
            assert 0 < float(width) <= 100
            assert float(x) + float(width) <= 101
    assert 'class="now"' not in app.owner.get("/pages/plan?on=2001-05-05").text


def cents(text: str) -> int:
    return int(Decimal(text.replace("\u202f", "")) * 100)


def shown_total(html: str) -> int:
    return cents(re.search(r"Total <strong>([^<]+)</strong>", html).group(1))


def test_a_chart_of_money_per_month_adds_up_and_leaves_no_month_out(app):
    html = app.owner.get("/pages/cost-per-month").text
    jobs = [job for job in rows(app, "Job") if job.start is not None]
    table = html[html.index('<table class="values">') :]
    months = re.findall(r'<tr><th scope="row">.*?([A-Z][a-z]{2} \d{4}).*?</th><td class="figure">([^<]+)</td>', table)
    begin, end = min(job.start for job in jobs), max(job.start for job in jobs)
    assert len(months) == (end.year - begin.year) * 12 + end.month - begin.month + 1
    expected: dict[str, int] = {}
    for job in jobs:
        expected[f"{job.start:%b %Y}"] = expected.get(f"{job.start:%b %Y}", 0) + int((job.cost or 0) * 100)
    assert {name: cents(text) for name, text in months if cents(text)} == {k: v for k, v in expected.items() if v}
    assert "8 without a date" in html
    assert shown_total(html) == sum(expected.values())


def test_a_chart_over_a_reference_counts_what_the_person_may_not_see_apart(app):
    html = app.owner.get("/pages/cost-by-region").text
    assert re.findall(r"f\.site\.region=(\w+)", html)[:3] == ["north", "south", "west"]
    listed = app.owner.get("/job?f.site.region=north").text
    sites = {site.id for site in rows(app, "Site") if site.region == "north"}
    total = sum(job.site in sites for job in rows(app, "Job"))
    assert f"of {total} jobs" in listed or f"{total} jobs" in listed
    watcher = app.as_("Watcher", name="Wim").get("/pages/cost-by-region").text
    assert "not visible to you" in watcher
    assert "north" not in text_of(watcher)


def test_beyond_twelve_groups_the_rest_is_other(app):
    html = app.owner.get("/pages/jobs-by-trade").text
    names = re.findall(r'<tr><th scope="row">', html[html.index('<table class="bars') :])
    assert len(names) == 12
    assert "Other (4 groups)" in html
    figures = [int(text) for text in re.findall(r"<span>(\d+)</span></td></tr>", html)]
    assert sum(figures) == len(rows(app, "Job"))
    assert figures[-1] <= 4 * min(figures[:-1])


def test_a_report_has_groups_with_totals_that_add_up(app):
    html = app.owner.get("/pages/cost-report").text
    assert len(row_ids(html)) == 150
    totals = [cents(text) for text in re.findall(r'<tr class="subtotal">.*?title="Sum of cost">([^<]+)<', html, re.S)]
    grand = cents(re.search(r'<tr class="total">.*?title="Sum of cost">([^<]+)<', html, re.S).group(1))
    assert len(totals) == 6
    assert sum(totals) == grand == sum(int((job.cost or 0) * 100) for job in rows(app, "Job"))
    counts = re.findall(r'<tr class="subtotal">.*?Count <strong>(\d+)<', html, re.S)
    assert sum(map(int, counts)) == 150
    table = app.owner.get("/pages/cost-report/export.csv")
    lines = table.text.removeprefix("\ufeff").splitlines()
    assert table.headers["content-type"].startswith("text/csv")
    assert lines[0] == "Site,Title,Status,Assignee,Due,Cost"
    assert len(lines) == 151
    narrowed = app.owner.get("/pages/cost-report?f.status=done").text
    assert len(row_ids(narrowed)) == sum(job.status == "done" for job in rows(app, "Job"))


def test_a_table_page_has_its_columns_and_its_order(app):
    html = app.owner.get("/pages/jobs-by-date").text
    heads = re.findall(r'<th scope="col"[^>]*aria-sort="(\w+)"', html)
    assert heads == ["none", "descending", "none"]
    due = re.findall(r'data-label="Due".*?datetime="([\d-]+)"', html, re.S)
    assert due == sorted(due, reverse=True)
    assert due
    link = re.search(r'class="export" href="([^"]+)"', html).group(1)
    export = app.owner.get(unescape(link)).text.splitlines()
    assert len(export) == 151
    assert 'aria-sort="ascending"' in app.owner.get("/pages/jobs-by-date?sort=cost").text


def test_dashboards_measure_and_lead_to_the_rows(app):
    html = app.owner.get("/pages/overview").text
    jobs = [job for job in rows(app, "Job") if job.cost is not None]
    shown = re.findall(r'<span class="big[^"]*">([^<]+)</span><span>([^<]+)</span>', html)
    figures = {title: text for text, title in shown}
    assert cents(figures["Sum of cost of jobs"]) == sum(int(job.cost * 100) for job in jobs)
    assert cents(figures["Highest cost of jobs"]) == max(int(job.cost * 100) for job in jobs)
    assert abs(cents(figures["Average cost of jobs"]) - sum(job.cost * 100 for job in jobs) / len(jobs)) <= 1
    for address in set(re.findall(r'href="(/job\?f[^"]*)"', html)):
        count = app.owner.get(unescape(address))
        assert count.status_code == 200
        assert row_ids(count.text)


def test_what_a_person_may_not_see_is_on_no_page(app):
    people = {row.email: row.id for row in _people(app.client.app.state["runtime"])}
    mine = {job.id for job in rows(app, "Job") if job.assignee == people["priya@example.com"]}
    priya = app.as_("Technician", name="Priya")
    for path in (
        "/pages/job-board",
        "/pages/schedule",
        "/pages/plan",
        "/pages/cost-report",
        "/pages/schedule?show=list",
    ):
        assert set(row_ids(priya.get(path).text)) <= mine, path
    assert set(row_ids(priya.get("/pages/cost-report").text)) == mine
    total = shown_total(priya.get("/pages/cost-per-month").text)
    known = [job for job in rows(app, "Job") if job.id in mine and job.start is not None]
    assert total == sum(int((job.cost or 0) * 100) for job in known)
    for path in PAGES:
        assert app.as_("nobody").get(path).status_code == 403, path
    assert app.as_("Technician", name="Priya").get("/pages/visits").status_code == 403


@pytest.mark.parametrize(
    "path", [path for path in PAGES if path not in ("/pages/overview", "/pages/welcome", "/pages/jobs-by-date")]
)
def test_search_and_filters_narrow_every_page(app, path):
    entity = "visitor" if path == "/pages/visits" else "job"
    answer = app.owner.get(f"{path}?q=no+such+thing+anywhere")
    assert answer.status_code == 200
    assert row_ids(answer.text) == []
    assert "Clear search and filters" in answer.text
    everything = row_ids(app.owner.get(path).text)
    value = "purpose=delivery" if entity == "visitor" else "status=done"
    narrowed = app.owner.get(f"{path}?f.{value}")
    assert narrowed.status_code == 200
    assert set(row_ids(narrowed.text)) <= set(everything) or len(everything) >= 50
    assert app.owner.get(f"{path}?f.nonsense=1&sort=nonsense&page=0&f.site.region=x&f.start=a..b").status_code == 200


def test_hostile_text_is_only_text(tmp_path):
    with served(replace(MADE, name="Hostile"), tmp_path, examples=False) as fresh:
        _try_hostile_text(fresh)


def _try_hostile_text(empty: Served) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'&"
    site = empty.owner.post("/site/new", {"name": hostile, "region": "north"})
    number = site.headers["location"].rpartition("/")[2]
    day = TODAY.isoformat()
    fields = {"title": hostile, "status": "planned", "site": number, "start": day, "due": day, "cost": "5"}
    assert empty.owner.post("/job/new", fields).status_code == 303
    empty.owner.post("/visitor/new", {"name": hostile, "arrival": f"{day}T10:00"})
    for path in (*PAGES, "/pages/schedule?show=list", "/pages/visits?show=week"):
        html = empty.owner.get(path).text
        assert "<img src=x" not in html, path
        assert "onerror=alert(1)>" not in html, path
