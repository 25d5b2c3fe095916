"""Server-side sessions: the studio's, the ones of each app origin, and the one-time codes that carry a sign-in across.

A browser holds nothing but random 256-bit ids; the store holds their SHA-256. Limits follow OWASP ASVS 5.0 V7: idle
30 minutes, absolute 10 hours, a new id at every sign-in. Using an app counts as use of the studio session it came
from, and everything that came from one sign-in is revoked together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.identity.oidc import PENDING_LIFETIME, PendingSignIn, SignedIn
from appliance.identity.return_url import safe_return_url
from appliance.identity.store import Entry, SessionStore

if TYPE_CHECKING:
    from appliance.core.clock import Clock

CODE_LIFETIME: Final = timedelta(seconds=60)
# "Last seen" is written at most this often: a write per request would cost more than the minute of precision gives.
_TOUCH_INTERVAL_SECONDS: Final = 60.0
_MAX_SECRET: Final = 128
MAX_PENDING: Final = 10_000


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives without use, and at most."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=10)


@dataclass(frozen=True)
class Session:
    """A person's session in the studio. ``id`` is the cookie's secret; ``key`` names the session in logs, harmlessly.

    ``csrf_token`` goes into forms and is compared with :meth:`Sessions.csrf_matches`.
    """

    id: str = field(repr=False)
    key: str
    person: Person
    groups: frozenset[str]
    csrf_token: str = field(repr=False)
    signed_in_at: datetime
    expires_at: datetime
    id_token: str = field(repr=False)


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
        handle = _new_secret()
        content = {
            "state": pending.state,
            "nonce": pending.nonce,
            "code_verifier": pending.code_verifier,
            "return_to": pending.return_to,
            "issuer": pending.issuer,
            "created_at": pending.created_at.timestamp(),
        }
        deadline = pending.created_at.timestamp() + PENDING_LIFETIME.total_seconds()
        self._store.put(Entry("pending", _digest(handle), "", "", json.dumps(content), now, now, deadline))
        return handle

    def take(self, handle: str) -> PendingSignIn | None:
        """Give it back once; None when it is unknown, used or older than 10 minutes."""
        entry = self._store.take("pending", _digest(handle))
        if entry is None or entry.deadline <= self._clock.now().timestamp():
            return None
        content = json.loads(entry.content)
        created_at = datetime.fromtimestamp(content.pop("created_at"), UTC)
        return PendingSignIn(**content, created_at=created_at)


class Sessions:
    """Studio sessions."""

    def __init__(self, store: SessionStore, clock: Clock, limits: SessionLimits | None = None) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or SessionLimits()

    def create(self, signed_in: SignedIn, *, replaces: str | None = None) -> Session:
        """Start a session at sign-in. ``replaces`` is the id the browser held before; it is revoked, never reused.

        Raises:
            SessionStoreError: the store cannot be written.
        """
        now = self._clock.now().timestamp()
        self._store.delete_expired(now)
        if replaces is not None:
            self.revoke(replaces)
        secret = _new_secret()
        content = {
            **_person_content(signed_in.person, signed_in.groups),
            "id_token": signed_in.id_token,
        }
        entry = Entry(
            "studio",
            _digest(secret),
            new_id("sess"),
            signed_in.person.subject,
            json.dumps(content),
            now,
            now,
            now + self._limits.absolute.total_seconds(),
        )
        self._store.put(entry)
        return self._session(secret, entry)

    def get(self, session_id: str) -> Session | None:
        """The live session behind a cookie, or None. Counts as use."""
        entry = self._live(self._store.get("studio", _digest(session_id)))
        return None if entry is None else self._session(session_id, entry)

    def is_live(self, key: str) -> bool:
        """Whether the session named ``key`` still lives. Counts as use (an app of that sign-in is being used)."""
        return self._live(self._store.find_family("studio", key)) is not None

    def rotate(self, session_id: str) -> Session | None:
        """Give the session a new id (at any change of privilege); the old one stops working at once."""
        entry = self._live(self._store.get("studio", _digest(session_id)))
        secret = _new_secret()
        if entry is None or not self._store.replace_digest("studio", entry.digest, _digest(secret)):
            return None
        return self._session(secret, entry)

    def revoke(self, session_id: str) -> bool:
        """End the session and every app session that came from it; False if there was none."""
        entry = self._store.get("studio", _digest(session_id))
        return entry is not None and self._store.delete_family(entry.family) > 0

    def revoke_person(self, subject: str) -> int:
        """End everything of a person (logout by an administrator or the provider); returns how many rows."""
        return self._store.delete_subject(subject)

    @staticmethod
    def csrf_matches(session: Session, token: str) -> bool:
        """Whether a form came from a page of this session (constant time)."""
        return hmac.compare_digest(session.csrf_token.encode(), token.encode())

    def _live(self, entry: Entry | None) -> Entry | None:
        if entry is None:
            return None
        now = self._clock.now().timestamp()
        if now >= entry.deadline or now - entry.seen >= self._limits.idle.total_seconds():
            self._store.delete_family(entry.family)
            return None
        if now - entry.seen >= _TOUCH_INTERVAL_SECONDS:
            self._store.touch("studio", entry.digest, now)
        return entry

    @staticmethod
    def _session(secret: str, entry: Entry) -> Session:
        content = json.loads(entry.content)
        person, groups = _person_from(content)
        return Session(
            id=secret,
            key=entry.family,
            person=person,
            groups=groups,
            csrf_token=_csrf_token(secret),
            signed_in_at=datetime.fromtimestamp(entry.created, UTC),
            expires_at=datetime.fromtimestamp(entry.deadline, UTC),
            id_token=content["id_token"],
        )


class AppSessions:
    """Sessions on app origins. A cookie of one origin never reaches another, so each app gets its own session."""

    def __init__(self, store: SessionStore, sessions: Sessions, clock: Clock) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock

    def issue_code(self, session: Session, *, host: str, path: str, view_as: str | None = None) -> str:
        """A one-time code that opens ``path`` on ``host`` (as in the Host header) for this person, within 60 seconds.

        ``view_as`` limits the app session to one role of the app; whether the person may ask for it is the caller's
        decision.

        Raises:
            ReturnUrlRefused: ``path`` is not a plain path.
            SessionStoreError: the store cannot be written.
        """
        now = self._clock.now().timestamp()
        content = {
            **_person_content(session.person, session.groups),
            "host": host.lower(),
            "path": safe_return_url(path),
            "view_as": view_as,
            "expires_at": session.expires_at.timestamp(),
        }
        code = _new_secret()
        deadline = now + CODE_LIFETIME.total_seconds()
        subject = session.person.subject
        self._store.put(Entry("code", _digest(code), session.key, subject, json.dumps(content), now, now, deadline))
        return code

    def redeem(self, code: str, *, host: str, path: str) -> AppSession | None:
        """Turn a code into a session of this origin, once. None: unknown, used, expired, or for another host or path.

        A code that is presented to the wrong place is spent all the same.
        """
        entry = self._store.take("code", _digest(code))
        now = self._clock.now().timestamp()
        if entry is None or entry.deadline <= now:
            return None
        content = json.loads(entry.content)
        if content["host"] != host.lower() or content["path"] != path or not self._sessions.is_live(entry.family):
            return None
        secret = _new_secret()
        app = Entry("app", _digest(secret), entry.family, entry.subject, entry.content, now, now, content["expires_at"])
        self._store.put(app)
        return _app_session(secret, app)

    def get(self, app_session_id: str, *, host: str) -> AppSession | None:
        """The live session behind a cookie of this origin, or None. Counts as use of the studio session behind it."""
        entry = self._store.get("app", _digest(app_session_id))
        if entry is None or entry.deadline <= self._clock.now().timestamp():
            return None
        found = _app_session(app_session_id, entry)
        if found.host != host.lower() or not self._sessions.is_live(entry.family):
            return None
        return found

    def revoke(self, app_session_id: str) -> bool:
        """End this origin's session only; False if there was none."""
        return self._store.take("app", _digest(app_session_id)) is not None


def _app_session(secret: str, entry: Entry) -> AppSession:
    content = json.loads(entry.content)
    person, groups = _person_from(content)
    return AppSession(
        id=secret,
        session_key=entry.family,
        host=content["host"],
        person=person,
        groups=groups,
        view_as=content["view_as"],
        expires_at=datetime.fromtimestamp(entry.deadline, UTC),
    )


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _digest(secret: str) -> bytes:
    # Longer than anything issued: the digest of a truncation cannot match, and hashing stays cheap.
    return hashlib.sha256(secret[:_MAX_SECRET].encode("utf-8", "surrogatepass")).digest()


def _csrf_token(secret: str) -> str:
    mac = hmac.new(secret.encode(), b"intramural csrf v1", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def _person_content(person: Person, groups: frozenset[str]) -> dict[str, object]:
    return {"subject": person.subject, "name": person.name, "email": person.email, "groups": sorted(groups)}


def _person_from(content: Mapping[str, object]) -> tuple[Person, frozenset[str]]:
    person = Person(subject=str(content["subject"]), name=str(content["name"]), email=str(content["email"]))
    groups = content["groups"]
    return person, frozenset(str(group) for group in groups) if isinstance(groups, list) else frozenset()
