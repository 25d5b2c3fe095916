"""Copying an app's data folder without believing what lies in it: no link is followed, no pipe is opened."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

DATABASE: Final = "app.db"
_LEFT_OUT: Final = ("-shm", ".next", ".next-wal", ".next-shm")


def copy_records(source: Path, target: Path, *, database_only: bool = False) -> None:
    """Copy an app's data folder while the app sleeps. Links and anything that is not a plain file stay behind."""
    target.mkdir(parents=True, mode=0o700)
    names = [DATABASE, f"{DATABASE}-wal"]
    for parent, folders, files in os.walk(source, followlinks=False):
        there = target / os.path.relpath(parent, source)
        if database_only:
            folders.clear()
            files = [name for name in files if name in names]  # noqa: PLW2901 - os.walk's own way
        for name in folders:
            if not os.path.islink(os.path.join(parent, name)):  # noqa: PTH114, PTH118 - as os.walk gives them
                (there / name).mkdir(mode=0o700, exist_ok=True)
        for name in files:
            _copy_file(parent, name, there)


def _copy_file(parent: str, name: str, there: Path) -> None:
    if name.endswith(_LEFT_OUT) or ".before-" in name:
        return
    try:
        descriptor = os.open(os.path.join(parent, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)  # noqa: PTH118
    except OSError:
        return  # a link, or a socket
    with os.fdopen(descriptor, "rb") as old:
        if os.path.isfile(f"/proc/self/fd/{descriptor}"):  # noqa: PTH113 - what was opened, whatever the name is now
            with (there / name).open("xb") as new:
                shutil.copyfileobj(old, new, 1 << 20)


def sync_tree(folder: Path) -> None:
    """Everything in the folder, and its name, to the disk."""
    for parent, _, files in os.walk(folder, followlinks=False):
        for name in (*files, "."):
            path = os.path.join(parent, name)  # noqa: PTH118
            if os.path.islink(path):  # noqa: PTH114
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """What is in a folder, by name, to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def size_of(folder: Path) -> int:
    """Bytes of all plain files below."""
    total = 0
    for parent, _, files in os.walk(folder, followlinks=False):
        for name in files:
            total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118
    return total
