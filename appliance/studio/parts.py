"""What the pipeline asks of the layer-3 parts, by shape; ``appliance.app`` hands in the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.core.filetree import FileTree
    from appliance.core.ports import AuditSink, TokenUsage


class PlanResult(Protocol):
    """A blueprint, its text and what it cost."""

    @property
    def blueprint(self) -> Blueprint: ...
    @property
    def text(self) -> str: ...
    @property
    def usage(self) -> TokenUsage: ...


class PlannerPart(Protocol):
    """From a sentence to a blueprint."""

    def plan(self, request: str, *, on_text: Callable[[str], None]) -> PlanResult: ...


class CheckResult(Protocol):
    """One acceptance check in plain words."""

    @property
    def name(self) -> str: ...
    @property
    def passed(self) -> bool: ...


class FindingResult(Protocol):
    """Something that is wrong with the app."""

    @property
    def message(self) -> str: ...


class VerificationResult(Protocol):
    """What the verifier found."""

    @property
    def passed(self) -> bool: ...
    @property
    def findings(self) -> Sequence[FindingResult]: ...
    @property
    def stages(self) -> Mapping[str, float]: ...


class VerifierPart(Protocol):
    """Proves that a tree is a working app."""

    def verify(
        self, project: Path, blueprint: Blueprint, *, on_check: Callable[[CheckResult], None]
    ) -> VerificationResult: ...


class HostPart(Protocol):
    """Runs apps."""

    def ensure_running(self, release: object) -> object: ...
    def stop(self, app_id: str) -> None: ...


@dataclass(frozen=True)
class Parts:
    """The stages' machinery."""

    planner: PlannerPart
    render: Callable[[Blueprint], FileTree]
    verifier: VerifierPart
    audit: AuditSink
