"""A running app with an empty database, and people with roles."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar
from litestar.testing import TestClient

from repair_desk_app.app import create_app
from repair_desk_app.kit.settings import Settings

KEY = Ed25519PrivateKey.generate()
JWKS = json.dumps(
    {"keys": [{**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key())), "kid": "test", "alg": "EdDSA"}]}
)

Client = TestClient[Litestar]


def identity(*roles: str, name: str = "Ada") -> dict[str, str]:
    """The header that a front door would send for a person with these roles."""
    now = int(time.time())
    claims = {
        "iss": "tests",
        "aud": "app",
        "iat": now,
        "exp": now + 60,
        "sub": name.lower(),
        "name": name,
        "email": f"{name.lower()}@example.com",
        "roles": list(roles),
    }
    return {"X-Intramural-Identity": jwt.encode(claims, KEY, algorithm="EdDSA", headers={"kid": "test"})}


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    folder = tmp_path_factory.mktemp("data")
    return create_app(
        Settings(
            data_dir=folder,
            database_url=f"sqlite:///{folder / 'app.db'}",
            identity_jwks=JWKS,
            identity_issuer="tests",
            identity_audience="app",
            load_examples=True,
        )
    )


@pytest.fixture
def sign_in(app: Litestar) -> Iterator[Callable[..., Client]]:
    """Make a client for somebody with the given roles; without roles: somebody unknown to the access table."""
    with TestClient(app) as client:

        def sign_in(*roles: str, name: str = "Ada") -> Client:
            client.headers.update(identity(*roles, name=name))
            client.follow_redirects = False
            return client

        yield sign_in
