"""What the provisioning would make in an empty realm, as an administrator reads it before agreeing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.identity.provisioning.difference import as_json, difference, merged, printed
from appliance.identity.provisioning.wanted import Deployment, Kind, wanted

GOLDEN = Path(__file__).parent / "identity" / "plan.txt"
DEPLOYMENT = Deployment(
    realm="acme",
    studio="https://studio.apps.acme.example",
    studio_jwks='{"keys":["studio"]}',
    directory_jwks='{"keys":["directory"]}',
    automation={"nightly-robot": '{"keys":["robot"]}'},
)
WISH = wanted(DEPLOYMENT)
AS_WANTED = {(one.kind, one.name): dict(one.want) for one in WISH}


def test_the_plan_for_an_empty_realm() -> None:
    assert printed(difference(WISH, {}, realm="acme", existing=False)) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_nothing_is_left_open_in_what_is_wanted() -> None:
    clients = [one.want for one in WISH if one.kind is Kind.CLIENT]
    for client in clients:
        assert client["implicitFlowEnabled"] is False
        assert client["directAccessGrantsEnabled"] is False
        assert client["webOrigins"] == []
        assert not any("*" in str(uri) for uri in client.get("redirectUris", []))  # type: ignore[attr-defined]
        attributes = client["attributes"]
        if client["standardFlowEnabled"]:
            assert attributes["pkce.code.challenge.method"] == "S256"  # type: ignore[index]
            assert client["clientAuthenticatorType"] == "client-jwt"
    realm = next(one.want for one in WISH if one.kind is Kind.REALM)
    assert (realm["revokeRefreshToken"], realm["refreshTokenMaxReuse"], realm["bruteForceProtected"]) == (True, 0, True)


def test_a_realm_as_wanted_needs_nothing() -> None:
    plan = difference(WISH, AS_WANTED, realm="acme", existing=False)
    assert plan.empty
    assert printed(plan) == "Realm 'acme' is as it should be."


@given(st.sampled_from(WISH), st.data())
def test_every_change_of_an_owned_field_is_seen_and_undone_by_the_merge(resource: object, data: st.DataObject) -> None:
    from appliance.identity.provisioning.wanted import Resource

    assert isinstance(resource, Resource)
    field = data.draw(st.sampled_from(sorted(resource.want)))
    value = resource.want[field]
    found = {**AS_WANTED, (resource.kind, resource.name): {**resource.want, field: "changed", "theirs": [1]}}
    plan = difference(WISH, found, realm="acme", existing=False)
    assert [change.resource for change in plan.changes] == [resource]
    repaired = merged(found[resource.kind, resource.name], resource.want)
    assert repaired["theirs"] == [1]
    assert repaired[field] == value


def test_order_and_spelling_of_json_do_not_count() -> None:
    changed = {key: dict(value) for key, value in AS_WANTED.items()}
    realm = changed[Kind.REALM, "acme"]
    realm["attributes"] = {**realm["attributes"], "acr.loa.map": '{"2": 2, "1": 1}'}  # type: ignore[dict-item]
    realm["enabledEventTypes"] = list(reversed(realm["enabledEventTypes"]))  # type: ignore[call-overload]
    assert difference(WISH, changed, realm="acme", existing=False).empty


def test_a_realm_of_somebody_else_is_advised_and_not_changed() -> None:
    plan = difference(WISH, {(Kind.REALM, "acme"): {"enabled": True}}, realm="acme", existing=True)
    assert {change.resource.kind for change in plan.advice} == {Kind.REALM, Kind.FLOW}
    assert not {Kind.REALM, Kind.FLOW} & {change.resource.kind for change in plan.changes}
    assert "Its owner should look at" in printed(plan)
    json.dumps(as_json(plan))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_planned(kind: Kind) -> None:
    assert any(one.kind is kind for one in WISH)
