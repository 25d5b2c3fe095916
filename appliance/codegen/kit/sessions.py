"""Sessions of an app that runs on its own: kept in its database, so that signing out and removing somebody end them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select
from sqlmodel import Field

from .columns import Utc
from .identity import SESSION_SECONDS, Identity, NotIdentified
from .records import Base, attribute, now

if TYPE_CHECKING:
    from .database import Database

SESSION_BYTES: Final = 32


class StoredSession(Base, table=True):
    """One signed-in browser. Only a digest of its cookie is kept: whoever reads the table cannot use it."""

    __tablename__ = "_sessions"

    digest: str = Field(primary_key=True)
    subject: str = Field(index=True)
    name: str
    email: str
    roles: str
    expires_at: dt.datetime = Field(sa_type=Utc)


class SessionIdentity:
    """Finds the person of a session cookie."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, identity: Identity) -> str:
        """A new session; returns its cookie. Sessions that have run out are removed on the way."""
        cookie = secrets.token_urlsafe(SESSION_BYTES)
        made = StoredSession(
            digest=_digest(cookie),
            subject=identity.subject,
            name=identity.name,
            email=identity.email,
            roles=json.dumps(sorted(identity.roles)),
            expires_at=now() + dt.timedelta(seconds=SESSION_SECONDS),
        )
        with self._database.writing() as session:
            session.execute(delete(StoredSession).where(attribute(StoredSession, "expires_at") < now()))
            session.add(made)
        return cookie

    def identify(self, cookie: str) -> Identity:
        """The person of a session cookie.

        Raises:
            NotIdentified: there is no such session, or it has run out.
        """
        with self._database.reading() as session:
            found = session.scalar(select(StoredSession).where(attribute(StoredSession, "digest") == _digest(cookie)))
        if not cookie or found is None or found.expires_at <= now():
            raise NotIdentified("there is no session")
        return Identity(found.subject, found.name, found.email, frozenset(json.loads(found.roles)))

    def end(self, cookie: str) -> None:
        """Sign out."""
        with self._database.writing() as session:
            session.execute(delete(StoredSession).where(attribute(StoredSession, "digest") == _digest(cookie)))


def end_sessions_of(database: Database, subject: str) -> None:
    """Sign somebody out everywhere."""
    with database.writing() as session:
        session.execute(delete(StoredSession).where(attribute(StoredSession, "subject") == subject))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
