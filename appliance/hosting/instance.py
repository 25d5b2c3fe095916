"""One start of one release: from an empty socket folder to an app that answers its health check."""

from __future__ import annotations

import shutil
import socket as socket_module
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from appliance.core.app_output import read_trouble
from appliance.core.ports import AppTokenIssuer
from appliance.core.sandboxing import Sandbox, SandboxCommand, SandboxLimits, SandboxProcess
from appliance.core.sockets import UnsafeSocket, adopt_socket, check_socket_path
from appliance.hosting.release import AppFailed, AppRelease, HostingLimits

_POLL_SECONDS: Final = 0.02
_ENDING_SECONDS: Final = 1.0
_CPU_SECONDS: Final = 86_400  # a running app may live for days; runaway loops are found by the health check
_DETAIL: Final = 2000
_HEALTH: Final = "http://app/healthz"


@dataclass(frozen=True)
class Instance:
    """A running app."""

    release: AppRelease
    process: SandboxProcess
    socket: Path

    def healthy(self, timeout: float) -> bool:
        """Whether it answers ``/healthz`` with 200 within ``timeout`` seconds."""
        return probe(self.socket, timeout)

    def usable(self) -> bool:
        """Whether it runs and takes connections.

        Right after a crash the sandbox around the app still stands for a moment while nothing listens any more; then
        its end is waited for, at most ``_ENDING_SECONDS``, so that it is not taken for running.
        """
        deadline = time.monotonic() + _ENDING_SECONDS
        while self.process.poll() is None:
            if _accepts(self.socket) or time.monotonic() > deadline:
                return True
            time.sleep(_POLL_SECONDS)
        return False


def _accepts(path: Path) -> bool:
    """Whether somebody listens; a full backlog counts as listening."""
    with socket_module.socket(socket_module.AF_UNIX, socket_module.SOCK_STREAM) as connection:
        connection.setblocking(False)
        try:
            connection.connect(str(path))
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def probe(socket: Path, timeout: float) -> bool:
    """One health check; never raises for what an app does."""
    try:
        transport = httpx.HTTPTransport(uds=str(socket))
        with httpx.Client(transport=transport, timeout=timeout) as client, client.stream("GET", _HEALTH) as answer:
            return answer.status_code == httpx.codes.OK
    except (httpx.HTTPError, OSError, ValueError):
        return False


def launch(
    release: AppRelease,
    sandbox: Sandbox,
    tokens: AppTokenIssuer,
    limits: HostingLimits,
    *,
    folder: Path,
    socket: Path,
) -> Instance:
    """Start ``release`` and wait until it is healthy.

    ``folder`` (removed and made anew) is where the app may put its socket; it is then reached as ``socket``.

    Raises:
        AppFailed: it ended, or did not answer within ``limits.start_seconds``. Nothing of it is left running.
        SandboxUnavailable: nothing was run.
    """
    check_socket_path(folder / "app.sock")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, mode=0o700)
        release.data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The app {release.slug} has nowhere to keep its data."
        raise AppFailed(message, cause=str(error), action="Free space on the disk, then open the app again.") from error
    process = sandbox.start(_command(release, tokens, folder, limits))
    try:
        _wait_until_healthy(release, process, folder / "app.sock", socket, limits)
    except BaseException:
        process.terminate(grace_seconds=0)
        raise
    return Instance(release, process, socket)


def _command(release: AppRelease, tokens: AppTokenIssuer, folder: Path, limits: HostingLimits) -> SandboxCommand:
    env = {
        "APP_DATA_DIR": "/data",
        "APP_IDENTITY_JWKS": tokens.jwks,
        "APP_IDENTITY_ISSUER": tokens.issuer,
        "APP_IDENTITY_AUDIENCE": release.app_id,
    }
    if release.load_examples:
        env["APP_LOAD_EXAMPLES"] = "1"
    if release.frame_ancestors:
        env["APP_FRAME_ANCESTORS"] = release.frame_ancestors
    return SandboxCommand(
        argv=("python", "-m", release.package, "--socket", "/run/app/app.sock"),
        code=release.code,
        data=release.data,
        ingress=folder,
        env=env,
        limits=SandboxLimits(memory_bytes=limits.memory_bytes, cpu_seconds=_CPU_SECONDS),
    )


def _wait_until_healthy(
    release: AppRelease, process: SandboxProcess, offered: Path, socket: Path, limits: HostingLimits
) -> None:
    deadline = time.monotonic() + limits.start_seconds
    while time.monotonic() < deadline:
        code = process.poll()
        if code is not None:
            process.terminate(grace_seconds=0)
            raise failure(release, process.output(), f"it ended with exit code {code}")
        try:
            adopt_socket(offered, socket)
        except FileNotFoundError:
            time.sleep(_POLL_SECONDS)
            continue
        except UnsafeSocket as error:
            raise failure(release, process.output(), error.cause) from error
        if probe(socket, max(_POLL_SECONDS, min(limits.health_timeout, deadline - time.monotonic()))):
            return
        time.sleep(_POLL_SECONDS)
    raise failure(release, process.output(), f"it did not answer within {limits.start_seconds:g} seconds")


def failure(release: AppRelease, output: str, cause: str) -> AppFailed:
    """The error for an app that does not run, from what it printed."""
    trouble = read_trouble(output)
    technical = "; ".join(part for part in (cause, trouble.error, trouble.place) if part)[:_DETAIL]
    if trouble.disk_full:
        message = f"The app {release.slug} cannot start: there is no room left for its data."
        action = "Free space on the disk, then open the app again."
    elif trouble.out_of_memory:
        message = f"The app {release.slug} needs more memory than it may use."
        action = "Ask the operator to raise hosting.memory_mib."
    else:
        message = f"The app {release.slug} does not start."
        action = "Go back to the last version that worked, or ask its maker."
    return AppFailed(message, cause=technical, action=action)
