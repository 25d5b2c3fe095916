"""Forms of the editing pages: what differs becomes an edit, what does not becomes none, what cannot be is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import (
    AddField,
    DeleteField,
    EditRefused,
    MoveField,
    NarrowField,
    Reach,
    RemoveRole,
    RenameField,
    RenameOption,
    RetypeField,
    SetAccess,
    SetApp,
    SetLabel,
)
from appliance.blueprint.model import Blueprint, Numbering, Ref, Scalar, Verb
from appliance.blueprint.parser import parse
from appliance.web.design_views import field_lines, matrices, page_lines
from appliance.web.edit_forms import edits_of
from appliance.web.edit_words import in_words
from appliance.web.forms import Form, moves_to
from tests.fakes.studio_planner import SHIFTS

URGENCY = {
    "form": ["field"],
    "entity": ["Note"],
    "field": ["urgency"],
    "name": ["Urgency"],
    "type": ["choice"],
    "option_was": ["low", "medium", "high", ""],
    "option": ["low", "medium", "high", ""],
}


@pytest.fixture
def shifts() -> Blueprint:
    return parse(SHIFTS)


def read(shifts: Blueprint, **values: list[str] | str) -> tuple[object, ...]:
    form = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return edits_of(Form(form), shifts)


def test_a_form_that_was_not_touched_changes_nothing(shifts: Blueprint) -> None:
    assert read(shifts, **URGENCY) == ()
    look = {"form": "look", "name": shifts.name, "about": shifts.about, "colour": "", "language": "en"}
    assert read(shifts, **look) == ()
    assert read(shifts, form="field-order", entity="Note", order="title,machine,day,urgency,settled") == ()


def test_a_name_becomes_an_identifier_and_a_label_where_they_differ(shifts: Blueprint) -> None:
    assert read(shifts, **{**URGENCY, "name": ["Priority"]}) == (RenameField("Note", "urgency", "priority"),)
    assert read(shifts, **{**URGENCY, "name": ["Fälligkeit"]}) == (
        SetLabel("Note", "urgency", "Fälligkeit"),
        RenameField("Note", "urgency", "falligkeit"),
    )


def test_options_are_renamed_added_removed_and_put_in_order(shifts: Blueprint) -> None:
    edits = read(
        shifts, **{**URGENCY, "option_was": ["high", "low", "medium", ""], "option": ["urgent", "low", "", "some day"]}
    )
    assert edits[0] == RenameOption("Note", "urgency", "high", "urgent")
    made = apply_all(shifts, edits)
    assert made.entity("Note").field("urgency").type.options == ("urgent", "low", "some day")  # type: ignore[union-attr]


def test_another_type_and_a_removal(shifts: Blueprint) -> None:
    assert read(shifts, **{**URGENCY, "type": ["text"]}) == (RetypeField("Note", "urgency", Scalar.TEXT),)
    assert read(shifts, **{**URGENCY, "type": ["ref:Machine"]}) == (RetypeField("Note", "urgency", Ref("Machine")),)
    assert read(shifts, **{**URGENCY, "remove": ["yes"]}) == (DeleteField("Note", "urgency"),)


def test_new_fields(shifts: Blueprint) -> None:
    new = {"form": "field-add", "entity": "Note", "name": "Number", "type": "sequence", "pattern": "REQ-0001"}
    assert read(shifts, **new) == (AddField("Note", "number", Numbering("REQ-", 4, 1)),)
    for wrong in ({"pattern": "REQ"}, {"type": "choice", "choices": "only one"}, {"type": "nothing"}):
        with pytest.raises(EditRefused):
            read(shifts, **{**new, **wrong})


def test_access_becomes_one_edit_for_each_cell_that_differs(shifts: Blueprint) -> None:
    cells = ["Note|Operator|read|all", "Note|Operator|delete|own", "Note|Shift Leader|delete|none"]
    assert read(shifts, form="access", cell=cells) == (
        SetAccess("Note", "Operator", Verb.DELETE, Reach.OWN),
        SetAccess("Note", "Shift Leader", Verb.DELETE, Reach.NONE),
    )
    narrow = {
        "form": "access",
        "narrow_field": "Note|urgency",
        "narrow_role": ["Note|Shift Leader", "Machine|Operator"],
    }
    assert read(shifts, **narrow) == (NarrowField("Note", "urgency", ("Shift Leader",)),)
    assert read(shifts, form="role", role="Operator", name="Operator", remove="yes") == (RemoveRole("Operator"),)
    assert read(shifts, form="look", name="Shifts", about=shifts.about, colour="", language="en") == (
        SetApp("name", "Shifts"),
    )


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"form": "nothing"},
        {"form": "field", "entity": "Nothing"},
        {"form": "field", "entity": "Note", "field": "gone"},
        {"form": "field-order", "entity": "Note", "order": "title"},
        {"form": "access", "cell": "Note|Operator|fly|all"},
        {"form": "access", "cell": "|||"},
        {"form": "access", "narrow_field": "Note|gone"},
        {"form": "page", "page": "Gone"},
        {"form": "page-add", "shows": "kiosk|Note", "title": "x"},
        {"form": "role", "role": "Nobody"},
        {"form": "protect", "part": "everything"},
    ],
)
def test_what_cannot_be_meant_is_refused(shifts: Blueprint, form: dict[str, str]) -> None:
    with pytest.raises(EditRefused):
        read(shifts, **form)


@given(st.permutations(list("abcdef")))
@settings(deadline=None)
def test_moves_lead_to_the_order_that_was_wished(wanted: list[str]) -> None:
    order = list("abcdef")
    for item, at in moves_to(order, wanted):
        order.remove(item)
        order.insert(at, item)
    assert order == wanted


def test_one_dragged_item_is_one_move(shifts: Blueprint) -> None:
    order = "machine,day,urgency,settled,title"
    assert read(shifts, form="field-order", entity="Note", order=order) == (MoveField("Note", "title", 4),)


def test_the_pages_show_what_was_gathered(shifts: Blueprint) -> None:
    edits = [RenameField("Note", "urgency", "priority"), SetAccess("Note", "Operator", Verb.EDIT, Reach.OWN)]
    made = apply_all(shifts, edits)
    line = next(line for line in field_lines(shifts, made, made.entity("Note")) if line.field.name == "priority")
    assert (line.state, line.was) == ("changed", "Urgency")
    note = next(table for table in matrices(shifts, made, ()) if table.entity == "Note")
    changed = [(row.role, cell.verb) for row in note.rows for cell in row.cells if cell.changed]
    assert changed == [("Operator", "edit")]
    assert [line.state for line in page_lines(shifts, made, ())] == ["", "", "changed"]
    assert [in_words(edit) for edit in edits] == [
        "Note, Urgency: renamed to “Priority”",
        "Operator may, if it is their own, change Note",
    ]
