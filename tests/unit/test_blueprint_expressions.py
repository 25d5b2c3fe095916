"""Expressions of the language: what binds tighter, what is refused, and what could be read in two ways."""

from __future__ import annotations

import pytest

from appliance.blueprint import expressions as ex
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.expression_printer import expression_text
from appliance.blueprint.model import Blueprint
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.blueprint.screens import TablePage

START = """app "Desk"
role Clerk
entity Place
  name text
  zone choice(open, open late, closed)
  open boolean
entity Task
  title text
  place ref(Place)
  owner person
  state choice(new, done)
  done boolean
  due date
  hours number
  price money
"""


def page(condition: str, more: str = "") -> TablePage:
    found = parse(f'{START}{more}page "P" table Task where {condition}\n').pages[0]
    assert isinstance(found, TablePage)
    return found


def read(condition: str) -> ex.Expression:
    found = page(condition).where
    assert found is not None
    return found


def printed(condition: str) -> str:
    blueprint = parse(START)
    return expression_text(read(condition), blueprint.entities, blueprint.entity("Task"))


def refused(text: str) -> BlueprintError:
    with pytest.raises(BlueprintError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("(done)", "done"),
        ("not (done or due < today)", "not (done or due < today)"),
        ("done or (due < today and hours > 1)", "done or due < today and hours > 1"),
        ("(done or due < today) and hours > 1", "(done or due < today) and hours > 1"),
        ("(hours + 1) * 2 = 3", "(hours + 1) * 2 = 3"),
        ("hours + (1 * 2) = 3", "hours + 1 * 2 = 3"),
        ("hours - (1 - 2) = 3", "hours - (1 - 2) = 3"),
        ("(hours - 1) - 2 = 3", "hours - 1 - 2 = 3"),
        ("not (due is empty)", "due is not empty"),
        ("due is not empty", "due is not empty"),
        ("due < today + 2 weeks", "due < today + 14 days"),
        ("hours = 1.50", "hours = 1.5"),
        ("-hours < 3", "-hours < 3"),
        ("(hours when done else 0) > 1", "(hours when done else 0) > 1"),
        ('state = "done"', "state = done"),
        ("place.zone = open", 'place.zone = "open"'),
        ("place.zone = open late", "place.zone = open late"),
        ("place.zone in (closed, open late)", "place.zone in (closed, open late)"),
    ],
)
def test_brackets_stand_only_where_they_are_needed(written: str, canonical: str) -> None:
    assert printed(written) == canonical
    assert read(canonical) == read(written)


def test_an_option_goes_before_a_field_of_that_name_unless_in_brackets() -> None:
    assert read("state = done") == ex.Compare(ex.Comparator.EQ, ex.Path(("state",)), ex.Option("done"))
    with pytest.raises(BlueprintError, match="yes/no"):
        read("state = (done)")
    assert read("done and state = new") == ex.And(
        (ex.Path(("done",)), ex.Compare(ex.Comparator.EQ, ex.Path(("state",)), ex.Option("new")))
    )


def test_words_of_expressions_can_name_fields() -> None:
    blueprint = parse(
        'app "A"\nentity Shift\n  when date\n  in number\n  is boolean\n  first number\n'
        'page "P" table Shift where when < today and in in (1, 2) and is and first(first, in) > 1\n'
    )
    assert parse(to_text(blueprint)) == blueprint


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("  a number = b\n  b number = a\n", "Task.b → Task.a → Task.b"),
        ("  a number = lowest(1, a)\n", "Task.a → Task.a"),
        ("  a number = count(Task by parent where a > 1)\n  parent ref(Task)\n", "Task.a → Task.a"),
    ],
)
def test_circles_are_refused_and_named(lines: str, what: str) -> None:
    error = refused(START + lines)
    assert "worked out from itself" in error.message
    assert set(what.split(" → ")) <= set(error.message.replace("→", " ").split())


def test_a_circle_through_another_entity_is_refused() -> None:
    text = START.replace("  open boolean\n", "  open boolean\n  a number = sum(Task.b by place)\n")
    assert "worked out from itself" in refused(f"{text}  b number = place.a\n").message


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("hours > " + " + ".join(["1"] * 40), "computed field"),
        ("hours > " + "(" * 9 + "1" + ")" * 9, "computed field"),
        ("not " * 9 + "done", "computed field"),
        ("hours * 2 * 2 * 2 * 2 * 2 * 2 * 2 > 1", "at most 6 times"),
        ("hours = 1234567890123", "below"),
        ("hours = 0.1234567", "decimals"),
        ("due < today + 99999 days", "At most"),
    ],
)
def test_expressions_are_bounded(condition: str, hint: str) -> None:
    assert hint in refused(f'{START}page "P" table Task where {condition}\n').hint


def test_products_of_computed_fields_count_where_they_are_used() -> None:
    cube = "  cube number = hours * hours * hours\n"
    assert page("cube * cube > 1", cube)
    assert "computed fields" in refused(f'{START}{cube}page "P" table Task where cube * cube * cube > 1\n').hint


def test_a_custom_field_is_no_part_of_an_expression() -> None:
    text = f'{START}  guess number custom(hours) "Twice the hours"\n'
    assert "function of its own" in refused(f'{text}page "P" table Task where guess > 1\n').message
    assert (
        "function of its own"
        in refused(f'{START}  more number = guess + 1\n  guess number custom(hours) "Twice"\n').message
    )


def test_names_of_entities_may_contain_the_words_that_follow_them() -> None:
    text = (
        'app "A"\nrole Right to Work\nentity Letter from Client\n  name text\n  day date\nentity Letter\n  day date\n'
        'rule Letter from Client on create: day > today else "Too early"\n'
        'remind Letter 1 day before day to Right to Work "Soon"\n'
        "mark Letter from Client red where day < today\n"
        "rename role Right to Drive to Right to Work\nrename entity Note to File to Letter\n"
    )
    blueprint: Blueprint = parse(text)
    assert [rename.before for rename in blueprint.renames] == ["Right to Drive", "Note to File"]
    assert blueprint.reminders[0].roles == ("Right to Work",)
    assert parse(to_text(blueprint)) == blueprint


def test_a_name_that_is_a_role_and_a_field_is_not_guessed() -> None:
    text = START.replace("role Clerk", "role owner")
    assert "role and a field" in refused(f'{text}action Task "Close" for owner: done = true\n').message
