"""Sessions on app origins, and the one-time codes that carry a sign-in from the studio to such an origin."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.identity.handles import digest, new_secret
from appliance.identity.return_url import safe_return_url
from appliance.identity.store import Entry, SessionStore

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.core.ports import Person
    from appliance.identity.sessions import Session, Sessions, Whose

CODE_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class AppSession:
    """A person's session on the origin of one app. ``view_as``, where set, is the one role to show the app as."""

    id: str = field(repr=False)
    session_key: str
    host: str
    person: Person
    groups: frozenset[str]
    view_as: str | None
    expires_at: datetime


class AppSessions:
    """Sessions on app origins. A cookie of one origin never reaches another, so each app gets its own session."""

    def __init__(self, store: SessionStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    def issue_code(self, session: Session, *, host: str, path: str, binding: str, view_as: str | None = None) -> str:
        """A one-time code that opens ``path`` on ``host`` (as in the Host header) for this person, within 60 seconds.

        ``binding`` is what :func:`bind` made of the secret that the redeeming browser holds on that host: a link with
        somebody else's code signs nobody in as that person (login CSRF).

        ``view_as`` limits the app session to one role of the app; whether the person may ask for it is the caller's
        decision.

        Raises:
            ReturnUrlRefused: ``path`` is not a plain path.
            SessionStoreError: the store cannot be written.
        """
        now = self._clock.now().timestamp()
        content = {
            "host": host.lower(),
            "binding": binding,
            "path": safe_return_url(path),
            "view_as": view_as,
            "expires_at": session.expires_at.timestamp(),
        }
        code = new_secret()
        deadline = now + CODE_LIFETIME.total_seconds()
        subject = session.person.subject
        self._store.put(Entry("code", digest(code), session.key, subject, json.dumps(content), now, now, deadline))
        return code

    def redeem(self, code: str, *, host: str, path: str, browser: str) -> AppSession | None:
        """Turn a code into a session of this origin, once. None: unknown, used, expired, or for another host, path or
        browser; ``browser`` is the secret that this one holds.

        A code that is presented to the wrong place is spent all the same.
        """
        entry = self._store.take("code", digest(code))
        now = self._clock.now().timestamp()
        if entry is None or entry.deadline <= now:
            return None
        content = json.loads(entry.content)
        right = hmac.compare_digest(content["binding"].encode(), bind(browser).encode())
        whose = self._sessions.live(entry.family)
        if content["host"] != host.lower() or content["path"] != path or not right or whose is None:
            return None
        secret = new_secret()
        app = Entry("app", digest(secret), entry.family, entry.subject, entry.content, now, now, content["expires_at"])
        self._store.put(app)
        return _app_session(secret, app, whose)

    def get(self, app_session_id: str, *, host: str) -> AppSession | None:
        """The live session behind a cookie of this origin, or None. Counts as use of the studio session behind it."""
        entry = self._store.get("app", digest(app_session_id))
        if entry is None or entry.deadline <= self._clock.now().timestamp():
            return None
        whose = self._sessions.live(entry.family)
        if whose is None or json.loads(entry.content)["host"] != host.lower():
            return None
        return _app_session(app_session_id, entry, whose)

    def revoke(self, app_session_id: str) -> bool:
        """End this origin's session only; False if there was none."""
        return self._store.take("app", digest(app_session_id)) is not None


def bind(browser: str) -> str:
    """What may be told of a browser's secret, so that a code can be made for that browser only."""
    return base64.urlsafe_b64encode(digest(browser)).rstrip(b"=").decode("ascii")


def _app_session(secret: str, entry: Entry, whose: Whose) -> AppSession:
    content = json.loads(entry.content)
    return AppSession(
        id=secret,
        session_key=entry.family,
        host=content["host"],
        person=whose.person,
        groups=whose.groups,
        view_as=content["view_as"],
        expires_at=datetime.fromtimestamp(entry.deadline, UTC),
    )
