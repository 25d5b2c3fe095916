"""The relying party against providers that err or attack: every module of the OpenID conformance suite's Basic and
Config plans for relying parties that applies here, and the attacks of RFC 8725 and RFC 9700."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.core.clock import ManualClock
from appliance.identity.errors import IssuerUnavailable, SignInRefused
from appliance.identity.oidc import RelyingParty
from appliance.identity.sign_in import OidcConfig, PendingSignIn, SignedIn
from tests.fakes.scripted_provider import (
    CLIENT_ID,
    EC_KEY,
    ED_KEY,
    ISSUER,
    OTHER_RSA_KEY,
    RSA_KEY,
    ScriptedProvider,
    b64,
    public_jwk,
)

NONE, HS256, RS256 = b'{"alg":"none"}', b'{"alg":"HS256","kid":"one","typ":"JWT"}', b'{"alg":"RS256","kid":"one"}'
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CONFIG = OidcConfig(ISSUER, CLIENT_ID, "https://studio.example/auth/callback")
MODULES = json.loads(
    (Path(__file__).parent.parent / "fixtures/vectors/oidc-rp-conformance/rp_test_modules.json").read_text()
)


class SignIn:
    """One relying party and one provider, with a clock that stands still unless moved."""

    def __init__(self, provider: ScriptedProvider | None = None, config: OidcConfig = CONFIG) -> None:
        self.provider = provider or ScriptedProvider()
        self.clock = ManualClock(NOW)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.provider))
        self.party = RelyingParty(config, self.http, self.clock)

    async def __call__(self, **claims: Any) -> SignedIn:
        _, pending = await self.party.begin()
        self.provider.claims = {**self.good_claims(pending), **claims}
        return await self.party.complete({"code": "a-code", "state": pending.state}, pending)

    def good_claims(self, pending: PendingSignIn) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        times = {"iat": now, "exp": now + 300}
        return {"iss": ISSUER, "aud": CLIENT_ID, "sub": "s-1", "nonce": pending.nonce, "groups": ["maker"], **times}


def refused(provider: ScriptedProvider, reason: str, config: OidcConfig = CONFIG, **claims: Any) -> None:
    with pytest.raises(SignInRefused, match=reason):
        asyncio.run(SignIn(provider, config)(**claims))


def accepted(provider: ScriptedProvider, config: OidcConfig = CONFIG, **claims: Any) -> SignedIn:
    return asyncio.run(SignIn(provider, config)(**claims))


def none_token(claims: dict[str, Any]) -> str:
    return f"{b64(NONE)}.{b64(json.dumps(claims).encode())}."


def bad_signature(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, OTHER_RSA_KEY, algorithm="RS256", headers={"kid": "one"})


def rotation() -> None:
    async def run() -> None:
        sign_in = SignIn()
        await sign_in()
        sign_in.clock.advance(60)
        provider = sign_in.provider
        provider.keys, provider.signing_key = [public_jwk(OTHER_RSA_KEY, "RS256", "two")], OTHER_RSA_KEY
        provider.header = {"kid": "two"}
        await sign_in()

    asyncio.run(run())


def secret_basic() -> None:
    provider = ScriptedProvider()
    accepted(provider, replace(CONFIG, client_secret="se:cret"))
    expected = base64.b64encode(f"{CLIENT_ID}:se%3Acret".encode()).decode()
    assert provider.authorization == f"Basic {expected}"


def issuer_mismatch() -> None:
    with pytest.raises(IssuerUnavailable, match="names the issuer"):
        accepted(ScriptedProvider(configuration={"issuer": "https://other.example"}))


def other_jwks_address() -> None:
    provider = ScriptedProvider(configuration={"jwks_uri": f"{ISSUER}/keys/7"})
    accepted(provider)
    assert "/keys/7" in provider.requests


def no_userinfo() -> None:
    provider = ScriptedProvider(configuration={"userinfo_endpoint": f"{ISSUER}/userinfo"})
    assert accepted(provider, name="Maya", email="maya@example.com").person.name == "Maya"
    assert "/userinfo" not in provider.requests


TWO_KEYS = [public_jwk(OTHER_RSA_KEY, "RS256", None), public_jwk(RSA_KEY, "RS256", None)]
ONE_KEY = [public_jwk(RSA_KEY, "RS256", None)]
# Conformance module → what we do there. This relying party takes claims from the ID token only and sends no userinfo
# request, so a wrong userinfo answer cannot reach it.
CONFORMANCE: dict[str, Callable[[], object]] = {
    "oidcc-client-test": lambda: accepted(ScriptedProvider()),
    "oidcc-client-test-client-secret-basic": secret_basic,
    "oidcc-client-test-idtoken-sig-none": lambda: refused(ScriptedProvider(make_token=none_token), "'none'"),
    "oidcc-client-test-idtoken-sig-rs256": lambda: accepted(ScriptedProvider(algorithm="RS256")),
    "oidcc-client-test-invalid-aud": lambda: refused(ScriptedProvider(), "aud", aud="someone-else"),
    "oidcc-client-test-invalid-sig-rs256": lambda: refused(ScriptedProvider(make_token=bad_signature), "signature"),
    "oidcc-client-test-invalid-iss": lambda: refused(ScriptedProvider(), "iss", iss="https://other.example"),
    "oidcc-client-test-userinfo-invalid-sub": no_userinfo,
    "oidcc-client-test-kid-absent-multiple-jwks": lambda: refused(
        ScriptedProvider(keys=TWO_KEYS, header={}), "no key that fits"
    ),
    "oidcc-client-test-kid-absent-single-jwks": lambda: accepted(ScriptedProvider(keys=ONE_KEY, header={})),
    "oidcc-client-test-missing-iat": lambda: refused(ScriptedProvider(), "iat", iat=None),
    "oidcc-client-test-missing-sub": lambda: refused(ScriptedProvider(), "sub", sub=None),
    "oidcc-client-test-nonce-invalid": lambda: refused(ScriptedProvider(), "nonce", nonce="another"),
    "oidcc-client-test-scope-userinfo-claims": no_userinfo,
    "oidcc-client-test-discovery-issuer-mismatch": issuer_mismatch,
    "oidcc-client-test-discovery-jwks-uri-keys": other_jwks_address,
    "oidcc-client-test-discovery-openid-config": lambda: accepted(ScriptedProvider()),
    "oidcc-client-test-signing-key-rotation": rotation,
    "oidcc-client-test-signing-key-rotation-just-before-signing": rotation,
}


@pytest.mark.parametrize("module", [module["testName"] for module in MODULES])
def test_conformance_module(module: str) -> None:
    CONFORMANCE[module]()


def test_the_request_carries_what_the_answer_is_checked_against() -> None:
    async def run() -> tuple[httpx.URL, PendingSignIn, dict[str, str]]:
        sign_in = SignIn()
        url, pending = await sign_in.party.begin("/apps")
        sign_in.provider.claims = sign_in.good_claims(pending)
        await sign_in.party.complete({"code": "a-code", "state": pending.state}, pending)
        return httpx.URL(url), pending, sign_in.provider.forms[0]

    url, pending, form = asyncio.run(run())
    query = dict(url.params)
    challenge = b64(hashlib.sha256(pending.code_verifier.encode()).digest())
    assert query["code_challenge"] == challenge
    assert (query["code_challenge_method"], query["response_type"]) == ("S256", "code")
    assert (query["state"], query["nonce"]) == (pending.state, pending.nonce)
    assert form["code_verifier"] == pending.code_verifier
    assert form["redirect_uri"] == query["redirect_uri"] == CONFIG.redirect_uri
    assert len({pending.state, pending.nonce, pending.code_verifier}) == 3


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA_KEY, "RS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")], ids=["RS256", "ES256", "EdDSA"]
)
def test_the_allowed_algorithms_are_accepted(key: Any, algorithm: str) -> None:
    accepted(ScriptedProvider(keys=[public_jwk(key, algorithm, "one")], signing_key=key, algorithm=algorithm))


def hmac_with_public_key(claims: dict[str, Any]) -> str:
    """The classic confusion: the provider's public key used as an HMAC secret."""
    public = RSA_KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = f"{b64(HS256)}.{b64(json.dumps(claims).encode())}"
    return f"{head}.{b64(hmac.new(public, head.encode(), hashlib.sha256).digest())}"


