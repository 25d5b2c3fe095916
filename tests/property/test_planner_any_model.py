"""Whatever the model writes, a plan ends in a blueprint that parses, is bounded and can be used."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.blueprint.model import OWNER, Ref, Verb
from appliance.blueprint.parser import parse
from appliance.core.clock import ManualClock
from appliance.planner import stages
from appliance.planner.completion import MOST_COMPLETED, MOST_NEEDED
from appliance.planner.plan import Planner
from appliance.verifier.samples import creation_order
from tests.fakes.generator import FakeGenerator

CLOCK = ManualClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1 << 32))
def test_a_model_that_writes_at_random_still_yields_a_usable_blueprint(seed):
    heard = []
    plan = Planner(FakeGenerator(seed=seed), clock=CLOCK).plan("Keep track of our keys.", on_text=heard.append)
    assert parse(plan.text) == plan.blueprint
    assert 1 <= len(plan.blueprint.entities) <= max(stages.MOST_ENTITIES, MOST_NEEDED)
    assert 1 <= len(plan.blueprint.roles) <= stages.MOST_ROLES
    assert all(len(entity.fields) <= max(stages.MOST_FIELDS, MOST_COMPLETED) + 1 for entity in plan.blueprint.entities)
    assert creation_order(plan.blueprint).stuck == ()
    _somebody_can_add_to_everything(plan.blueprint)
    _forms_can_be_filled_in(plan.blueprint)
    assert "".join(heard) == plan.text


def _somebody_can_add_to_everything(blueprint):
    for entity in blueprint.entities:
        assert any(blueprint.permission(entity.name, role, Verb.CREATE) for role in blueprint.roles)
        assert blueprint.permission(entity.name, OWNER, Verb.DELETE)


def _forms_can_be_filled_in(blueprint):
    for entity in blueprint.entities:
        for role in blueprint.roles:
            if blueprint.permission(entity.name, role, Verb.CREATE):
                for field in entity.fields:
                    if isinstance(field.type, Ref):
                        assert blueprint.permission(field.type.entity, role, Verb.READ)
