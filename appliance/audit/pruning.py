"""Pruning: entry bundles below a minimum index may go, by policy; hashes, tree and checkpoints stay (C2SP tlog-tiles).

``pruned.json`` beside the checkpoint states the minimum index and the leaf that announced it. Who reads a log believes
the file only if that leaf, which is part of the tree, says the same; so missing entries are either announced or found.

Steps: the leaf ``audit.pruned`` is published; the file is put in place; bundles are removed; the outcome is recorded.
After a crash in between, entries are missing only below a minimum that the log itself states; the next run goes on.
"""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance.audit.approvals import LegalHold, require_no_hold
from appliance.audit.files import sync_folder, write_files
from appliance.audit.leaf import LeafReader
from appliance.audit.pruned import MARK, Pruned, stated_minimum
from appliance.audit.storage import TileReader
from appliance.audit.tiles import ENTRIES, WIDTH, TileFile, tile_path
from appliance.core.events import Event, Outcome
from appliance.core.ports import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from appliance.audit.intents import OpenIntent
    from appliance.core.clock import Clock
    from appliance.core.ports import LeafRef


class PrunableLog(Protocol):
    """What pruning needs of an open log."""

    @property
    def size(self) -> int:
        """Number of acknowledged leaves."""
        ...

    def intent(
        self, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
    ) -> LeafRef:
        """See :class:`appliance.core.ports.AuditSink`."""
        ...

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Mapping[str, object] | None = None) -> LeafRef:
        """See :class:`appliance.core.ports.AuditSink`."""
        ...

    def unfinished(self) -> tuple[OpenIntent, ...]:
        """Intents without outcome."""
        ...

    def checkpoint(self) -> str:
        """Publish everything; returns the checkpoint."""
        ...


class EntryPruning:
    """Applies the retention of entries. Run it once a day."""

    def __init__(
        self,
        log: PrunableLog,
        directory: Path,
        clock: Clock,
        days: int,
        *,
        holds: Callable[[], Iterable[LegalHold]],
        needed: Callable[[], Sequence[int]] = tuple,
        step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``days`` 0: never. ``needed`` gives indexes from which on entries are still needed (exports that lag)."""
        self._log, self._directory, self._clock, self._days = log, directory, clock, days
        self._holds, self._needed, self._step = holds, needed, step

    def run(self, *, principal: str) -> int:
        """Remove what is due; returns the minimum index.

        Raises:
            HeldBack: something is due, but a legal hold stands; any hold keeps every entry.
            AuditUnavailable: it cannot be recorded, or the disk refuses.
            AuditCorrupt: what is already pruned is not what the log states.
        """
        if not self._days:
            return 0
        self._log.checkpoint()
        mark = stated_minimum(self._directory, self._log.size)
        self._remove(mark.below)
        below = self._due(mark.below)
        if below <= mark.below:
            return mark.below
        for hold in self._holds():
            require_no_hold(hold.subject, [hold])
        details: dict[str, object] = {"below": below, "before": mark.below, "days": self._days}
        intent = self._log.intent(Event.LOG_PRUNED, principal=principal, resource="audit", details=details)
        self._step("announced")
        self._log.checkpoint()
        self._step("published")
        try:
            content = json.dumps(Pruned(below, intent.index)._asdict()).encode()
            write_files(self._directory, [TileFile(MARK, content)])
            self._step("stated")
            self._remove(below)
        except OSError as error:
            message = "Old entries of the audit log could not be removed."
            raise AuditUnavailable(message, cause=str(error), action="Check the disk; the next run goes on.") from error
        self._step("removed")
        self._log.outcome(intent, Outcome.DONE, details={"below": below})
        return below

    def _due(self, start: int) -> int:
        """The highest bundle boundary below which everything is old enough, ended and no longer needed."""
        size = self._log.size
        limit = min([size, *(one.ref.index for one in self._log.unfinished()), *self._needed()])
        oldest = self._clock.now() - timedelta(days=self._days)
        reader, leaves, below = TileReader(self._directory, size), LeafReader(), start
        while below + WIDTH <= limit and leaves.read(reader.entries(below // WIDTH)[-1]).time < oldest:
            below += WIDTH
        return below

    def _remove(self, below: int) -> None:
        folders = set()
        for number in range(below // WIDTH):
            path = self._directory / tile_path(ENTRIES, number)
            if path.exists():
                path.unlink()
                folders.add(path.parent)
            shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)
        for folder in folders:
            sync_folder(folder)
