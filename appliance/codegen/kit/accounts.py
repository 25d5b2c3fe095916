"""Accounts of an app that runs on its own: e-mail address and password, managed on the command line.

Passwords are kept as scrypt hashes (RFC 7914) with N=2^15, r=8, p=3, which the OWASP password storage cheat sheet names
among its equal choices: about 32 MiB and a fifth of a second each.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
import threading
import time
import unicodedata
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import func, select
from sqlmodel import Field

from .columns import Utc
from .identity import Identity
from .records import Base, attribute, now
from .sessions import end_sessions_of
from .values import is_email

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .database import Database

MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 256
FREE_TRIES: Final = 5
FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 900.0
_MAX_WATCHED: Final = 10_000
_N, _R, _P = 2**15, 8, 3
_MAX_MEMORY: Final = 64 * 1024 * 1024
_AT_ONCE: Final = 2


class AccountRefused(Exception):  # noqa: N818
    """The account cannot be made or changed like that; the message is for whoever runs the app."""


class Account(Base, table=True):
    """Somebody who may sign in. ``roles`` is a JSON list of role names."""

    __tablename__ = "_accounts"

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    name: str
    password: str
    roles: str
    created_at: dt.datetime = Field(default_factory=now, sa_type=Utc)

    @property
    def identity(self) -> Identity:
        """What the app knows of them."""
        return Identity(f"local:{self.id}", self.name, self.email, frozenset(json.loads(self.roles)))


def hash_password(password: str) -> str:
    """``scrypt$N$r$p$salt$hash``."""
    salt = secrets.token_bytes(16)
    return f"scrypt${_N}${_R}${_P}${_base64(salt)}${_base64(_scrypt(password, salt, _N, _R, _P))}"


def password_matches(password: str, stored: str) -> bool:
    """Whether the password is the one that was hashed."""
    _, n, r, p, salt, expected = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, base64.b64decode(expected))


class Accounts:
    """The accounts of one app."""

    def __init__(self, database: Database, roles: Iterable[str]) -> None:
        self._database = database
        self._roles = tuple(roles)

    def add(self, email: str, name: str, password: str, roles: Iterable[str]) -> Account:
        """Make an account.

        Raises:
            AccountRefused: it exists, a role is unknown, or the address or password cannot be used.
        """
        email = email.strip().lower()
        if not is_email(email):
            raise AccountRefused(f"{email!r} is not an e-mail address.")
        wanted = sorted(set(roles))
        for role in wanted:
            if role not in self._roles:
                raise AccountRefused(f"There is no role {role!r}. The roles are: {', '.join(self._roles)}.")
        _check_password(password)
        made = Account(
            email=email, name=name.strip() or email, password=hash_password(password), roles=json.dumps(wanted)
        )
        with self._database.writing() as session:
            if _find(session, email) is not None:
                raise AccountRefused(f"{email} has an account already. Use passwd to change the password.")
            session.add(made)
        return made

    def every(self) -> list[Account]:
        """All accounts by address."""
        with self._database.reading() as session:
            return list(session.scalars(select(Account).order_by(attribute(Account, "email"))))

    def change_password(self, email: str, password: str) -> None:
        """Set a new password and sign them out everywhere.

        Raises:
            AccountRefused: there is no such account, or the password cannot be used.
        """
        _check_password(password)
        with self._database.writing() as session:
            found = _existing(session, email)
            found.password = hash_password(password)
            subject = found.identity.subject
        end_sessions_of(self._database, subject)

    def remove(self, email: str) -> None:
        """Take the account away and sign them out everywhere; their records stay.

        Raises:
            AccountRefused: there is no such account.
        """
        with self._database.writing() as session:
            found = _existing(session, email)
            subject = found.identity.subject
            session.delete(found)
        end_sessions_of(self._database, subject)

    def check(self, email: str, password: str) -> Identity | None:
        """The person, if the password is theirs. Takes as long for an address without an account."""
        with self._database.reading() as session:
            found = _find(session, email.strip().lower())
        if len(password) > MAX_PASSWORD:
            return None
        with _SLOTS:
            matches = password_matches(password, found.password if found is not None else _NOBODY)
        return found.identity if found is not None and matches else None


class Throttle:
    """After a few wrong passwords for an address each further try must wait, twice as long each time, up to a limit.

    In memory, so each process counts for itself and forgets when it ends. The least recently seen are forgotten first.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, email: str) -> float:
        """Seconds until the next try is looked at; 0 if now."""
        with self._lock:
            count, last = self._failures.get(email.strip().lower(), (0, 0.0))
        if count < FREE_TRIES:
            return 0.0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(count - FREE_TRIES, 12))
        return max(0.0, last + pause - time.monotonic())

    def failed(self, email: str) -> None:
        """Count a wrong password."""
        key = email.strip().lower()
        with self._lock:
            count, _ = self._failures.pop(key, (0, 0.0))
            self._failures[key] = (count + 1, time.monotonic())
            while len(self._failures) > _MAX_WATCHED:
                self._failures.popitem(last=False)

    def succeeded(self, email: str) -> None:
        """Forget the failures of an address."""
        with self._lock:
            self._failures.pop(email.strip().lower(), None)


def _find(session: object, email: str) -> Account | None:
    same = select(Account).where(func.lower(attribute(Account, "email")) == email)
    return cast("Account | None", session.scalar(same))  # type: ignore[attr-defined]


def _existing(session: object, email: str) -> Account:
    found = _find(session, email.strip().lower())
    if found is None:
        raise AccountRefused(f"There is no account for {email}.")
    return found


def _check_password(password: str) -> None:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountRefused(f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.")


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    plain = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(plain, salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=32)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


_SLOTS: Final = threading.BoundedSemaphore(_AT_ONCE)
"""How many passwords are hashed at once: more would let strangers use up the memory."""
_NOBODY: Final = f"scrypt${_N}${_R}${_P}${_base64(bytes(16))}${_base64(bytes(32))}"
