"""What a change means, in values and in words; direct edits; what is protected."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint import lineage
from appliance.blueprint.behaviour import Part, Protection, Rename, Renamed
from appliance.blueprint.changes import RenameRefused, Risk
from appliance.blueprint.diff import diff
from appliance.blueprint.diff_words import LANGUAGES, in_words
from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import (
    AddField,
    AddOption,
    DeleteField,
    EditRefused,
    MoveField,
    MovePage,
    Protect,
    Reach,
    RemoveOption,
    RenameEntity,
    RenameField,
    RenameOption,
    RenamePage,
    RenameRole,
    RetypeField,
    SetAccess,
    SetApp,
    SetColumns,
    SetDefault,
    SetRequired,
)
from appliance.blueprint.edits_json import from_json, to_json
from appliance.blueprint.model import Choice, Ref, Scalar, Today, Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.protection import By, Protected, check_protection
from tests.fakes.studio_planner import SHIFTS

if TYPE_CHECKING:
    from appliance.blueprint.edits import Edit

BEFORE = parse(SHIFTS)


def told(*edits: Edit) -> list[str]:
    said = in_words(diff(BEFORE, apply_all(BEFORE, edits)), "en")
    return [item.text for item in (*said.screens, *said.data, *said.access)]


def test_nothing_changed_is_nothing() -> None:
    changes = diff(BEFORE, BEFORE)
    assert (changes.items, changes.questions, changes.risk) == ((), (), Risk.SAFE)


def test_a_rename_reaches_every_place() -> None:
    after = apply_all(
        BEFORE,
        [
            RenameField("Note", "settled", "done"),
            RenameEntity("Machine", "Press"),
            RenameOption("Note", "urgency", "low", "minor"),
        ],
    )
    assert 'page "Still Open" table Note where not done' in _text(after)
    assert "machine ref(Press) required" in _text(after)
    assert "access Press: Shift Leader all; Operator read" in _text(after)
    assert 'example Note: "Tool changed, first parts measured", "Press 2", 2026-11-21, minor, true' in _text(after)
    assert {(rename.kind, rename.before, rename.after) for rename in after.renames} == {
        (Renamed.FIELD, "settled", "done"),
        (Renamed.ENTITY, "Machine", "Press"),
        (Renamed.OPTION, "low", "minor"),
    }
    changes = diff(BEFORE, after)
    assert changes.risk is Risk.SAFE
    assert not changes.losing
    assert changes.questions == ()


def _text(blueprint: object) -> str:
    from appliance.blueprint.printer import to_text

    return to_text(replace(blueprint, renames=()))  # type: ignore[type-var]


def test_edits_one_after_the_other_are_put_together_into_one_rename() -> None:
    after = apply_all(
        BEFORE,
        [
            RenameField("Note", "day", "shift_day"),
            RenameEntity("Note", "Memo"),
            RenameField("Memo", "shift_day", "on_day"),
            AddField("Memo", "extra", Scalar.TEXT),
            RenameField("Memo", "extra", "more"),
        ],
    )
    assert after.renames == (
        Rename(Renamed.ENTITY, "", "Note", "Memo"),
        Rename(Renamed.FIELD, "Memo", "day", "on_day"),
    )


def test_two_fields_may_change_places() -> None:
    text = SHIFTS.replace("  name text required unique\n  hall choice(North, South)\n", "  a text\n  b text\n")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("example"))
    before = parse(text)
    swapped = (Rename(Renamed.FIELD, "Machine", "a", "b"), Rename(Renamed.FIELD, "Machine", "b", "a"))
    changes = diff(before, replace(before, renames=swapped))
    pairs = [pair for pair in changes.identities.fields if pair[0][0] == "Machine"]
    assert pairs == [(("Machine", "a"), ("Machine", "b")), (("Machine", "b"), ("Machine", "a"))]


def test_a_rename_is_asked_for_and_never_guessed() -> None:
    after = parse(SHIFTS.replace("settled boolean", "done boolean").replace("not settled", "not done"))
    changes = diff(BEFORE, after)
    assert changes.losing == ("Note.settled",)
    (question,) = changes.questions
    assert question.rename == Rename(Renamed.FIELD, "Note", "settled", "done")
    assert diff(BEFORE, replace(after, renames=(question.rename,))).losing == ()
    other_type = parse(SHIFTS.replace("settled boolean", "done text").replace(" where not settled", "")
                       .replace(", false", "").replace(", true", ""))  # fmt: skip
    assert diff(BEFORE, other_type).questions == ()


@pytest.mark.parametrize(
    "rename",
    [
        Rename(Renamed.FIELD, "Note", "nothing", "day"),
        Rename(Renamed.FIELD, "Note", "day", "nothing"),
        Rename(Renamed.ENTITY, "", "Engine", "Note"),
    ],
)
def test_a_rename_of_what_is_not_there_is_refused(rename: Rename) -> None:
    with pytest.raises(RenameRefused):
        diff(BEFORE, replace(BEFORE, renames=(rename,)))


def test_words_say_what_changes_where() -> None:
    assert told(SetRequired("Note", "day", True)) == ["The field “day” of Note becomes required."]
    assert told(SetAccess("Machine", "Operator", Verb.EDIT, Reach.ALL)) == ["Operator may change every Machine."]
    assert told(RenamePage("Notes", "All Notes")) == ["The page “Notes” is now called “All Notes”."]
    assert told(RenameRole("Operator", "Worker")) == ["The role Operator is now called Worker. The people in it stay."]
    assert told(SetApp("name", "Handover")) == ["The app is now called “Handover”."]
    changes = diff(BEFORE, apply_all(BEFORE, [SetRequired("Note", "day", True)]))
    (said,) = in_words(changes, "en", {"Note.day": 3}).data
    assert said.text == "The field “day” of Note becomes required. 3 records have none."
    assert in_words(changes, "de").data[0].text == "Das Feld „day“ von Note wird Pflicht."


def test_every_language_has_the_same_sentences_with_the_same_names() -> None:
    found = {}
    for language in LANGUAGES:
        text = files("appliance.blueprint").joinpath("diff_texts", f"{language}.txt").read_text(encoding="utf-8")
        pairs = [line.split(" = ", 1) for line in text.splitlines() if " = " in line and not line.startswith("#")]
        found[language] = {key: sorted(part.partition("}")[0] for part in value.split("{")[1:]) for key, value in pairs}
    for language in LANGUAGES:
        assert found[language].keys() == found["en"].keys()
        assert {key: set(names) for key, names in found[language].items()} == {
            key: set(names) for key, names in found["en"].items()
        }


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (DeleteField("Note", "settled"), "the page “Still Open”"),
        (DeleteField("Note", "urgency"), "the page “Overview”"),
        (RetypeField("Note", "settled", Scalar.DATE), "the page “Still Open”"),
        (RemoveOption("Machine", "hall", "North"), "only two options"),
        (RenameField("Note", "day", "title"), "has a field “title” already"),
        (RenameField("Note", "day", "Due Date"), "cannot be the name of a field"),
        (AddOption("Note", "urgency", "LOW"), "already"),
        (RenameEntity("Note", "Machine"), "taken"),
        (SetAccess("Note", "Nobody", Verb.READ, Reach.ALL), "no role"),
        (SetColumns("Overview", ("title",)), "has no columns"),
        (MovePage("Nowhere", 0), "no page"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_would_break_is_refused_by_name(edit: Edit, named: str) -> None:
    with pytest.raises(EditRefused, match=named):
        apply_all(BEFORE, [edit])


def test_examples_follow_their_fields() -> None:
    after = apply_all(BEFORE, [MoveField("Machine", "hall", 0), AddField("Machine", "built", Scalar.DATE, to=1)])
    values = [example.values for example in after.examples if example.entity == "Machine"]
    assert values == [("North", None, "Press 1"), ("South", None, "Press 2")]


@pytest.mark.parametrize(
    "edit",
    [
        RetypeField("Note", "day", Choice(("a", "b"))),
        AddField("Note", "at", Ref("Machine"), required=True, label="Machine at", to=2),
        SetDefault("Note", "day", Today()),
        SetDefault("Note", "title", None),
        SetAccess("Note", "Operator", Verb.EDIT, Reach.OWN),
        Protect(Part.PAGE, "Notes"),
        SetColumns("Notes", ("title", "day")),
    ],
)
def test_edits_survive_json(edit: Edit) -> None:
    assert from_json(to_json(edit)) == edit


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"edit": "drop_table"},
        {"edit": "rename_field", "entity": "Note"},
        {"edit": "rename_field", "entity": 1, "field": "a", "to": "b"},
        {"edit": "move_page", "page": "Notes", "to": True},
        {"edit": "retype_field", "entity": "Note", "field": "day", "type": {"kind": "blob"}},
        {"edit": "set_access", "entity": "Note", "role": "Operator", "verb": "sudo", "reach": "all"},
        {"edit": "set_label", "entity": "Note", "field": "day", "label": "x" * 5000},
        {"edit": "hide_field", "entity": "Note", "field": "day", "hidden": True, "more": 1},
    ],
)
def test_what_is_no_edit_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(EditRefused):
        from_json(data)


def test_protection_stops_the_model_and_a_lock_everybody() -> None:
    before = replace(BEFORE, protections=(Protection(Part.ENTITY, "Note"), Protection(Part.ACCESS, "Machine")))
    touched = diff(before, apply_all(before, [SetRequired("Note", "day", True)]))
    with pytest.raises(Protected, match="the fields of Note"):
        check_protection(touched, by=By.MODEL)
    check_protection(touched, by=By.MAKER)
    with pytest.raises(Protected, match="IT has locked"):
        check_protection(touched, by=By.MAKER, locks=(Protection(Part.ENTITY, "Note"),))
    check_protection(touched, by=By.IT, locks=(Protection(Part.ENTITY, "Note"),))
    renamed = diff(before, apply_all(before, [RenameEntity("Note", "Memo")]))
    with pytest.raises(Protected):
        check_protection(renamed, by=By.MODEL)
    beside = diff(before, apply_all(before, [RenamePage("Notes", "All Notes")]))
    check_protection(beside, by=By.MODEL)
    unlocked = diff(before, replace(before, protections=()))
    check_protection(unlocked, by=By.MAKER)
    with pytest.raises(Protected):
        check_protection(unlocked, by=By.MODEL)


def test_a_thing_keeps_its_uid_under_every_name_and_a_new_one_gets_its_own() -> None:
    one = lineage.first(BEFORE)
    renamed = diff(BEFORE, apply_all(BEFORE, [RenameEntity("Note", "Memo"), RenameField("Memo", "day", "on_day")]))
    two = lineage.follow(one, renamed, 2)
    assert two.uid(Renamed.FIELD, "Memo", "on_day") == one.uid(Renamed.FIELD, "Note", "day")
    again = diff(renamed.after, apply_all(renamed.after, [AddField("Memo", "day", Scalar.DATE)]))
    three = lineage.follow(two, again, 3)
    assert three.uid(Renamed.FIELD, "Memo", "day") not in one.uids.values()
    renames, apart = lineage.meant(three, one)
    assert Rename(Renamed.FIELD, "Note", "on_day", "day") in renames
    back = diff(again.after, replace(BEFORE, renames=renames), apart=apart)
    assert (("Memo", "on_day"), ("Note", "day")) in back.identities.fields
    assert [item.subject for item in back.items if item.risk is Risk.LOSES] == ["Note.day"]
    assert lineage.from_text(lineage.to_text(three)).uids == three.uids
