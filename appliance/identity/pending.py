"""Sign-ins on their way to the provider and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.identity.handles import digest, new_secret
from appliance.identity.sign_in import PendingSignIn
from appliance.identity.store import Entry, SessionStore

if TYPE_CHECKING:
    from appliance.core.clock import Clock

PENDING_LIFETIME: Final = timedelta(minutes=10)
MAX_PENDING: Final = 10_000


class PendingSignIns:
    """Sign-ins on their way to the provider and back, kept on the server under a handle for the browser's cookie."""

    def __init__(self, store: SessionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def put(self, pending: PendingSignIn) -> str:
        """Keep it for 10 minutes; returns the secret handle to put into a cookie. The oldest go when 10,000 wait.

        Raises:
            SessionStoreError: the store cannot be written.
        """
        now = self._clock.now().timestamp()
        self._store.delete_expired(now)
        self._store.trim("pending", MAX_PENDING)
        handle = new_secret()
        content = {
            "state": pending.state,
            "nonce": pending.nonce,
            "code_verifier": pending.code_verifier,
            "return_to": pending.return_to,
            "issuer": pending.issuer,
            "created_at": pending.created_at.timestamp(),
            "acr": pending.acr,
            "max_age_seconds": pending.max_age_seconds,
            "subject": pending.subject,
        }
        deadline = pending.created_at.timestamp() + PENDING_LIFETIME.total_seconds()
        self._store.put(Entry("pending", digest(handle), "", "", json.dumps(content), now, now, deadline))
        return handle

    def take(self, handle: str) -> PendingSignIn | None:
        """Give it back once; None when it is unknown, used or older than 10 minutes."""
        entry = self._store.take("pending", digest(handle))
        if entry is None or entry.deadline <= self._clock.now().timestamp():
            return None
        content = json.loads(entry.content)
        created_at = datetime.fromtimestamp(content.pop("created_at"), UTC)
        return PendingSignIn(**content, created_at=created_at)
