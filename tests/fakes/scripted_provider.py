"""An OpenID provider that does what a test tells it, right or wrong; speaks ASGI, signs with real keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

ISSUER = "https://login.example"
CLIENT_ID = "studio"

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()

_ALGORITHMS: dict[str, Any] = {
    "RS256": jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256),
    "ES256": jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256),
    "EdDSA": jwt.algorithms.OKPAlgorithm(),
}


def public_jwk(key: Any, algorithm: str, kid: str | None) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_ALGORITHMS[algorithm].to_jwk(key.public_key()))
    content.pop("key_ops", None)
    content["use"] = "sig"
    return content if kid is None else {**content, "kid": kid}


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@dataclass
class ScriptedProvider:
    """Answers discovery, JWKS and token requests; counts them. Tests change the fields."""

    claims: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [public_jwk(RSA_KEY, "RS256", "one")])
    signing_key: Any = RSA_KEY
    algorithm: str = "RS256"
    header: dict[str, Any] = field(default_factory=lambda: {"kid": "one"})
    make_token: Callable[[dict[str, Any]], str] | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    token_status: int = 200
    raw: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    authorization: str = ""

    def __post_init__(self) -> None:
        self.configuration = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            **self.configuration,
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        path = scope["path"]
        self.requests.append(path)
        status, body = 200, b""
        if path in self.raw:
            status, body = self.raw[path]
        elif path == "/.well-known/openid-configuration":
            body = json.dumps(self.configuration).encode()
        elif path == "/token":
            self.authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.forms.append(dict(parse_qsl((await receive())["body"].decode())))
            status, body = self.token_status, json.dumps(self.token_answer()).encode()
        else:
            body = json.dumps({"keys": self.keys}).encode()
        headers = [(b"content-type", b"application/json"), (b"location", b"https://evil.example/")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def token_answer(self) -> dict[str, Any]:
        claims = {name: value for name, value in self.claims.items() if value is not None}
        token = self.make_token(claims) if self.make_token else self.sign(claims)
        return {"access_token": "an-access-token", "token_type": "Bearer", "id_token": token, **self.answer}

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.signing_key, algorithm=self.algorithm, headers=self.header)
