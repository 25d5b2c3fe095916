"""Signing in to Keycloak's admin API for one run of the provisioning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from keycloak import KeycloakAdmin

from appliance.identity.provisioning.realm import SECONDS, told

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class AdminLogin:
    """An administrator by name and password, or, with ``client``, a service account by its secret.

    ``realm`` is where the account is: ``master``, or with least rights the realm itself (roles ``manage-clients``,
    ``query-groups``, ``manage-users`` and ``manage-realm`` of its ``realm-management``; docs/identity.md).
    """

    server: str
    realm: str
    user: str = ""
    client: str = ""
    secret: str = field(default="", repr=False)
    ca_file: Path | None = None


def admin_session(login: AdminLogin) -> KeycloakAdmin:
    """A signed-in session.

    Raises:
        ProvisioningFailed: the account is not accepted, or Keycloak does not answer.
    """
    with told("sign in to"):
        machine = bool(login.client)
        admin = KeycloakAdmin(
            server_url=login.server,
            username=None if machine else login.user,
            password=None if machine else login.secret,
            client_id=login.client if machine else "admin-cli",
            client_secret_key=login.secret if machine else None,
            realm_name=login.realm,
            user_realm_name=login.realm,
            verify=str(login.ca_file) if login.ca_file else True,
            timeout=SECONDS,
        )
        admin.connection.get_token()
        return admin
