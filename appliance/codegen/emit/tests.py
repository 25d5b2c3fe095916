"""``tests/``: the app's own tests, run with its own pytest."""

from __future__ import annotations

from appliance.blueprint import naming
from appliance.blueprint.model import OWNER, Blueprint, Entity, Verb
from appliance.codegen.emit.names import Names


def conftest(names: Names) -> str:
    """The text of ``tests/conftest.py``."""
    return f'''"""A running app with an empty database, and people with roles."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litestar import Litestar
from litestar.testing import TestClient

from {names.package}.app import create_app
from {names.package}.kit.settings import Settings

KEY = Ed25519PrivateKey.generate()
JWKS = json.dumps(
    {{"keys": [{{**json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key())), "kid": "test", "alg": "EdDSA"}}]}}
)

Client = TestClient[Litestar]


def identity(*roles: str, name: str = "Ada") -> dict[str, str]:
    """The header that a front door would send for a person with these roles."""
    now = int(time.time())
    claims = {{
        "iss": "tests",
        "aud": "app",
        "iat": now,
        "exp": now + 60,
        "sub": name.lower(),
        "name": name,
        "email": f"{{name.lower()}}@example.com",
        "roles": list(roles),
    }}
    return {{"X-Intramural-Identity": jwt.encode(claims, KEY, algorithm="EdDSA", headers={{"kid": "test"}})}}


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    folder = tmp_path_factory.mktemp("data")
    return create_app(
        Settings(
            data_dir=folder,
            database_url=f"sqlite:///{{folder / 'app.db'}}",
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
'''


def test_app(names: Names) -> str:
    """The text of ``tests/test_app.py``."""
    blueprint = names.blueprint
    rows = [row for entity in blueprint.entities for row in _expectations(blueprint, entity)]
    pages = ", ".join(repr(f"/pages/{naming.slug(page.title)}") for page in blueprint.pages)
    lists = ", ".join(repr(f"/{naming.slug(entity.name)}") for entity in blueprint.entities)
    return f'''"""What the app promises: every page opens for its owner, each role may do what the access table says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Client

PAGES = ({pages}{"," if pages else ""})
LISTS = ({lists},)

# role, address, what the answer must be
ACCESS = (
    {"".join(rows)}
)


@pytest.mark.parametrize("address", PAGES + LISTS + tuple(f"{{address}}/new" for address in LISTS))
def test_owner_opens_everything(sign_in: Callable[..., Client], address: str) -> None:
    answer = sign_in("{OWNER}").get(address)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize(("role", "address", "status"), ACCESS)
def test_roles(sign_in: Callable[..., Client], role: str, address: str, status: int) -> None:
    assert sign_in(role).get(address).status_code == status


def test_without_identity_nothing_opens(sign_in: Callable[..., Client]) -> None:
    client = sign_in()
    del client.headers["X-Intramural-Identity"]
    assert all(client.get(address).status_code == 401 for address in ("/", *PAGES, *LISTS))
    assert client.get("/healthz").json() == {{"status": "ok"}}


def test_forms_need_their_token(sign_in: Callable[..., Client]) -> None:
    client = sign_in("{OWNER}")
    assert all(client.post(f"{{address}}/new", data={{}}).status_code == 403 for address in LISTS)
'''


def _expectations(blueprint: Blueprint, entity: Entity) -> list[str]:
    slug = naming.slug(entity.name)
    found = []
    for role in (*blueprint.roles, "a stranger"):
        for verb, address in ((Verb.READ, f"/{slug}"), (Verb.CREATE, f"/{slug}/new")):
            status = 200 if blueprint.permission(entity.name, role, verb) else 403
            found.append(f"    ({role!r}, {address!r}, {status}),\n")
    return found
