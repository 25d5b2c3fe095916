"""Edits that add and remove whole things: nothing is left behind that names them, and nothing breaks unseen."""

from __future__ import annotations

import pytest

from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import AddEntity, EditRefused, NarrowField, RemoveEntity, RemoveRole
from appliance.blueprint.edits_json import from_json, to_json
from appliance.blueprint.model import Blueprint, Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from tests.fakes.studio_planner import SHIFTS


@pytest.fixture
def shifts() -> Blueprint:
    return parse(SHIFTS)


def test_a_new_kind_of_record_is_closed_to_every_role(shifts: Blueprint) -> None:
    made = apply_all(shifts, [AddEntity("Delivery", "supplier_name")])
    assert made.entity("Delivery").fields[0].required
    assert all(made.permission("Delivery", role, verb) is None for role in made.roles for verb in Verb)
    assert parse(to_text(made)) == made


@pytest.mark.parametrize("name", ["Note", "note", "", "x" * 80, "Not,e"])
def test_a_name_that_is_taken_or_no_name_is_refused(shifts: Blueprint, name: str) -> None:
    with pytest.raises(EditRefused):
        apply_all(shifts, [AddEntity(name, "title")])


def test_a_kind_of_record_goes_with_all_that_shows_it(shifts: Blueprint) -> None:
    made = apply_all(shifts, [RemoveEntity("Note")])
    assert "Note" not in to_text(made).replace("Notes", "")
    assert made.pages == ()
    assert parse(to_text(made)) == made


def test_what_others_refer_to_is_not_removed(shifts: Blueprint) -> None:
    with pytest.raises(EditRefused, match="Note"):
        apply_all(shifts, [RemoveEntity("Machine")])
    with pytest.raises(EditRefused, match="only kind"):
        apply_all(shifts, [RemoveEntity("Note"), RemoveEntity("Machine")])


def test_a_role_goes_with_its_permissions(shifts: Blueprint) -> None:
    made = apply_all(shifts, [RemoveRole("Operator")])
    assert made.roles == ("Shift Leader",)
    assert "Operator" not in to_text(made)
    with pytest.raises(EditRefused, match="only role"):
        apply_all(shifts, [RemoveRole("Operator"), RemoveRole("Shift Leader")])


def test_one_field_is_narrowed_to_some_roles_and_opened_again(shifts: Blueprint) -> None:
    narrow = NarrowField("Note", "urgency", ("Shift Leader",))
    made = apply_all(shifts, [narrow])
    (line,) = made.field_access
    assert [grant.role for grant in line.grants] == ["Shift Leader"]
    assert {item.verb for item in line.grants[0].permissions} == {Verb.READ, Verb.EDIT}
    assert apply_all(shifts, [narrow, NarrowField("Note", "urgency", ())]) == shifts
    assert from_json(to_json(narrow)) == narrow
