"""Keys for programs: made once, shown once, revoked at once; every act with evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.db.records import ApiKey
from appliance.identity.api_keys import Scope, VerifiedKey, digest_of, is_service, new_secret, prefix_of, verify
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.people import principal_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink, KeyHolders
    from appliance.core.settings import ApiSettings
    from appliance.db.repositories.api_keys import ApiKeyStore

MAX_NAME: Final = 60
MAX_LIVE: Final = 20
"""Keys of one holder that count at a time."""
SERVICE_ROLES: Final = frozenset({"maker"})
"""What a service account is towards the policies: it may ask the model. It never operates the appliance."""
_SERVICE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_USED_EVERY: Final = timedelta(minutes=1)


class KeyNotMade(Refused):
    """Something about the wanted key is wrong, or there are too many."""

    code = "key_not_made"


class AsLastSeen:
    """Implements :class:`appliance.core.ports.KeyHolders` where no directory tells of people who left."""

    def groups_now(self, holder: Person, known: frozenset[str]) -> frozenset[str] | None:  # noqa: ARG002
        """What was known at the last sign-in."""
        return known


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret, which exists nowhere else."""

    key: ApiKey
    secret: str


class ApiKeys:
    """Makes, lists, verifies and revokes keys. Whether somebody may, the policies have decided before."""

    def __init__(
        self, store: ApiKeyStore, audit: AuditSink, clock: Clock, settings: ApiSettings, holders: KeyHolders
    ) -> None:
        self._store, self._audit, self._clock, self._settings = store, audit, clock, settings
        self._holders = holders

    def create(
        self, person: Person, groups: frozenset[str], *, name: str, scopes: Iterable[str] = (), days: int = 0
    ) -> NewKey:
        """A key of a person's own; ``days`` 0: as long as usual, no scopes: all.

        Raises:
            KeyNotMade: the name, a scope or the days cannot be, or the person has too many keys.
        """
        principal = principal_of(person)
        return self._make(principal, person, groups, created_by=principal, name=name, scopes=scopes, days=days)

    def create_for_service(
        self, service: str, *, created_by: str, name: str = "", scopes: Iterable[str] = (), days: int = 0
    ) -> NewKey:
        """A key of a service account, which exists by having a key.

        Raises:
            KeyNotMade: as above, or the account's name cannot be.
        """
        if not _SERVICE.fullmatch(service):
            message = "The name of the service account cannot be used."
            raise KeyNotMade(message, action="Use up to 40 small letters, digits and hyphens, such as ci-runner.")
        holder = Person(service_principal(service), service)
        made_of = {"created_by": created_by, "name": name or service, "scopes": scopes, "days": days}
        return self._make(service_principal(service), holder, SERVICE_ROLES, **made_of)  # type: ignore[arg-type]

    def of_person(self, person: Person) -> list[ApiKey]:
        """A person's keys, newest first, those that ended too."""
        return self._store.of(principal_of(person))

    def of_services(self) -> list[ApiKey]:
        """The keys of all service accounts."""
        return self._store.beginning("service:")

    def everyones(self) -> list[ApiKey]:
        """All keys, for operators."""
        return self._store.beginning("")

    def find(self, key_id: str) -> ApiKey | None:
        """The key of that identifier, or None."""
        return self._store.get(key_id)

    def revoke(self, key_id: str, *, by: str) -> ApiKey:
        """End a key at once; repeatable.

        Raises:
            NotFound: there is none.
        """
        key = self._store.get(key_id)
        if key is None:
            message = "There is no such API key."
            raise NotFound(message, action="Reload the list of keys.")
        if key.revoked_at is None:
            details = {"key": key.id, "holder": key.principal}
            with act(self._audit, Event.API_KEY_REVOKED, principal=by, resource=key.id, details=details):
                self._store.revoke(key.id, self._clock.now())
        return key

    def admit(self, secret: str) -> VerifiedKey:
        """The key behind a secret, if it counts now.

        Raises:
            ApiKeyRefused: it does not.
        """
        digest = digest_of(secret)
        key = None if digest is None else self._store.by_digest(digest)
        groups = None if key is None else self._groups(key)
        now = self._clock.now()
        verified = verify(key, groups, now, unseen=timedelta(days=self._settings.sign_in_days))
        used = verified.key.used_at
        if used is None or now - used >= _USED_EVERY:
            self._store.used(verified.key.id, now)
        return verified

    def seen(self, person: Person, groups: frozenset[str]) -> None:
        """Note what the identity provider says of a person who signs in."""
        self._store.seen(principal_of(person), groups, self._clock.now())

    def live(self, key: ApiKey) -> bool:
        """Whether a key could still be used, as far as the key itself goes."""
        return key.revoked_at is None and self._clock.now() < key.expires_at

    def _groups(self, key: ApiKey) -> frozenset[str] | None:
        return key.groups if is_service(key.principal) else self._holders.groups_now(key.holder, key.groups)

    def _make(
        self,
        principal: str,
        holder: Person,
        groups: frozenset[str],
        *,
        created_by: str,
        name: str,
        scopes: Iterable[str],
        days: int,
    ) -> NewKey:
        name, wanted, days = " ".join(name.split()), frozenset(scopes), days or self._settings.key_days
        if not 0 < len(name) <= MAX_NAME:
            message = "The key needs a name."
            raise KeyNotMade(message, action=f"Say in up to {MAX_NAME} characters what it is for.")
        if not wanted <= set(Scope):
            message = "There is no such use of a key."
            raise KeyNotMade(message, action=f"Choose among {', '.join(Scope)}.")
        if not 1 <= days <= self._settings.max_key_days:
            message = "A key cannot be valid for so long."
            raise KeyNotMade(message, action=f"Choose 1 to {self._settings.max_key_days} days.")
        if sum(self.live(key) for key in self._store.of(principal)) >= MAX_LIVE:
            message = f"There are {MAX_LIVE} keys already."
            raise KeyNotMade(message, action="Revoke one that is not needed any more.")
        now, secret = self._clock.now(), new_secret()
        key = ApiKey(
            id=new_id("key"),
            prefix=prefix_of(secret),
            name=name,
            principal=principal,
            holder=holder,
            groups=groups,
            seen_at=now,
            scopes=wanted or frozenset(scope.value for scope in Scope),
            created_by=created_by,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        details = {"key": key.id, "holder": principal, "scopes": sorted(key.scopes), "days": days}
        digest = digest_of(secret)
        if digest is None:
            message = "The key could not be made."
            raise KeyNotMade(message, action="Report this.")
        with act(self._audit, Event.API_KEY_CREATED, principal=created_by, resource=key.id, details=details):
            self._store.add(key, digest)
        return NewKey(key, secret)


def service_principal(service: str) -> str:
    """The name under which the audit log and the policies know a service account."""
    return f"service:{service}"
