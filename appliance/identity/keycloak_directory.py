"""People and groups of a Keycloak realm, read by a service account that may do nothing else.

The account proves itself by a signed assertion; its roles are ``view-users``, ``query-users`` and ``query-groups`` of
the realm (docs/identity.md). Uses python-keycloak.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
from keycloak import KeycloakAdmin

from appliance.core.errors import Unavailable
from appliance.identity.directory_records import MAX_GROUPS, MAX_PEOPLE, DirectoryGroup, DirectoryPerson
from appliance.identity.errors import DirectoryUnavailable, ProvisioningFailed
from appliance.identity.provisioning.realm import told
from appliance.identity.provisioning.wanted import ACCESS_TOKEN_SECONDS, DIRECTORY_CLIENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.core.clock import Clock
    from appliance.identity.client_key import ClientKey

SOURCE: Final = "keycloak"
PAGE: Final = 500
SECONDS: Final = 20


class KeycloakDirectory:
    """Reads one realm, named by its issuer."""

    def __init__(self, issuer: str, key: ClientKey, clock: Clock, ca_file: Path | None = None) -> None:
        self._issuer = issuer
        self._server, _, self._realm = issuer.partition("/realms/")
        self._key = key
        self._clock = clock
        self._verify: str | bool = True if ca_file is None else str(ca_file)

    def read(self) -> tuple[list[DirectoryPerson], list[DirectoryGroup]]:
        """Everybody, and every group with its members.

        Raises:
            DirectoryUnavailable: it cannot be read, or is larger than the directory can hold.
        """
        token = self._token()
        admin = KeycloakAdmin(
            server_url=self._server,
            realm_name=self._realm,
            token={"access_token": token, "expires_in": ACCESS_TOKEN_SECONDS},
            verify=self._verify,
            timeout=SECONDS,
        )
        try:
            with told("read the people of"):
                people = [_person(user) for user in self._users(admin)]
                groups = [_group(admin, group) for group in self._groups(admin)]
        except ProvisioningFailed as error:
            raise DirectoryUnavailable(error.message, cause=error.cause, action=error.action) from error
        return people, groups

    def _users(self, admin: KeycloakAdmin) -> Iterator[dict[str, Any]]:
        for first in range(0, MAX_PEOPLE + PAGE, PAGE):
            page = admin.get_users({"first": first, "max": PAGE, "briefRepresentation": False})
            yield from (user for user in page if not user.get("serviceAccountClientId"))
            if len(page) < PAGE:
                return
        raise _too_large()

    def _groups(self, admin: KeycloakAdmin) -> Iterator[dict[str, Any]]:
        waiting = list(admin.get_groups({"briefRepresentation": True}, full_hierarchy=False))
        count = 0
        while waiting:
            group = waiting.pop()
            count += 1
            if count > MAX_GROUPS:
                raise _too_large()
            if group.get("subGroupCount"):
                waiting += admin.get_group_children(group["id"])
            yield group

    def _token(self) -> str:
        endpoint = f"{self._issuer}/protocol/openid-connect/token"
        form = {"grant_type": "client_credentials", "client_id": DIRECTORY_CLIENT}
        form |= self._key.assertion(DIRECTORY_CLIENT, self._issuer, self._clock)
        message = "The people of the identity provider cannot be read."
        action = "Run `intramural identity apply`, and check that the provider runs."
        try:
            answer = httpx.post(
                endpoint, data=form, timeout=SECONDS, trust_env=False, verify=self._verify, follow_redirects=False
            )
            content = answer.json()
            token = content.get("access_token") if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError, AttributeError) as error:
            raise DirectoryUnavailable(message, cause=f"{type(error).__name__}: {error}", action=action) from error
        if not isinstance(token, str):
            cause = f"{answer.status_code} {str(content.get('error'))[:80]}"
            raise DirectoryUnavailable(message, cause=cause, action=action)
        return token


def _person(user: dict[str, Any]) -> DirectoryPerson:
    name = " ".join(str(user[part]) for part in ("firstName", "lastName") if user.get(part))
    attributes = user.get("attributes") or {}
    manager = next(iter(attributes.get("manager", [])), "")
    return DirectoryPerson(
        source=SOURCE,
        id=str(user["id"]),
        subject=str(user["id"]),
        user_name=str(user.get("username", ""))[:320],
        name=(name or str(user.get("username", "")))[:200],
        email=str(user.get("email") or "")[:320],
        active=bool(user.get("enabled", False)),
        manager=str(manager)[:200],
    )


def _group(admin: KeycloakAdmin, group: dict[str, Any]) -> DirectoryGroup:
    members: list[str] = []
    for first in range(0, MAX_PEOPLE, PAGE):
        page = admin.get_group_members(group["id"], {"first": first, "max": PAGE, "briefRepresentation": True})
        members += [str(user["id"]) for user in page]
        if len(page) < PAGE:
            break
    return DirectoryGroup(SOURCE, str(group["id"]), str(group.get("path", group["name"])), tuple(members))


def _too_large() -> Unavailable:
    message = "The identity provider has more people or groups than the directory can hold."
    cause = f"the limit is {MAX_PEOPLE} people and {MAX_GROUPS} groups"
    return DirectoryUnavailable(message, cause=cause, action="Let SCIM push those who use this appliance.")
