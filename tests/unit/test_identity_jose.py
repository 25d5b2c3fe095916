"""Signatures of the JOSE cookbook (RFC 7520, RFC 8037): good ones verify, changed and disallowed ones do not.

The cookbook's payloads are prose. That a token got as far as "the claims are not JSON" shows its signature held.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.identity.id_token import (
    ExpectedToken,
    TokenRefused,
    key_hint,
    keys_from_jwks,
    matching_keys,
    validate_id_token,
)

COOKBOOK = Path(__file__).parent.parent / "fixtures" / "vectors" / "jose-cookbook"
EXPECTED = ExpectedToken("https://login.example", "studio", "nonce")
NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)


def case(name: str) -> tuple[str, dict[str, Any]]:
    content = json.loads((COOKBOOK / name).read_text())
    key = content["input"]["key"]
    public = {field: value for field, value in key.items() if field not in {"d", "p", "q", "dp", "dq", "qi"}}
    return content["output"]["compact"], {"keys": [public]}


def reason(token: str, jwks: dict[str, Any]) -> str:
    with pytest.raises(TokenRefused) as refused:
        validate_id_token(token, keys_from_jwks(jwks), EXPECTED, NOW)
    return refused.value.reason


@pytest.mark.parametrize("name", ["jws/4_1.rsa_v15_signature.json", "curve25519/jws.json"])
def test_cookbook_signatures(name: str) -> None:
    token, jwks = case(name)
    assert reason(token, jwks) == "the claims are not JSON"
    header, payload, signature = token.split(".")
    for changed in (
        f"{header}.{payload[:-2]}AA.{signature}",
        f"{header}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        f"{header}.{payload}.",
    ):
        assert "signature" in reason(changed, jwks)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("jws/4_2.rsa-pss_signature.json", "PS384"),
        ("jws/4_3.ecdsa_signature.json", "ES512"),
        ("jws/4_4.hmac-sha2_integrity_protection.json", "HS256"),
    ],
)
def test_cookbook_algorithms_that_are_not_allowed(name: str, algorithm: str) -> None:
    token, jwks = case(name)
    assert algorithm in reason(token, jwks)


def test_a_symmetric_key_is_no_verification_key() -> None:
    _, jwks = case("jws/4_4.hmac-sha2_integrity_protection.json")
    assert keys_from_jwks(jwks) == ()


@pytest.mark.parametrize("document", [{}, {"keys": 1}, {"keys": [1, None, []]}, {"keys": [{"kty": "RSA"}]}])
def test_an_odd_key_set_has_no_keys(document: dict[str, Any]) -> None:
    assert keys_from_jwks(document) == ()


def test_damaged_and_foreign_keys_are_left_out() -> None:
    _, jwks = case("jws/4_1.rsa_v15_signature.json")
    (good,) = jwks["keys"]
    odd = [
        {**good, "n": "!"},
        {**good, "e": "AA"},
        {**good, "alg": "RSA-OAEP"},
        {**good, "kty": "EC"},
        {**good, "n": 7},
    ]
    keys = keys_from_jwks({"keys": [*odd, good]})
    assert [(key.algorithm, key.kid) for key in keys] == [("RS256", good["kid"])]


def test_a_header_selects_by_key_id_and_algorithm() -> None:
    token, jwks = case("jws/4_1.rsa_v15_signature.json")
    keys = keys_from_jwks(jwks)
    assert matching_keys(keys, key_hint(token)) == keys
