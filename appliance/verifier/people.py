"""The people who try an app out: two of each role, its owner, and somebody with a forged pass."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from appliance.blueprint.model import OWNER
from appliance.blueprint.naming import slug
from appliance.core.ports import AppTokenIssuer, Person

AUDIENCE: Final = "verifier"
_FRESH_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Actor:
    """A person in one role."""

    person: Person
    role: str


def actor(role: str, number: int = 1) -> Actor:
    """The ``number``-th person of ``role``; the same arguments give the same person."""
    label = "owner" if role == OWNER else slug(role)
    name = f"{'Owner' if role == OWNER else role} {number}"
    return Actor(Person(f"verifier-{label}-{number}", name, f"verifier-{label}-{number}@example.org"), role)


@dataclass
class Passes:
    """Identity tokens, renewed before they run out."""

    tokens: AppTokenIssuer
    _held: dict[Actor, tuple[float, str]] = field(default_factory=dict)

    def for_actor(self, who: Actor) -> str:
        """A valid token for this app."""
        issued, token = self._held.get(who, (0.0, ""))
        if not token or time.monotonic() - issued > _FRESH_SECONDS:
            token = self.tokens.issue(audience=AUDIENCE, person=who.person, roles=[who.role])
            self._held[who] = (time.monotonic(), token)
        return token

    def for_another_app(self, who: Actor) -> str:
        """A genuine token that is meant for a different app."""
        return self.tokens.issue(audience=f"{AUDIENCE}-other", person=who.person, roles=[who.role])

    def forged(self, who: Actor) -> str:
        """A token whose signature does not fit."""
        head, body, signature = self.for_actor(who).split(".")
        return f"{head}.{body}.{signature[::-1]}"
