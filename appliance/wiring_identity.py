"""How the sign-in is put together from the settings: a company's provider, or the demonstration on this machine."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.core.errors import SettingsError
from appliance.core.private_files import read_private
from appliance.identity.app_sessions import AppSessions
from appliance.identity.assurance import StepUp
from appliance.identity.bearer import BearerTokens
from appliance.identity.client_key import ClientKey
from appliance.identity.demo_issuer import DEFAULT_CLIENT_ID
from appliance.identity.errors import IssuerUnavailable, WeakConfiguration, WeakProvider
from appliance.identity.hardening import require_hardened
from appliance.identity.oidc import RelyingParty
from appliance.identity.pending import PendingSignIns
from appliance.identity.renewal import RenewalLimits, Renewals
from appliance.identity.roles import DEFAULT_GROUPS, StudioRole
from appliance.identity.seal import TokenSeal
from appliance.identity.sessions import SessionLimits, Sessions
from appliance.identity.sign_in import OidcConfig
from appliance.web.services import IdentityServices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx

    from appliance.core.clock import Clock
    from appliance.core.ports import AppTokenIssuer, AuditSink
    from appliance.core.settings import Settings
    from appliance.identity.directory import Directory
    from appliance.identity.store import SqliteSessionStore
    from appliance.studio.addresses import Addresses

CLIENT_KEY: Final = "oidc-client.pem"
_log = logging.getLogger(__name__)


def check_identity(settings: Settings) -> None:
    """Refuse settings that would let people in on weak terms.

    Raises:
        WeakConfiguration: names what is wrong.
    """
    require_hardened(settings.identity, settings.web)


async def check_provider(identity: IdentityServices) -> None:
    """Look at the provider once before serving. One that is away is no reason not to start: it is looked at again.

    Raises:
        WeakConfiguration: the provider is there, and weaker than the appliance accepts.
    """
    if not identity.relying_party.config.hardened:
        return
    try:
        await identity.relying_party.client.provider()
    except WeakProvider as error:
        raise WeakConfiguration(error.message, cause=error.cause, action=error.action) from error
    except IssuerUnavailable as error:
        _log.warning("the identity provider cannot be reached yet: %s", error.cause)


def client_key(home: Path) -> ClientKey:
    """The key with which the appliance proves itself to the provider; made at first use."""
    return ClientKey(home / "keys" / CLIENT_KEY)


def role_mapping(settings: Settings) -> Mapping[str, StudioRole]:
    """Group to role."""
    known = {name.strip("/"): StudioRole(role) for name, role in settings.identity.groups.items()}
    return MappingProxyType(known) if known else DEFAULT_GROUPS


def make_identity(
    settings: Settings,
    addresses: Addresses,
    store: SqliteSessionStore,
    *,
    http: httpx.AsyncClient,
    tokens: AppTokenIssuer,
    directory: Directory,
    audit: AuditSink,
    clock: Clock,
) -> IdentityServices:
    """Everything that the web layer needs to know who is there."""
    wanted = settings.identity
    config = _company(settings, addresses) if wanted.issuer else _demonstration(settings, addresses)
    party = RelyingParty(config, http, clock)
    limits = SessionLimits(timedelta(minutes=wanted.idle_minutes), timedelta(minutes=wanted.absolute_minutes))
    sessions = Sessions(store, clock, limits, seal=TokenSeal.in_file(settings.home / "keys" / "session-seal.key"))
    every, outage = timedelta(seconds=wanted.recheck_seconds), timedelta(minutes=wanted.outage_minutes)
    parts = urlsplit(config.issuer)
    clients = frozenset({wanted.terminal_client_id, *wanted.automation_clients})

    def ended(sid: str, subject: str) -> bool:
        return (bool(sid) and store.used(f"sid:{sid}")) or directory.gone(subject)

    return IdentityServices(
        relying_party=party,
        pending=PendingSignIns(store, clock),
        sessions=sessions,
        app_sessions=AppSessions(store, sessions, clock),
        app_tokens=tokens,
        issuer_origin=f"{parts.scheme}://{parts.netloc}",
        renewals=Renewals(party, sessions, audit, clock, RenewalLimits(every, outage)),
        step_up=StepUp(wanted.step_up_acr, timedelta(minutes=wanted.step_up_minutes)),
        roles=role_mapping(settings),
        bearer=BearerTokens(party, clients, clock, ended=ended) if wanted.issuer else None,
        clock=clock,
    )


def _demonstration(settings: Settings, addresses: Addresses) -> OidcConfig:
    return OidcConfig(
        issuer=f"http://127.0.0.1:{settings.web.issuer_port}",
        client_id=DEFAULT_CLIENT_ID,
        redirect_uri=f"{addresses.studio}/sign-in/callback",
        post_logout_redirect_uri=f"{addresses.studio}/sign-in",
    )


def _company(settings: Settings, addresses: Addresses) -> OidcConfig:
    wanted = settings.identity
    secret = None
    if wanted.client_secret_file is not None:
        content = read_private(wanted.client_secret_file)
        if not content or not content.strip():
            message = f"There is no client secret in {wanted.client_secret_file}."
            raise SettingsError(message, action="Write it there, mode 600, or remove identity.client_secret_file.")
        secret = content.decode("utf-8", "strict").strip()
    return OidcConfig(
        issuer=wanted.issuer,
        client_id=wanted.client_id,
        redirect_uri=f"{addresses.studio}/sign-in/callback",
        post_logout_redirect_uri=f"{addresses.studio}/sign-in",
        groups_claim=wanted.groups_claim,
        client_secret=secret,
        client_key=client_key(settings.home) if secret is None else None,
        hardened=True,
        last_good=settings.home / "keys" / "provider.json",
    )
