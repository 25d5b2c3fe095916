"""The verifier's parts that run nothing: reading pages, samples, order, wording, repair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.blueprint.model import Blueprint, Ref
from appliance.blueprint.naming import identifier
from appliance.blueprint.parser import parse
from appliance.blueprint.screens import DashboardPage, TablePage
from appliance.core.app_output import read_trouble
from appliance.verifier.model import CannotTry, Check, CheckFailed, Finding, Stage
from appliance.verifier.page import read_page
from appliance.verifier.recorder import Recorder
from appliance.verifier.repair import repair, signature
from appliance.verifier.samples import Sampler, creation_order
from appliance.verifier.typed import typed_fields
from appliance.verifier.wording import a, can
from tests.fixtures.blueprint_strategies import blueprints
from tests.fixtures.rendered_apps import LOANS

PAGE = """<!doctype html><html lang="en"><head><link rel="stylesheet" href="/static/app.css">
<script src="/static/a.js"></script></head><body><h1>Loans</h1>
<form method="post" enctype="multipart/form-data" action="/loan/new">
<input type="hidden" name="csrf_token" value="t0k"><input name="name" value="kept">
<select name="item"><option value="">-</option><option value="3">X</option></select>
<p class="field-error" id="name-error">Fill in the <b>name</b>.</p><textarea name="notes">old</textarea>
</form><table><tr data-row-id="7"><td>Seven</td></tr><tr data-row-id="x"></tr></table></body></html>"""


def test_a_page_is_read() -> None:
    page = read_page(PAGE)
    assert (page.headings, page.lang, page.rows, page.csrf) == (1, "en", [7], "t0k")
    form = page.form_for("item")
    assert form is not None
    assert form.multipart
    assert form.inputs["item"].options == ["", "3"]
    assert form.hidden() == {"csrf_token": "t0k"}
    assert page.errors == ["Fill in the", "name", "."]
    assert page.parts == ["/static/app.css", "/static/a.js"]
    assert page.elsewhere == []
    assert "kept" in page.text
    assert "Seven" in page.text


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://x.example/a.png">',
        '<link href="//x.example/a.css">',
        '<script src="http://x.example/a.js"></script>',
        '<form action="https://x.example/"></form>',
        '<iframe src="javascript:alert(1)"></iframe>',
    ],
)
def test_what_comes_from_elsewhere_is_noticed(html: str) -> None:
    assert len(read_page(html).elsewhere) == 1


@given(st.text(max_size=300))
def test_any_text_can_be_read_as_a_page(html: str) -> None:
    page = read_page(html)
    assert page.headings <= html.lower().count("<h1")


@given(st.text(max_size=300))
def test_any_output_can_be_read_for_trouble(output: str) -> None:
    assert read_trouble(output).line >= 0


def test_trouble_is_the_last_traceback() -> None:
    output = (
        'Traceback (most recent call last):\n  File "/app/x_app/a.py", line 3, in f\nValueError: first\n'
        'Traceback (most recent call last):\n  File "/app/x_app/b.py", line 9, in g\n'
        '  File "/usr/lib/python3/y.py", line 1, in h\nsqlite3.OperationalError: database or disk is full\n'
    )
    trouble = read_trouble(output)
    assert trouble.place == "x_app/b.py:9"
    assert trouble.error == "OperationalError: database or disk is full"
    assert trouble.disk_full


@settings(max_examples=30, deadline=None)
@given(blueprints())
def test_samples_fit_the_blueprint(blueprint: Blueprint) -> None:
    sampler = Sampler(blueprint)
    for entity in blueprint.entities:
        refs = {item.name: "1" for item in entity.fields if isinstance(item.type, Ref)}
        seen: list[dict[str, str]] = []
        for _ in range(3):
            try:
                sample = sampler.sample(entity, "a@example.org", refs)
            except CannotTry:
                break
            names = {identifier(item.name) for item in entity.fields}
            assert set(sample.values) | set(sample.files) <= names
            for item in typed_fields(blueprint, entity):
                name = identifier(item.name)
                if item.required and item.type != "boolean":
                    assert sample.values.get(name) or name in sample.files
                if item.unique and name in sample.values and not isinstance(item.type, Ref):
                    assert all(other.get(name) != sample.values[name] for other in seen)
            seen.append(sample.values)


@settings(max_examples=30, deadline=None)
@given(blueprints())
def test_rows_that_others_require_come_first(blueprint: Blueprint) -> None:
    order = creation_order(blueprint)
    assert {*order.entities, *order.stuck} == set(blueprint.entities)
    done: set[str] = set()
    for entity in order.entities:
        required = {i.type.entity for i in entity.fields if isinstance(i.type, Ref) and i.required}
        assert required <= done
        done.add(entity.name)


def test_sentences() -> None:
    assert can("Borrower", f"add {a('Loan')}", allowed=True) == "A Borrower can add a Loan"
    assert can("@owner", f"delete {a('Item')}", allowed=False) == "The owner cannot delete an Item"
    assert [a(noun) for noun in ("Item", "User", "Unit", "Hour", "Übung", "Euro")] == [
        "an Item",
        "a User",
        "a Unit",
        "an Hour",
        "a Übung",
        "a Euro",
    ]


def test_a_recorder_goes_on_after_a_failure_and_stops_at_a_final_one() -> None:
    told: list[Check] = []
    recorder = Recorder(told.append)
    with recorder.check(Stage.PAGES, "one", subject="X"):
        raise CheckFailed("kind", "What is noticed.", detail="d", file="f.py")
    with recorder.check(Stage.PAGES, "skipped"):
        raise CannotTry("nothing to try")
    with recorder.check(Stage.PAGES, "two"):
        pass
    with pytest.raises(CheckFailed), recorder.check(Stage.BOOT, "three", final=True):
        raise CheckFailed("kind", "Gone.")
    assert [(check.title, check.passed) for check in told] == [("one", False), ("two", True), ("three", False)]
    assert recorder.findings[0] == Finding("kind", Stage.PAGES, "one", "What is noticed.", "d", "f.py", "X")
    assert not recorder.verification(complete=True).passed


def finding(code: str, subject: str = "", stage: Stage = Stage.PAGES, detail: str = "") -> Finding:
    return Finding(code, stage, "title", "message", detail, "", subject)


def test_repair_spares_as_little_as_possible() -> None:
    blueprint = parse(LOANS)
    bad = [finding("server_error", "Overdue")]
    first = repair(blueprint, bad)
    assert first is not None
    assert "Overdue" in first.explanation
    page = next(page for page in first.blueprint.pages if page.title == "Overdue")
    assert isinstance(page, TablePage)
    assert page.where is None
    second = repair(first.blueprint, bad)
    assert second is not None
    assert [page.title for page in second.blueprint.pages] == ["Items", "Lend", "Overview"]
    assert second.blueprint.entities == blueprint.entities
    assert repair(second.blueprint, bad) is None


def test_repair_leaves_out_examples_that_keep_the_app_from_starting() -> None:
    blueprint = parse(LOANS)
    repaired = repair(blueprint, [finding("does_not_start", stage=Stage.BOOT, detail="loans_app/kit/examples.py:9")])
    assert repaired is not None
    assert repaired.blueprint.examples == ()
    assert repaired.blueprint.pages == blueprint.pages


def test_repair_never_leaves_an_app_without_pages_nor_touches_access() -> None:
    blueprint = parse(LOANS)
    everything = [finding("server_error", page.title) for page in blueprint.pages]
    repaired = repair(blueprint, everything)
    assert repaired is not None
    assert repaired.blueprint.access == blueprint.access
    assert isinstance(repaired.blueprint.pages[-1], DashboardPage)
    assert repair(repaired.blueprint, everything) is None
    assert repair(blueprint, [finding("access_too_wide", "Loan", Stage.ACCEPTANCE)]) is None


@pytest.mark.parametrize(
    "fields",
    [
        ("parent ref(A) required", "name text"),
        ("b ref(B) required", "a ref(A) required"),
        ("b ref(B) required\n  other ref(C) required", "c ref(C) required"),
    ],
)
def test_repair_breaks_circles_of_required_references_and_nothing_else(fields: tuple[str, str]) -> None:
    text = (
        'app "X"\nabout "y."\nentity A\n  title text required\n  {0}\nentity B\n  title text required\n  {1}\n'
        "entity C\n  title text required\n  a ref(A) required\n"
    )
    blueprint = parse(text.format(*fields))
    assert creation_order(blueprint).stuck
    repaired = repair(blueprint, [finding("circular_required", "A", Stage.ACCEPTANCE)])
    assert repaired is not None
    assert creation_order(repaired.blueprint).stuck == ()
    assert "without its" in repaired.explanation
    titles = [entity.fields[0].required for entity in repaired.blueprint.entities]
    assert titles == [True, True, True]


def test_signatures_tell_whether_a_repair_changed_anything() -> None:
    assert signature([finding("x", "P", detail="1")]) == signature([finding("x", "P", detail="2")])
    assert signature([finding("x", "P")]) != signature([finding("x", "Q")])
