"""From a sandbox command to bubblewrap's argument list: pure, so that what is isolated can be read in one place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.core.sandboxing import SandboxCommand, SandboxLimits
from appliance.sandbox.interpreter import InterpreterView

CODE: Final = "/app"
DATA: Final = "/data"
INGRESS: Final = "/run/app"
LAUNCHER: Final = "/run/launch.py"
TEMPORARY: Final = "/tmp"  # noqa: S108 - a private tmpfs
TEMPORARY_BYTES: Final = 64 << 20
_DEVICES: Final = ("null", "zero", "full", "random", "urandom")
_STACK_BYTES: Final = 8 << 20


@dataclass(frozen=True)
class Identity:
    """Who the app is on the host.

    ``user`` None: the same person as the appliance, in a user namespace of its own (rootless). A number: the appliance
    is root and the app becomes that otherwise unused user, so that the kernel's per-user limits and file permissions
    hold against it; root in a user namespace would still own root's files and be exempt from the process limit.
    """

    user: int | None


@dataclass(frozen=True)
class Channels:
    """Inherited file descriptors: the filter to load, bubblewrap's report, and the launcher's "ready"."""

    seccomp: int
    info: int
    ready: int


def base_environment(command: SandboxCommand) -> dict[str, str]:
    """The whole environment inside; nothing is inherited."""
    return {
        "HOME": TEMPORARY,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONNOUSERSITE": "1",
        "MALLOC_ARENA_MAX": "2",  # glibc reserves 64 MiB of address space per arena, and address space is limited
        **command.env,
    }


def resource_limits(limits: SandboxLimits) -> dict[str, int]:
    """Names of the ``resource`` module to values, applied to every process inside (setrlimit(2))."""
    return {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_STACK": _STACK_BYTES,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 65536,
    }


def _isolation(identity: Identity) -> list[str]:
    shared = [
        "--unshare-ipc",
        "--unshare-pid",
        "--unshare-net",
        "--unshare-uts",
        "--unshare-cgroup-try",
        "--hostname",
        "app",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--cap-drop",
        "ALL",
    ]
    if identity.user is None:
        return ["--unshare-user", "--disable-userns", *shared]
    # Only for the launcher, which gives them up when it changes user.
    return [*shared, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def _parents(view: InterpreterView) -> list[str]:
    """Create what lies above the mounts: bubblewrap would make it unreadable for the app's user."""
    bound = set(view.folders)
    above = {parent for path in (*view.folders, *view.files, view.executable) for parent in path.parents}
    made = sorted(
        path for path in above if path not in (Path("/"), Path(TEMPORARY)) and not bound & {path, *path.parents}
    )
    arguments: list[str] = []
    for path in (*made, Path("/run")):
        arguments += ["--perms", "0755", "--dir", str(path)]
    return arguments


def _view(view: InterpreterView, launcher: Path) -> list[str]:
    arguments: list[str] = []
    for target, link in view.system_links:
        arguments += ["--symlink", target, link]
    # Before the interpreter, which may itself lie below /tmp.
    arguments += ["--perms", "1777", "--size", str(TEMPORARY_BYTES), "--tmpfs", TEMPORARY]
    arguments += _parents(view)
    for path in (*view.folders, *view.files):
        arguments += ["--ro-bind", str(path), str(path)]
    for path in view.hidden:
        arguments += ["--perms", "0755", "--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
    if view.executable != view.target:
        arguments += ["--symlink", str(view.target), str(view.executable)]
    arguments += ["--ro-bind", str(launcher), LAUNCHER]
    arguments += ["--perms", "0755", "--size", "4096", "--tmpfs", "/dev"]
    for device in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    return [*arguments, "--remount-ro", "/dev", "--proc", "/proc"]


def bubblewrap_arguments(
    command: SandboxCommand, view: InterpreterView, launcher: Path, identity: Identity, channels: Channels
) -> list[str]:
    """Everything after ``bwrap``. Option order is mount order; the root becomes read-only last."""
    arguments = [*_isolation(identity), *_view(view, launcher)]
    arguments += ["--ro-bind", str(command.code), CODE, "--bind", str(command.data), DATA]
    if command.ingress is not None:
        arguments += ["--bind", str(command.ingress), INGRESS]
    arguments += ["--remount-ro", "/", "--chdir", CODE]
    for name, value in sorted(base_environment(command).items()):
        arguments += ["--setenv", name, value]
    arguments += ["--seccomp", str(channels.seccomp), "--info-fd", str(channels.info)]
    plan = {"ready": channels.ready, "user": identity.user, "limits": resource_limits(command.limits)}
    python = str(view.executable)
    argv = [python if command.argv[0] == "python" else command.argv[0], *command.argv[1:]]
    return [*arguments, "--", python, "-I", "-S", LAUNCHER, json.dumps(plan, sort_keys=True), "--", *argv]
