"""Whether a log still continues what others saw of it. If not, it was rewritten, or an old copy was restored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit.errors import NoteError
from appliance.audit.merkle import consistency_proof, range_hash
from appliance.audit.note import Checkpoint, open_checkpoint
from appliance.audit.storage import CHECKPOINT, TileReader
from appliance.audit.verify_anchors import WITNESSED
from appliance.core.ports import AuditUnavailable

if TYPE_CHECKING:
    from appliance.audit.note import VerifierKey


class AuditForked(AuditUnavailable):
    """The log is not the one that was witnessed: entries were changed, removed or replaced."""

    code = "audit_forked"


class AuditRolledBack(AuditUnavailable):
    """The log is shorter than what was witnessed: an old copy was restored, or its end was cut off."""

    code = "audit_rolled_back"


class PublishedLog:
    """The published part of a log, for proofs; reads the folder, so it may be used beside the writer."""

    def __init__(self, directory: Path, keys: tuple[VerifierKey, ...], origin: str) -> None:
        self.directory, self.keys, self.origin = directory, keys, origin

    def head(self) -> tuple[bytes, Checkpoint]:
        """The newest checkpoint, as a note and read.

        Raises:
            NoteError: it is not signed by the keys of this log.
            OSError: it cannot be read.
        """
        note = (self.directory / CHECKPOINT).read_bytes()
        return note, open_checkpoint(note, self.keys, origin=self.origin)

    def proof(self, first: int, second: int) -> tuple[bytes, ...]:
        """The consistency proof between two published sizes; empty where none is needed.

        Raises:
            AuditCorrupt: a tile is missing or damaged.
        """
        if first in (0, second):
            return ()
        return consistency_proof(first, second, TileReader(self.directory, second).node)

    def root(self, size: int, at: int) -> bytes:
        """The root of the first ``size`` leaves, from the tiles of the published size ``at``. Raises AuditCorrupt."""
        return range_hash(0, size, TileReader(self.directory, at).node)

    def witnessed(self) -> tuple[bytes, Checkpoint] | None:
        """The last checkpoint that witnesses cosigned, kept beside the log; None if there is none.

        Raises:
            AuditForked: it is not signed by the keys of this log.
        """
        path = self.directory / WITNESSED
        try:
            note = path.read_bytes()
            return note, open_checkpoint(note, self.keys, origin=self.origin)
        except FileNotFoundError:
            return None
        except NoteError as error:
            raise forked(f"{path} is not signed by this log: {error.cause}") from error


def compare_with_witnessed(log: PublishedLog) -> Checkpoint | None:
    """Compare with the cosigned checkpoint that is kept beside the log; returns it, or None if there is none.

    Raises:
        AuditForked: the log does not continue it.
        AuditRolledBack: the log is shorter.
        AuditCorrupt: a tile is missing or damaged.
    """
    kept = log.witnessed()
    if kept is None:
        return None
    _, seen = kept
    _, head = log.head()
    if seen.size > head.size:
        raise rolled_back("the checkpoint kept beside the log", seen.size, head.size)
    if log.root(seen.size, head.size) != seen.root:
        raise forked(f"the first {seen.size} entries do not have the root that was cosigned")
    return seen


def forked(cause: str) -> AuditForked:
    """The error for a rewritten log."""
    message = "The audit log is not the one that was witnessed, so the appliance does not work with it."
    return AuditForked(
        message,
        cause=cause,
        action="Change nothing. Keep a copy of the audit folder, run intramural audit verify with --witness-vkey, and "
        "call whoever is responsible for security: somebody changed the log, or used its key elsewhere.",
    )


def rolled_back(who: str, seen: int, size: int) -> AuditRolledBack:
    """The error for a log that lost its end."""
    message = "The audit log is older than what was witnessed, so the appliance does not work with it."
    return AuditRolledBack(
        message,
        cause=f"{who} covers {seen} entries, the log has {size}",
        action="Restore the newest copy of the audit folder. If there is none, keep this one, and start a new log with "
        "a new key in an empty folder: a log must never continue from a state that others have seen beyond.",
    )
