"""Whether the provider still stands by a session: asked again while it is used, at most every ``every``.

The refresh token is spent by each use and replaced (rotation); one that was stolen and used elsewhere makes the next
refresh fail, and with it the session. Somebody who was disabled, deleted or signed out by an administrator is out after
``every`` at the latest, in the studio and in every app. While the provider does not answer, sessions go on for
``outage`` and are refused after that, not ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.events import Event, Outcome
from appliance.identity.errors import IssuerUnavailable, SessionEnded

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.identity.oidc import RelyingParty
    from appliance.identity.sessions import Sessions, Whose
    from appliance.identity.sign_in import SignedIn

MAX_AT_ONCE: Final = 16


@dataclass(frozen=True)
class RenewalLimits:
    """How often the provider is asked, and how long it may be away."""

    every: timedelta = timedelta(seconds=45)
    outage: timedelta = timedelta(minutes=15)


class Renewals:
    """Keeps sessions true. Safe for the tasks of one event loop, and for several processes on one store."""

    def __init__(
        self, party: RelyingParty, sessions: Sessions, audit: AuditSink, clock: Clock, limits: RenewalLimits
    ) -> None:
        self._party = party
        self._sessions = sessions
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._gate = asyncio.Semaphore(MAX_AT_ONCE)

    def due(self, whose: Whose) -> bool:
        """Whether the provider should be asked before this session is used."""
        return whose.renewable and self._clock.now() - whose.checked_at >= self._limits.every

    async def current(self, whose: Whose, *, force: bool = False) -> Whose:
        """The session as the provider sees it now, or as it was seen less than ``every`` ago.

        Raises:
            SessionEnded: the provider does not stand by it; it is gone here too.
            IssuerUnavailable: the provider has not answered for longer than ``outage``.
        """
        if not force and not self.due(whose):
            return whose
        token = self._sessions.claim_renewal(whose.key)
        if token is None:
            self._require_recent(whose, "another request asks for it")
            return whose
        try:
            fresh = await self._asked(token, whose)
        except SessionEnded as error:
            await asyncio.to_thread(self._end, whose, error.cause)
            raise
        except IssuerUnavailable as error:
            self._sessions.release_renewal(whose.key)
            self._require_recent(whose, error.cause)
            return whose
        renewed = self._sessions.renewed(whose.key, fresh)
        if renewed is None:
            message = "Your session has ended."
            raise SessionEnded(message, cause="it was ended while it was renewed", action="Sign in again.")
        if renewed.groups != whose.groups:
            await asyncio.to_thread(self._tell_groups, whose, renewed)
        return renewed

    async def recheck_person(self, subject: str) -> None:
        """Ask the provider about every session of a person now.

        Keycloak names one session when an administrator ends all of them (keycloak/keycloak#49576); so whatever of
        the person is left proves itself before it goes on.
        """

        async def check(key: str) -> None:
            whose = self._sessions.live(key)
            if whose is not None and whose.renewable:
                try:
                    await self.current(whose, force=True)
                except (SessionEnded, IssuerUnavailable):
                    return

        await asyncio.gather(*(check(key) for key in self._sessions.of_person(subject)))

    async def _asked(self, token: str, whose: Whose) -> SignedIn:
        if not token:
            message = "Your sign-in cannot be checked any more."
            raise SessionEnded(message, cause="its tokens were sealed under another key", action="Sign in again.")
        async with self._gate:
            return await self._party.refresh(token, whose.person.subject)

    def _require_recent(self, whose: Whose, cause: str) -> None:
        if self._clock.now() - whose.checked_at > self._limits.every + self._limits.outage:
            message = "Your company's sign-in service has not answered for a while, so nothing can be done here now."
            raise IssuerUnavailable(message, cause=cause, action="Try again in a minute; your session is kept.")

    def _end(self, whose: Whose, cause: str) -> None:
        details = {"session": whose.key, "reason": cause or "not said"}
        principal = f"user:{whose.person.subject}"
        intent = self._audit.intent(
            Event.SESSION_ENDED, principal=principal, resource="studio", details={**details, "by": "provider"}
        )
        self._sessions.revoke_key(whose.key)
        self._audit.outcome(intent, Outcome.DONE)

    def _tell_groups(self, before: Whose, after: Whose) -> None:
        details = {
            "session": after.key,
            "added": sorted(after.groups - before.groups),
            "removed": sorted(before.groups - after.groups),
        }
        principal = f"user:{after.person.subject}"
        intent = self._audit.intent(Event.GROUPS_CHANGED, principal=principal, resource="studio", details=details)
        self._audit.outcome(intent, Outcome.DONE)
