"""What the catalogue adds to a plan, and what it leaves alone."""

from __future__ import annotations

import pytest

from appliance.blueprint.model import Entity, Field, Ref, Scalar
from appliance.planner.completion import MOST_COMPLETED, MOST_HELD, MOST_NEEDED, companions, complete, same_field
from appliance.planner.knowledge import load_catalogue, words_of
from appliance.planner.language import language_of
from appliance.planner.request import Request

CATALOGUE = load_catalogue()


def names(entity):
    return [field.name for field in entity.fields]


def test_every_reference_of_the_catalogue_leads_to_a_kind_that_it_has():
    for record in CATALOGUE.by_words.values():
        for kind in (*record.refers_to, *record.holds):
            assert CATALOGUE.find(kind) is not None, (record.name, kind)


def test_the_catalogue_has_no_kind_without_fields_and_none_that_repeats_one():
    records = {id(record): record for record in CATALOGUE.by_words.values()}.values()
    assert len(records) > 200
    for record in records:
        found = [field.name for field in record.fields]
        assert found
        assert len(set(found)) == len(found), record.name


@pytest.mark.parametrize(
    ("name", "kind"), [("Sales Invoice", "Invoice"), ("Suppliers", "Supplier"), ("Company Car", "Vehicle")]
)
def test_a_kind_is_found_by_its_last_words_in_any_number(name, kind):
    assert CATALOGUE.find(name).name == kind


def test_what_nobody_keeps_is_not_found():
    assert CATALOGUE.find("Quux") is None


def test_the_models_own_fields_stay_first_and_unchanged():
    own = (Field("title", Scalar.TEXT, required=True), Field("due", Scalar.DATE))
    made = complete(Entity("Task", own), ("Task",), CATALOGUE, ())
    assert made.fields[:2] == own
    assert "due_date" not in names(made)
    assert "priority" in names(made)
    assert len(made.fields) <= MOST_COMPLETED


def test_the_name_of_a_person_outside_becomes_first_and_last_name():
    made = complete(Entity("Customer", (Field("name", Scalar.TEXT, required=True),)), ("Customer",), CATALOGUE, ())
    assert names(made)[:2] == ["first_name", "last_name"]
    assert made.fields[0].required
    assert made.fields[1].required


def test_a_usual_reference_is_made_only_to_a_record_that_is_there_and_once():
    alone = complete(Entity("Order", ()), ("Order",), CATALOGUE, ())
    assert not any(isinstance(field.type, Ref) for field in alone.fields)
    app = ("Order", "Customer")
    assert Field("customer", Ref("Customer")) in complete(Entity("Order", ()), app, CATALOGUE, ()).fields
    linked = complete(Entity("Order", ()), app, CATALOGUE, (("Customer", "Order"),))
    assert not any(isinstance(field.type, Ref) for field in linked.fields)


def test_an_unknown_kind_gets_what_nearly_everything_has():
    made = complete(Entity("Quux", (Field("label", Scalar.TEXT),)), ("Quux",), CATALOGUE, ())
    assert names(made) == ["label", "description", "category", "status", "date", "photo", "attachment", "notes"]


def test_records_that_others_need_are_added_within_bounds():
    assert "Customer" in companions(("Invoice",), CATALOGUE)
    assert companions(("Loan", "Key"), CATALOGUE) == ()
    many = ("Invoice", "Loan", "Exam", "Donation", "Chapter", "Lease", "Prescription")
    assert len(many) + len(companions(many, CATALOGUE)) <= max(len(many), MOST_NEEDED, MOST_HELD)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("phone", "telephone_number", True),
        ("due_date", "deadline", True),
        ("hired_on", "hire_date", True),
        ("start_date", "end_date", False),
        ("first_name", "last_name", False),
    ],
)
def test_names_of_fields_that_say_the_same(left, right, same):
    assert same_field(left, right) is same


def test_words_are_compared_in_the_singular():
    assert words_of("Purchase Orders") == ("purchase", "order")
    assert words_of("News") == ("news",)


@pytest.mark.parametrize(
    ("request_text", "language"),
    [
        ("Track who borrowed what from our lab.", "en"),
        ("Wir brauchen ein Werkzeug für Urlaubsanträge.", "de"),
        ("Gestion des congés de nos employés.", "fr"),
        ("Una app para los visitantes de la oficina.", "es"),
        ("Invoices", "en"),
    ],
)
def test_the_language_of_a_request(request_text, language):
    assert language_of(request_text) == language


def test_a_list_of_things_asks_for_a_broad_app():
    assert Request("Workshop. Keywords: bikes, parts, repairs, customers, invoices.").names_many
    assert not Request("Who has which key, and since when?").names_many
