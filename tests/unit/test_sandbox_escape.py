"""The escape self-test: every way out is refused here, as this user and (when this is root) as an ordinary one; and
the self-test notices a sandbox that does not hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import appliance
from appliance.core.sandboxing import CompletedRun, SandboxCommand, SandboxProcess
from appliance.sandbox.attempts import ATTEMPTS
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.sandbox.selftest import run_selftest

pytestmark = pytest.mark.sandbox


def test_every_way_out_is_refused() -> None:
    os.environ["TARGET_HIDDEN"] = "a secret of the appliance"
    try:
        results = run_selftest(BubblewrapSandbox())
    finally:
        del os.environ["TARGET_HIDDEN"]
    assert len(results) == len(ATTEMPTS) + 1
    assert [result for result in results if not result.refused] == []


def test_every_way_out_is_refused_to_an_ordinary_user() -> None:
    """Rootless. As root: in a process of its own, as a user that owns nothing, with the system's Python."""
    if os.geteuid() != 0:
        test_every_way_out_is_refused()
        return
    package = Path(appliance.__file__).parent
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        copy = Path(name) / "appliance"
        copy.mkdir()
        (copy / "__init__.py").touch()
        for part in ("core", "sandbox"):
            shutil.copytree(package / part, copy / part)
        outcome = subprocess.run(
            ["/usr/bin/python3", "-c", _REPORT],
            env={"PYTHONPATH": name, "PATH": os.defpath, "HOME": "/nonexistent", "TARGET_HIDDEN": "x"},
            user=61183,
            group=61183,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert outcome.returncode == 0, outcome
    assert outcome.stdout.split() == [str(len(ATTEMPTS) + 1), "refused"], outcome.stdout


_REPORT = """
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.sandbox.selftest import run_selftest
results = run_selftest(BubblewrapSandbox())
escaped = [result for result in results if not result.refused]
print(len(results), escaped or "refused")
"""


class NoSandbox:
    """Runs everything as it is, to prove that the self-test can fail."""

    tier = "none"

    def run(self, command: SandboxCommand, *, timeout: float) -> CompletedRun:
        argv = [sys.executable if command.argv[0] == "python" else command.argv[0], *command.argv[1:]]
        environment = {**os.environ, **command.env}
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                argv, env=environment, stdout=output, stderr=output, timeout=timeout, cwd=command.code, check=False
            )
            output.seek(0)
            return CompletedRun(done.returncode, output.read(), 0.0)

    def start(self, command: SandboxCommand) -> SandboxProcess:
        raise NotImplementedError


def test_a_sandbox_that_does_not_hold_is_noticed() -> None:
    tried = {
        "connect to the network",
        "open an internet socket",
        "reach a socket of the host by its abstract name",
        "read the appliance's home",
        "see other processes",
        "signal a process of the host",
        "read the appliance's environment",
        "run code from memory",
    }
    chosen = tuple(attempt for attempt in ATTEMPTS if attempt.name in tried)
    assert len(chosen) == len(tried)
    os.environ["TARGET_HIDDEN"] = "x"
    try:
        results = run_selftest(NoSandbox(), attempts=chosen)
    finally:
        del os.environ["TARGET_HIDDEN"]
    assert {result.name for result in results if not result.refused} == {*tried, "leave a process behind"}


def test_it_is_bounded() -> None:
    begun = time.monotonic()
    slow = tuple(attempt for attempt in ATTEMPTS if attempt.name == "run without end")
    assert all(result.refused for result in run_selftest(BubblewrapSandbox(), attempts=slow))
    assert time.monotonic() - begun < 10
