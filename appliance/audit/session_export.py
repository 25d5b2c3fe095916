"""Reading and exporting a log that this process writes, in the name of somebody who is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit.export.command import ExportRequest, export_archive
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.view import LogView
from appliance.audit.reading import AuditReader
from appliance.core.events import Event, Outcome
from appliance.core.ids import new_id

if TYPE_CHECKING:
    from appliance.audit.keys import LogKey
    from appliance.audit.log import AuditLog
    from appliance.audit.privacy import Privacy
    from appliance.audit.seal import Opened
    from appliance.core.ports import LeafRef, SealedRef


class SessionExports:
    """One for an open log."""

    def __init__(self, home: Path, log: AuditLog, key: LogKey) -> None:
        self._home, self._log, self._key = home, log, key
        for left in (*self._folder.glob("aud_*.zip"), *self._folder.glob(".aud_*.zip.part")):
            left.unlink(missing_ok=True)  # of a process that ended before it had sent them

    @property
    def _folder(self) -> Path:
        return self._home / "exports"

    def view(self) -> LogView:
        """The log up to the newest entry. Raises AuditUnavailable."""
        self._log.checkpoint()
        return LogView(self._home / "audit", self._key.verifier_keys)

    def reader(self, privacy: Privacy) -> AuditReader:
        """For the pages."""
        return AuditReader(self.view, self._log, privacy)

    def export(self, principal: str, format_: str, first: str, last: str) -> Path:
        """Write an archive below ``exports``, without words from under the seal; whoever asked removes it.

        Raises:
            ExportRefused: no such range or format, or it cannot be written.
            AuditUnavailable: it cannot be recorded, or the log cannot be read.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            message = "The archive cannot be written."
            raise ExportRefused(message, cause=str(error), action="Ask your operator to check the disk.") from error
        out = self._folder / f"{new_id('aud')}.zip"
        request = ExportRequest(out, format_, first, last)
        export_archive(self._home, _SessionCounter(self._log, principal), request, by=principal)
        return out


class _SessionCounter:
    """Implements :class:`appliance.audit.counter.ExportCounter`."""

    def __init__(self, log: AuditLog, principal: str) -> None:
        self._log, self._principal = log, principal

    def begin_export(self, details: Mapping[str, str | int]) -> LeafRef:
        return self._log.intent(
            Event.AUDIT_EXPORTED, principal=self._principal, resource="audit", details=dict(details)
        )

    def end_export(self, intent: LeafRef, result: Outcome, details: Mapping[str, str | int]) -> None:
        self._log.outcome(intent, result, details=dict(details))

    def open_body(self, ref: SealedRef, purpose: str) -> Opened:
        message = "Sealed words are not exported from here."
        raise ExportRefused(message, cause=f"{ref.address} {purpose}", action="Use the command line.")
