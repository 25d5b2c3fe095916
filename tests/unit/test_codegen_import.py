"""Importing CSV into a generated app: preview, all or some, what is refused, and who may do it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

from tests.fixtures.generated_apps import blueprint, row_ids, served

NAUGHTY = [
    json.loads(line)["text"]
    for line in (Path(__file__).parent.parent / "fixtures/naughty_strings.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
GOOD = "Item,Borrower,Due,Returned\nMulti,ada@example.com,2030-01-02,no\nMulti,new@example.com,03.02.2030,yes\n"


@pytest.fixture
def loans(tmp_path):
    with served(blueprint("equipment_loans"), tmp_path, examples=False) as app:
        yield app


def listed(app) -> list[int]:
    return row_ids(app.owner.get("/item").text)


def send(person, text, *, step="look", **more):
    return person.post("/item/import", {"text": text, "step": step, **more})


def items(*names: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["Name"], *([name] for name in names)])
    return buffer.getvalue()


def test_looking_adds_nothing_and_adding_adds_all(loans):
    looked = send(loans.owner, items("Scope", "Lamp"))
    assert looked.status_code == 200
    assert "2 of 2 rows can be added" in looked.text
    assert listed(loans) == []
    added = send(loans.owner, items("Scope", "Lamp"), step="add")
    assert (added.status_code, added.headers["location"]) == (303, "/item")
    assert len(listed(loans)) == 2


def test_a_row_that_does_not_fit_stops_all_unless_the_others_are_wanted(loans):
    text = items("Scope", "", "   ", "x" * 1001, "Lamp").replace("\r\n\r\n", "\r\n,\r\n")
    looked = send(loans.owner, text, step="add")
    assert looked.status_code == 200
    assert "not fit" in looked.text
    assert "characters long" in looked.text
    assert listed(loans) == []
    refused = send(loans.owner, text, step="refused")
    assert refused.headers["content-disposition"] == 'attachment; filename="item-left-out.csv"'
    rows = list(csv.reader(io.StringIO(refused.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert "Keep it to" in rows[1][-1]
    assert listed(loans) == []
    assert send(loans.owner, text, step="add", mode="skip").status_code == 303
    assert len(listed(loans)) == 2


def test_an_export_can_be_imported_again(loans):
    names = ["=1+1", "@cmd", 'Zoë, "the" one', "two\nlines", "-5"]
    assert send(loans.owner, items(*names), step="add").status_code == 303
    exported = loans.owner.get("/item/export.csv").content
    again = loans.owner.post("/item/import", {"step": "add"}, files={"file": ("items.csv", exported)})
    assert again.status_code == 303, again.text
    html = loans.owner.get("/item?q=%3D1").text
    assert html.count("=1+1") >= 2
    assert len(listed(loans)) == 10


def test_naughty_strings_are_kept_as_they_are(loans):
    texts = [text for text in NAUGHTY if text.strip() and "\0" not in text and len(text) <= 1000]
    made = send(loans.owner, items(*texts), step="add")
    assert made.status_code == 303, re.findall(r"<li>Row.*?</li>", made.text)
    runtime = loans.client.app.state["runtime"]
    entity = runtime.definition.by_table["item"]
    with runtime.database.reading() as session:
        from sqlalchemy import select

        stored = [row.name for row in session.scalars(select(entity.model).order_by("id"))]
    # A browser's form and a CSV file both know only one kind of line break.
    assert stored == texts


def test_references_people_choices_and_days_are_understood(tmp_path):
    made = blueprint("equipment_loans")
    with served(made, tmp_path, examples=True) as app:
        page = app.owner.get("/loan/import").text
        labels = re.search(r"names the columns: ([^.]+)\.", page)[1].split(", ")
        label = app.owner.get("/item").text
        item = re.search(r'class="name"[^>]*><a[^>]*>([^<]+)</a>', label)[1]
        row = {"Item": item, "Borrower": "somebody.new@example.com", "Due": "03.02.2030"}
        header = [name for name in labels if name in row]
        buffer = io.StringIO()
        csv.writer(buffer).writerows([[*header, "Colour"], [*(row[name] for name in header), "red"]])
        looked = app.owner.post("/loan/import", {"text": buffer.getvalue()})
        assert "1 of 1 rows" in looked.text, looked.text
        assert "no field is called so: Colour" in looked.text
        wrong = buffer.getvalue().replace(item, "Nothing of the kind")
        assert "There is none called “Nothing of the kind”" in app.owner.post("/loan/import", {"text": wrong}).text


def test_numbers_rules_and_closed_fields_hold_for_imported_rows_too(tmp_path):
    with served(blueprint("repair_desk"), tmp_path, examples=False) as app:
        assert app.owner.post("/room/new", {"name": "R1"}).status_code == 303
        text = "Number,Title,Room,Due,Costs,Days late\nX-9,Lamp,R1,2031-01-02,9.50,7\nX-9,Old,R1,2001-01-02,,\n"
        looked = app.owner.post("/job/import", {"text": text})
        assert "no field is called so: Number, Days late" in looked.text, looked.text
        assert "lies too far back" in looked.text
        assert app.owner.post("/job/import", {"text": text, "step": "add", "mode": "skip"}).status_code == 303
        exported = app.owner.get("/job/export.csv").text
        assert "JOB-0001" in exported
        assert "Old" not in exported
        reporter = app.as_("Reporter", name="Rita")
        page = reporter.get("/job/import")
        assert page.status_code == 200
        assert "Costs" not in page.text  # what reporters may not set, their tables cannot set either
        assert reporter.post("/job/import", {"text": text, "step": "add", "mode": "skip"}).status_code == 303
        assert app.owner.get("/job/export.csv").text.count("9.5") == exported.count("9.5")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Choose a CSV file"),
        ("Name\n", "There are no rows"),
        ("Foo,Bar\n1,2\n", "No column is called like a field"),
        ("Serial\n1\n", "A column is missing that every row needs"),
        ("Name\n" + "a\n" * 2_001, "more than 2000 rows"),
    ],
)
def test_what_cannot_be_taken_in_is_said_in_words(loans, text, says):
    answer = send(loans.owner, text)
    assert answer.status_code == 422
    assert says in answer.text


def test_a_file_that_is_too_large_is_refused(loans):
    answer = loans.owner.post("/item/import", files={"file": ("a.csv", b"Name\n" + b"a,b\n" * 700_000)})
    assert answer.status_code == 422
    assert "larger than 2 MB" in answer.text


def test_only_who_may_add_may_import(loans):
    for role, status in (("Borrower", 403), ("Lab Manager", 200), ("nobody", 403)):
        person = loans.as_(role, name=f"p{status}")
        assert person.get("/item/import").status_code == status
        assert send(person, items("Scope")).status_code == status
    assert "/item/import" not in loans.as_("Borrower", name="Bo").get("/item").text
    assert "/item/import" in loans.owner.get("/item").text


def test_forged_forms_are_refused(loans):
    assert loans.owner.post("/item/import", {"text": items("a"), "step": "add"}, csrf=False).status_code == 403
    other = {"text": items("a"), "step": "add"}
    assert loans.owner.post("/item/import", other, origin="https://evil.example").status_code == 403
    assert listed(loans) == []