def key_in_header(claims: dict[str, Any]) -> str:
    header = {"jwk": public_jwk(OTHER_RSA_KEY, "RS256", "evil"), "kid": "one", "jku": "https://evil.example/jwks"}
    return jwt.encode(claims, OTHER_RSA_KEY, algorithm="RS256", headers=header)


def header_with(**header: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": "one", **header})


def signed_with(algorithm: str) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode(claims, RSA_KEY, algorithm=algorithm, headers={"kid": "one"})


@pytest.mark.parametrize(
    ("make_token", "reason"),
    [
        (hmac_with_public_key, "HS256"),
        (key_in_header, "signature"),
        (signed_with("RS512"), "RS512"),
        (signed_with("PS256"), "PS256"),
        (header_with(typ="at+jwt"), "of type"),
        (header_with(typ="logout+jwt"), "of type"),
        (header_with(crit=["exp"], exp=1), "extensions|not a signed token"),
        (header_with(kid="unknown"), "no key that fits"),
        (lambda _: "not.a.token", "not a signed token"),
        (lambda _: "", "not a signed token"),
        (lambda _: "x" * 20_000, "too long"),
        (lambda _: jwt.PyJWS().encode(b"[]", RSA_KEY, "RS256", {"kid": "one"}), "not an object"),
        (lambda _: jwt.PyJWS().encode(b"\xff", RSA_KEY, "RS256", {"kid": "one"}), "not JSON"),
        (lambda claims: header_with()(claims)[:-4] + "AAAA", "signature"),
    ],
)
def test_forged_and_foreign_tokens_are_refused(make_token: Callable[[dict[str, Any]], str], reason: str) -> None:
    refused(ScriptedProvider(make_token=make_token), reason)


T = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": T - 31}, "expired"),
        ({"exp": T - 30}, "expired"),
        ({"exp": None}, "exp"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": T + 31}, "future"),
        ({"iat": T - 631}, "too long ago"),
        ({"nbf": T + 31}, "future"),
        ({"nonce": None}, "nonce"),
        ({"nonce": 7}, "nonce"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"sub": 7}, "sub"),
        ({"aud": []}, "aud"),
        ({"aud": [CLIENT_ID, "other"]}, "not trusted"),
        ({"aud": {"studio": 1}}, "aud"),
        ({"azp": "other"}, "azp"),
        ({"at_hash": b64(bytes(16))}, "at_hash"),
        ({"groups": "maker"}, "not a list"),
        ({"groups": ["maker", 1]}, "not a list"),
        ({"iss": ISSUER + "/"}, "iss"),
    ],
)
def test_wrong_claims_are_refused(claims: dict[str, Any], reason: str) -> None:
    refused(ScriptedProvider(), reason, **claims)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": T - 29},
        {"iat": T + 29},
        {"aud": [CLIENT_ID]},
        {"azp": CLIENT_ID},
        {"at_hash": b64(hashlib.sha256(b"an-access-token").digest()[:16])},
        {"groups": None},
        {"name": "M" * 500, "email": "e" * 500},
    ],
)
def test_allowed_claims_are_accepted(claims: dict[str, Any]) -> None:
    signed_in = accepted(ScriptedProvider(), **claims)
    assert signed_in.person.subject == "s-1"
    assert len(signed_in.person.name) <= 200


