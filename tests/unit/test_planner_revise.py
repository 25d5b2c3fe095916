"""A wish becomes changes: what the model writes is carried out by the language's own steps, or left out."""

from __future__ import annotations

import pytest

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.core.errors import Refused
from appliance.planner.advice import questions_about, suggestions_for
from appliance.planner.change_steps import NoStep, step
from appliance.planner.change_words import THREAD_LOST
from appliance.planner.outline import outline
from appliance.planner.revise import AlreadySo, ModelReviser, NothingToChange, revise_prompt
from tests.fakes.generator import FakeGenerator

APP = """app "Tool Shed"
about "Who has which tool."
role Helper
role Warden
entity Tool
  name text required
  kind choice(hand, power)
  price money
  checked_on date
entity Lending
  tool ref(Tool) required
  borrower person
  taken date required
  due date
  back boolean
access Tool: Helper read; Warden all
access Lending: Helper create, read own; Warden all
page "Tools" table Tool
page "Lendings" table Lending where not back
example Tool: "Saw", hand, 20
"""
BEFORE = parse(APP)


def after(*lines):
    blueprint = BEFORE
    for line in lines:
        blueprint, _ = step(blueprint, line)
    return to_text(blueprint)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("field Tool weight_kg number", "  weight_kg number\n"),
        ("field Tool type choice(hand, garden)", "  kind choice(hand, power, garden)\n"),
        ("count Tool lendings Lending", "  lendings number = count(Lending by tool)\n"),
        ("rename record Lending to Loan", "entity Loan\n"),
        ("rename role Helper to Member", "role Member\n"),
        ('rename page "Tools" to "All tools"', 'page "All tools" table Tool\n'),
        ('rename app to "Shed"', 'app "Shed"\n'),
        ("option Tool.kind garden", "  kind choice(hand, power, garden)\n"),
        ("required Lending.due", "  due date required\n"),
        ("access Tool Helper none", "access Tool: Warden all\n"),
        ("access Lending Helper own", "access Lending: Warden all; Helper create, read own, edit own\n"),
        ("only Warden sees Tool.price", "access Tool.price: Warden read, edit\n"),
        ("role Auditor", "role Auditor\n"),
        ("mark Lending red where due < today", "mark Lending red where due < today\n"),
        ('list "Late" Lending where due < today', 'page "Late" table Lending where due < today\n'),
        ('board "Kinds" Tool by kind', 'page "Kinds" board Tool by kind\n'),
        ('calendar "Tools" Tool by checked_on', 'page "Tools calendar" calendar Tool by checked_on\n'),
        (
            'action Lending "Back" Warden: back = true',
            'action Lending "Back" for Warden when not back: back = true\n',
        ),
        (
            "remind Lending 1 days before due",
            'remind Lending 1 day before due to borrower "Lending: due on {due}"\n',
        ),
        (
            "check Lending due >= taken",
            'rule Lending on create, edit: due >= taken else "Due may not be before taken."\n',
        ),
        ("colour teal", "colour teal\n"),
    ],
)
def test_each_line_is_carried_out_by_the_language(line, expected):
    text = after(line)
    assert expected in text
    assert parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "remove record Nothing",
        "rename record Tool to Tool",
        "field Tool name text",
        "gibberish",
    ],
)
def test_what_cannot_be_done_changes_nothing(line):
    with pytest.raises(NoStep):
        step(BEFORE, line)


def revise(script, wish="Please change it."):
    heard: list[str] = []
    revised = ModelReviser(FakeGenerator(script)).revise(APP, wish, heard.append)
    return parse(revised.text), heard


def test_a_wish_becomes_a_blueprint_and_is_heard_line_by_line():
    made, heard = revise(["field Tool shelf text\n", "mark Lending red where due < today and not back\n", "done\n"])
    assert made.entity("Tool").field("shelf")
    assert len(made.marks) == 1
    assert heard == ["field Tool shelf text\n", "mark Lending red where due < today and not back\n"]


def test_a_rename_says_what_it_renamed_so_that_the_data_follows():
    made, _ = revise(["rename record Lending to Loan\n", "done\n"])
    assert made.renames == (Rename(Renamed.ENTITY, "", "Lending", "Loan"),)
    assert made.entity("Loan").fields == BEFORE.entity("Lending").fields


