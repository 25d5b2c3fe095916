"""SHA-256 of files, several at a time: hashlib releases the interpreter while it hashes."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CHUNK_BYTES = 1 << 20
WORKERS = 2


def file_digest(path: Path, *, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 in lower-case hex; ``on_bytes`` is told how many bytes each step added.

    Raises:
        OSError: the file cannot be read.
    """
    sha = hashlib.sha256()
    buffer = bytearray(CHUNK_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            sha.update(view[:count])
            if on_bytes is not None:
                on_bytes(count)
    return sha.hexdigest()


def file_digests(paths: Mapping[str, Path]) -> dict[str, str]:
    """Digests by the same keys; at most :data:`WORKERS` files are read at once, largest first.

    Raises:
        OSError: a file cannot be read.
    """
    largest_first = sorted(paths, key=lambda name: -paths[name].stat().st_size)
    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(largest_first, pool.map(lambda name: file_digest(paths[name]), largest_first), strict=True))
