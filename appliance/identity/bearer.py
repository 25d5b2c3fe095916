"""From an access token of the provider to the person, or the service account, who presents it.

The provider is asked for its keys only; a token lives five minutes, and what ends before is seen by the store of ended
sessions (back-channel logout) and by the directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.identity.access_token import ExpectedAccess, access_hint, validate_access_token
from appliance.identity.errors import BearerRefused
from appliance.identity.id_token import TokenRefused
from appliance.identity.sign_in import person_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.core.clock import Clock
    from appliance.core.ports import Person
    from appliance.identity.oidc import RelyingParty

API_AUDIENCE: Final = "intramural-api"


class BearerTokens:
    """Checks access tokens. ``ended`` says whether a session at the provider, or a person, is known to have ended."""

    def __init__(
        self,
        party: RelyingParty,
        clients: frozenset[str],
        clock: Clock,
        *,
        ended: Callable[[str, str], bool] = lambda _sid, _subject: False,
    ) -> None:
        self._party = party
        self._clients = clients
        self._clock = clock
        self._ended = ended

    async def authenticate(self, token: str) -> tuple[Person, frozenset[str], str]:
        """Whom it names, their groups, and the session at the provider it comes from.

        Raises:
            BearerRefused: a check failed.
            IssuerUnavailable: the provider's keys cannot be had.
        """
        config = self._party.config
        try:
            keys = await self._party.keys.keys_for(access_hint(token))
            expected = ExpectedAccess(config.issuer, API_AUDIENCE, self._clients, config.leeway_seconds)
            claims = validate_access_token(token, keys, expected, self._clock.now())
        except TokenRefused as error:
            raise _refused(error.reason) from error
        groups = claims.get(config.groups_claim, [])
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise _refused(f"the claim {config.groups_claim!r} is not a list of names")
        sid = claims.get("sid")
        session = sid if isinstance(sid, str) else ""
        if self._ended(session, str(claims["sub"])):
            raise _refused("the sign-in that it comes from has ended")
        return person_of(claims), frozenset(groups), session


def _refused(cause: str) -> BearerRefused:
    message = "This access token is not accepted."
    return BearerRefused(message, cause=cause, action="Sign in again with `intramural login`, or get a new token.")
