"""What a verification says: checks in plain words, and for each that failed a finding that can be acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from appliance.core.errors import IntramuralError


class Stage(StrEnum):
    """The parts of a verification, in order. ``CONTRACT``: the API's operations; ``OWN``: the maker's checks;
    ``RESTART``: what is still true after one."""

    BUILD = "build"
    BOOT = "boot"
    PAGES = "pages"
    ACCEPTANCE = "acceptance"
    CONTRACT = "contract"
    OWN = "own"
    RESTART = "restart"


@dataclass(frozen=True)
class Check:
    """One thing that was tried. ``title`` is a statement that a maker can read, true when ``passed``."""

    stage: Stage
    title: str
    passed: bool
    seconds: float
    role: str = ""


@dataclass(frozen=True)
class Finding:
    """Why a check failed.

    ``message`` says what the maker will notice, ``detail`` what happened technically, ``file`` (relative to the
    project) where; ``subject`` is the entity, page or role concerned, by its name in the blueprint.
    """

    code: str
    stage: Stage
    title: str
    message: str
    detail: str = ""
    file: str = ""
    subject: str = ""
    role: str = ""

    @property
    def signature(self) -> tuple[str, str, str, str]:
        """Equal for the same trouble in two verifications: repair stops when one comes back."""
        return (self.code, self.subject, self.role, self.title)


@dataclass(frozen=True)
class Verification:
    """The verdict. ``passed`` only if every stage was reached and nothing was found; ``stages`` are seconds."""

    passed: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    stages: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", MappingProxyType(dict(self.stages)))


class CheckFailed(IntramuralError):  # noqa: N818
    """Raised inside a check; becomes a :class:`Finding` and never leaves the verifier."""

    code = "check_failed"
    ends_everything = False

    def __init__(self, kind: str, message: str, *, detail: str = "", file: str = "") -> None:
        super().__init__(message, cause=detail)
        self.kind = kind
        self.file = file


class AppGone(CheckFailed):
    """The app does not answer any more, or time is up: nothing further can be tried."""

    ends_everything = True


class CannotTry(IntramuralError):  # noqa: N818
    """A check has no meaning for this blueprint (for example, no value is left for a unique choice)."""

    code = "cannot_try"
