"""The witness as an auditor runs it: its own process, its own key, over HTTP; killed, restarted, never fooled."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from appliance.audit.anchoring import Anchoring, AnchoringPolicy
from appliance.audit.history import AuditRolledBack, PublishedLog
from appliance.audit.keys import load_or_make_log_key, vkeys_path
from appliance.audit.log import AuditLog
from appliance.audit.note import parse_vkey
from appliance.audit.report import KEY_FILE
from appliance.audit.witness_client import WitnessAddress
from appliance.core.clock import SystemClock
from appliance.core.events import Event

PROGRAM = [sys.executable, "-m", "appliance.cli"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def serve(folder: Path, port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [*PROGRAM, "witness", "serve", str(folder), "--port", str(port)], stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return process
    process.kill()
    pytest.fail("the witness does not answer")


def grow(directory: Path, leaves: int) -> None:
    key = load_or_make_log_key(directory.parent / KEY_FILE)
    with AuditLog.open(directory, key, SystemClock()) as log:
        for _ in range(leaves):
            log.intent(Event.BUILD_STARTED, principal="demo-maya", resource="app_1")


def test_a_witness_of_its_own_cosigns_and_remembers(tmp_path: Path) -> None:
    directory, folder, port = tmp_path / "audit", tmp_path / "witness", free_port()
    grow(directory, 5)
    backup = Path(shutil.copytree(directory, tmp_path / "old" / "audit"))
    key = load_or_make_log_key(tmp_path / KEY_FILE)

    made = run("witness", "init", folder, "--name", "witness.example/audit")
    assert made.returncode == 0, made.stderr
    assert run("witness", "init", folder, "--name", "another").returncode == 2
    nobody = run("witness", "serve", folder, "--port", str(port))
    assert (nobody.returncode, "no log to watch" in nobody.stderr) == (2, True)
    shutil.copy(vkeys_path(tmp_path / KEY_FILE), folder / "logs" / "appliance.vkeys")

    keys = tuple(parse_vkey(line) for line in made.stdout.split())
    address = WitnessAddress(f"http://127.0.0.1:{port}", keys)
    policy = AnchoringPolicy((address,), 1, timedelta(seconds=1), timedelta(minutes=1))

    def outside(place: Path) -> Anchoring:
        log = PublishedLog(place, key.verifier_keys, key.name)
        return Anchoring(log, policy, SystemClock(), lambda _: None)

    process = serve(folder, port)
    try:
        for leaves in (0, 3, 300):
            grow(directory, leaves)
            outside(directory).check()
            process.kill()
            process.wait()
            process = serve(folder, port)
        with pytest.raises(AuditRolledBack, match="308 entries, the log has 5"):
            outside(backup).check()
        large = httpx.post(f"{address.url}/add-checkpoint", content=bytes(1 << 17), trust_env=False)
        assert large.status_code == 413
        assert httpx.get(f"{address.url}/add-checkpoint", trust_env=False).status_code == 405
    finally:
        process.kill()
        process.wait()

    options = ("--vkeys", vkeys_path(tmp_path / KEY_FILE), "--witness-vkey", folder / "witness.json.vkeys")
    verified = run("audit", "verify", "--directory", directory, *options)
    assert (verified.returncode, "cosigned by witness.example/audit" in verified.stdout) == (0, True), verified.stdout
    kept = directory / "witness" / "checkpoint"
    cut = run("audit", "verify", "--directory", backup, "--vkeys", vkeys_path(tmp_path / KEY_FILE), "--earlier", kept)
    assert (cut.returncode, "the end was cut off" in cut.stdout) == (1, True), cut.stdout
