"""Who is asking: the front door's signed header, or, alone, a local sign-in."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, or_, select

from .access import OWNER
from .records import Person, attribute, now

if TYPE_CHECKING:
    from sqlmodel import Session

    from .security import Signer
    from .settings import Settings

HEADER: Final = "x-intramural-identity"
COOKIE: Final = "app_session"
PUBLIC: Final = "@public"
"""The role of whoever is let through to a kiosk without a session; it opens nothing else."""
SESSION_SECONDS: Final = 12 * 3600
LEEWAY_SECONDS: Final = 5
LIFETIME_SECONDS: Final = 60
SEEN_SECONDS: Final = 3600


class NotIdentified(Exception):  # noqa: N818
    """No valid identity came with the request."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of the person from outside. ``subject`` is stable and unique at the issuer."""

    subject: str
    name: str
    email: str
    roles: frozenset[str]


class HeaderIdentity:
    """Verifies the ``X-Intramural-Identity`` token: EdDSA, known key, issuer and audience; lives a minute."""

    def __init__(self, settings: Settings) -> None:
        import jwt  # noqa: PLC0415 - only needed behind a front door

        self._decode = jwt.decode
        self._header = jwt.get_unverified_header
        self._errors = (jwt.PyJWTError, ValueError, TypeError)
        self._keys = {key.key_id: key.key for key in jwt.PyJWKSet.from_json(settings.identity_jwks).keys}
        self._issuer = settings.identity_issuer
        self._audience = settings.identity_audience

    def identify(self, token: str) -> Identity:
        """The person that the token names.

        Raises:
            NotIdentified: the token is missing, forged, expired, or for somebody else.
        """
        try:
            key = self._keys[self._header(token)["kid"]]
            claims: dict[str, Any] = self._decode(
                token,
                key,
                algorithms=["EdDSA"],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "aud", "iat", "exp", "sub"]},
            )
        except (*self._errors, KeyError) as error:
            raise NotIdentified(type(error).__name__) from error
        if claims["exp"] - claims["iat"] > LIFETIME_SECONDS or not claims["sub"]:
            raise NotIdentified("the token lives too long or names nobody")
        roles = claims.get("roles", [])
        return Identity(
            subject=str(claims["sub"]),
            name=str(claims.get("name", "")),
            email=str(claims.get("email", "")).strip(),
            roles=frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset(),
        )


class LocalIdentity:
    """Sign-in of an app that runs alone: whoever has the one-time link printed at start is its owner."""

    OWNER: Final = Identity("local:owner", "Owner", "owner@localhost", frozenset({OWNER}))

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.code = secrets.token_urlsafe(24)

    def redeem(self, code: str) -> str:
        """The session cookie for the one-time code; the code is spent.

        Raises:
            NotIdentified: the code is wrong or was used already.
        """
        if not self.code or not secrets.compare_digest(code.encode(), self.code.encode()):
            raise NotIdentified("the code is wrong or was used already")
        self.code = ""
        return self._signer.seal("session", self.OWNER.subject, seconds=SESSION_SECONDS)

    def identify(self, cookie: str) -> Identity:
        """The person of a session cookie.

        Raises:
            NotIdentified: there is no valid session.
        """
        if self._signer.open("session", cookie) != self.OWNER.subject:
            raise NotIdentified("there is no session")
        return self.OWNER


def remember(session: Session, identity: Identity) -> Person:
    """The person's row: made at the first visit, kept up to date afterwards."""
    person = session.scalar(select(Person).where(attribute(Person, "subject") == identity.subject))
    if person is None:
        person = _named_before(session, identity.email) or Person(subject=identity.subject)
        person.subject = identity.subject
    person.name, person.email, person.seen_at = identity.name, identity.email, now()
    session.add(person)
    session.flush()
    return person


def known(session: Session, identity: Identity) -> Person | None:
    """The person's row if it says what the identity says and was touched lately; else None: remember it again."""
    person = session.scalar(select(Person).where(attribute(Person, "subject") == identity.subject))
    if person is None or person.seen_at is None or (person.name, person.email) != (identity.name, identity.email):
        return None
    return person if (now() - person.seen_at).total_seconds() < SEEN_SECONDS else None


def ids_of(session: Session, person: Person) -> tuple[int, ...]:
    """Every id that may name this person: first their own, then one that only had their e-mail address."""
    mine = [attribute(Person, "id") == person.id]
    if person.email:
        same = func.lower(attribute(Person, "email")) == person.email.lower()
        mine.append(same & attribute(Person, "subject").is_(None))
    found = select(attribute(Person, "id")).where(or_(*mine)).order_by(attribute(Person, "subject").is_(None))
    return tuple(session.scalars(found))


def _named_before(session: Session, email: str) -> Person | None:
    if not email:
        return None
    same = func.lower(attribute(Person, "email")) == email.lower()
    return session.scalar(select(Person).where(same, attribute(Person, "subject").is_(None)))


def find_person(session: Session, key: str) -> Person | None:
    """The person with that e-mail address or subject; who signed in before comes first."""
    matching = or_(func.lower(attribute(Person, "email")) == key.lower(), attribute(Person, "subject") == key)
    order = attribute(Person, "seen_at").desc().nulls_last()
    return session.scalar(select(Person).where(matching).order_by(order).limit(1))


def find_by_name(session: Session, name: str) -> Person | None:
    """The one person of that name; None if there is nobody or more than one."""
    same = select(Person).where(func.lower(attribute(Person, "name")) == name.lower()).limit(2)
    people = list(session.scalars(same))
    return people[0] if len(people) == 1 else None
