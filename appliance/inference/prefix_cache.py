"""Keys and values of prompts that recur, computed once: in memory, and in files beside the bundle for the next start.

A file holds, in this order: magic, length of the header, header (JSON), token ids (int32), padding to 4 KiB, rows
(:meth:`CacheShape.prefix_shape`, in the cache's type). The header's SHA-256 covers token ids and rows. A file is
written beside its name, synced and renamed, and read completely before it is trusted; what does not fit is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import struct
import tempfile
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from appliance.core.errors import IntramuralError
from appliance.inference.radix import RadixIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.inference.kv_cache import CacheShape, Rows

_LOG = logging.getLogger(__name__)
_MAGIC: Final = b"IMKVPFX1"
_PREAMBLE: Final = struct.Struct("<8sI")
_PAGE: Final = 4096
_MAX_HEADER: Final = 2048
_SUFFIX: Final = ".kv"
_OTHER_BUNDLES: Final = 2
"""A bundle that was just replaced may come back, or runs beside the new one to be compared."""


class _DamagedError(IntramuralError):
    """A stored prefix is not what it should be. Handled here: the file is removed."""

    code = "prefix_damaged"


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bundle: str
    shape: tuple[int, int, int, int, int]
    sha256: str


def bundle_folder(folder: Path, bundle: str) -> Path:
    """Where a bundle's prefixes lie below ``folder``; those of all but the last few other bundles are removed."""
    own = folder / bundle[:16]
    with contextlib.suppress(OSError):
        others = [path for path in folder.iterdir() if path != own and path.is_dir() and not path.is_symlink()]
        for old in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[_OTHER_BUNDLES:]:
            shutil.rmtree(old, ignore_errors=True)
    return own


