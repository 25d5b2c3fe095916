"""The keys of the vault: one data key for each person, wrapped by a master key that can be exchanged.

    keys/vault.json               the master keys and which of them is current, mode 0600
    vault/subjects/<hash>.json    one person's wrapped data keys, and what was destroyed

A changed file replaces the old one in a single rename; then the old content is overwritten with zeros. On file systems
and disks that write in place this destroys the old bytes; elsewhere copies may survive, but they are wrapped, and end
with the master key that wrapped them (see :meth:`Keyring.rotate`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.audit.errors import BodyErased, VaultUnavailable
from appliance.audit.files import sync_folder
from appliance.audit.seal import DataKey, damaged, new_key, unwrap, wrap
from appliance.core.private_files import read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.core.clock import Clock

_VERSION: Final = 1
_OLD: Final = ".old"


@dataclass(frozen=True)
class Erasure:
    """The end of a data key. ``tombstone`` is the index of the leaf that announces it."""

    key: str
    at: str
    by: str
    approved_by: str
    request: str
    tombstone: int


@dataclass(frozen=True)
class _Wrapped:
    id: str
    master: str
    made: str
    wrapped: str


@dataclass(frozen=True)
class _Subject:
    subject: str
    keys: tuple[_Wrapped, ...] = ()
    destroyed: tuple[Erasure, ...] = ()


class Keyring:
    """Makes, finds, rewraps and destroys data keys. Safe for threads; one process writes."""

    def __init__(self, folder: Path, master_path: Path, clock: Clock, *, reading: bool = False) -> None:
        """``folder`` is the vault's ``subjects`` folder; ``reading``: another process writes, so nothing is changed.

        Raises:
            PrivateFileError: the master key file may be read by others, or cannot be read or written.
            BodyDamaged: it is damaged.
        """
        self._folder, self._master_path, self._clock = folder, master_path, clock
        self._lock = threading.RLock()
        if reading and not master_path.exists():
            raise damaged(f"{master_path} is missing")
        try:
            for left in (
                [] if reading else [*folder.glob(f"*{_OLD}"), *master_path.parent.glob(f"{master_path.name}{_OLD}")]
            ):
                finish_scrub(left.with_name(left.name.removesuffix(_OLD)))
        except OSError as error:
            raise unavailable(error) from error
        self._current, self._masters = self._load_masters()

    # --- data keys ---------------------------------------------------------------------------------------------

    def current(self, subject: str) -> DataKey:
        """The key that new bodies of a person are sealed under; made durable before it is returned, if there is none.

        Raises:
            BodyDamaged: the person's key file, or a key in it, cannot be used.
            VaultUnavailable: a new key cannot be written.
        """
        with self._lock:
            entry = self._read(subject)
            if entry.keys:
                return self._unwrap(entry.keys[-1], subject)
            key = new_key("dek")
            self._write(_Subject(subject, (self._wrap(key, subject),), entry.destroyed))
            return key

    def find(self, subject: str, key_id: str) -> DataKey:
        """A person's key by its name.

        Raises:
            BodyErased: it was destroyed; the message says when, by whom and with whose approval.
            BodyDamaged: it is missing without having been destroyed, or unusable.
        """
        with self._lock:
            entry = self._read(subject)
        for one in entry.keys:
            if one.id == key_id:
                return self._unwrap(one, subject)
        for erasure in entry.destroyed:
            if erasure.key == key_id:
                raise erased(erasure)
        raise damaged(f"there is no data key {key_id} of this person")

    def key_ids(self, subject: str) -> tuple[str, ...]:
        """Names of the person's living keys, oldest first."""
        with self._lock:
            return tuple(one.id for one in self._read(subject).keys)

    def erasures(self, subject: str) -> tuple[Erasure, ...]:
        """What was destroyed for this person."""
        with self._lock:
            return self._read(subject).destroyed

    def destroy(self, subject: str, *, by: str, approved_by: str, request: str, tombstone: int) -> tuple[str, ...]:
        """Destroy every key of a person; returns their names. Nothing happens, and none are returned, a second time.

        Raises:
            VaultUnavailable: the file could not be rewritten; the keys may still be there.
        """
        with self._lock:
            entry = self._read(subject)
            at = self._clock.now().isoformat(timespec="seconds")
            gone = tuple(Erasure(one.id, at, by, approved_by, request, tombstone) for one in entry.keys)
            if gone:
                self._write(_Subject(subject, (), (*entry.destroyed, *gone)))
            return tuple(one.key for one in gone)

    # --- master keys -------------------------------------------------------------------------------------------

    @property
    def master_id(self) -> str:
        """Name of the current master key."""
        return self._current

    def rotate(self) -> int:
        """Make a new master key, wrap every data key anew, forget the old ones; no body is touched.

        Each step can be repeated: a crash leaves keys under either master, and :meth:`finish_rotation` at the next
        start wraps the rest. Returns how many people's keys were wrapped anew.

        Raises:
            VaultUnavailable: a file cannot be written.
            BodyDamaged: a person's key file cannot be used; the old master key is kept.
        """
        with self._lock:
            fresh = new_key("kek")
            self._save_masters(fresh.id, {**self._masters, fresh.id: fresh})
            return self.finish_rotation()

    def finish_rotation(self) -> int:
        """Wrap under the current master key what another one still wraps, then forget the others."""
        with self._lock:
            changed = 0
            for entry in list(self._all()):
                if any(one.master != self._current for one in entry.keys):
                    keys = tuple(self._wrap(self._unwrap(one, entry.subject), entry.subject, one) for one in entry.keys)
                    self._write(_Subject(entry.subject, keys, entry.destroyed))
                    changed += 1
            if len(self._masters) > 1:
                self._save_masters(self._current, {self._current: self._masters[self._current]})
            return changed

    # --- files -------------------------------------------------------------------------------------------------

    def _wrap(self, key: DataKey, subject: str, old: _Wrapped | None = None) -> _Wrapped:
        wrapped = wrap(self._masters[self._current], key, subject)
        made = self._clock.now().isoformat(timespec="seconds") if old is None else old.made
        return _Wrapped(key.id, self._current, made, base64.b64encode(wrapped).decode())

    def _unwrap(self, one: _Wrapped, subject: str) -> DataKey:
        if one.master not in self._masters:
            raise damaged(f"the master key {one.master} is missing")
        try:
            wrapped = base64.b64decode(one.wrapped, validate=True)
        except binascii.Error as error:
            raise damaged(f"the data key {one.id} is damaged") from error
        return unwrap(self._masters[one.master], one.id, wrapped, subject)

    def _path(self, subject: str) -> Path:
        return self._folder / f"{hashlib.sha256(subject.encode()).hexdigest()}.json"

    def _all(self) -> Iterator[_Subject]:
        for path in sorted(self._folder.glob("*.json")):
            yield _parse(path, read_private(path) or b"")

    def _read(self, subject: str) -> _Subject:
        path = self._path(subject)
        content = read_private(path)
        if content is None:
            return _Subject(subject)
        entry = _parse(path, content)
        if entry.subject != subject:
            raise damaged(f"{path.name} is another person's")
        return entry

    def _write(self, entry: _Subject) -> None:
        content = {
            "v": _VERSION,
            "subject": entry.subject,
            "keys": [asdict(one) for one in entry.keys],
            "destroyed": [asdict(one) for one in entry.destroyed],
        }
        replace_and_scrub(self._path(entry.subject), json.dumps(content).encode())

    def _load_masters(self) -> tuple[str, dict[str, DataKey]]:
        stored = read_private(self._master_path)
        if stored is None:
            if any(self._folder.glob("*.json")):
                raise damaged(f"{self._master_path} is missing, but there are keys that it wrapped")
            fresh = new_key("kek")
            self._save_masters(fresh.id, {fresh.id: fresh})
            return fresh.id, {fresh.id: fresh}
        try:
            fields = json.loads(stored)
            keys = {name: DataKey(name, base64.b64decode(text, validate=True)) for name, text in fields["keys"].items()}
            current = str(fields["current"])
            if fields["v"] != _VERSION or any(len(one.secret) != 32 for one in keys.values()) or current not in keys:
                raise damaged(f"{self._master_path} does not hold what it should")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(f"{self._master_path}: {type(error).__name__}") from error
        return current, keys

    def _save_masters(self, current: str, keys: dict[str, DataKey]) -> None:
        texts = {name: base64.b64encode(key.secret).decode() for name, key in keys.items()}
        content = {"v": _VERSION, "current": current, "keys": texts}
        replace_and_scrub(self._master_path, json.dumps(content).encode())
        self._current, self._masters = current, keys


