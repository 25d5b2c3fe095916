"""Durable file operations: nothing counts as written before its content and its folder are on the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from appliance.audit.tiles import TileFile

_MODE: Final = 0o640
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_ZEROS: Final = bytes(1 << 16)
_OPEN_FILES: Final = 64


class SyncFailed(OSError):  # noqa: N818 - an OSError with a name of its own
    """The disk refused to make something durable. What it still holds is unknowable, so nobody may try again."""


def is_full(error: BaseException) -> bool:
    """Whether ``error`` only says that there is no space, so that the same may be done again when there is some."""
    return isinstance(error, OSError) and not isinstance(error, SyncFailed) and error.errno in _FULL


def sync(descriptor: int) -> None:
    """Make content, size and times of an open file durable. Raises SyncFailed."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def sync_data(descriptor: int) -> None:
    """Make the content of an open file durable, and what is needed to find it again. Raises SyncFailed."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(base: Path, folder: Path) -> None:
    """Make ``folder`` below ``base`` with every new level durable. Raises OSError."""
    missing = []
    while folder != base and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(mode=0o750, exist_ok=True)
        sync_folder(one.parent)


def write_all(descriptor: int, content: bytes) -> None:
    """Write every byte where the file stands. Raises OSError, possibly after a part."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write every byte from ``offset`` on. Raises OSError, possibly after a part."""
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def allocate(path: Path, size: int) -> None:
    """Make a new file of ``size`` zeros whose blocks are on the disk, so that writing into it needs no space.

    Zeros are written rather than promised: overwriting them later changes no metadata, so a sync of it is cheaper.

    Raises:
        OSError: also when there is no space; then there is no such file.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    try:
        try:
            os.posix_fallocate(descriptor, 0, size)
            for offset in range(0, size, len(_ZEROS)):
                write_at(descriptor, _ZEROS[: size - offset], offset)
            sync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def write_files(base: Path, files: Iterable[TileFile]) -> None:
    """Put files in place, each whole or not at all, all durable when this returns. Raises OSError."""
    todo = list(files)
    folders = set()
    for at in range(0, len(todo), _OPEN_FILES):
        some = todo[at : at + _OPEN_FILES]
        for file in some:
            make_folders(base, (base / file.path).parent)
        temporaries = _write_new([(_temporary(base / file.path), file.content) for file in some])
        for file, temporary in zip(some, temporaries, strict=True):
            temporary.replace(base / file.path)
            folders.add((base / file.path).parent)
    for folder in folders:
        sync_folder(folder)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _write_new(files: list[tuple[Path, bytes]]) -> list[Path]:
    """Write files, then sync them all: so the first sync does most of the work of the others. Leaves none behind after
    an error."""
    descriptors = []
    try:
        for path, content in files:
            descriptors.append(
                os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
            )
            write_all(descriptors[-1], content)
        for descriptor in descriptors:
            sync(descriptor)
    except BaseException:
        for path, _ in files[: len(descriptors)]:
            path.unlink(missing_ok=True)
        raise
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return [path for path, _ in files]
