"""Tree heads of a log that somebody else vouches for: an earlier checkpoint kept elsewhere, the one that witnesses
cosigned, and those that a time-stamping authority stamped. The log must continue every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appliance.audit.cosign import cosigned_at
from appliance.audit.errors import NoteError
from appliance.audit.findings import Finding, Findings
from appliance.audit.note import Checkpoint, VerifierKey, open_checkpoint, open_note, parse_checkpoint
from appliance.audit.timestamps import STAMPS, StampError, check_stamp, load_roots

WITNESSED: Final = Path("witness") / "checkpoint"
EARLIER: Final = "earlier checkpoint"


@dataclass(frozen=True)
class Vouched:
    """What the verifier was given to hold the log against.

    ``earlier`` is a checkpoint that was kept elsewhere. ``witnesses`` are keys of witnesses, of which ``quorum`` (all,
    if None) must have cosigned; a witness is a name, and has cosigned if every key given for it did. ``stamp_roots``
    are certificates of time-stamping authorities (PEM).
    """

    earlier: bytes | None = None
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int | None = None
    stamp_roots: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Anchor:
    """A tree head that the log must continue, and where it comes from."""

    place: str
    checkpoint: Checkpoint


class AnchorReader:
    """Reads and checks everything that vouches for earlier states of the log in ``directory``."""

    def __init__(
        self, directory: Path, keys: tuple[VerifierKey, ...], origin: str, findings: Findings, notes: list[str]
    ) -> None:
        self._directory, self._keys, self._origin = directory, keys, origin
        self._findings, self._notes = findings, notes

    def read(self, vouched: Vouched) -> list[Anchor]:
        """All tree heads to compare with; what is wrong with them themselves is added to the findings."""
        found = [self._earlier(vouched.earlier), self._witnessed(vouched), *self._stamped(vouched.stamp_roots)]
        return [one for one in found if one is not None]

    def _earlier(self, note: bytes | None) -> Anchor | None:
        if note is None:
            return None
        try:
            checkpoint = parse_checkpoint(open_note(note, self._keys).text)
        except NoteError as error:
            self._found(EARLIER, error.cause)
            return None
        if checkpoint.origin != self._origin:
            self._found(EARLIER, f"of another log, {checkpoint.origin}")
            return None
        return Anchor(EARLIER, checkpoint)

    def _witnessed(self, vouched: Vouched) -> Anchor | None:
        place = str(WITNESSED)
        try:
            note = (self._directory / WITNESSED).read_bytes()
            checkpoint = open_checkpoint(note, self._keys, origin=self._origin)
        except FileNotFoundError:
            if vouched.witnesses:
                self._found(place, "missing; no witness has cosigned")
            return None
        except (NoteError, OSError) as error:
            self._found(place, error.cause if isinstance(error, NoteError) else str(error))
            return None
        if vouched.witnesses:
            self._count(note, vouched, place, checkpoint.size)
        return Anchor(place, checkpoint)

    def _count(self, note: bytes, vouched: Vouched, place: str, size: int) -> None:
        names = sorted({key.name for key in vouched.witnesses})
        seen = []
        for name in names:
            try:
                time = cosigned_by(note, [key for key in vouched.witnesses if key.name == name])
            except NoteError as error:
                self._notes.append(f"witness {name} has not cosigned size {size}: {error.cause}")
            else:
                seen.append(f"{name} at {datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%SZ}")
        needed = len(names) if vouched.quorum is None else vouched.quorum
        if len(seen) < needed:
            self._found(place, f"{len(seen)} of {needed} needed witnesses cosigned it (size {size})")
        elif seen:
            self._notes.append(f"size {size} was cosigned by {', '.join(seen)}")

    def _stamped(self, roots: Sequence[bytes]) -> list[Anchor]:
        folder = self._directory / STAMPS
        notes = sorted(folder.glob("*.note")) if folder.is_dir() else []
        if roots and not notes:
            self._found(STAMPS, "no checkpoint was ever stamped")
        try:
            certificates = load_roots(roots)
        except StampError as error:
            self._found(STAMPS, error.cause)
            certificates = []
        anchors, newest = [], None
        for path in notes:
            place = f"{STAMPS}/{path.name}"
            try:
                note = path.read_bytes()
                anchors.append(Anchor(place, open_checkpoint(note, self._keys, origin=self._origin)))
                if certificates:
                    newest = (anchors[-1].checkpoint.size, check_stamp(path.with_suffix(".tsr"), note, certificates))
            except (NoteError, StampError, OSError) as error:
                self._found(place, error.cause if isinstance(error, NoteError | StampError) else str(error))
        if newest is not None:
            self._notes.append(f"size {newest[0]} was stamped at {newest[1]:%Y-%m-%d %H:%M:%SZ}; {len(notes)} stamps")
        return anchors

    def _found(self, place: str, problem: str) -> None:
        self._findings.add(Finding(place, problem))


def cosigned_by(note: bytes, keys: Sequence[VerifierKey]) -> int:
    """When the witness with these keys cosigned the note, in seconds since 1970: the earliest of its signatures.

    Raises:
        NoteError: a key did not sign, or wrongly.
    """
    opened = open_note(note, keys)
    missing = {(key.name, key.key_id) for key in keys} - {(one.name, one.key_id) for one in opened.verified}
    if missing:
        message = "A witness did not sign with every one of its keys."
        raise NoteError(message, cause=", ".join(f"{name}+{key_id.hex()}" for name, key_id in sorted(missing)))
    return min(cosigned_at(one) for one in opened.verified)
