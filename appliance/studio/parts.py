"""What the pipeline is given: the machinery of its stages, by shape, so that a test can put a script in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.contract.binding import Binding
    from appliance.core.conversation import Reviser
    from appliance.core.filetree import FileTree
    from appliance.core.ports import AuditSink, BodyVault, SealedRef
    from appliance.core.pseudonyms import AddressPseudonyms
    from appliance.core.sandboxing import Sandbox
    from appliance.core.screening import Inspector
    from appliance.planner.plan import Plan
    from appliance.studio.coding import CodePart
    from appliance.verifier.model import Check, Verification


class PlannerPart(Protocol):
    """From a sentence to a blueprint."""

    def plan(self, request: str, *, on_text: Callable[[str], None]) -> Plan:
        """Plan an app; see :class:`appliance.planner.plan.Planner`."""
        ...


class VerifierPart(Protocol):
    """Proves that a tree is a working app."""

    def verify(
        self, project: Path, blueprint: Blueprint, *, on_check: Callable[[Check], None], binding: Binding | None = None
    ) -> Verification:
        """Try everything that the blueprint promises, and the binding of an API if there is one; see
        :class:`appliance.verifier.verify.Verifier`."""
        ...

    def open_with(self, project: Path, blueprint: Blueprint, data: Path) -> Verification:
        """Open every page with records that are there already."""
        ...


@dataclass(frozen=True)
class Parts:
    """The stages' machinery. ``publish_routes`` makes the front door know every app that stands; without a
    ``reviser`` apps are changed by hand only."""

    planner: PlannerPart
    render: Callable[..., FileTree]
    """Blueprint, the code of its custom places and the contract of its API, if there are any, to project."""
    verifier: VerifierPart
    sandbox: Sandbox
    audit: AuditSink
    vault: BodyVault
    pseudonyms: AddressPseudonyms
    publish_routes: Callable[[], None]
    inspector: Inspector
    open_body: Callable[[SealedRef], bytes]
    """Opens a sealed body, for the one who wrote it."""
    reviser: Reviser | None = None
    coder: CodePart | None = None
    """Writes the code of custom places; without it they stay empty."""
    model: Callable[[], str] = lambda: ""
    """The digest of the model bundle that is loaded, for the audit log; empty while none is."""
