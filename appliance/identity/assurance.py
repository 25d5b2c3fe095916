"""How sure the provider was of who is at the keyboard, and what an act may ask of that: a reusable requirement.

Sources: OpenID Connect Core 1.0 §2 (``acr``, ``auth_time``), RFC 9470 (step-up authentication).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Assurance:
    """What a sign-in is worth: the provider's ``acr``, and when the person last proved who they are."""

    acr: str
    at: datetime

    def age(self, now: datetime) -> timedelta:
        """How long ago that was."""
        return max(timedelta(0), now - self.at)


@dataclass(frozen=True)
class StepUp:
    """What an act asks for: this ``acr`` (empty: any), not longer ago than ``max_age``."""

    acr: str
    max_age: timedelta

    def met_by(self, assurance: Assurance, now: datetime) -> bool:
        """Whether the sign-in is good enough for it now."""
        return (not self.acr or assurance.acr == self.acr) and assurance.age(now) <= self.max_age