def replace_and_scrub(path: Path, content: bytes) -> None:
    """Replace a private file in one durable step, then overwrite what the old one held.

    A second name keeps the old content in reach until it is overwritten, also after a crash (:func:`finish_scrub`).

    Raises:
        VaultUnavailable: the file could not be replaced, or the old content could not be overwritten.
    """
    old = path.with_name(path.name + _OLD)
    try:
        finish_scrub(path)
        if path.exists():
            os.link(path, old, follow_symlinks=False)
            sync_folder(path.parent)
        write_private(path, content)
        finish_scrub(path)
    except OSError as error:
        raise unavailable(error) from error


def finish_scrub(path: Path) -> None:
    """Overwrite and remove what an earlier replacement of ``path`` left to do. Raises OSError."""
    old = path.with_name(path.name + _OLD)
    try:
        descriptor = os.open(old, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        state = os.fstat(descriptor)
        if not path.exists() or path.stat().st_ino != state.st_ino:
            os.pwrite(descriptor, bytes(state.st_size), 0)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    old.unlink()
    sync_folder(path.parent)


def unavailable(error: Exception) -> VaultUnavailable:
    """What a caller sees when the vault cannot be written or read."""
    message = "This cannot be done now, because the vault for sealed words cannot be used."
    return VaultUnavailable(
        message, cause=f"{type(error).__name__}: {error}", action="Check the disk that holds the vault folder."
    )


def erased(erasure: Erasure) -> BodyErased:
    """The answer to whoever opens what is gone."""
    message = f"Erased on {erasure.at} by {erasure.by}, approved by {erasure.approved_by}."
    return BodyErased(
        message,
        cause=f"the key {erasure.key} was destroyed by request {erasure.request}, leaf {erasure.tombstone}",
        action="The entry in the log still proves that there was something, and when.",
    )


def _parse(path: Path, content: bytes) -> _Subject:
    try:
        fields: dict[str, Any] = json.loads(content)
        if fields["v"] != _VERSION:
            raise damaged(f"{path.name} is of another version")
        keys = tuple(_Wrapped(**one) for one in fields["keys"])
        return _Subject(str(fields["subject"]), keys, tuple(Erasure(**one) for one in fields["destroyed"]))
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(f"{path.name}: {type(error).__name__}") from error
