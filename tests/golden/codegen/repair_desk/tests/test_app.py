"""What the app promises: every page opens for its owner, each role may do what the access table says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Client

PAGES = (
    "/pages/jobs",
    "/pages/late",
    "/pages/board",
    "/pages/report-a-fault",
)
LISTS = (
    "/room",
    "/job",
    "/shift",
)

# role, address, what the answer must be
ACCESS = (
    ("Reporter", "/room", 200),
    ("Reporter", "/room/new", 403),
    ("Technician", "/room", 200),
    ("Technician", "/room/new", 200),
    ("Auditor", "/room", 200),
    ("Auditor", "/room/new", 403),
    ("a stranger", "/room", 403),
    ("a stranger", "/room/new", 403),
    ("Reporter", "/job", 200),
    ("Reporter", "/job/new", 200),
    ("Technician", "/job", 200),
    ("Technician", "/job/new", 200),
    ("Auditor", "/job", 200),
    ("Auditor", "/job/new", 403),
    ("a stranger", "/job", 403),
    ("a stranger", "/job/new", 403),
    ("Reporter", "/shift", 403),
    ("Reporter", "/shift/new", 403),
    ("Technician", "/shift", 200),
    ("Technician", "/shift/new", 200),
    ("Auditor", "/shift", 200),
    ("Auditor", "/shift/new", 403),
    ("a stranger", "/shift", 403),
    ("a stranger", "/shift/new", 403),
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
