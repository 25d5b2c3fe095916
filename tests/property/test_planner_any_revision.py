"""Whatever a model writes within the grammar of changes, the app stays a whole app and loses nothing unsaid."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.blueprint.parser import parse
from appliance.planner.revise import ModelReviser, NothingToChange
from tests.fakes.generator import FakeGenerator
from tests.unit.test_planner_revise import APP


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_any_revision_is_a_valid_blueprint(seed):
    heard: list[str] = []
    try:
        text = ModelReviser(FakeGenerator(seed=seed)).revise(APP, "Change something.", heard.append).text
    except NothingToChange:
        return
    made = parse(text)
    for entity in parse(APP).entities:
        untouched = not any(entity.name in line for line in heard)
        if untouched:
            assert made.entity(entity.name).fields == entity.fields
