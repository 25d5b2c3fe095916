"""Logout tokens and access tokens, right and wrong in every way; settings and providers that are too weak."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from appliance.core.clock import ManualClock
from appliance.core.ports import Person
from appliance.core.settings import IdentitySettings, WebSettings
from appliance.identity.access_token import ExpectedAccess, access_hint, validate_access_token
from appliance.identity.assurance import Assurance, StepUp
from appliance.identity.errors import SessionEnded, WeakConfiguration
from appliance.identity.hardening import provider_weaknesses, require_hardened
from appliance.identity.id_token import TokenRefused, keys_from_jwks
from appliance.identity.logout_token import EVENT, Logout, logout_hint, validate_logout_token
from appliance.identity.seal import TokenSeal
from appliance.identity.sessions import Sessions
from appliance.identity.sign_in import SignedIn
from appliance.identity.store import SqliteSessionStore
from tests.fakes.scripted_provider import OTHER_RSA_KEY, RSA_KEY, b64, public_jwk

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
T = int(NOW.timestamp())
ISSUER, CLIENT = "https://login.example", "studio"
KEYS = keys_from_jwks({"keys": [public_jwk(RSA_KEY, "RS256", "one")]})
LOGOUT = {"iss": ISSUER, "aud": CLIENT, "iat": T, "exp": T + 120, "jti": "j1", "sub": "maya", "sid": "s1"}
LOGOUT |= {"events": {EVENT: {}}}
ACCESS = {"iss": ISSUER, "aud": ["intramural-api", "account"], "iat": T, "exp": T + 300, "sub": "maya", "azp": "robot"}
EXPECTED = ExpectedAccess(ISSUER, "intramural-api", frozenset({"robot"}))


def signed(claims: dict[str, Any], *, key: Any = RSA_KEY, typ: str | None = None, **header: Any) -> str:
    made = {name: value for name, value in claims.items() if value is not None}
    extra = {"kid": "one", **header} | ({"typ": typ} if typ else {})
    return jwt.encode(made, key, algorithm="RS256", headers=extra)


def logout(token: str) -> Logout:
    logout_hint(token)
    return validate_logout_token(token, KEYS, issuer=ISSUER, client_id=CLIENT, now=NOW)


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt"])
def test_a_right_logout_token_is_taken(typ: str) -> None:
    assert logout(signed(LOGOUT, typ=typ)) == Logout("maya", "s1", "j1")
    assert logout(signed({**LOGOUT, "sid": None}, typ=typ)).sid == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "other"}, "aud"),
        ({"aud": [CLIENT, "other"]}, "aud"),
        ({"nonce": "n"}, "nonce"),
        ({"events": None}, "logout"),
        ({"events": {EVENT: "yes"}}, "logout"),
        ({"events": [EVENT]}, "logout"),
        ({"jti": None}, "jti"),
        ({"sub": None, "sid": None}, "neither"),
        ({"sid": 7}, "sid"),
        ({"iat": T - 300}, "too long ago"),
        ({"iat": T + 90}, "future"),
        ({"exp": T - 60}, "expired"),
    ],
)
def test_a_wrong_logout_token_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenRefused, match=reason):
        logout(signed({**LOGOUT, **change}))


def test_another_key_or_kind_signs_nobody_out() -> None:
    with pytest.raises(TokenRefused, match="signature"):
        logout(signed(LOGOUT, key=OTHER_RSA_KEY))
    with pytest.raises(TokenRefused, match="kind"):
        logout(signed(LOGOUT, typ="at+jwt"))
    head = b64(json.dumps({"alg": "none"}).encode())
    with pytest.raises(TokenRefused):
        logout(f"{head}.{b64(json.dumps(LOGOUT).encode())}.")


def test_a_public_key_is_no_secret_of_an_hmac() -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, form)
    text = f"{b64(json.dumps({'alg': 'HS256', 'kid': 'one'}).encode())}.{b64(json.dumps(LOGOUT).encode())}"
    forged = f"{text}.{b64(hmac.digest(public, text.encode(), 'sha256'))}"
    with pytest.raises(TokenRefused, match="HS256"):
        logout(forged)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"iss": "https://evil.example"}, "iss"),
        ({"aud": "account"}, "aud"),
        ({"aud": None}, "aud"),
        ({"azp": "somebody"}, "client"),
        ({"client_id": "robot", "azp": "other"}, "client"),
        ({"sub": None}, "sub"),
        ({"nonce": "n"}, "ID token"),
        ({"at_hash": "h"}, "ID token"),
        ({"exp": T - 31}, "expired"),
        ({"exp": None}, "exp"),
    ],
)
def test_a_wrong_access_token_is_refused(change: dict[str, Any], reason: str) -> None:
    assert validate_access_token(signed(ACCESS, typ="at+jwt"), KEYS, EXPECTED, NOW)["sub"] == "maya"
    with pytest.raises(TokenRefused, match=reason):
        validate_access_token(signed({**ACCESS, **change}, typ="at+jwt"), KEYS, EXPECTED, NOW)


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", None])
def test_other_kinds_of_tokens_are_no_access_tokens(typ: str | None) -> None:
    with pytest.raises(TokenRefused, match="kind"):
        access_hint(signed(ACCESS, typ=typ))


@pytest.mark.parametrize(
    ("identity", "domain", "word"),
    [
        ({}, "apps.acme.example", "demonstration"),
        ({"directory": "keycloak"}, "intramural.localhost", "directory"),
        ({"issuer": "http://sso.acme.example/realms/a"}, "apps.acme.example", "HTTPS"),
        ({"issuer": "https://me:secret@sso.acme.example"}, "apps.acme.example", "password"),
        ({"issuer": "https://sso.acme.example", "idle_minutes": 30, "absolute_minutes": 20}, "x.example", "longer"),
        ({"issuer": "https://sso.acme.example", "terminal_client_id": "intramural-studio"}, "x.example", "one client"),
        ({"issuer": "https://sso.acme.example", "groups": {"a": "auditor"}}, "x.example", "nobody"),
    ],
)
def test_a_weak_configuration_does_not_start(identity: dict[str, Any], domain: str, word: str) -> None:
    with pytest.raises(WeakConfiguration) as refused:
        require_hardened(IdentitySettings.model_validate(identity), WebSettings(domain=domain))
    assert word in refused.value.cause


def test_a_sound_configuration_starts() -> None:
    require_hardened(IdentitySettings(), WebSettings())
    require_hardened(IdentitySettings(issuer="https://sso.acme.example/realms/a"), WebSettings(domain="x.example"))


def test_a_weak_provider_is_named() -> None:
    sound = {
        "authorization_response_iss_parameter_supported": True,
        "code_challenge_methods_supported": ["plain", "S256"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "backchannel_logout_supported": True,
    }
    assert provider_weaknesses(sound) == ()
    for name in sound:
        assert len(provider_weaknesses({**sound, name: ["none"]})) == 1, name


def test_a_step_up_asks_for_kind_and_age() -> None:
    wanted = StepUp("2", timedelta(minutes=5))
    assert wanted.met_by(Assurance("2", NOW), NOW + timedelta(minutes=5))
    assert not wanted.met_by(Assurance("2", NOW), NOW + timedelta(minutes=5, seconds=1))
    assert not wanted.met_by(Assurance("1", NOW), NOW)
    assert StepUp("", timedelta(minutes=5)).met_by(Assurance("", NOW), NOW)


def signed_in(sid: str = "s1", acr: str = "1", refresh: str = "r1") -> SignedIn:
    claims = {"sid": sid, "acr": acr, "auth_time": T}
    return SignedIn(Person("maya", "Maya"), frozenset({"maker"}), claims, "id", refresh_token=refresh)


@pytest.fixture
def sessions(tmp_path: Any) -> Sessions:
    return Sessions(SqliteSessionStore(tmp_path / "s.sqlite"), ManualClock(NOW), seal=TokenSeal(b"k" * 32))


def test_a_logout_ends_what_it_names_once_and_for_late_comers(sessions: Sessions) -> None:
    first, second = sessions.create(signed_in("s1")), sessions.create(signed_in("s2"))
    assert sessions.end(Logout("maya", "s1", "j1")) == [first.key]
    assert sessions.get(first.id) is None
    assert sessions.get(second.id) is not None
    assert sessions.end(Logout("maya", "s2", "j1")) is None  # jti seen
    assert sessions.get(second.id) is not None
    with pytest.raises(SessionEnded):
        sessions.create(signed_in("s1"))
    assert sessions.end(Logout("maya", "", "j2")) == [second.key]


def test_one_renewal_at_a_time_and_a_step_up_in_between_stays(sessions: Sessions) -> None:
    made = sessions.create(signed_in())
    assert sessions.claim_renewal(made.key) == "r1"
    assert sessions.claim_renewal(made.key) is None
    stronger = sessions.strengthen(made.id, signed_in(acr="2", refresh="r2"))
    assert stronger is not None
    assert (stronger.id != made.id, stronger.key, stronger.assurance.acr) == (True, made.key, "2")
    assert stronger.expires_at == made.expires_at
    assert sessions.get(made.id) is None
    renewed = sessions.renewed(made.key, signed_in(acr="1", refresh="r3"))
    assert renewed is not None
    after = sessions.get(stronger.id)
    assert after is not None
    assert after.assurance.acr == "2"  # a refresh proves nothing anew, and takes nothing away
    other = SignedIn(Person("uwe", "Uwe"), frozenset(), {}, "id")
    assert sessions.strengthen(stronger.id, other) is None


def test_tokens_at_rest_are_sealed(sessions: Sessions, tmp_path: Any) -> None:
    made = sessions.create(signed_in(refresh="very-secret-refresh"))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"very-secret-refresh" not in content
    foreign = Sessions(SqliteSessionStore(tmp_path / "s.sqlite"), ManualClock(NOW), seal=TokenSeal(b"x" * 32))
    assert foreign.claim_renewal(made.key) == ""
