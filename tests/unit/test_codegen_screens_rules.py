"""Pages under rules, field access, marks, computed fields and conditions; and how much style and script they weigh."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.behaviour import Colour, Mark, Occasion, Rule
from appliance.blueprint.expressions import (
    Arithmetic,
    Comparator,
    Compare,
    Fold,
    IsEmpty,
    Not,
    Number,
    Option,
    Or,
    Path,
    Sign,
)
from appliance.blueprint.model import Field, FieldAccess, Grant, Permission, Scalar, Verb
from appliance.blueprint.screens import BoardPage, ChartPage, KioskPage, Measure, ReportPage, Shape
from appliance.codegen.render import KIT
from tests.fixtures.generated_apps import Served, row_ids, served
from tests.fixtures.screens_app import screens_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = screens_blueprint()
COST, STATUS = Path(("cost",)), Path(("status",))
DONE = Compare(Comparator.EQ, STATUS, Option("done"))
MESSAGE = "What is done has a cost"


def ruled() -> object:
    """The app of the other tests, with behaviour."""
    site, job, visitor = PLAIN.entities
    gross = Field("gross", Scalar.MONEY, computed=Arithmetic(Sign.TIMES, COST, Number(Decimal(2))))
    pages = (
        BoardPage("Board", "Job", "status"),
        BoardPage("Open board", "Job", "status", where=Not(DONE)),
        ChartPage("Gross", Shape.BAR, "Job", "status", Measure(Fold.SUM, "gross")),
        ReportPage("Sheet", "Job", ("title", "cost", "gross"), "status", (Measure(Fold.SUM, "gross"),)),
        ChartPage("Cost", Shape.PIE, "Job", "status", Measure(Fold.SUM, "cost")),
        KioskPage("Report damage", "Job", ("title", "site")),
    )
    read = (Permission(Verb.READ), Permission(Verb.EDIT))
    hidden = (Grant("Manager", read), Grant("Watcher", ()))
    return replace(
        PLAIN,
        name="Ruled",
        entities=(site, replace(job, fields=(*job.fields, gross)), visitor),
        pages=pages,
        rules=(Rule("Job", (Occasion.EDIT,), Or((Not(DONE), Not(IsEmpty(COST)))), MESSAGE),),
        marks=(Mark("Job", Colour.RED, IsEmpty(COST)),),
        field_access=(FieldAccess("Job", "cost", hidden), FieldAccess("Job", "gross", hidden)),
    )


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(ruled(), tmp_path_factory.mktemp("ruled"), examples=False) as running:
        assert running.owner.post("/site/new", {"name": "Harbour", "region": "north"}).status_code == 303
        for title, status, cost in (("A", "planned", "10"), ("B", "planned", ""), ("C", "done", "5.50")):
            sent = {"title": title, "status": status, "cost": cost, "site": "1"}
            assert running.owner.post("/job/new", sent).status_code == 303
        yield running


def test_a_rule_that_refuses_says_why_and_nothing_moves(app):
    sent = {"id": "2", "value": "done", "version": "1"}
    refused = app.owner.post("/pages/board/move", sent, accept="application/json")
    assert (refused.status_code, refused.json()["message"]) == (422, MESSAGE)
    lane = app.owner.get("/pages/board").text.split('data-key="planned"')[1].split("</section>")[0]
    assert set(row_ids(lane)) == {1, 2}
    plain = app.owner.post("/pages/board/move", sent)
    assert (plain.status_code, plain.headers["location"]) == (303, "/pages/board")
    there = app.client.get(
        "/pages/board",
        headers={"cookie": plain.headers["set-cookie"].partition(";")[0], **app.owner._headers({})},
    )
    assert MESSAGE in there.text


def test_a_condition_narrows_a_board(app):
    assert set(row_ids(app.owner.get("/pages/open-board").text)) == {1, 2}


def test_marked_rows_stand_out_with_a_word(app):
    card = re.search(
        r'<li class="ticket marked marked-red" data-row-id="2".*?</li>', app.owner.get("/pages/board").text, re.S
    )
    assert card
    assert "Urgent" in card.group()


def test_a_computed_field_is_added_up_in_charts_and_reports(app):
    chart = app.owner.get("/pages/gross").text
    assert re.findall(r"<span>([\d.]+)</span></td></tr>", chart) == ["20.00", "0.00", "0.00", "11.00"]
    report = app.owner.get("/pages/sheet").text
    assert re.findall(r'title="Sum of gross">([\d.]+)<', report) == ["20.00", "11.00", "31.00"]
    assert "planned,A,10,20" in app.owner.get("/pages/sheet/export.csv").text


def test_a_field_that_a_role_may_not_read_is_on_no_page(app):
    watcher = app.as_("Watcher", name="Wim")
    for path in ("/pages/gross", "/pages/cost"):
        answer = watcher.get(path)
        assert answer.status_code == 200
        assert "You may not see what this chart shows." in answer.text
        assert "15.50" not in answer.text
    sheet = watcher.get("/pages/sheet").text
    assert "Cost" not in re.findall(r'<th scope="col"[^>]*>([^<]+)<', sheet)
    assert "10.00" not in sheet
    assert "marked" not in watcher.get("/pages/board").text  # the mark would say that the cost is empty
    assert watcher.get("/pages/sheet/export.csv").text.splitlines()[1:] == ["planned,A", "planned,B", "done,C"]


def test_a_kiosk_leaves_what_it_does_not_ask_at_its_default(app):
    about = app.owner.get("/pages/report-damage").text
    assert "Nothing can be sent yet" not in about


def test_style_and_script_stay_small():
    own = [path for path in (KIT / "static").iterdir() if path.suffix in (".css", ".js") and "htmx" not in path.name]
    assert sum(path.stat().st_size for path in own) < 60_000
    assert all(b"\n" in path.read_bytes() for path in own)
