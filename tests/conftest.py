"""What holds for every test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from playwright.sync_api import expect

from appliance.core.act_context import ActContext, acting
from tests.fixtures.keycloak_server import KeycloakServer, keycloak_server, shared_server

if TYPE_CHECKING:
    from collections.abc import Iterator

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # tests that load ONNX Runtime in this process report to nobody

# Pages are waited for, and examples are not timed: a busy machine must not turn a right page into a failed test.
expect.set_options(timeout=30_000)
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_context() -> Iterator[None]:
    """What a test adds to the context of acts is not there for the next one."""
    with acting(ActContext()):
        yield


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[KeycloakServer]:
    """One real Keycloak for all tests of a run; each test module makes a realm of its own on it."""
    if worker_id != "master":
        yield shared_server(tmp_path_factory.getbasetemp().parent)
        return
    with keycloak_server() as server:
        yield server
