"""The witness as an auditor runs it: its own process, its own key, over HTTP; killed, restarted, never fooled."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from appliance.audit.anchoring import Anchoring, AnchoringPolicy
from appliance.audit.history import AuditRolledBack, PublishedLog
from appliance.audit.keys import load_or_make_log_key, vkeys_path
from appliance.audit.log import AuditLog
from appliance.audit.report import KEY_FILE
from appliance.core.clock import SystemClock
from appliance.core.events import Event
from appliance.core.settings import AuditSettings

PROGRAM = [sys.executable, "-m", "appliance.cli"]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine that vouches for itself, and its key."""
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "keyUsage=digitalSignature")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    files = ("-out", "tls.pem", "-keyout", "tls.key")
    subprocess.run(["openssl", "req", "-x509", *curve, *names, *files], cwd=folder, check=True, capture_output=True)
    return folder / "tls.pem", folder / "tls.key"


def serve(folder: Path, port: int, tls: tuple[Path, Path]) -> subprocess.Popen[bytes]:
    options = ["--tls-certificate", str(tls[0]), "--tls-key", str(tls[1])]
    process = subprocess.Popen(
        [*PROGRAM, "witness", "serve", str(folder), "--port", str(port), *options], stderr=subprocess.DEVNULL
    )
    for _ in range(800):
        try:
            httpx.get(f"https://127.0.0.1:{port}/", trust_env=False, verify=ssl.create_default_context(cafile=tls[0]))
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

    tls, url = certificate(tmp_path), f"https://127.0.0.1:{port}"

    def outside(place: Path, trusted: Path | None = tls[0]) -> Anchoring:
        given = {"witnesses": [{"url": url, "vkeys": made.stdout.split()}], "ca_file": trusted}
        policy = AnchoringPolicy.from_settings(AuditSettings.model_validate(given))
        log = PublishedLog(place, key.verifier_keys, key.name)
        return Anchoring(log, policy, SystemClock(), lambda _: None)

    process = serve(folder, port, tls)
    try:
        stranger = outside(directory, None)
        stranger.check()
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.states()["witness"]
        for leaves in (0, 3, 300):
            grow(directory, leaves)
            one = outside(directory)
            one.check()
            assert one.states() == {"witness": "ok"}
            process.kill()
            process.wait()
            process = serve(folder, port, tls)
        with pytest.raises(AuditRolledBack, match="308 entries, the log has 5"):
            outside(backup).check()
        trust = ssl.create_default_context(cafile=tls[0])
        large = httpx.post(f"{url}/add-checkpoint", content=bytes(1 << 17), trust_env=False, verify=trust)
        assert large.status_code == 413
        assert httpx.get(f"{url}/add-checkpoint", trust_env=False, verify=trust).status_code == 405
    finally:
        process.kill()
        process.wait()

    options = ("--vkeys", vkeys_path(tmp_path / KEY_FILE), "--witness-vkey", folder / "witness.json.vkeys")
    verified = run("audit", "verify", "--directory", directory, *options)
    assert (verified.returncode, "cosigned by witness.example/audit" in verified.stdout) == (0, True), verified.stdout
    kept = directory / "witness" / "checkpoint"
    cut = run("audit", "verify", "--directory", backup, "--vkeys", vkeys_path(tmp_path / KEY_FILE), "--earlier", kept)
    assert (cut.returncode, "the end was cut off" in cut.stdout) == (1, True), cut.stdout
