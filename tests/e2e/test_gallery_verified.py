"""Every shipped template passes what a version must pass before it becomes current, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.parser import parse
from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.gallery.templates import Template, templates
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    return Verifier(BubblewrapSandbox(), AppTokens(tmp_path_factory.mktemp("tokens") / "t.json", SystemClock()))


@pytest.mark.parametrize("template", templates(), ids=lambda item: item.slug)
def test_a_template_is_verified(template: Template, verifier: Verifier, tmp_path: Path) -> None:
    blueprint = parse(template.blueprint_text)
    render(blueprint).write_to(tmp_path / "project")
    outcome = verifier.verify(tmp_path / "project", blueprint, on_check=lambda _: None)
    assert [f"{finding.message} {finding.detail}" for finding in outcome.findings] == []
    assert outcome.passed
