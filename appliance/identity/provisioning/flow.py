"""The sign-in flow with two levels (password, second factor), read and made through Keycloak's admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.identity.provisioning.wanted import SIGN_IN_STEPS, Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keycloak import KeycloakAdmin


def read_flow(admin: KeycloakAdmin, alias: str) -> Json | None:
    """The flow's steps in the form of ``SIGN_IN_STEPS``, or None when there is no such flow."""
    if all(flow["alias"] != alias for flow in admin.get_authentication_flows()):
        return None
    steps = []
    parents: list[str] = [""]
    for execution in admin.get_authentication_flow_executions(alias):
        level = int(execution["level"])
        del parents[level + 1 :]
        sub_flow = bool(execution.get("authenticationFlow"))
        name = execution["displayName"] if sub_flow else execution["providerId"]
        step: dict[str, Any] = {"name": name, "parent": parents[level], "requirement": execution["requirement"]}
        if sub_flow:
            step["flow"] = True
            parents.append(name)
        if execution.get("authenticationConfig"):
            step["config"] = admin.get_authenticator_config(execution["authenticationConfig"])["config"]
        steps.append(step)
    return {"executions": steps}


def make_flow(admin: KeycloakAdmin, name: str, alias: str, *, rebuild: bool) -> None:
    """Make the flow; one that was altered is made again, while the realm uses Keycloak's own for a moment."""
    if rebuild:
        realm = admin.get_realm(name)
        if realm.get("browserFlow") == alias:
            admin.update_realm(name, {**realm, "browserFlow": "browser"})
        known = next(flow for flow in admin.get_authentication_flows() if flow["alias"] == alias)
        admin.delete_authentication_flow(known["id"])
    admin.create_authentication_flow(
        {
            "alias": alias,
            "description": "Password, and a second factor for what asks for one",
            "providerId": "basic-flow",
            "topLevel": True,
            "builtIn": False,
        }
    )
    for step in SIGN_IN_STEPS:
        _add(admin, alias, step)
    if rebuild:
        realm = admin.get_realm(name)
        admin.update_realm(name, {**realm, "browserFlow": alias})


def _add(admin: KeycloakAdmin, alias: str, step: Mapping[str, object]) -> None:
    before = {execution["id"] for execution in admin.get_authentication_flow_executions(alias)}
    parent = str(step["parent"]) or alias
    if step.get("flow"):
        admin.create_authentication_flow_subflow(
            {"alias": step["name"], "type": "basic-flow", "provider": "registration-page-form", "description": ""},
            parent,
        )
    else:
        admin.create_authentication_flow_execution({"provider": step["name"]}, parent)
    made = next(one for one in admin.get_authentication_flow_executions(alias) if one["id"] not in before)
    admin.update_authentication_flow_executions({**made, "requirement": step["requirement"]}, parent)
    if "config" in step:
        name = f"{parent}-condition"
        admin.create_execution_config(made["id"], {"alias": name, "config": step["config"]})
