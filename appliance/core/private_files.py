"""Files that hold private keys: mode 0600, written whole or not at all, refused when others may read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from appliance.core.errors import IntramuralError


class PrivateFileError(IntramuralError):
    """A key file cannot be stored or read, or other accounts may read it."""

    code = "private_file"


def write_durably(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all, on the disk when this returns, readable by this account only.

    Raises:
        OSError: the disk or the folder refuses.
    """
    temporary = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_private(path: Path, content: bytes) -> None:
    """Write a key to ``path`` as :func:`write_durably` does.

    Raises:
        PrivateFileError: the folder cannot be written.
    """
    try:
        write_durably(path, content)
    except OSError as error:
        message = "A private key could not be stored."
        raise PrivateFileError(
            message, cause=f"{path}: {error}", action="Check the disk and the rights of the folder."
        ) from error


def read_private(path: Path) -> bytes | None:
    """The content, or None if there is no such file.

    Raises:
        PrivateFileError: it cannot be read, or its mode lets other accounts read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        message = "A private key cannot be read."
        raise PrivateFileError(message, cause=f"{path}: {error}", action="Restore the file or its rights.") from error
    if stat.S_IMODE(mode) & 0o077:
        message = "A private key may be read by other accounts, so it is not used."
        raise PrivateFileError(
            message,
            cause=f"{path} has mode {stat.S_IMODE(mode):o}",
            action=f"If nobody else read it: chmod 600 {path}; otherwise remove it and a new key is made.",
        )
    return content
