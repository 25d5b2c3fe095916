"""Tokens that nobody checks, for apps that do not read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.core.ports import Person


@dataclass(frozen=True)
class PlainTokens:
    """Implements ``ports.AppTokenIssuer``."""

    jwks: str = '{"keys": []}'
    issuer: str = "tests"

    def issue(self, *, audience: str, person: Person, roles: Sequence[str]) -> str:
        return f"{audience}.{person.subject}.{'-'.join(roles)}"
