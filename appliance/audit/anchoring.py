"""Has the log vouched for outside: cosigned by witnesses and stamped by an authority, in a thread of its own.

It never blocks the log. What it finds out can only do one thing: stop the log when a witness saw another history.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import httpx

from appliance.audit.errors import NoteError
from appliance.audit.files import write_files
from appliance.audit.history import PublishedLog, compare_with_witnessed
from appliance.audit.note import parse_vkey
from appliance.audit.tiles import TileFile
from appliance.audit.timestamps import STAMPS, StampError, check_stamp, load_roots, request_stamp
from appliance.audit.verify_anchors import WITNESSED, cosigned_by
from appliance.audit.witness_client import WitnessAddress, WitnessClient, WitnessUnavailable
from appliance.core.errors import SettingsError
from appliance.core.ports import AuditUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509

    from appliance.audit.note import Checkpoint
    from appliance.core.clock import Clock
    from appliance.core.settings import AuditSettings

_RETRY: Final = timedelta(seconds=30)


@dataclass(frozen=True)
class AnchoringPolicy:
    """Who vouches for the log, how many of them must, and how old that may be before the operator is told."""

    witnesses: tuple[WitnessAddress, ...]
    quorum: int
    interval: timedelta
    max_age: timedelta
    stamp_url: str = ""
    stamp_roots: tuple[x509.Certificate, ...] = ()
    stamp_interval: timedelta = timedelta(days=1)
    trust: ssl.SSLContext | None = None

    @classmethod
    def from_settings(cls, settings: AuditSettings) -> AnchoringPolicy:
        """Read keys and certificates.

        Raises:
            NoteError: a verifier key is malformed, or the keys of one witness have different names.
            StampError: a root certificate is missing or cannot be read.
            SettingsError: ``ca_file`` cannot be read.
        """
        addresses = []
        for one in settings.witnesses:
            keys = tuple(parse_vkey(text) for text in one.vkeys)
            if len({key.name for key in keys}) != 1:
                message = "The keys of one witness must have the same name."
                raise NoteError(message, cause=one.url, action="Give the two lines that witness init printed.")
            addresses.append(WitnessAddress(one.url.rstrip("/"), keys))
        try:
            pems = [path.read_bytes() for path in settings.stamp_roots]
        except OSError as error:
            message = "A root certificate for time stamps cannot be read."
            raise StampError(message, cause=str(error), action="Correct audit.stamp_roots.") from error
        return cls(
            witnesses=tuple(addresses),
            quorum=settings.quorum or len(addresses),
            interval=timedelta(seconds=settings.witness_seconds),
            max_age=timedelta(seconds=settings.witness_max_age_seconds),
            stamp_url=settings.stamp_url,
            stamp_roots=tuple(load_roots(pems)),
            stamp_interval=timedelta(seconds=settings.stamp_seconds),
            trust=_trust(settings.ca_file),
        )


def _trust(certificates: Path | None) -> ssl.SSLContext:
    """Whom to believe in TLS: these certificates only, or those that this machine trusts."""
    try:
        return ssl.create_default_context(cafile=certificates)
    except OSError as error:
        message = "The certificates for witnesses and time stamps cannot be read."
        raise SettingsError(message, cause=f"{certificates}: {error}", action="Correct audit.ca_file.") from error


class Anchoring:
    """The thread. :meth:`check` before anything is written, then :meth:`start`; :meth:`stop` at the end."""

    def __init__(
        self,
        log: PublishedLog,
        policy: AnchoringPolicy,
        clock: Clock,
        halt: Callable[[AuditUnavailable], object],
        client: httpx.Client | None = None,
    ) -> None:
        """``halt`` stops the log for good; ``client`` speaks HTTP."""
        self._log, self._policy, self._clock, self._halt = log, policy, clock, halt
        # No proxy and no redirect: what is said to a witness is meant for that machine alone.
        self._http = client or httpx.Client(verify=policy.trust or _trust(None), trust_env=False)
        self._witnesses = [WitnessClient(one, log, self._http) for one in policy.witnesses]
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._witnessed: tuple[int, datetime] | None = None
        self._stamped: tuple[int, datetime] | None = None
        self._tried: datetime | None = None
        self._problems: dict[str, str] = {}

    def check(self) -> None:
        """Compare the log with what was witnessed, here and at every witness that answers.

        Raises:
            AuditForked: a witness saw another history.
            AuditRolledBack: a witness saw a longer one.
            AuditUnavailable: the log cannot be read.
        """
        kept = compare_with_witnessed(self._log)
        if kept is not None and self._policy.witnesses:
            self._witnessed = (kept.size, self._kept_time())
        if self._policy.stamp_url:
            self._stamped = self._kept_stamp()
        self.round()

    def round(self) -> None:
        """One visit to everybody; what a witness does not do is remembered for :meth:`states`.

        Raises:
            AuditForked, AuditRolledBack, AuditUnavailable: as :meth:`check`.
        """
        try:
            note, head = self._log.head()
        except (OSError, NoteError) as error:
            message = "The checkpoint of the audit log cannot be read."
            raise AuditUnavailable(message, cause=str(error), action="Run intramural audit verify.") from error
        if self._witnesses:
            self._visit(note, head)
        if self._policy.stamp_url:
            self._stamp(note, head)

    def states(self) -> dict[str, str]:
        """``ok`` or a sentence for the operator, for each kind of anchor that is configured."""
        states, now = {}, self._clock.now()
        for name, wanted, done, limit in (
            ("witness", bool(self._policy.witnesses), self._witnessed, self._policy.max_age),
            ("time stamps", bool(self._policy.stamp_url), self._stamped, 2 * self._policy.stamp_interval),
        ):
            if not wanted:
                continue
            problem = "; ".join(text for key, text in sorted(self._problems.items()) if key.startswith(name))
            if done is None:
                states[name] = problem or "not yet"
            elif now - done[1] > limit:
                since = f"the last one was at {done[1]:%Y-%m-%d %H:%M:%SZ} over {done[0]} entries"
                states[name] = f"{since}. {problem}".strip()
            else:
                states[name] = "ok"
        return states

    def start(self) -> None:
        """Begin, if there is anybody to visit."""
        if not self._policy.witnesses and not self._policy.stamp_url:
            return
        self._thread = threading.Thread(target=self._run, name="audit-anchoring", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; waits for the conversation that is going on."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._http.close()

    def _run(self) -> None:
        while not self._stopping.wait(self._policy.interval.total_seconds()):
            try:
                self.round()
            except AuditUnavailable as error:
                self._halt(error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a network brings, the log goes on and the operator sees it
                self._problems["witness !"] = f"{type(error).__name__}: {error}"

    def _visit(self, note: bytes, head: Checkpoint) -> None:
        now = self._clock.now()
        lines = []
        for one in self._witnesses:
            if self._stopping.is_set():
                return
            key = f"witness {one.address.url}"
            try:
                lines.append(one.cosign(note, head, lambda: self._log.head()[1]))
                self._problems.pop(key, None)
            except WitnessUnavailable as error:
                self._problems[key] = f"{error.message} {error.cause}"
        if len(lines) >= self._policy.quorum and self._keep(str(WITNESSED), note + "".join(lines).encode(), "witness"):
            self._witnessed = (head.size, now)

    def _stamp(self, note: bytes, head: Checkpoint) -> None:
        now = self._clock.now()
        if self._stamped is not None and (
            now - self._stamped[1] < self._policy.stamp_interval or head.size == self._stamped[0]
        ):
            return
        if self._tried is not None and now - self._tried < _RETRY:
            return
        self._tried = now
        try:
            stamp = request_stamp(self._policy.stamp_url, note, self._policy.stamp_roots, self._http)
        except StampError as error:
            self._problems["time stamps"] = error.cause
            return
        self._problems.pop("time stamps", None)
        base = f"{STAMPS}/{head.size:020d}"
        # The response first: a checkpoint without its stamp would count as a finding.
        if self._keep(f"{base}.tsr", stamp, "time stamps") and self._keep(f"{base}.note", note, "time stamps"):
            self._stamped, self._tried = (head.size, now), None

    def _keep(self, path: str, content: bytes, kind: str) -> bool:
        """Put a file beside the log. Where the disk refuses, the operator is told; the log itself knows what to do."""
        key = f"{kind} {path}"
        try:
            write_files(self._log.directory, [TileFile(path, content)])
        except OSError as error:
            self._problems[key] = f"{path} cannot be written: {error.strerror}"
            return False
        self._problems.pop(key, None)
        return True

    def _kept_stamp(self) -> tuple[int, datetime] | None:
        """Size and time of the newest stamp beside the log, if it holds."""
        folder = self._log.directory / STAMPS
        newest = max(folder.glob("*.note"), default=None) if folder.is_dir() else None
        if newest is None:
            return None
        try:
            return int(newest.stem), check_stamp(
                newest.with_suffix(".tsr"), newest.read_bytes(), self._policy.stamp_roots
            )
        except (StampError, OSError, ValueError):
            return None

    def _kept_time(self) -> datetime:
        """When the checkpoint that is kept beside the log was cosigned; the beginning of time if nobody known did."""
        oldest = datetime.fromtimestamp(0, self._clock.now().tzinfo)
        kept = self._log.witnessed()
        if kept is None:
            return oldest
        times = []
        for one in self._policy.witnesses:
            try:
                times.append(cosigned_by(kept[0], one.keys))
            except NoteError:
                continue
        if len(times) < self._policy.quorum:
            return oldest
        return datetime.fromtimestamp(min(times), self._clock.now().tzinfo)