def test_a_new_record_is_named_by_its_first_text_and_open_to_the_last_role():
    made, _ = revise(["record Repair\n", "field Repair tool ref(Tool)\n", "field Repair fault text\n", "done\n"])
    assert [item.name for item in made.entity("Repair").fields] == ["tool", "fault"]
    assert [grant.role for line in made.access if line.entity == "Repair" for grant in line.grants] == ["Warden"]


def test_lines_without_effect_end_a_revision():
    made, heard = revise(["colour teal\n", "rename record Tool to Tool\n", "rename role Helper to Helper\n"])
    assert made.colour == "teal"
    assert heard == ["colour teal\n"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("field Tool name text", "Not done: the field “name” of Tool. "),
        ("rename role Helper to Helper", "Not done: the new name Helper for Helper. The app has that already"),
        ("remove record Tool", "Not done: removing Tool. Removing Tool would break "),
    ],
)
def test_a_line_that_cannot_be_carried_out_is_told(line, said):
    script = FakeGenerator([f"{line}\n", "colour teal\n", "done\n"])
    revised = ModelReviser(script).revise(APP, "Please change it.", lambda _: None)
    assert revised.left_out[0].startswith(said)
    with pytest.raises(NothingToChange) as caught:
        ModelReviser(FakeGenerator([f"{line}\n", "done\n"])).revise(APP, "Please.", lambda _: None)
    assert said in caught.value.cause


def test_a_model_that_loses_the_thread_says_that_there_may_be_more():
    script = FakeGenerator(["colour teal\n", "rename record Tool to Tool\n", "rename role Helper to Helper\n"])
    assert ModelReviser(script).revise(APP, "Please.", lambda _: None).left_out[-1] == THREAD_LOST


def test_a_wish_for_what_is_so_already_says_so():
    reviser = ModelReviser(FakeGenerator(["access Tool Warden all\n", "done\n"]))
    with pytest.raises(AlreadySo, match="does that already") as caught:
        reviser.revise(APP, "Only wardens may delete tools", lambda _: None)
    assert caught.value.cause == "There already: the access “all” for Tool Warden."


def test_a_wish_without_a_change_is_refused_with_what_to_do():
    with pytest.raises(NothingToChange) as caught:
        revise(["done\n"])
    assert "record, field or page" in caught.value.action


@pytest.mark.parametrize("wish", ["", "🙂", "word " * 5000])
def test_what_is_no_wish_is_refused_before_the_model_is_asked(wish):
    generator = FakeGenerator()
    with pytest.raises(Refused):
        ModelReviser(generator).revise(APP, wish, lambda _: None)
    assert generator.prompts == []


def test_the_model_sees_the_outline_only():
    text = outline(BEFORE)
    assert "Lending: tool ref(Tool), borrower person, taken date, due date, back boolean" in text
    assert "Saw" not in text
    prompt = revise_prompt(BEFORE, "x")
    assert prompt.messages[-1].content.endswith("Wish: x")
    assert prompt.stable == len(prompt.messages) - 1


def test_questions_are_asked_only_where_they_change_the_app():
    assert [question.id for question in questions_about("Orders")] == ["who"]
    assert [question.id for question in questions_about("Staff ask for laptops and somebody approves it.")] == [
        "decides"
    ]
    assert [question.id for question in questions_about("Visitors sign in at the door of our office.")] == ["outsiders"]
    assert questions_about("Keep track of who has which key of our building, and since when.") == ()
    assert questions_about("Wir brauchen eine Liste der Schlüssel.") == ()
    for question in questions_about("Guests register, somebody approves"):
        assert 2 <= len(question.choices) <= 4


def test_next_steps_are_such_as_this_app_lacks():
    found = suggestions_for(BEFORE)
    assert "Show lendings in red when their due has passed" in found
    marked, _ = step(BEFORE, "mark Lending red where due < today")
    assert "Show lendings in red when their due has passed" not in suggestions_for(marked)
    assert len(found) <= 4
