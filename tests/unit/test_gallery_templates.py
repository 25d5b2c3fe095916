"""Every template is a whole app that a team could use: it parses, starts and answers every role on every page."""

from __future__ import annotations

import pytest

from appliance.blueprint.model import Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.gallery.templates import templates
from tests.fixtures.every_blueprint import try_out

ALL = templates()


def test_there_are_enough_for_the_work_of_a_company():
    assert len(ALL) >= 20
    assert len({item.name for item in ALL}) == len(ALL)
    assert len({item.category for item in ALL}) >= 8


@pytest.mark.parametrize("template", ALL, ids=lambda item: item.slug)
def test_a_template_shows_what_the_language_can_do(template):
    made = parse(template.blueprint_text)
    assert parse(to_text(made)) == made
    assert len(template.keywords) >= 5
    assert made.about
    assert made.examples
    assert made.marks
    assert any(item.computed for entity in made.entities for item in entity.fields) or made.actions
    for entity in made.entities:
        assert any(made.permission(entity.name, role, Verb.READ) for role in made.roles), entity.name
        assert any(made.permission(entity.name, role, Verb.CREATE) for role in made.roles), entity.name


@pytest.mark.parametrize("template", ALL, ids=lambda item: item.slug)
def test_a_template_starts_and_answers_everybody(template, tmp_path):
    outcome = try_out(parse(template.blueprint_text), tmp_path)
    assert outcome.passed, outcome.faults
