"""What a witness decides: it cosigns a tree head only if that continues the last one it cosigned (C2SP tlog-witness).

It keeps one file for each log, the last cosigned checkpoint, and a cosignature leaves it only once that file is
durable. So however often it is killed, it never vouches for two histories of one log.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.audit.errors import AuditCorrupt, NoteError, ProofError
from appliance.audit.files import is_full, write_files
from appliance.audit.merkle import EMPTY_ROOT, verify_consistency
from appliance.audit.note import (
    Checkpoint,
    OpenedNote,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_vkey,
)
from appliance.audit.storage import WriterLock
from appliance.audit.tiles import TileFile
from appliance.audit.witness_request import SIZE_TYPE, AddCheckpoint, parse_request

if TYPE_CHECKING:
    from appliance.audit.cosign import WitnessKey
    from appliance.core.clock import Clock

SEEN: Final = "seen"
MAX_LOGS: Final = 1000
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = _TEXT


def origin_id(origin: str) -> str:
    """The name under which a witness keeps a log: SHA-256 of the origin, in hex."""
    return hashlib.sha256(origin.encode()).hexdigest()


class Witness:
    """The state of one witness. Safe for several threads; one for each folder."""

    def __init__(
        self, folder: Path, key: WitnessKey, clock: Clock, logs: Mapping[str, tuple[VerifierKey, ...]]
    ) -> None:
        """Take the folder and read what was cosigned before. ``logs`` are the keys of each log by origin.

        Raises:
            AuditLocked: another process witnesses from this folder.
            AuditCorrupt: a file of this folder is not what was written.
            OSError: the folder cannot be read.
        """
        self._folder, self._key, self._clock, self._logs = folder, key, clock, dict(logs)
        self._mutex = threading.Lock()
        self._broken = ""
        self._lock = WriterLock(folder)
        try:
            self._seen = {origin: self._load(origin) for origin in self._logs}
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        """Give the folder back."""
        self._lock.release()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request; never raises."""
        try:
            request = parse_request(body)
            # Only to know whose it is; whether the rest is a note at all is part of the question who signed it.
            origin = parse_checkpoint(request.note.rpartition(b"\n\n")[0].decode() + "\n").origin
        except (NoteError, UnicodeDecodeError) as error:
            return _refusal(400, error.cause if isinstance(error, NoteError) else "not UTF-8")
        keys = self._logs.get(origin)
        if keys is None:
            return _refusal(404, "unknown log")
        try:
            checkpoint = open_checkpoint(request.note, keys, origin=origin)
            signed = open_note(request.note, keys)
        except NoteError as error:
            return _refusal(403, f"invalid signature: {error.cause}")
        if request.old > checkpoint.size:
            return _refusal(400, "the old size is larger than the checkpoint's")
        # Comparing with the last checkpoint and replacing it are one step, or a slow request could undo a later one.
        with self._mutex:
            if self._broken:
                return _refusal(500, self._broken)
            return self._decide(request, signed, checkpoint)

    def latest(self, identity: str) -> bytes | None:
        """The last cosigned checkpoint of the log with that :func:`origin_id`; evidence for monitors."""
        for origin, seen in self._seen.items():
            if origin_id(origin) == identity and seen is not None:
                return seen[1]
        return None

    def _decide(self, request: AddCheckpoint, signed: OpenedNote, new: Checkpoint) -> Answer:
        last = self._seen[new.origin]
        size = last[0].size if last is not None else 0
        if request.old != size:
            return Answer(409, f"{size}\n".encode(), SIZE_TYPE)
        if new.size == size and last is not None and new.root != last[0].root:
            return Answer(409, f"{size}\n".encode(), SIZE_TYPE)
        try:
            _check_continues(last[0] if last is not None else None, new, request.proof)
        except ProofError as error:
            return _refusal(422, f"the consistency proof does not hold: {error.cause}")
        lines = "".join(one.line for one in self._key.cosign(signed.text, self._clock.now()))
        # Only what was verified is kept: any other line could make the file unreadable later.
        note = f"{signed.text}\n{''.join(one.line for one in signed.verified)}{lines}".encode()
        try:
            write_files(self._folder, [TileFile(f"{SEEN}/{origin_id(new.origin)}", note)])
        except OSError as error:
            if is_full(error):
                return _refusal(500, "the disk of the witness is full")
            # What is on the disk now is unknowable, so nothing is signed until a start reads it again.
            self._broken = f"the witness cannot keep what it saw: {error.strerror}"
            return _refusal(500, self._broken)
        self._seen[new.origin] = (new, note)
        return Answer(200, lines.encode())

    def _load(self, origin: str) -> tuple[Checkpoint, bytes] | None:
        path = self._folder / SEEN / origin_id(origin)
        try:
            note = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return open_checkpoint(note, self._key.verifier_keys, origin=origin), note
        except NoteError as error:
            message = "The witness's memory of a log is damaged, so it cosigns nothing."
            action = "Restore the file from a backup. Removing it would let a rewritten log pass."
            raise AuditCorrupt(message, cause=f"{path}: {error.cause}", action=action) from error


def read_logs(folder: Path) -> dict[str, tuple[VerifierKey, ...]]:
    """The logs to witness: each file ``*.vkeys`` of ``folder`` holds the public keys of one, named by its origin.

    Raises:
        NoteError: a key is malformed, a file holds keys of different names, or there are too many files.
        OSError: the folder cannot be read.
    """
    found: dict[str, tuple[VerifierKey, ...]] = {}
    paths = sorted(folder.glob("*.vkeys"))
    if len(paths) > MAX_LOGS:
        message = f"A witness keeps at most {MAX_LOGS} logs."
        raise NoteError(message, cause=f"{folder} holds {len(paths)}")
    for path in paths:
        keys = tuple(parse_vkey(line) for line in path.read_text(encoding="utf-8").split())
        names = {key.name for key in keys}
        if len(names) != 1:
            message = "A file with the keys of a log must hold keys of one name."
            raise NoteError(message, cause=f"{path}: {sorted(names)}", action="Copy the log's .vkeys file as it is.")
        found[names.pop()] = keys
    return found


def _check_continues(last: Checkpoint | None, new: Checkpoint, proof: tuple[bytes, ...]) -> None:
    if new.size == 0 and new.root != EMPTY_ROOT:
        message = "An empty tree has another root."
        raise ProofError(message, cause="the root of size 0 is not that of the empty tree")
    if last is None or last.size == 0:
        if proof:
            message = "A proof from size 0 must be empty."
            raise ProofError(message, cause="proof lines for old size 0")
        return
    verify_consistency(last.size, new.size, proof, last.root, new.root)


def _refusal(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())