def test_a_trusted_audience_needs_azp() -> None:
    trusting = replace(CONFIG, trusted_audiences=frozenset({"other"}))
    accepted(ScriptedProvider(), trusting, aud=[CLIENT_ID, "other"], azp=CLIENT_ID)
    refused(ScriptedProvider(), "azp", trusting, aud=[CLIENT_ID, "other"])


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        (ScriptedProvider(token_status=400, answer={"error": "invalid_grant"}), "invalid_grant"),
        (ScriptedProvider(answer={"token_type": "mac"}), "Bearer"),
        (ScriptedProvider(answer={"id_token": None}), "no id_token"),
    ],
)
def test_wrong_token_answers_are_refused(provider: ScriptedProvider, reason: str) -> None:
    refused(provider, reason)


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        (ScriptedProvider(token_status=503), "503"),
        (ScriptedProvider(raw={"/jwks": (200, b"<html>")}), "without JSON"),
        (ScriptedProvider(raw={"/jwks": (200, b"[]")}), "no object"),
        (ScriptedProvider(raw={"/jwks": (500, b"{}")}), "500"),
        (ScriptedProvider(raw={"/jwks": (200, b" " * 300_000)}), "more than"),
        (ScriptedProvider(raw={"/token": (302, b"")}), "without JSON"),
        (ScriptedProvider(raw={"/.well-known/openid-configuration": (302, b"{}")}), "302"),
        (ScriptedProvider(raw={"/.well-known/openid-configuration": (200, b"[" * 100_000)}), "without JSON"),
        (ScriptedProvider(configuration={"token_endpoint": "http://login.example/token"}), "neither HTTPS"),
        (ScriptedProvider(configuration={"jwks_uri": "file:///etc/passwd"}), "neither HTTPS"),
        (ScriptedProvider(configuration={"jwks_uri": "https://user@login.example/"}), "neither HTTPS"),
        (ScriptedProvider(configuration={"authorization_endpoint": None}), "authorization_endpoint"),
        (ScriptedProvider(configuration={"code_challenge_methods_supported": ["plain"]}), "PKCE"),
    ],
)
def test_a_broken_provider_is_reported_as_unavailable(provider: ScriptedProvider, reason: str) -> None:
    with pytest.raises(IssuerUnavailable, match=reason):
        accepted(provider)


