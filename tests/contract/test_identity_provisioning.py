"""The provisioning against a real Keycloak: made, made again, drifted, with least rights, by the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.identity.errors import ProvisioningFailed
from appliance.identity.provisioning.difference import difference
from appliance.identity.provisioning.realm import Realm
from appliance.identity.provisioning.session import AdminLogin, admin_session
from appliance.identity.provisioning.wanted import STUDIO_CLIENT, Deployment, Kind, wanted
from tests.fixtures.keycloak_realm import admin_of, make_realm
from tests.fixtures.keycloak_server import ADMIN, PASSWORD

if TYPE_CHECKING:
    from tests.fixtures.keycloak_server import KeycloakServer

STUDIO = "https://studio.apps.acme.example"


def planned(server: KeycloakServer, name: str, **more: object) -> object:
    wish = wanted(Deployment(name, STUDIO, '{"keys":[]}', '{"keys":[]}', **more))  # type: ignore[arg-type]
    realm = Realm(admin_of(server), name)
    return difference(wish, realm.found(wish), realm=name, existing=bool(more.get("existing")))


def test_a_second_run_has_nothing_to_do_and_drift_is_repaired(keycloak: KeycloakServer) -> None:
    made = make_realm(keycloak, "repeated", STUDIO, '{"keys":[]}')
    assert planned(keycloak, "repeated").empty  # type: ignore[attr-defined]
    admin = made.admin
    client = admin.get_client_id(STUDIO_CLIENT)
    assert client is not None
    known = admin.get_client(client)
    opened = {**known, "directAccessGrantsEnabled": True, "redirectUris": ["*"], "description": "ours"}
    admin.update_client(client, opened)
    admin.update_realm("repeated", {**admin.get_realm("repeated"), "bruteForceProtected": False})
    flow = admin.get_authentication_flow_executions("intramural-sign-in")
    weakened = next(one for one in flow if one.get("providerId") == "auth-otp-form")
    admin.update_authentication_flow_executions({**weakened, "requirement": "DISABLED"}, "intramural-sign-in")
    plan = planned(keycloak, "repeated")
    seen = {(change.resource.kind, item.path) for change in plan.changes for item in change.fields}  # type: ignore[attr-defined]
    assert seen == {
        (Kind.REALM, "bruteForceProtected"),
        (Kind.FLOW, "executions"),
        (Kind.CLIENT, "directAccessGrantsEnabled"),
        (Kind.CLIENT, "redirectUris"),
    }
    make_realm(keycloak, "repeated", STUDIO, '{"keys":[]}')
    assert planned(keycloak, "repeated").empty  # type: ignore[attr-defined]
    repaired = admin.get_client(client)
    assert repaired["description"] == "ours"  # what is not ours stays as it was
    assert admin.get_realm("repeated")["browserFlow"] == "intramural-sign-in"


def test_an_existing_realm_with_least_rights(keycloak: KeycloakServer) -> None:
    admin = admin_of(keycloak)
    admin.create_realm({"realm": "theirs", "enabled": True, "bruteForceProtected": False})
    admin.change_current_realm("theirs")
    helper = {
        "clientId": "installer",
        "serviceAccountsEnabled": True,
        "publicClient": False,
        "secret": "s3cret-for-tests",
    }
    client = admin.create_client({**helper, "standardFlowEnabled": False})
    account = admin.get_client_service_account_user(client)
    owner = admin.get_client_id("realm-management")
    assert owner is not None
    rights = ["manage-clients", "manage-users", "view-realm", "manage-realm", "query-groups"]
    admin.assign_client_role(account["id"], owner, [admin.get_client_role(owner, name) for name in rights])
    login = AdminLogin(keycloak.url, "theirs", client="installer", secret="s3cret-for-tests")
    realm = Realm(admin_session(login), "theirs")
    wish = wanted(Deployment("theirs", STUDIO, '{"keys":[]}', '{"keys":[]}', existing=True))
    plan = difference(wish, realm.found(wish), realm="theirs", existing=True)
    assert plan.advice
    realm.apply(plan)
    assert difference(wish, realm.found(wish), realm="theirs", existing=True).empty
    assert admin.get_realm("theirs")["bruteForceProtected"] is False  # theirs to decide
    with pytest.raises(ProvisioningFailed):
        admin_session(AdminLogin(keycloak.url, "theirs", client="installer", secret="wrong"))


def test_the_command_line_plans_applies_exports_and_records(
    keycloak: KeycloakServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTRAMURAL_HOME", str(tmp_path))
    monkeypatch.setenv("INTRAMURAL_IDENTITY_ISSUER", keycloak.issuer("by-command"))
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    options = ["--admin-user", ADMIN, "--secret-file", str(secret)]
    runner = CliRunner()
    shown = runner.invoke(main, ["identity", "plan", *options])
    assert (shown.exit_code, "+ realm 'by-command'" in shown.output) == (1, True), shown.output
    assert runner.invoke(main, ["identity", "apply", *options], input="n\n").exit_code == 1
    applied = runner.invoke(main, ["identity", "apply", "--yes", *options])
    assert applied.exit_code == 0, applied.output
    again = runner.invoke(main, ["identity", "plan", "--json", *options])
    assert (again.exit_code, json.loads(again.output)["changes"]) == (0, [])
    out = tmp_path / "review.json"
    assert runner.invoke(main, ["identity", "export", "--out", str(out), *options]).exit_code == 0
    held = json.loads(out.read_text())["resources"]
    assert all(one["found"] is not None for one in held)
    assert "s3cret" not in out.read_text()
    verified = runner.invoke(main, ["audit", "verify", "--json"])
    assert verified.exit_code == 0, verified.output
    secret.write_text("wrong")
    refused = runner.invoke(main, ["identity", "plan", *options])
    assert refused.exit_code == 2
