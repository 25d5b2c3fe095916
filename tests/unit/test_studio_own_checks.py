"""Forms of the Checks page and of what was assumed, as edits; what stands against a check is told before."""

from __future__ import annotations

import pytest

from appliance.blueprint.check_words import contradiction, sentence
from appliance.blueprint.diff import diff
from appliance.blueprint.diff_words import in_words as told
from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import (
    AddCheck,
    DeleteField,
    DropAssumed,
    EditRefused,
    RemoveCheck,
    RemoveEntity,
    RemoveRole,
    RenameEntity,
    RenameField,
    RenameOption,
    RenameRole,
)
from appliance.blueprint.edits_json import from_json, to_json
from appliance.blueprint.model import Blueprint
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.web.check_forms import act_choices, own_lines
from appliance.web.edit_forms import edits_of
from appliance.web.edit_words import in_words
from appliance.web.forms import Form
from tests.fakes.studio_planner import SHIFTS

CHECKED = SHIFTS + 'check Operator can create Note with urgency = high, title = "Oil" then settled = false\n'


@pytest.fixture
def shifts() -> Blueprint:
    return parse(CHECKED)


def read(blueprint: Blueprint, **values: list[str] | str) -> tuple[object, ...]:
    form = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return edits_of(Form(form), blueprint)


def test_a_form_becomes_a_check(shifts: Blueprint) -> None:
    made = read(
        shifts,
        form="check-add",
        role="Operator",
        can="cannot",
        act="create|Note",
        whose="own",
        with_field=["Note|day", "", "Note|settled"],
        with_value=["Today - 2 weeks", "lost", "Yes"],
        then_field=[""],
        then_value=[""],
        because="No notes of last month",
    )
    line = 'Operator cannot create Note with day = today - 2 weeks, settled = true because "No notes of last month"'
    assert made == (AddCheck(line),)
    after = apply_all(shifts, [AddCheck(line)])
    assert len(after.checks) == 2
    assert from_json(to_json(AddCheck(line))) == AddCheck(line)
    assert in_words(AddCheck(line)) == f"New check: {line}"
    words = told(diff(shifts, after)).access[0].text
    assert words.startswith("Every version from now on is tried for this: An Operator cannot add a Note with day =")
    assert apply_all(after, [RemoveCheck(own_lines(shifts, after)[1].line)]) == shifts


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"with_field": ["Machine|name"], "with_value": ["x"]}, "is a field of Machine"),
        ({"with_field": ["Note|day"], "with_value": ["soon"]}, "cannot be read"),
        ({"with_field": ["Note|nothing"], "with_value": ["1"]}, "not there any more"),
        ({"role": "Nobody"}, "not there any more"),
        ({"act": "fly|Note"}, "not there any more"),
        ({"act": "create|Nothing"}, "not there any more"),
        ({"act": "press|Note|Explode"}, "cannot be read"),
    ],
)
def test_a_form_that_cannot_be_meant_is_refused(
    shifts: Blueprint, values: dict[str, list[str] | str], said: str
) -> None:
    form = {"form": "check-add", "role": "Operator", "can": "can", "act": "create|Note", "whose": "", **values}
    with pytest.raises(EditRefused) as caught:
        apply_all(shifts, list(read(shifts, **form)))  # type: ignore[arg-type]
    assert said in caught.value.message


def test_a_check_follows_renames_and_goes_with_what_it_is_about(shifts: Blueprint) -> None:
    edits = [
        RenameEntity("Note", "Memo"),
        RenameField("Memo", "urgency", "weight"),
        RenameOption("Memo", "weight", "high", "heavy"),
        RenameRole("Operator", "Worker"),
    ]
    line = to_text(apply_all(shifts, edits))
    assert 'check Worker can create Memo with weight = heavy, title = "Oil" then settled = false' in line
    assert apply_all(shifts, [RemoveEntity("Note")]).checks == ()
    assert apply_all(shifts, [RemoveRole("Operator")]).checks == ()
    with pytest.raises(EditRefused) as caught:
        apply_all(shifts, [DeleteField("Note", "settled")])
    assert "the check “An Operator can add a Note" in caught.value.message


@pytest.mark.parametrize(
    ("line", "against"),
    [
        ("Operator can delete Machine", "may not delete Machines"),
        ("Operator cannot read Note of others", "may see all Notes"),
        ("Shift Leader cannot edit Note", "may change all Notes"),
        ("Operator cannot create Note with settled = true", ""),
        ("Operator can create Note", ""),
        ("Operator cannot edit own Note", ""),
        ("owner can delete Note", ""),
    ],
)
def test_what_access_says_against_a_check_is_told_before_it_is_tried(
    shifts: Blueprint, line: str, against: str
) -> None:
    check = apply_all(shifts, [AddCheck(line)]).checks[-1]
    found = contradiction(check, shifts)
    assert against in found
    assert bool(found) is bool(against)


def test_every_act_and_button_can_be_chosen(shifts: Blueprint) -> None:
    acting = parse(CHECKED + 'action Note "Settle" for Operator: settled = true\n')
    assert ("press|Note|Settle", "press “Settle” on Note") in act_choices(acting)
    assert len(act_choices(acting)) == 4 * 2 + 1
    pressed = apply_all(acting, [AddCheck('Operator can press "Settle" on own Note then settled = true')]).checks[-1]
    assert sentence(pressed, acting) == "An Operator can press “Settle” on their own Note; afterwards settled = yes"


def test_what_was_assumed_goes_with_all_that_shows_it() -> None:
    shifts = parse(SHIFTS)
    without = apply_all(shifts, [DropAssumed("Note.urgency")])
    assert without.entity("Note").field("urgency") is None
    assert [page.title for page in without.pages] == ["Notes", "Still Open", "Overview"]
    assert apply_all(shifts, [DropAssumed("Note.settled")]).pages[1].title == "Overview"
    alone = apply_all(shifts, [DropAssumed("Machine")])
    assert [entity.name for entity in alone.entities] == ["Note"]
    assert alone.entity("Note").field("machine") is None
    with pytest.raises(EditRefused):
        apply_all(shifts, [DropAssumed("Nothing.at_all")])
    with pytest.raises(EditRefused):
        apply_all(parse(CHECKED), [DropAssumed("Note.settled")])
