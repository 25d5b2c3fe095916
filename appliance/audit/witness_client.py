"""The conversation of the log with one witness (C2SP tlog-witness), and what its answers mean."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from appliance.audit.errors import NoteError
from appliance.audit.exchange import ExchangeFailed, exchange
from appliance.audit.history import forked, rolled_back
from appliance.audit.note import Checkpoint, VerifierKey, open_checkpoint, open_note
from appliance.audit.verify_anchors import cosigned_by
from appliance.audit.witness_request import ADD_CHECKPOINT, request_body
from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    import httpx

    from appliance.audit.history import PublishedLog
    from appliance.core.ports import AuditUnavailable

_ATTEMPTS: Final = 3


class WitnessUnavailable(IntramuralError):  # noqa: N818 - nothing is wrong with the log
    """A witness cannot be reached, or does not do its work; the log goes on without it."""

    code = "audit_witness"


@dataclass(frozen=True)
class WitnessAddress:
    """Where a witness listens, and its public keys, all of one name."""

    url: str
    keys: tuple[VerifierKey, ...]

    @property
    def name(self) -> str:
        """The name in its cosignatures."""
        return self.keys[0].name


class WitnessClient:
    """Talks to one witness. One thread."""

    def __init__(self, address: WitnessAddress, log: PublishedLog, client: httpx.Client) -> None:
        self.address, self._log, self._client = address, log, client
        self._old = 0

    def cosign(self, note: bytes, head: Checkpoint, refresh: Callable[[], Checkpoint]) -> str:
        """Have a checkpoint cosigned; returns the signature lines, verified.

        ``refresh`` gives the newest checkpoint: the witness may have seen a later one than ``head`` meanwhile.

        Raises:
            WitnessUnavailable: it does not answer, or not as the specification says.
            AuditForked: the witness saw another history under this log's name.
            AuditRolledBack: it saw a longer one.
        """
        for _ in range(_ATTEMPTS):
            if self._old > head.size:
                newest = refresh()
                if self._old > newest.size:
                    self._judge(newest, rolled_back(self._claim(), self._old, newest.size))
                raise self._unavailable("it has seen a later checkpoint already")
            proof = self._log.proof(self._old, head.size)
            status, content = self._post(request_body(self._old, proof, note))
            if status == 200:
                lines = self._verified(note, content)
                self._old = head.size
                return lines
            if status == 422:
                self._judge(head, forked(f"{self._claim()} is not continued by this log (size {self._old})"))
            if status != 409:
                text = content[:200].decode("utf-8", "replace").strip()
                raise self._unavailable(f"it answers with status {status}: {text}")
            seen = self._size(content)
            if seen == self._old == head.size:
                self._judge(head, forked(f"{self._claim()} has another root (size {seen})"))
            self._old = seen
        raise self._unavailable("it changes its mind about what it saw")

    def _claim(self) -> str:
        return f"the checkpoint that the witness {self.address.name} cosigned"

    def _judge(self, newest: Checkpoint, error: AuditUnavailable) -> NoReturn:
        """Raise ``error``, unless the evidence that the witness gives shows that the witness is wrong.

        A checkpoint is evidence whoever hands it over, since this log's keys signed it. A witness that gives none is
        believed: better a stop that somebody must look into than a rewritten log that goes on.
        """
        identity = hashlib.sha256(self._log.origin.encode()).hexdigest()
        try:
            _, content = exchange(self._client, "GET", f"{self.address.url}/checkpoint/{identity}")
            seen = open_checkpoint(content, self._log.keys, origin=self._log.origin)
        except (ExchangeFailed, NoteError):
            raise error from None
        if seen.size <= newest.size and (seen.size == 0 or self._log.root(seen.size, newest.size) == seen.root):
            self._old = seen.size
            raise self._unavailable(f"it refuses what continues its own last checkpoint (size {seen.size})")
        proven = f"{error.cause}; this log's own keys signed that other checkpoint"
        raise type(error)(error.message, cause=proven, action=error.action)

    def _verified(self, note: bytes, content: bytes) -> str:
        """The lines of the answer that are this witness's, as text."""
        keys = self.address.keys
        try:
            cosigned_by(note + content, keys)
            verified = open_note(note + content, keys).verified
        except NoteError as error:
            raise self._unavailable(f"its cosignature does not hold: {error.cause}") from error
        return "".join(one.line for one in verified)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        try:
            return exchange(self._client, "POST", f"{self.address.url}/{ADD_CHECKPOINT}", content=body)
        except ExchangeFailed as error:
            raise self._unavailable(str(error)) from error

    def _size(self, content: bytes) -> int:
        text = content.decode("ascii", "replace").strip()
        if not text.isdigit() or len(text) > 19:
            raise self._unavailable("its answer to an old size is no size")
        return int(text)

    def _unavailable(self, cause: str) -> WitnessUnavailable:
        message = f"The witness {self.address.name} did not cosign."
        return WitnessUnavailable(
            message, cause=cause, action=f"Check that {self.address.url} runs and knows this log."
        )
