"""The body of an ``add-checkpoint`` request (C2SP tlog-witness): old size, consistency proof, checkpoint."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.audit.errors import NoteError
from appliance.audit.merkle import HASH_BYTES, MAX_SIZE

ADD_CHECKPOINT: Final = "add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
MAX_REQUEST_BYTES: Final = 1 << 16
MAX_PROOF_LINES: Final = 63
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class AddCheckpoint:
    """``note`` claims to continue, as ``proof`` shows, the tree of ``old`` leaves."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @property
    def body(self) -> bytes:
        """As it is sent."""
        return request_body(self.old, self.proof, self.note)


def request_body(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The bytes of a request."""
    lines = "".join(base64.b64encode(one).decode() + "\n" for one in proof)
    return f"old {old}\n{lines}\n".encode() + note


def parse_request(body: bytes) -> AddCheckpoint:
    """Read a request; the note in it is not looked at.

    Raises:
        NoteError: malformed or too large.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise _malformed(f"more than {MAX_REQUEST_BYTES} bytes")
    head, blank, note = body.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _malformed("not ASCII before the checkpoint") from error
    found = _OLD.fullmatch(first)
    if found is None or int(found[1]) > MAX_SIZE or not blank:
        raise _malformed("it does not begin with an old size, a proof and an empty line")
    if len(lines) > MAX_PROOF_LINES:
        raise _malformed(f"more than {MAX_PROOF_LINES} proof lines")
    return AddCheckpoint(int(found[1]), tuple(map(_hash, lines)), note)


def _hash(line: str) -> bytes:
    try:
        content = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("a proof line is not base64") from error
    if len(content) != HASH_BYTES or base64.b64encode(content).decode() != line:
        raise _malformed("a proof line is not a hash")
    return content


def _malformed(cause: str) -> NoteError:
    message = "The request to the witness is malformed."
    return NoteError(message, cause=cause, action="Send it as the C2SP tlog-witness specification says.")
