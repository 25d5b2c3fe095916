"""Expressions in words, in every language."""

from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import HealthCheck, given, settings

from appliance.blueprint.expression_phrases import PHRASES
from appliance.blueprint.expression_words import words
from appliance.blueprint.parser import parse
from appliance.blueprint.words import LANGUAGES
from tests.fixtures.blueprint_strategies import blueprints

START = """app "Loans"
entity Item
  name text
  category choice(laptop, camera)
entity Loan
  item ref(Item)
  borrower person
  due date
  amount money label "Deposit"
  returned boolean
"""


def said(expression: str, language: str = "en") -> str:
    blueprint = parse(f'{START}page "P" table Loan where {expression}\n')
    page = blueprint.pages[0]
    return words(blueprint.entities, blueprint.entity("Loan"), page.where, language)  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("due < today and not returned", "due is before today and not returned"),
        ("not (borrower = me)", "borrower is not me"),
        ("item.category in (laptop, camera)", "category of item is laptop or camera"),
        ("amount / 2 >= 3.5", "deposit ÷ 2 is at least 3.5"),
        ("due - today > 1 day", "due \N{MINUS SIGN} today is above 1 day"),
        ("(returned or due is empty) and item is not empty", "(returned or due is empty) and item is filled in"),
        ('days(today - due) = 3 or item.name contains "x"', "days from due to today is 3 or name of item contains “x”"),
    ],
)
def test_conditions_read_like_sentences(expression: str, sentence: str) -> None:
    assert said(expression) == sentence


def test_every_language_says_it_in_its_own_words() -> None:
    assert said("due < today and not returned", "de") == "Due liegt vor heute und nicht Returned"
    assert said("due < 2026-11-30", "fr") == "due est avant 30/11/2026"
    assert said("amount > 2.5", "es") == "deposit es mayor que 2,5"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_phrase_with_the_same_parts(language: str) -> None:
    def parts(phrase: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(phrase) if name}

    assert PHRASES[language].keys() == PHRASES["en"].keys()
    assert {name: parts(text) for name, text in PHRASES[language].items()} == {
        name: parts(text) for name, text in PHRASES["en"].items()
    }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(blueprints())
def test_everything_can_be_said_in_every_language(made) -> None:
    found = [(rule.entity, rule.condition) for rule in made.rules] + [(mark.entity, mark.where) for mark in made.marks]
    found += [(entity.name, field.computed) for entity in made.entities for field in entity.fields if field.computed]
    for entity, expression in found:
        for language in LANGUAGES:
            assert words(made.entities, made.entity(entity), expression, language)
