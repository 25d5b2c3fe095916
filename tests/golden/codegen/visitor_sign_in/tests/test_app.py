"""What the app promises: every page opens for its owner, each role may do what the access table says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Client

PAGES = (
    "/pages/in-the-building",
    "/pages/sign-in-a-visit",
    "/pages/today",
    "/pages/visitors",
    "/pages/overview",
)
LISTS = (
    "/visitor",
    "/visit",
)

# role, address, what the answer must be
ACCESS = (
    ("Reception", "/visitor", 200),
    ("Reception", "/visitor/new", 200),
    ("Host", "/visitor", 200),
    ("Host", "/visitor/new", 200),
    ("a stranger", "/visitor", 403),
    ("a stranger", "/visitor/new", 403),
    ("Reception", "/visit", 200),
    ("Reception", "/visit/new", 200),
    ("Host", "/visit", 200),
    ("Host", "/visit/new", 200),
    ("a stranger", "/visit", 403),
    ("a stranger", "/visit/new", 403),
)


@pytest.mark.parametrize("address", PAGES + LISTS + tuple(f"{address}/new" for address in LISTS))
def test_owner_opens_everything(sign_in: Callable[..., Client], address: str) -> None:
    answer = sign_in("@owner").get(address)
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize(("role", "address", "status"), ACCESS)
def test_roles(sign_in: Callable[..., Client], role: str, address: str, status: int) -> None:
    assert sign_in(role).get(address).status_code == status


def test_without_identity_nothing_opens(sign_in: Callable[..., Client]) -> None:
    client = sign_in()
    del client.headers["X-Intramural-Identity"]
    assert all(client.get(address).status_code == 401 for address in ("/", *PAGES, *LISTS))
    assert client.get("/healthz").json() == {"status": "ok"}


def test_forms_need_their_token(sign_in: Callable[..., Client]) -> None:
    client = sign_in("@owner")
    assert all(client.post(f"{address}/new", data={}).status_code == 403 for address in LISTS)
