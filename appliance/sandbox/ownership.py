"""When the appliance is root, an app runs as a user that nobody else is, and its folders belong to that user."""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path
from typing import Final

from appliance.core.errors import IntramuralError
from appliance.sandbox.arguments import Identity

FIRST_USER: Final = 61184
LAST_USER: Final = 65519
"""systemd's range for dynamic users (systemd.io/UIDS-GIDS): never a person, and mapped in usual containers."""
MAX_ENTRIES: Final = 200_000


class TooManyFiles(IntramuralError):  # noqa: N818
    """An app's folder holds more entries than the appliance will hand over."""

    code = "too_many_files"


def identity_for(data: Path) -> Identity:
    """The host identity for an app whose data lives in ``data``: stable per folder, spread over the range."""
    if os.geteuid() != 0:
        return Identity(user=None)
    key = zlib.crc32(os.fsencode(data.resolve()))
    return Identity(user=FIRST_USER + key % (LAST_USER - FIRST_USER + 1))


def hand_over(folder: Path, identity: Identity) -> None:
    """Give ``folder`` and everything in it to the app's user; links are not followed.

    The folder itself changes last, so a walk that was cut short is done again next time.

    Raises:
        TooManyFiles: more than ``MAX_ENTRIES`` entries.
    """
    user = identity.user
    if user is None or folder.stat().st_uid == user:
        return
    seen = 0
    for parent, folders, files in os.walk(folder, followlinks=False):
        seen += len(folders) + len(files)
        if seen > MAX_ENTRIES:
            message = "The app's data folder holds too many files."
            raise TooManyFiles(message, cause=f"over {MAX_ENTRIES} entries", action="Remove files that are not needed.")
        for name in (*folders, *files):
            os.chown(Path(parent) / name, user, user, follow_symlinks=False)
    os.chown(folder, user, user, follow_symlinks=False)
    folder.chmod(0o700)


def make_readable(code: Path, identity: Identity) -> None:
    """Let the app's user read its code; the folders above stay closed to everyone else.

    Raises:
        TooManyFiles: more than ``MAX_ENTRIES`` entries.
    """
    if identity.user is None:
        return
    seen = 0
    for parent, folders, files in os.walk(code, followlinks=False):
        seen += len(folders) + len(files)
        if seen > MAX_ENTRIES:
            message = "The app's code folder holds too many files."
            raise TooManyFiles(message, cause=f"over {MAX_ENTRIES} entries", action="Build the app again.")
        _add_mode(Path(parent), 0o055)
        for name in files:
            _add_mode(Path(parent) / name, 0o044)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.lstat().st_mode
    if not stat.S_ISLNK(mode) and mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)
