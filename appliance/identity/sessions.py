"""Server-side sessions of the studio.

A browser holds nothing but random 256-bit ids; the store holds their SHA-256. Limits follow OWASP ASVS 5.0 V7: idle
30 minutes, absolute 10 hours, a new id at every sign-in and step-up. Using an app counts as use of the studio session
it came from, and everything that came from one sign-in is revoked together.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.ids import new_id
from appliance.identity.assurance import Assurance
from appliance.identity.errors import SessionEnded
from appliance.identity.handles import digest, new_secret, person_content, person_from
from appliance.identity.seal import TokenSeal
from appliance.identity.store import Entry, SessionStore

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.core.ports import Person
    from appliance.identity.logout_token import Logout
    from appliance.identity.sign_in import SignedIn

# "Last seen" is written at most this often: a write per request would cost more than the minute of precision gives.
_TOUCH_INTERVAL_SECONDS: Final = 60.0
_RENEWING_SECONDS: Final = 15.0
_TRIES: Final = 5
_ENDED_SECONDS: Final = 12 * 3600.0


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives without use, and at most."""

    idle: timedelta = timedelta(minutes=30)
    absolute: timedelta = timedelta(hours=10)


@dataclass(frozen=True)
class Session:
    """A person's session in the studio. ``id`` is the cookie's secret; ``key`` names the session in logs, harmlessly.

    ``csrf_token`` goes into forms and is compared with :meth:`Sessions.csrf_matches`. ``checked_at`` is when the
    provider last stood by it; ``renewable`` says that it can be asked again.
    """

    id: str = field(repr=False)
    key: str
    person: Person
    groups: frozenset[str]
    csrf_token: str = field(repr=False)
    signed_in_at: datetime
    expires_at: datetime
    id_token: str = field(repr=False)
    assurance: Assurance
    checked_at: datetime
    renewable: bool = False


@dataclass(frozen=True)
class Whose:
    """Who is behind a live session, for those who know its name only."""

    key: str
    person: Person
    groups: frozenset[str]
    checked_at: datetime
    renewable: bool


