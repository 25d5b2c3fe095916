"""Every blueprint that parses becomes an app that starts and answers everybody; ``bench language`` tries hundreds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from tests.fixtures.blueprint_strategies import blueprints
from tests.fixtures.every_blueprint import try_out


@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(blueprints())
def test_every_blueprint_becomes_an_app_that_answers_everybody(made):
    with tempfile.TemporaryDirectory() as folder:
        outcome = try_out(parse(to_text(made)), Path(folder))
    assert outcome.passed, outcome.faults
