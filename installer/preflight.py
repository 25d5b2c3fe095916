"""System packages that the appliance needs: find what is missing, say the one command, or install it as root.

Standard library only: this runs before anything else can.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_APT_SECONDS: Final = 900


@dataclass(frozen=True)
class SystemPackage:
    """A Debian package, the program by which its presence is known, and what it is for."""

    package: str
    program: str
    purpose: str


BUBBLEWRAP: Final = SystemPackage("bubblewrap", "bwrap", "runs every app where it can do no harm")
CHROMIUM: Final = SystemPackage("chromium", "chromium", "shows the pages to the tests")
IPROUTE: Final = SystemPackage("iproute2", "ip", "gives a test a network without a route")
JAVA: Final = SystemPackage("default-jre-headless", "java", "runs Keycloak for the tests")
MAVEN: Final = SystemPackage("maven", "mvn", "fetches Keycloak for the tests")
OPENSSL: Final = SystemPackage("openssl", "openssl", "is the time stamp authority of the tests")
POSTGRESQL: Final = SystemPackage("postgresql", "pg_ctlcluster", "holds the records of exported apps in the tests")
STRACE: Final = SystemPackage("strace", "strace", "makes system calls fail on purpose in the tests")

RUN: Final = (BUBBLEWRAP,)
TEST: Final = (BUBBLEWRAP, CHROMIUM, IPROUTE, JAVA, MAVEN, OPENSSL, POSTGRESQL, STRACE)


class MissingPackages(Exception):  # noqa: N818 - shown to a person as it is
    """Packages are missing and could not be installed here.

    Attributes mirror the appliance's root error: ``message``, ``cause`` and ``action`` (the one command).
    """

    code = "missing_packages"

    def __init__(self, message: str, *, cause: str, action: str) -> None:
        super().__init__(f"{message} Cause: {cause} What to do: {action}")
        self.message = message
        self.cause = cause
        self.action = action


def missing(packages: Sequence[SystemPackage], *, search_path: str | None = None) -> tuple[SystemPackage, ...]:
    """Those whose program is not found."""
    return tuple(item for item in packages if shutil.which(item.program, path=search_path) is None)


def install_command(packages: Sequence[SystemPackage]) -> str:
    """The one command that installs them."""
    return f"sudo apt-get install -y {' '.join(item.package for item in packages)}"


def require(packages: Sequence[SystemPackage], say: Callable[[str], None]) -> None:
    """Make sure that all are there; as root, install what is missing and say so.

    Raises:
        MissingPackages: not root, no apt-get, or the installation failed; ``action`` is the command to run.
    """
    absent = missing(packages)
    if not absent:
        return
    names = " and ".join(f"{item.package} ({item.purpose})" for item in absent)
    message = f"This machine lacks {names}."
    if os.geteuid() != 0:
        raise MissingPackages(message, cause="only root can install packages.", action=install_command(absent))
    apt = shutil.which("apt-get")
    if apt is None:
        raise MissingPackages(message, cause="apt-get is not here.", action="Install them with your package manager.")
    say(f"Installing {names} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [apt, "install", "-y", "-qq", "--no-install-recommends", *(item.package for item in absent)]
    if _run(install, environment) and not missing(absent):
        return
    _run([apt, "update", "-qq"], environment)
    if not _run(install, environment) or missing(absent):
        raise MissingPackages(message, cause="apt-get could not install them.", action=install_command(absent))


def _run(command: Sequence[str], environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_APT_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