class Sessions:
    """Studio sessions. ``seal`` keeps the provider's tokens; without one they are lost with the process."""

    def __init__(
        self, store: SessionStore, clock: Clock, limits: SessionLimits | None = None, *, seal: TokenSeal | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits or SessionLimits()
        self._seal = seal or TokenSeal.of_this_process()

    def create(self, signed_in: SignedIn, *, replaces: str | None = None) -> Session:
        """Start a session at sign-in. ``replaces`` is the id the browser held before; it is revoked, never reused.

        Raises:
            SessionEnded: the provider has ended this sign-in already.
            SessionStoreError: the store cannot be written.
        """
        now = self._clock.now().timestamp()
        self._store.delete_expired(now)
        if replaces is not None:
            self.revoke(replaces)
        self._require_standing(signed_in)
        secret, family = new_secret(), new_id("sess")
        content = json.dumps(self._content(signed_in, family, now))
        subject = signed_in.person.subject
        deadline = now + self._limits.absolute.total_seconds()
        entry = Entry("studio", digest(secret), family, subject, content, now, now, deadline)
        self._store.put(entry)
        if signed_in.provider_session:
            self._store.bind(family, signed_in.provider_session)
        return self._session(secret, entry)

    def strengthen(self, session_id: str, signed_in: SignedIn) -> Session | None:
        """The same session after a step-up: a new id, the new proof, the same apps and the same absolute end.

        None when it has ended meanwhile, or is somebody else's.
        """
        entry = self._live(self._store.get("studio", digest(session_id)))
        if entry is None or entry.subject != signed_in.person.subject:
            return None
        self._require_standing(signed_in)
        content = json.dumps(self._content(signed_in, entry.family, self._clock.now().timestamp()))
        secret = new_secret()
        if not self._store.replace_digest("studio", entry.digest, digest(secret)):
            return None
        for _ in range(_TRIES):  # a renewal may write in between
            standing = self._store.find_family("studio", entry.family)
            if standing is None or self._store.swap("studio", entry.family, standing.content, content):
                break
        if signed_in.provider_session:
            self._store.bind(entry.family, signed_in.provider_session)
        return self.get(secret)

    def get(self, session_id: str) -> Session | None:
        """The live session behind a cookie, or None. Counts as use."""
        entry = self._live(self._store.get("studio", digest(session_id)))
        return None if entry is None else self._session(session_id, entry)

    def live(self, key: str) -> Whose | None:
        """Who is behind the live session named ``key``. Counts as use (an app of that sign-in is being used)."""
        entry = self._live(self._store.find_family("studio", key))
        return None if entry is None else self._whose(entry)

    def stands(self, key: str) -> bool:
        """Whether the session named ``key`` still lives. Does not count as use: a page that only listens is idle."""
        entry = self._store.find_family("studio", key)
        return entry is not None and not self._over(entry)

    def rotate(self, session_id: str) -> Session | None:
        """Give the session a new id (at any change of privilege); the old one stops working at once."""
        entry = self._live(self._store.get("studio", digest(session_id)))
        secret = new_secret()
        if entry is None or not self._store.replace_digest("studio", entry.digest, digest(secret)):
            return None
        return self._session(secret, entry)

    # --- renewal ------------------------------------------------------------------------------------------------

    def claim_renewal(self, key: str) -> str | None:
        """The refresh token of a session, for one caller at a time among all who share the store; None: not now.

        Empty when it cannot be read any more, because the key that sealed it is gone.
        """
        entry = self._store.find_family("studio", key)
        if entry is None or self._over(entry):
            return None
        content = json.loads(entry.content)
        now = self._clock.now().timestamp()
        if content.get("renewing", 0.0) > now:
            return None
        token = self._seal.open(content["sealed"], session=key).get("refresh_token", "")
        claimed = json.dumps({**content, "renewing": now + _RENEWING_SECONDS})
        return token if self._store.swap("studio", key, entry.content, claimed) else None

    def renewed(self, key: str, fresh: SignedIn) -> Whose | None:
        """Keep what the provider answered; None when the session has ended meanwhile."""
        entry = self._store.find_family("studio", key)
        if entry is None:
            return None
        before = json.loads(entry.content)
        content = self._content(fresh, key, self._clock.now().timestamp())
        # A refresh proves nothing about the person anew (Core §12.2: auth_time stays that of the sign-in).
        content["acr"], content["auth_time"] = before["acr"], before["auth_time"]
        self._store.swap("studio", key, entry.content, json.dumps(content))
        entry = self._store.find_family("studio", key)
        return None if entry is None else self._whose(entry)

    def release_renewal(self, key: str) -> None:
        """Give a claim back unused: the provider did not answer."""
        entry = self._store.find_family("studio", key)
        if entry is not None:
            content = json.loads(entry.content)
            content.pop("renewing", None)
            self._store.swap("studio", key, entry.content, json.dumps(content))

    # --- ends ---------------------------------------------------------------------------------------------------

    def revoke(self, session_id: str) -> bool:
        """End the session and every app session that came from it; False if there was none."""
        entry = self._store.get("studio", digest(session_id))
        return entry is not None and self._store.delete_family(entry.family) > 0

    def revoke_key(self, key: str) -> bool:
        """The same by the session's name."""
        return self._store.delete_family(key) > 0

    def revoke_person(self, subject: str) -> int:
        """End everything of a person (logout by an administrator or the provider); returns how many rows."""
        return self._store.delete_subject(subject)

    def end(self, logout: Logout) -> list[str] | None:
        """Carry out what the provider said: the names of the sessions that ended; None: it was said before.

        A sign-in with the same session at the provider that comes in later, late or replayed, is refused.
        """
        now = self._clock.now().timestamp()
        if not self._store.once(f"jti:{logout.token_id}", now, now + _ENDED_SECONDS):
            return None
        if logout.sid:
            self._store.once(f"sid:{logout.sid}", now, now + _ENDED_SECONDS)
            ended = self._store.families_of(logout.sid)
        else:
            ended = self._store.families_of_subject("studio", logout.subject)
        return [family for family in ended if self._store.delete_family(family)]

    def of_person(self, subject: str) -> list[str]:
        """The names of a person's sessions."""
        return self._store.families_of_subject("studio", subject)

    @staticmethod
    def csrf_matches(session: Session, token: str) -> bool:
        """Whether a form came from a page of this session (constant time)."""
        return hmac.compare_digest(session.csrf_token.encode(), token.encode())

    def _require_standing(self, signed_in: SignedIn) -> None:
        sid = signed_in.provider_session
        if sid and self._store.used(f"sid:{sid}"):
            message = "This sign-in has been ended already."
            raise SessionEnded(message, cause="its session at the provider was signed out", action="Sign in again.")

    def _content(self, signed_in: SignedIn, family: str, now: float) -> dict[str, object]:
        tokens = {"id_token": signed_in.id_token, "refresh_token": signed_in.refresh_token}
        return {
            **person_content(signed_in.person, signed_in.groups),
            "acr": signed_in.acr,
            "auth_time": now if signed_in.authenticated_at is None else signed_in.authenticated_at,
            "checked": now,
            "renewable": bool(signed_in.refresh_token),
            "sealed": self._seal.seal(tokens, session=family),
        }

    def _over(self, entry: Entry) -> bool:
        now = self._clock.now().timestamp()
        return now >= entry.deadline or now - entry.seen >= self._limits.idle.total_seconds()

    def _live(self, entry: Entry | None) -> Entry | None:
        if entry is None:
            return None
        if self._over(entry):
            self._store.delete_family(entry.family)
            return None
        now = self._clock.now().timestamp()
        if now - entry.seen >= _TOUCH_INTERVAL_SECONDS:
            self._store.touch("studio", entry.digest, now)
        return entry

    @staticmethod
    def _whose(entry: Entry) -> Whose:
        content = json.loads(entry.content)
        person, groups = person_from(content)
        checked = datetime.fromtimestamp(content.get("checked", entry.created), UTC)
        return Whose(entry.family, person, groups, checked, bool(content.get("renewable")))

    def _session(self, secret: str, entry: Entry) -> Session:
        content = json.loads(entry.content)
        whose = self._whose(entry)
        tokens = self._seal.open(content["sealed"], session=entry.family) if "sealed" in content else {}
        proved = datetime.fromtimestamp(content.get("auth_time", entry.created), UTC)
        return Session(
            id=secret,
            key=entry.family,
            person=whose.person,
            groups=whose.groups,
            csrf_token=_csrf_token(secret),
            signed_in_at=datetime.fromtimestamp(entry.created, UTC),
            expires_at=datetime.fromtimestamp(entry.deadline, UTC),
            id_token=tokens.get("id_token", ""),
            assurance=Assurance(content.get("acr", ""), proved),
            checked_at=whose.checked_at,
            renewable=whose.renewable,
        )


def _csrf_token(secret: str) -> str:
    mac = hmac.new(secret.encode(), b"intramural csrf v1", hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")
