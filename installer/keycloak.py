"""Keycloak's distribution: fetched once with Maven, taken only if its digest is the pinned one, built for quick starts.

Standard library only. Sources: keycloak.org/server/configuration (``build``, ``start --optimized``).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VERSION: Final = "26.7.3"
SHA256: Final = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
ARTIFACT: Final = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"
ARCHIVE: Final = f"keycloak-quarkus-dist-{VERSION}.zip"
_FETCH_SECONDS: Final = 900
_BUILD_SECONDS: Final = 600


class KeycloakMissing(Exception):  # noqa: N818 - shown to a person as it is
    """Keycloak could not be fetched, is not the pinned one, or could not be built."""

    code = "keycloak_missing"

    def __init__(self, message: str, *, cause: str, action: str) -> None:
        super().__init__(f"{message} Cause: {cause} What to do: {action}")
        self.message = message
        self.cause = cause
        self.action = action


@dataclass(frozen=True)
class Distribution:
    """An unpacked and built distribution; ``home`` is what Keycloak calls ``kc.home.dir``."""

    home: Path

    @property
    def classpath(self) -> Path:
        """What Java starts."""
        return self.home / "lib" / "quarkus-run.jar"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the archive and built distributions are kept: ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "/root")) / ".cache")
    return Path(base) / "intramural" / "keycloak"


def fetch(folder: Path, say: Callable[[str], None]) -> Path:
    """The archive in ``folder``; fetched with Maven, as it is set up on this machine, when it is not there yet.

    Raises:
        KeycloakMissing: Maven could not fetch it, or the digest is another one.
    """
    archive = folder / ARCHIVE
    if archive.is_file() and _sha256(archive) == SHA256:
        return archive
    archive.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    say(f"Fetching Keycloak {VERSION} (169 MiB, once) …")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        command = ["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={place}"]
        output = _run(command, cwd=Path(place), seconds=_FETCH_SECONDS)
        fetched = Path(place) / ARCHIVE
        if not fetched.is_file():
            raise _missing("Keycloak could not be fetched.", output, "Check Maven's settings and its network.")
        digest = _sha256(fetched)
        if digest != SHA256:
            cause = f"the digest is {digest}, not {SHA256}"
            raise _missing("What was fetched is not Keycloak as it was pinned.", cause, "Do not use it; tell security.")
        fetched.replace(archive)
    return archive


def build(archive: Path, target: Path, options: Sequence[str], say: Callable[[str], None]) -> Distribution:
    """Unpack ``archive`` and build it with ``options``, all or nothing; what was built before is taken as it is.

    Raises:
        KeycloakMissing: the archive is damaged, or the build failed.
    """
    if target.is_dir():
        return Distribution(target)
    say(f"Building Keycloak {VERSION} (about a minute, once) …")
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=".building-"))
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(staging)
        home = staging / f"keycloak-{VERSION}"
        program = home / "bin" / "kc.sh"
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        output = _run([str(program), "build", *options], cwd=home, seconds=_BUILD_SECONDS)
        if "updated and persisted" not in output:
            raise _missing("Keycloak could not be built.", output, "Check that Java 17 or newer is installed.")
        home.rename(target)
    except (OSError, zipfile.BadZipFile) as error:
        raise _missing("Keycloak could not be unpacked.", str(error), f"Remove {archive} and try again.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Distribution(target)


def _run(command: Sequence[str], *, cwd: Path, seconds: int) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=dict(os.environ), capture_output=True, timeout=seconds, check=False, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    return (done.stdout + done.stderr)[-4000:]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(message: str, cause: str, action: str) -> KeycloakMissing:
    return KeycloakMissing(message, cause=cause.strip()[-500:], action=action)
