"""Unix sockets that an untrusted program made, taken out of its reach before anybody connects."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from appliance.core.errors import IntramuralError

MAX_PATH_BYTES: Final = 107
"""``sun_path`` without its final NUL (unix(7))."""


class UnsafeSocket(IntramuralError):  # noqa: N818
    """What an app offers as its socket is not one, or cannot be reached safely."""

    code = "unsafe_socket"


def check_socket_path(path: Path) -> Path:
    """``path``, if a Unix socket can have that name.

    Raises:
        UnsafeSocket: too long.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        message = "The folder for sockets has too long a name."
        raise UnsafeSocket(
            message, cause=f"{path} is over {MAX_PATH_BYTES} bytes", action="Set INTRAMURAL_HOME to a shorter path."
        )
    return path


def adopt_socket(offered: Path, kept: Path) -> Path:
    """Give the socket ``offered`` (in a folder that an app can write) the name ``kept`` (in one that it cannot).

    An app could later put a link to somebody else's socket in place of its own, and whoever connects would hand that
    service the app's requests. A hard link names the socket itself, so what is checked here stays true. Both names must
    be on one file system; ``kept`` is replaced in one step.

    Raises:
        UnsafeSocket: it is not a socket.
        FileNotFoundError: nothing is offered yet.
    """
    check_socket_path(kept)
    fresh = kept.with_name(f".{kept.name}.new")
    fresh.unlink(missing_ok=True)
    os.link(offered, fresh, follow_symlinks=False)
    if not stat.S_ISSOCK(fresh.lstat().st_mode):
        fresh.unlink()
        message = "The app does not listen where it should."
        raise UnsafeSocket(message, cause=f"{offered.name} is not a socket", action="Build the app again.")
    fresh.replace(kept)
    return kept
