"""An export from beginning to end: announce it, write the archive, record how it ended."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.audit.export.archive import Wanted, load_or_make_export_key, write_archive
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.formats import format_named
from appliance.audit.export.view import LogView
from appliance.audit.files import sync_folder
from appliance.audit.keys import load_or_make_log_key
from appliance.core.events import Outcome
from appliance.core.ports import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.audit.counter import ExportCounter
    from appliance.audit.seal import Opened
    from appliance.core.ports import LeafRef, SealedRef

PUBLISH_WAIT_SECONDS: Final = 30.0
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class ExportRequest:
    """What somebody asked for. ``first`` and ``last`` are indexes or ISO 8601 days or times, both inclusive; empty:
    from the first kept entry, up to the newest. ``bodies`` opens sealed words too, for ``purpose``."""

    out: Path
    format: str = "jsonl"
    first: str = ""
    last: str = ""
    bodies: bool = False
    purpose: str = ""


@dataclass(frozen=True)
class ExportDone:
    """What came of it; ``stop`` is the index after the last entry."""

    start: int
    stop: int
    bytes: int
    manifest_sha256: str


def export_archive(home: Path, counter: ExportCounter, request: ExportRequest, *, by: str) -> ExportDone:
    """Write the archive to ``request.out``; the file is there whole or not at all.

    Raises:
        ExportRefused: no such range or format, a file is there already, or sealed words without a purpose.
        AuditUnavailable: the export cannot be recorded; then nothing is written.
        IntramuralError: the log cannot be read.
    """
    chosen = format_named(request.format)
    if request.out.exists():
        message = f"{request.out} is there already."
        raise ExportRefused(message, action="Choose another name; an archive is never overwritten.")
    if request.bodies and not request.purpose.strip():
        message = "Sealed words are opened for a purpose only."
        raise ExportRefused(message, action="Say what for; it is recorded for each of them.")
    key = load_or_make_log_key(home / "keys" / "audit.json")
    view = LogView(home / "audit", key.verifier_keys)
    start, stop = resolve_range(view, request.first, request.last)
    export_key = load_or_make_export_key(home / "keys" / "audit-export.key", key.name)
    details: dict[str, str | int] = {
        "format": request.format,
        "start": start,
        "stop": stop,
        "export_key": export_key.vkey.text,
        "bodies": request.purpose if request.bodies else "",
    }
    intent = counter.begin_export(details)
    try:
        view = _covering(lambda: LogView(home / "audit", key.verifier_keys), intent)
        opener: Callable[[SealedRef], Opened] | None = None
        if request.bodies:
            opener = lambda ref: counter.open_body(ref, request.purpose)  # noqa: E731 - a closure over the request
        principal = view.entry(intent.index).leaf.principal
        wanted = Wanted(start, stop, chosen, intent, principal, datetime.now(UTC).isoformat(), opener)
        size, digest = _write(request.out, lambda out: write_archive(out, view, export_key, wanted))
    except BaseException as error:
        counter.end_export(intent, Outcome.FAILED, {"error": type(error).__name__})
        raise
    counter.end_export(intent, Outcome.DONE, {"archive_sha256": digest, "bytes": size, "by": by})
    return ExportDone(start, stop, size, digest)


def resolve_range(view: LogView, first: str, last: str) -> tuple[int, int]:
    """Indexes or times to the range ``[start, stop)``.

    Raises:
        ExportRefused: neither an index nor a time, one of each, or nothing in between.
    """
    numbers = [text.isdecimal() for text in (first, last) if text]
    if all(numbers):
        start = int(first) if first else view.minimum
        stop = int(last) + 1 if last else view.size
        view.require(start, stop)
        return start, stop
    if any(numbers):
        message = "A range is given in indexes or in times, not in one of each."
        raise ExportRefused(message, action="Give --from and --to alike.")
    end = _instant(last)
    if end is not None:
        end += timedelta(days=1) if _DAY.fullmatch(last) else timedelta(microseconds=1)
    return view.between(_instant(first), end)


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is neither an index nor a time."
        raise ExportRefused(message, action="Write an index, 2026-11-22, or 2026-11-22T20:00:00Z.") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _covering(open_view: Callable[[], LogView], intent: LeafRef) -> LogView:
    """A view that has the announcement in it; the writer publishes within about a second."""
    deadline = time.monotonic() + PUBLISH_WAIT_SECONDS
    while (view := open_view()).size <= intent.index:
        if time.monotonic() > deadline:
            message = "The log does not publish new entries, so the export cannot be proved."
            raise AuditUnavailable(message, action="See the health of the appliance, then try again.")
        time.sleep(0.05)
    return view


def _write(out: Path, write: Callable[..., object]) -> tuple[int, str]:
    part = out.with_name(f".{out.name}.part")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            # What a crash left of an earlier attempt is written anew; the lock tells it from one that is under way.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                file.truncate()
                write(file)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                hashed = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
                os.link(part, out)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        message = "The archive cannot be written."
        raise ExportRefused(message, cause=str(error), action="Choose a folder with space and rights.") from error
    sync_folder(out.parent)
    return size, hashed
