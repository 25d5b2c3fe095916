"""What the web layer is given: one frozen value, handed in by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.audit.privacy import Privacy
    from appliance.audit.reading import AuditReader
    from appliance.core.answers import PromptScreen
    from appliance.core.clock import Clock
    from appliance.core.ports import AppTokenIssuer, AuditSink, BodyVault, EngineDescription, Person, TextGenerator
    from appliance.core.settings import Settings
    from appliance.identity.app_sessions import AppSessions
    from appliance.identity.assurance import StepUp
    from appliance.identity.bearer import BearerTokens
    from appliance.identity.directory import Directory
    from appliance.identity.oidc import RelyingParty
    from appliance.identity.pending import PendingSignIns
    from appliance.identity.renewal import Renewals
    from appliance.identity.roles import StudioRole
    from appliance.identity.scim.endpoint import ScimEndpoint, ScimTokens
    from appliance.identity.sessions import Sessions
    from appliance.studio.addresses import Addresses
    from appliance.studio.api_keys import ApiKeys
    from appliance.studio.assembly import Studio
    from appliance.studio.departures import Departures
    from appliance.studio.directory_sync import DirectorySync
    from appliance.studio.governing import Governance
    from appliance.studio.transfers import Transfers


@dataclass(frozen=True)
class IdentityServices:
    """Signing people in, and telling apps who they are."""

    relying_party: RelyingParty
    pending: PendingSignIns
    sessions: Sessions
    app_sessions: AppSessions
    app_tokens: AppTokenIssuer
    issuer_origin: str
    renewals: Renewals
    step_up: StepUp
    """What approving, exporting and administering ask for."""
    roles: Mapping[str, StudioRole]
    """Group of the provider to role."""
    bearer: BearerTokens | None
    """Takes access tokens of the provider; None: the demonstration sign-in has none."""
    clock: Clock


class DirectoryServices(Protocol):
    """People and groups, and the identity systems that push them."""

    @property
    def directory(self) -> Directory:
        """Who is here."""
        ...

    @property
    def departures(self) -> Departures:
        """What happens when somebody leaves."""
        ...

    @property
    def scim(self) -> ScimEndpoint:
        """Answers SCIM requests."""
        ...

    @property
    def tokens(self) -> ScimTokens:
        """Tokens of identity systems."""
        ...

    @property
    def sync(self) -> DirectorySync | None:
        """Reads the provider's people; None: only SCIM fills the directory."""
        ...


class GalleryTemplate(Protocol):
    """A ready-made app of real work. ``icon`` is a name that the pages' icons know, or nothing."""

    @property
    def name(self) -> str:
        """What it is called; unique."""
        ...

    @property
    def category(self) -> str:
        """Where it stands in the gallery."""
        ...

    @property
    def about(self) -> str:
        """One sentence."""
        ...

    @property
    def blueprint_text(self) -> str:
        """The app."""
        ...

    @property
    def icon(self) -> str:
        """A name."""
        ...


class ServedModel(Protocol):
    """The model, for whoever asks it directly."""

    def description(self) -> EngineDescription | None:
        """What runs; None while it is not ready."""
        ...

    def generator(self, on_queued: Callable[[int], None]) -> TextGenerator:
        """Asks the model; ``on_queued`` hears how many go first while it waits, and may raise to give up."""
        ...


@dataclass(frozen=True)
class ApiServices:
    """What programs use over the API."""

    keys: ApiKeys
    model: ServedModel
    vault: BodyVault
    since: int
    """When this service was put together, in POSIX seconds."""
    screen: PromptScreen | None = None
    """Looks at words before the model does; None: nothing does."""


@dataclass(frozen=True)
class Services:
    """Everything that a controller may use."""

    settings: Settings
    addresses: Addresses
    identity: IdentityServices
    directory: DirectoryServices
    studio: Studio
    transfers: Transfers
    audit: AuditSink
    governance: Governance
    api: ApiServices
    privacy: Privacy
    reader: AuditReader
    export_log: Callable[[str, str, str, str], Path]
    """Principal, format, first and last to an archive in a file of its own, which the caller removes."""
    health: Callable[[], Mapping[str, str]]
    """The state of each part in one word each, ``ok`` or what is wrong."""
    engine: Callable[[], str]
    """What model runs on what, in one line, for people; empty while it is not ready."""
    cli_token: str
    operator: str
    """Name of the local operator in the audit log."""
    local_person: Person
    """Whose apps they are when the local operator names nobody."""
    gallery: Sequence[GalleryTemplate] = ()
    """Templates to start from; empty: the first page does not speak of them."""