def test_a_short_rsa_key_is_not_used() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - refused is the point
    keys = [public_jwk(weak, "RS256", "one")]

    def token(claims: dict[str, Any]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        head = f"{b64(RS256)}.{b64(json.dumps(claims).encode())}"
        return f"{head}.{b64(weak.sign(head.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    refused(ScriptedProvider(keys=keys, make_token=token), "no key that fits")


def test_a_key_for_encryption_does_not_sign() -> None:
    refused(ScriptedProvider(keys=[{**public_jwk(RSA_KEY, "RS256", "one"), "use": "enc"}]), "no key that fits")


def test_unknown_kids_cause_one_fetch_in_ten_seconds() -> None:
    async def run() -> list[int]:
        sign_in = SignIn()
        await sign_in()
        counts = []
        sign_in.provider.header = {"kid": "forged"}
        for seconds in (11, 0, 0, 0, 11):
            sign_in.clock.advance(seconds)
            with pytest.raises(SignInRefused, match="no key that fits"):
                await sign_in()
            counts.append(sign_in.provider.requests.count("/jwks"))
        return counts

    assert asyncio.run(run()) == [2, 2, 2, 2, 3]


def test_good_keys_outlive_an_outage_of_the_provider() -> None:
    async def run() -> None:
        sign_in = SignIn()
        await sign_in()
        sign_in.provider.raw = dict.fromkeys(("/jwks", "/.well-known/openid-configuration"), (503, b""))
        sign_in.clock.advance(7200)
        await sign_in()
        sign_in.provider.header = {"kid": "forged"}
        with pytest.raises(SignInRefused, match="no key that fits"):
            await sign_in()

    asyncio.run(run())


def test_a_sign_in_ends_after_ten_minutes() -> None:
    async def run() -> None:
        sign_in = SignIn()
        _, pending = await sign_in.party.begin()
        sign_in.clock.advance(601)
        sign_in.provider.claims = sign_in.good_claims(pending)
        with pytest.raises(SignInRefused, match="10 minutes"):
            await sign_in.party.complete({"code": "a-code", "state": pending.state}, pending)
        assert "/token" not in sign_in.provider.requests

    asyncio.run(run())


def test_a_wrong_state_spends_no_code() -> None:
    async def run() -> None:
        sign_in = SignIn()
        _, pending = await sign_in.party.begin()
        with pytest.raises(SignInRefused, match="state"):
            await sign_in.party.complete({"code": "a-code", "state": "x"}, pending)
        assert "/token" not in sign_in.provider.requests

    asyncio.run(run())
