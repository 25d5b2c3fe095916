"""A Keycloak realm through its admin API: what is there, and how a change is carried out. Uses python-keycloak.

Every call waits at most 30 seconds; what the library raises becomes :class:`ProvisioningFailed`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from keycloak import KeycloakAdmin
from keycloak.exceptions import KeycloakError, KeycloakGetError
from requests.exceptions import RequestException

from appliance.identity.errors import ProvisioningFailed
from appliance.identity.provisioning.difference import Change, Plan, merged
from appliance.identity.provisioning.flow import make_flow, read_flow
from appliance.identity.provisioning.wanted import Json, Kind, Resource

SECONDS: Final = 30


class Realm:
    """One realm. ``admin`` is signed in as somebody who may manage it (or create it, if it is to be made)."""

    def __init__(self, admin: KeycloakAdmin, name: str) -> None:
        self._admin = admin
        self.name = name

    def found(self, wanted: Sequence[Resource]) -> dict[tuple[Kind, str], Json]:
        """The actual fields of every wanted resource that is there.

        Raises:
            ProvisioningFailed: the realm cannot be read.
        """
        with told("read"):
            realm = self._get(lambda: self._admin.get_realm(self.name))
            if realm is None:
                return {}
            self._admin.change_current_realm(self.name)
            found: dict[tuple[Kind, str], Json] = {(Kind.REALM, self.name): realm}
            for resource in wanted:
                actual = _READERS[resource.kind](self, resource) if resource.kind in _READERS else None
                if actual is not None:
                    found[(resource.kind, resource.name)] = actual
            return found

    def apply(self, plan: Plan, *, done: Callable[[Change], None] = lambda _: None) -> None:
        """Carry out a plan; ``done`` hears of every change. What was carried out before a failure stays, and the next
        plan holds the rest.

        Raises:
            ProvisioningFailed: Keycloak refused a change.
        """
        later: list[Change] = []
        for change in plan.changes:
            realm = change.resource.kind is Kind.REALM
            with told("make or change" if realm else f"change {change.resource.kind} {change.resource.name!r} in"):
                if change.resource.kind is Kind.REALM:
                    self._write_realm(change, later)
                else:
                    self._admin.change_current_realm(self.name)
                    _WRITERS[change.resource.kind](self, change)
            done(change)
        for change in later:  # a realm can name its sign-in flow only when the flow is there
            with told("change the sign-in flow of"):
                flow = {"browserFlow": change.resource.want["browserFlow"]}
                self._admin.update_realm(self.name, {**self._admin.get_realm(self.name), **flow})

    # --- reading ------------------------------------------------------------------------------------------------

    def _role(self, resource: Resource) -> Json | None:
        role: Json | None = self._get(lambda: self._admin.get_realm_role(resource.name))
        return role

    def _group(self, resource: Resource) -> Json | None:
        group = self._get(lambda: self._admin.get_group_by_path(resource.name))
        if group is None:
            return None
        roles = [role["name"] for role in self._admin.get_group_realm_roles(group["id"])]
        return {**group, "realmRoles": roles}

    def _scope(self, resource: Resource) -> Json | None:
        known = next((s for s in self._admin.get_client_scopes() if s["name"] == resource.name), None)
        if known is None:
            return None
        mappers = {mapper["name"]: mapper for mapper in known.get("protocolMappers", [])}
        ours = [mappers.get(mapper["name"], {}) for mapper in _mappers(resource.want)]
        return {**known, "protocolMappers": ours}

    def _client(self, resource: Resource) -> Json | None:
        known = self._client_id(resource.name)
        return None if known is None else self._admin.get_client(known)

    def _account(self, resource: Resource) -> Json | None:
        client = self._client_id(resource.name)
        if client is None:
            return None
        user = self._get(lambda: self._admin.get_client_service_account_user(client))
        if user is None:
            return None
        found: dict[str, object] = {}
        for owner in resource.want:
            roles = self._admin.get_client_roles_of_user(user["id"], self._there(owner))
            found[owner] = [role["name"] for role in roles]
        return found

    def _client_id(self, name: str) -> str | None:
        found = self._admin.get_client_id(name)
        return found if isinstance(found, str) else None

    def _there(self, name: str) -> str:
        known = self._client_id(name)
        if known is None:
            message = f"there is no client {name!r}"
            raise KeyError(message)
        return known

    @staticmethod
    def _get(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except KeycloakGetError as error:
            if error.response_code == 404:
                return None
            raise

    # --- writing ------------------------------------------------------------------------------------------------

    def _write_realm(self, change: Change, later: list[Change]) -> None:
        want = dict(change.resource.want)
        if change.new:
            want.pop("browserFlow", None)
            self._admin.create_realm({"realm": self.name, **want})
        else:
            want.pop("browserFlow", None)
            self._admin.update_realm(self.name, merged(self._admin.get_realm(self.name), want))
        if change.new or any(item.path == "browserFlow" for item in change.fields):
            later.append(change)

    def _write_role(self, change: Change) -> None:
        body = {"name": change.resource.name, **change.resource.want}
        if change.new:
            self._admin.create_realm_role(body)
        else:
            known = self._admin.get_realm_role(change.resource.name)
            self._admin.update_realm_role(change.resource.name, merged(known, body))

    def _write_group(self, change: Change) -> None:
        name = change.resource.name
        if change.new:
            self._admin.create_group({"name": name})
        group = self._admin.get_group_by_path(name)
        roles = change.resource.want["realmRoles"]
        wanted = [self._admin.get_realm_role(str(role)) for role in roles] if isinstance(roles, list) else []
        self._admin.assign_group_realm_roles(group["id"], wanted)

    def _write_scope(self, change: Change) -> None:
        body = {name: value for name, value in change.resource.want.items() if name != "protocolMappers"}
        if change.new:
            self._admin.create_client_scope({"name": change.resource.name, **change.resource.want})
            return
        known = next(s for s in self._admin.get_client_scopes() if s["name"] == change.resource.name)
        self._admin.update_client_scope(known["id"], merged(known, body))
        mappers = {mapper["name"]: mapper for mapper in known.get("protocolMappers", [])}
        for mapper in _mappers(change.resource.want):
            there = mappers.get(mapper["name"])
            if there is None:
                self._admin.add_mapper_to_client_scope(known["id"], dict(mapper))
            else:
                self._admin.update_mapper_in_client_scope(known["id"], there["id"], merged(there, mapper))

    def _write_client(self, change: Change) -> None:
        body = {"clientId": change.resource.name, **change.resource.want}
        if change.new:
            self._admin.create_client(body)
            return
        client = self._there(change.resource.name)
        known = self._admin.get_client(client)
        self._admin.update_client(client, merged(known, body))
        # Scopes of a client that is there already are links of their own, not fields.
        scopes = {scope["name"]: scope["id"] for scope in self._admin.get_client_scopes()}
        wanted = body.get("defaultClientScopes", [])
        there = set(known.get("defaultClientScopes", []))
        for name in set(wanted) - there if isinstance(wanted, list) else ():
            self._admin.add_client_default_client_scope(client, scopes[name], {})
        for name in there - set(wanted) if isinstance(wanted, list) else ():
            self._admin.delete_client_default_client_scope(client, scopes[name])

    def _write_account(self, change: Change) -> None:
        client = self._there(change.resource.name)
        user = self._admin.get_client_service_account_user(client)
        for owner, names in change.resource.want.items():
            owner_id = self._there(owner)
            there = {role["name"]: role for role in self._admin.get_client_roles_of_user(user["id"], owner_id)}
            wanted = set(names) if isinstance(names, list) else set()
            missing = [self._admin.get_client_role(owner_id, name) for name in sorted(wanted - set(there))]
            extra = [role for name, role in there.items() if name not in wanted]
            if missing:
                self._admin.assign_client_role(user["id"], owner_id, missing)
            if extra:
                self._admin.delete_client_roles_of_user(user["id"], owner_id, extra)

    def _read_flow(self, resource: Resource) -> Json | None:
        return read_flow(self._admin, resource.name)

    def _write_flow(self, change: Change) -> None:
        make_flow(self._admin, self.name, change.resource.name, rebuild=not change.new)


_READERS: Final[Mapping[Kind, Callable[[Realm, Resource], Json | None]]] = {
    Kind.FLOW: Realm._read_flow,
    Kind.ROLE: Realm._role,
    Kind.GROUP: Realm._group,
    Kind.SCOPE: Realm._scope,
    Kind.CLIENT: Realm._client,
    Kind.ACCOUNT: Realm._account,
}
_WRITERS: Final[Mapping[Kind, Callable[[Realm, Change], None]]] = {
    Kind.FLOW: Realm._write_flow,
    Kind.ROLE: Realm._write_role,
    Kind.GROUP: Realm._write_group,
    Kind.SCOPE: Realm._write_scope,
    Kind.CLIENT: Realm._write_client,
    Kind.ACCOUNT: Realm._write_account,
}


def _mappers(want: Json) -> Sequence[Mapping[str, Any]]:
    mappers = want.get("protocolMappers", [])
    return mappers if isinstance(mappers, list) else []


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what the library raises into an error that says what to do."""
    try:
        yield
    except KeycloakError as error:
        message = f"Keycloak did not let us {what} the realm."
        action = (
            "Use an account with the rights that docs/identity.md lists, and run it again: it goes on where it stopped."
        )
        if error.response_code is not None and error.response_code >= 500:
            action = "Look into Keycloak's log, then run the same command again; it goes on where it stopped."
        raise ProvisioningFailed(message, cause=str(error)[:300], action=action) from error
    except (RequestException, TypeError, KeyError) as error:
        message = f"Keycloak could not be asked to {what} the realm."
        cause = f"{type(error).__name__}: {error}"[:300]
        raise ProvisioningFailed(message, cause=cause, action="Check its address and that it runs.") from error
