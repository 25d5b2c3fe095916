"""The service is killed while it makes an app of a contract: nothing half done stays, and the next one works."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest

from tests.faults.test_studio_crash import Service, check_everything
from tests.fixtures.api_contracts import ROOMS
from tests.fixtures.studio import free_port, short_folder

pytestmark = pytest.mark.sandbox
SENT = {"contract": ROOMS.decode(), "about": "Who sits where."}


def ended(service: Service, build: str) -> dict[str, Any]:
    """The last event of a build."""
    with service.client() as client:
        last: dict[str, Any] = {}
        for event in service.events(client, build):
            last = event
            if event["type"] in ("build.done", "build.failed"):
                break
        return last


def test_a_kill_while_the_contract_is_tried_leaves_nothing_half_done():
    with short_folder() as home:
        service = Service(home, free_port(), free_port())
        with service.running() as process, service.client() as client:
            made = client.post("/api/contracts", json=SENT).json()
            for event in service.events(client, made["build"]):
                if event["type"] == "check" and event["stage"] == "contract":
                    os.kill(process.pid, signal.SIGKILL)
                    break
            process.wait()
        with service.running():
            time.sleep(0.2)
            assert ended(service, made["build"])["type"] == "build.failed"
            with service.client() as client:
                again = client.post("/api/contracts", json=SENT).json()
            assert ended(service, again["build"])["type"] == "build.done"
            assert [path.name for path in (home / "contracts" / "builds").iterdir()] == [made["build"]]
        check_everything(home, made["app"])
        check_everything(home, again["app"])
