"""How the directory of people is put together: its file, who fills it, and what happens when somebody leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.identity.client_key import ClientKey
from appliance.identity.directory import Directory
from appliance.identity.keycloak_directory import KeycloakDirectory
from appliance.identity.scim.endpoint import ScimEndpoint, ScimTokens
from appliance.identity.scim.storage import DirectoryStorage
from appliance.studio.departures import Departures
from appliance.studio.directory_sync import DirectorySync
from appliance.wiring_identity import make_identity

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from appliance.core.clock import Clock
    from appliance.core.ports import AppTokenIssuer, AuditSink
    from appliance.core.settings import Settings
    from appliance.db.repositories.projects import Projects
    from appliance.identity.directory_records import DirectoryPerson
    from appliance.identity.store import SqliteSessionStore
    from appliance.studio.addresses import Addresses
    from appliance.web.services import IdentityServices

DIRECTORY_KEY: Final = "directory-client.pem"
FILE: Final = "directory.sqlite"


@dataclass(frozen=True)
class DirectoryParts:
    """The directory, and what keeps it true. ``sync`` is None where nothing is read, only pushed."""

    directory: Directory
    departures: Departures
    scim: ScimEndpoint
    tokens: ScimTokens
    sync: DirectorySync | None

    def states(self) -> dict[str, str]:
        """For health."""
        return {} if self.sync is None else {"directory": self.sync.state()}


def directory_key(home: Path) -> ClientKey:
    """The key of the service account that reads the directory; made at first use."""
    return ClientKey(home / "keys" / DIRECTORY_KEY)


def make_people(
    settings: Settings,
    addresses: Addresses,
    store: SqliteSessionStore,
    *,
    http: httpx.AsyncClient,
    projects: Projects,
    tokens: AppTokenIssuer,
    audit: AuditSink,
    clock: Clock,
) -> tuple[DirectoryParts, IdentityServices]:
    """The directory, and the sign-in that heeds it; nothing runs yet."""
    parts = make_directory(settings, addresses, projects=projects, sessions=store, audit=audit, clock=clock)
    identity = make_identity(
        settings, addresses, store, http=http, tokens=tokens, directory=parts.directory, audit=audit, clock=clock
    )
    return parts, identity


def make_directory(
    settings: Settings,
    addresses: Addresses,
    *,
    projects: Projects,
    sessions: SqliteSessionStore,
    audit: AuditSink,
    clock: Clock,
) -> DirectoryParts:
    """Wire it; nothing runs yet.

    Raises:
        DirectoryUnavailable: its file cannot be used.
    """
    wanted = settings.identity
    directory = Directory(settings.home / FILE)
    departures = Departures(
        directory=directory,
        projects=projects,
        end_sessions=sessions.delete_subject,
        has_sessions=lambda subject: bool(sessions.families_of_subject("studio", subject)),
        audit=audit,
        clock=clock,
        steward=wanted.steward,
    )

    def heard(_operation: str, before: DirectoryPerson | None, after: DirectoryPerson | None) -> None:
        departures.changed(before, after, by="scim")

    tokens = ScimTokens(directory, clock)
    sync = None
    if wanted.issuer and wanted.directory == "keycloak":
        source = KeycloakDirectory(wanted.issuer, directory_key(settings.home), clock, wanted.ca_file)
        sync = DirectorySync(source, directory, departures, wanted.directory_seconds)
    scim = ScimEndpoint(DirectoryStorage(directory, heard), tokens, f"{addresses.studio}/scim/v2")
    return DirectoryParts(directory, departures, scim, tokens, sync)
