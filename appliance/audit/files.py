"""Durable file operations: nothing counts as written before its content and its folder are on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from appliance.audit.tiles import TileFile

_MODE = 0o640


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
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
    """Write every byte. Raises OSError, possibly after a part."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def write_files(base: Path, files: Iterable[TileFile]) -> None:
    """Put files in place, each whole or not at all, all durable when this returns. Raises OSError."""
    folders = set()
    for file in files:
        target = base / file.path
        make_folders(base, target.parent)
        temporary = target.with_name(f".{target.name}.new")
        descriptor = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        try:
            write_all(descriptor, file.content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
        folders.add(target.parent)
    for folder in folders:
        sync_folder(folder)
