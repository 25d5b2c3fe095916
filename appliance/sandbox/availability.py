"""Why bubblewrap cannot be used here, and the one command that changes it. It is never done without."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.core.sandboxing import SandboxUnavailable

MINIMUM_VERSION: Final = (0, 8)
_INSTALL: Final = "sudo apt-get install -y bubblewrap"
_APPARMOR_SWITCH: Final = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_USERNS_SWITCH: Final = Path("/proc/sys/kernel/unprivileged_userns_clone")
_USERNS_COUNT: Final = Path("/proc/sys/user/max_user_namespaces")
_PROFILE: Final = "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict"


@dataclass(frozen=True)
class HostFacts:
    """What decides whether bubblewrap can work."""

    root: bool
    apparmor_restricts: bool
    userns_disabled: bool
    container: bool


def read_host_facts() -> HostFacts:
    """Look at this machine; a missing file means that the kernel has no such restriction."""
    return HostFacts(
        root=os.geteuid() == 0,
        apparmor_restricts=_read(_APPARMOR_SWITCH) == "1",
        userns_disabled=_read(_USERNS_SWITCH) == "0" or _read(_USERNS_COUNT) == "0",
        container=Path("/.dockerenv").exists() or Path("/run/.containerenv").exists(),
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def explain(facts: HostFacts, cause: str) -> SandboxUnavailable:
    """The error for a bubblewrap that starts but cannot isolate. Pure."""
    message = "Apps cannot be run safely on this machine yet, so none was started."
    if not facts.root and facts.apparmor_restricts:
        # Switching the restriction off for every program would be the wrong cure; the profile admits bubblewrap alone.
        action = (
            "Allow bubblewrap in AppArmor: sudo apt-get install -y apparmor-profiles && "
            f"sudo install -m 644 {_PROFILE} /etc/apparmor.d/ && sudo systemctl reload apparmor"
        )
    elif not facts.root and facts.userns_disabled:
        action = (
            "Allow user namespaces: echo 'user.max_user_namespaces=16384' | sudo tee /etc/sysctl.d/60-userns.conf && "
            "echo '-kernel.unprivileged_userns_clone=1' | sudo tee -a /etc/sysctl.d/60-userns.conf && "
            "sudo sysctl --system"
        )
    elif facts.container:
        action = (
            "This is a container that may not create namespaces: start it with "
            "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined, or run on a machine of its own."
        )
    else:
        action = "Run: bwrap --unshare-all --ro-bind / / --proc /proc true, and resolve what it reports."
    return SandboxUnavailable(message, cause=cause, action=action)


def find_bubblewrap(search_path: str | None = None) -> Path:
    """The program, at least version 0.8.

    Raises:
        SandboxUnavailable: missing or too old.
    """
    found = shutil.which("bwrap", path=search_path)
    message = "Apps cannot be run safely without bubblewrap, so none was started."
    if found is None:
        raise SandboxUnavailable(message, cause="bwrap is not installed", action=f"Install it: {_INSTALL}")
    try:
        answer = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SandboxUnavailable(message, cause=str(error), action=f"Install it again: {_INSTALL}") from error
    match = re.search(r"(\d+)\.(\d+)", answer.stdout)
    if match is None or (int(match[1]), int(match[2])) < MINIMUM_VERSION:
        wanted = ".".join(str(part) for part in MINIMUM_VERSION)
        raise SandboxUnavailable(
            message,
            cause=f"{answer.stdout.strip() or 'unknown version'}; {wanted} or newer is needed",
            action=f"Update it: sudo apt-get update && {_INSTALL}",
        )
    return Path(found)
