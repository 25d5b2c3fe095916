"""The verifier asks every operation of an app's API as each role, and notices an app that breaks its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.blueprint.naming import package_name
from appliance.codegen.render import render
from appliance.contract.binding import Contract
from appliance.contract.compose import propose
from appliance.core.clock import SystemClock
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.model import Stage, Verification
from appliance.verifier.verify import Verifier
from tests.fixtures.api_contracts import PARTS, ROOMS

pytestmark = pytest.mark.sandbox


def verified(content: bytes, folder: Path, *broken: tuple[str, str, str]) -> Verification:
    """Verify the app of a contract, with some places of it changed."""
    proposal = propose(content)
    render(proposal.blueprint, {}, Contract(proposal.binding, content)).write_to(folder / "app")
    for path, old, new in broken:
        file = folder / "app" / package_name(proposal.blueprint.name) / path
        text = file.read_text()
        assert old in text, path
        file.write_text(text.replace(old, new, 1))
    tokens = AppTokens(folder / "keys.json", SystemClock())
    return Verifier(BubblewrapSandbox(), tokens).verify(folder / "app", proposal.blueprint, binding=proposal.binding)


@pytest.mark.parametrize("content", [ROOMS, PARTS], ids=["rooms", "parts"])
def test_the_app_of_a_contract_keeps_it(content, tmp_path):
    result = verified(content, tmp_path)
    assert result.passed, "\n".join(f"{one.title}: {one.message} {one.detail}" for one in result.findings)
    titles = [check.title for check in result.checks if check.stage is Stage.CONTRACT]
    served = propose(content).binding.served
    for one in served:
        for who in ("the owner", "Editor", "Reader"):
            assert any(title.startswith(f"{one.called} as {who} ") for title in titles), (one.called, who)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ([("kit/api/showing.py", "    return made\n", "    made.pop('seats', None)\n    return made\n")], "GET /rooms"),
        (
            [
                ("kit/api/serving.py", "visit.require(kept.entity, _VERBS", "print(kept.entity, _VERBS"),
                ("kit/api/writing.py", "visit.require(kept.entity, Verb.CREATE)", "pass"),
            ],
            "Reader can use POST /rooms",
        ),
        ([("kit/api/serving.py", "check_sender(request, ", "print(request, ")], "Another web site"),
        ([("kit/api/asking.py", "body.model.model_validate_json(raw)", "body.model.model_construct()")], ""),
    ],
    ids=["a property is missing", "access is not asked", "another site may write", "bodies are not looked at"],
)
def test_an_app_that_breaks_its_contract_is_found_out(change, told, tmp_path):
    result = verified(ROOMS, tmp_path, *change)
    assert not result.passed
    assert any(told in finding.message or told in finding.title for finding in result.findings)
