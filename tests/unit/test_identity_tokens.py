"""Identity tokens for apps: what the contract says, for a minute, under keys that rotate without an outage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from appliance.core.clock import ManualClock
from appliance.core.errors import Refused
from appliance.core.ports import AppTokenIssuer, Person
from appliance.core.private_files import PrivateFileError
from appliance.identity.errors import IdentityKeyError
from appliance.identity.tokens import AppTokens

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
MAYA = Person("demo-maya", "Maya", "maya@example.com")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def tokens(tmp_path: Path, clock: ManualClock) -> AppTokens:
    return AppTokens(tmp_path / "keys" / "app-tokens.json", clock)


def as_an_app(jwks: str, token: str, audience: str = "app_1") -> dict[str, Any]:
    """What an app does with the header, apart from looking at its clock."""
    kid = jwt.get_unverified_header(token)["kid"]
    (key,) = [jwt.PyJWK(one) for one in json.loads(jwks)["keys"] if one["kid"] == kid]
    options: Any = {"require": ["iss", "aud", "iat", "exp", "sub"], "verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience=audience, issuer="intramural", options=options
    )
    return claims


def test_a_token_says_what_the_contract_says(tokens: AppTokens) -> None:
    issuer: AppTokenIssuer = tokens
    token = issuer.issue(audience="app_1", person=MAYA, roles=["Lab Manager", "@owner"])
    now = int(NOW.timestamp())
    assert as_an_app(issuer.jwks, token) == {
        "iss": "intramural",
        "aud": "app_1",
        "iat": now,
        "exp": now + 60,
        "sub": "demo-maya",
        "name": "Maya",
        "email": "maya@example.com",
        "roles": ["Lab Manager", "@owner"],
    }
    assert jwt.get_unverified_header(token)["alg"] == "EdDSA"


def test_another_app_does_not_accept_it(tokens: AppTokens) -> None:
    token = tokens.issue(audience="app_1", person=MAYA, roles=[])
    with pytest.raises(jwt.InvalidAudienceError):
        as_an_app(tokens.jwks, token, audience="app_2")


def test_the_published_keys_are_public(tokens: AppTokens) -> None:
    keys = json.loads(tokens.jwks)["keys"]
    assert len(keys) == 2
    for key in keys:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_the_key_id_is_the_thumbprint_of_rfc_7638() -> None:
    # RFC 8037, appendix A.3.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from appliance.identity.tokens import _Key

    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = _Key("current", Ed25519PrivateKey.from_private_bytes(seed))
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_running_apps_understand_tokens_after_a_rotation(tokens: AppTokens) -> None:
    known = tokens.jwks
    before = tokens.issue(audience="app_1", person=MAYA, roles=[])
    kid = tokens.rotate()
    after = tokens.issue(audience="app_1", person=MAYA, roles=[])
    assert jwt.get_unverified_header(after)["kid"] == kid != jwt.get_unverified_header(before)["kid"]
    for token in (before, after):
        as_an_app(known, token)
        as_an_app(tokens.jwks, token)
    assert len(json.loads(tokens.jwks)["keys"]) == 3


def test_keys_survive_a_restart(tmp_path: Path, tokens: AppTokens, clock: ManualClock) -> None:
    tokens.rotate()
    again = AppTokens(tmp_path / "keys" / "app-tokens.json", clock)
    assert again.jwks == tokens.jwks
    as_an_app(tokens.jwks, again.issue(audience="app_1", person=MAYA, roles=[]))


def test_the_key_file_is_private(tmp_path: Path, tokens: AppTokens, clock: ManualClock) -> None:
    path = tmp_path / "keys" / "app-tokens.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o604)
    with pytest.raises(PrivateFileError, match="may be read by other accounts"):
        AppTokens(path, clock)


@pytest.mark.parametrize("content", ["", "{}", '{"version":1,"keys":{"current":"AA"}}', "[]", '{"keys": 1}'])
def test_a_damaged_key_file_is_named_and_kept(tmp_path: Path, clock: ManualClock, content: str) -> None:
    path = tmp_path / "app-tokens.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(IdentityKeyError, match="damaged"):
        AppTokens(path, clock)
    assert path.read_text() == content


def test_a_rotation_that_cannot_be_stored_changes_nothing(tmp_path: Path, tokens: AppTokens) -> None:
    before = tokens.jwks
    blocker = tmp_path / "keys" / "app-tokens.json.new"
    blocker.mkdir()
    with pytest.raises(PrivateFileError):
        tokens.rotate()
    assert tokens.jwks == before


@pytest.mark.parametrize(
    ("person", "roles"),
    [(Person("x" * 321, "n"), []), (MAYA, ["r" * 321]), (MAYA, ["r"] * 65)],
    ids=["sub", "role", "roles"],
)
def test_oversized_identities_are_refused(tokens: AppTokens, person: Person, roles: list[str]) -> None:
    with pytest.raises(Refused):
        tokens.issue(audience="app_1", person=person, roles=roles)
