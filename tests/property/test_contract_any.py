"""Any small contract that is accepted becomes an app that boots and answers as its contract says, as every role."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hypothesis import HealthCheck, Phase, given, settings

from appliance.contract.binding import Contract, Does, slots_of
from appliance.contract.compose import propose
from appliance.contract.errors import ContractRefused
from appliance.verifier.acceptance import check_as_owner
from appliance.verifier.contract import check_contract
from appliance.verifier.recorder import Recorder
from appliance.verifier.samples import Sampler, creation_order
from appliance.verifier.world import World
from tests.fixtures.contract_strategies import contracts
from tests.fixtures.generated_apps import served
from tests.fixtures.in_process import InProcess

if TYPE_CHECKING:
    from appliance.verifier.client import AppClient


def faults(content: bytes) -> list[str]:
    """What the app of a contract does not keep."""
    try:
        proposal = propose(content)
    except ContractRefused as refused:  # nothing in it that can be kept
        return [] if refused.cause else [str(refused)]
    binding = proposal.binding
    assert all(one.does is not Does.REFUSED or one.why for one in binding.operations)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(proposal.blueprint, Path(folder), contract=Contract(binding, content)) as app,
    ):
        client = cast("AppClient", InProcess(app))
        world = World(client, proposal.blueprint, Sampler(proposal.blueprint, slots_of(binding)))
        recorder = Recorder(lambda _: None)
        check_as_owner(recorder, world, creation_order(proposal.blueprint))
        check_contract(recorder, world, binding)
    found = [f"{one.title}: {one.message} {one.detail}" for one in recorder.findings]
    titles = {check.title for check in recorder.checks}
    for one in binding.served:
        title = f"{one.called} as the owner answers as the contract says"
        if one.does in (Does.LIST, Does.CREATE, Does.READ) and title not in titles:
            found.append(f"{one.called} was not tried: {recorder.untried}")
    return found


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(contracts())
def test_any_contract_becomes_an_app_that_keeps_it(content):
    found = faults(content)
    assert not found, "\n".join([*found, content.decode()])