class PrefixCache:
    """Prefixes of one bundle. Owned by the engine's thread; files are written by a thread of its own.

    Args:
        folder: made with mode 0700 when the first prefix is stored; only this class writes there.
        bundle: digest of the bundle, which every file names.
        shape: of the cache that rows are copied into.
        limit: how many prefixes are kept; the one that was not used for longest goes first.
    """

    def __init__(self, folder: Path, *, bundle: str, shape: CacheShape, limit: int = 4) -> None:
        self._folder = folder
        self._bundle = bundle
        self._shape = shape
        self._limit = limit
        self._rows: OrderedDict[str, Rows] = OrderedDict()
        self._index: RadixIndex[str] = RadixIndex()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefix-writer")

    def load(self) -> int:
        """Read the stored prefixes into memory; returns how many are good. Damaged ones are logged and removed."""
        try:
            files = sorted(self._folder.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime, reverse=True)
        except OSError as error:
            _LOG.warning("stored prefixes cannot be listed: %s", error)
            return 0
        for file in reversed(files[: self._limit]):
            try:
                tokens, self._rows[file.stem] = self._read(file)
                self._index.put(file.stem, tokens)
            except (_DamagedError, OSError, ValueError) as error:
                _LOG.warning("discarding the stored prefix %s: %s", file.name, error)
                _remove(file)
        for file in files[self._limit :]:
            _remove(file)
        return len(self._rows)

    def find(self, tokens: Sequence[int]) -> Rows | None:
        """The rows of exactly these tokens, or None."""
        key = self._key(tokens)
        rows = self._rows.get(key)
        if rows is not None:
            self._rows.move_to_end(key)
            self._writer.submit(_touch, self._folder / f"{key}{_SUFFIX}")
        return rows

    def longest(self, tokens: Sequence[int]) -> tuple[Rows | None, int]:
        """Rows whose first tokens are those of ``tokens``, and how many of them are; None and 0 if there are none."""
        key, length = self._index.longest(tokens)
        return (None, 0) if key is None else (self._rows[key], length)

    def store(self, tokens: Sequence[int], rows: Rows) -> None:
        """Keep ``rows``, which must not change afterwards; the file follows in the background."""
        key = self._key(tokens)
        self._rows[key] = rows
        self._rows.move_to_end(key)
        self._index.put(key, tokens)
        while len(self._rows) > self._limit:
            oldest, _ = self._rows.popitem(last=False)
            self._index.remove(oldest)
            self._writer.submit(_remove, self._folder / f"{oldest}{_SUFFIX}")
        self._writer.submit(self._write, key, list(tokens), rows)

    def close(self) -> None:
        """Wait until everything is on disk."""
        self._writer.shutdown(wait=True)

    def _key(self, tokens: Sequence[int]) -> str:
        sha = hashlib.sha256(self._bundle.encode())
        sha.update(np.asarray(tokens, dtype=np.int32).tobytes())
        return sha.hexdigest()

    def _read(self, file: Path) -> tuple[list[int], Rows]:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            magic, length = _PREAMBLE.unpack(_exactly(stream.read(_PREAMBLE.size), _PREAMBLE.size))
            if magic != _MAGIC or length > _MAX_HEADER:
                raise _damaged("it is not a stored prefix of this version")
            try:
                header = msgspec.json.decode(_exactly(stream.read(length), length), type=_Header)
            except msgspec.MsgspecError as error:
                raise _damaged(str(error)) from error
            count = header.shape[3]
            if header.bundle != self._bundle or not 1 <= count <= self._shape.max_len:
                raise _damaged("it belongs to another bundle, or does not fit the context")
            if header.shape != self._shape.prefix_shape(count):
                raise _damaged("its shape is not the model's")
            start = _rows_offset(length, count)
            if os.fstat(descriptor).st_size != start + count * self._shape.bytes_per_token:
                raise _damaged("its size is wrong")
            ids = _exactly(stream.read(count * 4), count * 4)
            stream.seek(start)
            rows = np.empty(header.shape, dtype=self._shape.kind)
            _fill(stream, _raw(rows))
        tokens: list[int] = np.frombuffer(ids, np.int32).tolist()
        if _digest(ids, rows) != header.sha256 or self._key(tokens) != file.stem:
            raise _damaged("its checksum does not match")
        return tokens, rows

    def _write(self, key: str, tokens: list[int], rows: Rows) -> None:
        ids = np.asarray(tokens, dtype=np.int32).tobytes()
        shape = self._shape.prefix_shape(len(tokens))
        header = msgspec.json.encode(_Header(bundle=self._bundle, shape=shape, sha256=_digest(ids, rows)))
        head = _PREAMBLE.pack(_MAGIC, len(header)) + header + ids
        temporary = None
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self._folder, suffix=".tmp")
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(head.ljust(_rows_offset(len(header), len(tokens)), b"\0"))
                stream.write(_raw(rows))
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(self._folder / f"{key}{_SUFFIX}")
        except OSError as error:
            _LOG.warning("the prefix stays in memory only: %s", error)
            if temporary is not None:
                _remove(Path(temporary))


def _rows_offset(header: int, tokens: int) -> int:
    return -(-(_PREAMBLE.size + header + tokens * 4) // _PAGE) * _PAGE


def _digest(ids: bytes, rows: Rows) -> str:
    sha = hashlib.sha256(ids)
    sha.update(_raw(rows))
    return sha.hexdigest()


def _raw(rows: Rows) -> memoryview:
    """The memory of contiguous rows."""
    return rows.reshape(-1).view(np.uint8).data


def _exactly(content: bytes, length: int) -> bytes:
    if len(content) != length:
        raise _damaged("it ends too early")
    return content


def _fill(stream: Any, target: memoryview) -> None:
    done = 0
    while done < len(target):
        count = stream.readinto(target[done:])
        if not count:
            raise _damaged("it ends too early")
        done += count


def _damaged(cause: str) -> _DamagedError:
    message = "A stored prefix is damaged."
    return _DamagedError(message, cause=cause, action="Nothing; it is computed again.")


def _remove(file: Path) -> None:
    with contextlib.suppress(OSError):
        file.unlink()


def _touch(file: Path) -> None:
    with contextlib.suppress(OSError):
        os.utime(file)
