"""The language: what is printed parses to the same value, and what does not parse says where."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from tests.fixtures.blueprint_strategies import blueprints

SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOW
@given(blueprints())
def test_print_then_parse_gives_the_same_blueprint(blueprint):
    assert parse(to_text(blueprint)) == blueprint


@SLOW
@given(blueprints())
def test_the_printed_form_is_canonical(blueprint):
    text = to_text(blueprint)
    assert to_text(parse(text)) == text


def mistake(text):
    """The mistake in a text, or None; any other exception fails the test."""
    try:
        parse(text)
    except BlueprintError as error:
        return error
    return None


@SLOW
@given(blueprints(), st.data())
def test_a_damaged_text_parses_or_says_where(blueprint, data):
    text = to_text(blueprint)
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    found = mistake(damaged)
    assert found is None or ((found.line, found.column) >= (1, 1) and found.hint), found


@given(st.text(max_size=300))
def test_any_text_parses_or_says_where(text):
    with pytest.raises(BlueprintError) as caught:
        parse(text)
    assert caught.value.line >= 1
    assert caught.value.hint
