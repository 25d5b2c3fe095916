"""Stage boot: the app starts on its socket in time, exactly as hosting starts it; and stops when it is asked to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from appliance.blueprint.model import Blueprint
from appliance.blueprint.naming import package_name
from appliance.core.app_output import read_trouble
from appliance.core.sandboxing import Sandbox, SandboxCommand, SandboxLimits, SandboxProcess
from appliance.core.sockets import UnsafeSocket, adopt_socket
from appliance.verifier.client import AppClient
from appliance.verifier.model import AppGone, CheckFailed
from appliance.verifier.people import AUDIENCE, Passes

_POLL_SECONDS: Final = 0.02
_HEALTH: Final = "http://app/healthz"
_STOP_SECONDS: Final = 5.0
_CLEAN_EXITS: Final = (0, 143)  # 143: the server ends by the signal itself after it has closed everything
_HOLD: Final = """
import importlib, os, runpy, sys, time
for name in ("litestar", "sqlmodel", "jinja2", "uvicorn", "uvicorn.protocols.http.h11_impl", "uvicorn.lifespan.on",
             "jwt", "cryptography.hazmat.primitives.asymmetric.ed25519"):
    try: importlib.import_module(name)
    except ImportError: pass
patience = time.monotonic() + 300
while not os.path.exists("/run/app/go"):
    if time.monotonic() > patience: sys.exit("nobody let this go")
    time.sleep(0.01)
package = sys.argv[1]
sys.argv = ["-m", *sys.argv[2:]]
runpy.run_module(package, run_name="__main__", alter_sys=True)
"""
"""Does what ``python -m`` does, after a wait; only libraries are loaded before, nothing of the app."""

_LIMITS: Final = SandboxLimits(memory_bytes=512 << 20, cpu_seconds=60)


@dataclass(frozen=True)
class Place:
    """Where one verification happens; ``folder`` holds the sockets, and the data unless ``data`` names another folder
    for it, kept from one start to the next."""

    sandbox: Sandbox
    project: Path
    blueprint: Blueprint
    passes: Passes
    folder: Path
    boot_seconds: float
    deadline: float
    data: Path | None = None


@dataclass(frozen=True)
class Launch:
    """A sandbox for one start of the app. ``held``: it waits, with the libraries loaded, until it is let go."""

    process: SandboxProcess
    ingress: Path
    held: bool


def prepare(place: Place, *, held: bool = False) -> Launch:
    """Start a sandbox. A held one spends the time while another start is being tried on loading the libraries.

    Raises:
        SandboxUnavailable: nothing was run.
    """
    data, ingress = place.data or place.folder / "data", place.folder / ("in-again" if held else "in")
    for path in (data, ingress):
        path.mkdir(exist_ok=True, mode=0o700)
    package = package_name(place.blueprint.name)
    program = ("-c", _HOLD, package) if held else ("-m", package)
    argv = ("python", *program, "--socket", "/run/app/app.sock")
    return Launch(place.sandbox.start(_command(place, argv, data, ingress)), ingress, held)


def start(place: Place, launch: Launch) -> AppClient:
    """Let the app go and wait until it is healthy.

    Raises:
        AppGone: it ended, or did not answer in time; nothing of it is left.
    """
    if launch.held:
        (launch.ingress / "go").touch()
    kept = place.folder / "app.sock"
    try:
        _wait(place, launch.process, launch.ingress / "app.sock", kept)
    except BaseException:
        launch.process.terminate(grace_seconds=0)
        raise
    return AppClient(kept, launch.process, place.passes, place.deadline)


def _command(place: Place, argv: tuple[str, ...], data: Path, ingress: Path) -> SandboxCommand:
    tokens = place.passes.tokens
    return SandboxCommand(
        argv=argv,
        code=place.project,
        data=data,
        ingress=ingress,
        env={
            "APP_DATA_DIR": "/data",
            "APP_LOAD_EXAMPLES": "1",
            "APP_IDENTITY_JWKS": tokens.jwks,
            "APP_IDENTITY_ISSUER": tokens.issuer,
            "APP_IDENTITY_AUDIENCE": AUDIENCE,
        },
        limits=_LIMITS,
    )


def _wait(place: Place, process: SandboxProcess, offered: Path, kept: Path) -> None:
    limit = min(time.monotonic() + place.boot_seconds, place.deadline)
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise _explain(process, "it ended by itself")
        try:
            adopt_socket(offered, kept)
        except FileNotFoundError:
            time.sleep(_POLL_SECONDS)
            continue
        except UnsafeSocket as error:
            raise AppGone("no_socket", error.message, detail=error.cause) from error
        if _healthy(kept, max(_POLL_SECONDS, limit - time.monotonic())):
            return
        time.sleep(_POLL_SECONDS)
    raise _explain(process, f"it did not answer within {place.boot_seconds:g} seconds")


def _healthy(socket: Path, timeout: float) -> bool:
    transport = httpx.HTTPTransport(uds=str(socket))
    try:
        with httpx.Client(transport=transport, timeout=timeout) as client, client.stream("GET", _HEALTH) as answer:
            return answer.status_code == httpx.codes.OK
    except (httpx.HTTPError, OSError, ValueError):
        return False


def _explain(process: SandboxProcess, what: str) -> AppGone:
    if process.poll() is not None:
        process.terminate(grace_seconds=0)  # waits for the last output
    output = process.output()
    trouble = read_trouble(output)
    detail = "; ".join(part for part in (what, trouble.error or output[-200:].strip(), trouble.place) if part)
    if trouble.disk_full:
        return AppGone("disk_full", "There is no room left for the app's data.", detail=detail)
    if trouble.out_of_memory:
        return AppGone("out_of_memory", "The app needs more memory than it may use.", detail=detail, file=trouble.file)
    kind = "does_not_start" if process.poll() is not None else "start_too_slow"
    message = "The app does not start." if kind == "does_not_start" else "The app takes too long to start."
    return AppGone(kind, message, detail=detail, file=trouble.file)


def stop(client: AppClient) -> None:
    """Ask the app to stop.

    Raises:
        CheckFailed: it had to be killed or ended with an error.
    """
    client.close()
    code = client.process.terminate(grace_seconds=_STOP_SECONDS)
    if code not in _CLEAN_EXITS:
        trouble = read_trouble(client.process.output())
        detail = "; ".join(part for part in (f"exit code {code}", trouble.error, trouble.place) if part)
        message = "The app does not close properly; what is being saved at that moment may be lost."
        raise CheckFailed("unclean_stop", message, detail=detail, file=trouble.file)
