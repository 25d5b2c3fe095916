"""Requests to work something out: a formula where the language can say it, a function of its own otherwise."""

from __future__ import annotations

import pytest

from appliance.blueprint.behaviour import Custom
from appliance.blueprint.model import Scalar
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.planner.custom_places import Wanted, wanted_in, with_wanted
from appliance.planner.revise import ModelReviser
from tests.fakes.generator import FakeGenerator

APP = """app "Orders"
role Clerk
entity Customer
  name text required
  country text
entity Order
  customer ref(Customer)
  placed_on date
  quantity number
  unit_price money
  note longtext
access Order: Clerk all
page "Orders" table Order
"""
BEFORE = parse(APP)


def made(text: str) -> object:
    wanted, rest = wanted_in(text)
    assert len(wanted) == 1, (wanted, rest)
    blueprint, why_not = with_wanted(BEFORE, wanted[0])
    assert why_not == ""
    return blueprint


def test_what_the_language_can_say_becomes_a_formula() -> None:
    blueprint = made("Compute the total of each order as quantity times unit price.")
    field = blueprint.entity("Order").field("total")  # type: ignore[attr-defined]
    assert (field.type, field.custom) == (Scalar.MONEY, None)
    assert "total money = quantity * unit_price" in to_text(blueprint)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "entity", "name", "kind", "inputs"),
    [
        ("Compute the reference of an order as the year of placed on, then the quantity with four digits",
         "Order", "reference", Scalar.TEXT, ("placed_on", "quantity")),
        ("Please work out a handling fee for each order from the quantity: two a piece, at most fifty",
         "Order", "handling_fee", Scalar.MONEY, ("quantity",)),
        ("Calculate short name as the first three letters of the name and of the country",
         "Customer", "short_name", Scalar.TEXT, ("name", "country")),
    ],
)  # fmt: skip
def test_what_it_cannot_say_becomes_a_function(
    text: str, entity: str, name: str, kind: Scalar, inputs: tuple[str, ...]
) -> None:
    field = made(text).entity(entity).field(name)  # type: ignore[attr-defined]
    assert field.type is kind
    assert isinstance(field.custom, Custom)
    assert field.custom.inputs == inputs
    assert field.custom.description.lower() in text.lower()


@pytest.mark.parametrize(
    "text", ["Keep records of orders.", "Add a due date to orders.", "Show late orders in red", "", "compute as from"]
)
def test_other_words_are_left_to_the_model(text: str) -> None:
    assert wanted_in(text)[0] == ()


def test_what_cannot_be_placed_is_said() -> None:
    assert "Name the fields" in with_wanted(BEFORE, Wanted("score", "", "the phase of the moon"))[1]
    assert "has a field of that name" in with_wanted(BEFORE, Wanted("quantity", "Order", "the unit price doubled"))[1]


def test_a_revision_makes_the_place_and_gives_the_rest_to_the_model() -> None:
    generator = FakeGenerator(["colour teal\n", "done\n"])
    words = "Make it teal. Compute the reference of an order as the year of placed on and the quantity."
    revised = ModelReviser(generator).revise(APP, words, lambda _: None)
    after = parse(revised.text)
    assert after.colour == "teal"
    assert after.entity("Order").field("reference").custom  # type: ignore[union-attr]
    assert generator.prompts[0].messages[-1].content.endswith("Wish: Make it teal.")
    alone = ModelReviser(FakeGenerator()).revise(APP, words.partition(". ")[2], lambda _: None)
    assert parse(alone.text).entity("Order").field("reference")
