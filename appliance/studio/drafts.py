"""Tables that somebody handed in and has not made an app of yet: kept for a day, seen by nobody else."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from appliance.core.ids import is_id, new_id
from appliance.core.private_files import write_private
from appliance.importer.dates import DayOrder
from appliance.importer.grid import Source
from appliance.importer.numbers import DecimalMark
from appliance.importer.proposal import ColumnDecision, ColumnType, Decisions, TableDecision
from appliance.studio.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.core.clock import Clock

KEPT: Final = timedelta(hours=24)
PER_PERSON: Final = 5


@dataclass(frozen=True, slots=True)
class Draft:
    """What was handed in, by whom and when, and what has been decided about it so far."""

    id: str
    subject: str
    created_at: datetime
    sources: tuple[Source, ...]
    decisions: Decisions


class Drafts:
    """One folder per draft. Old ones go when new ones come; nothing here is ever read as anything but a table."""

    def __init__(self, folder: Path, clock: Clock, *, again: str = "Hand in the table once more.") -> None:
        """``again``: what somebody does whose draft is gone."""
        self._again = again
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()

    def add(self, subject: str, sources: Sequence[Source]) -> Draft:
        """Keep what somebody handed in; their oldest goes if they have too many."""
        draft = Draft(new_id("imp"), subject, self._clock.now(), tuple(sources), Decisions())
        with self._lock:
            self._clean(subject)
            folder = self._folder / draft.id
            folder.mkdir(parents=True, mode=0o700)
            for number, source in enumerate(sources):
                write_private(folder / f"{number}.source", source.content)
            self._write(draft)
        return draft

    def get(self, subject: str, draft_id: str) -> Draft:
        """One of the person's own drafts.

        Raises:
            NotFound: there is none of that name, or it was too old.
        """
        folder = self._folder / draft_id
        told = _read(folder) if is_id(draft_id) else None
        if told is None or told["subject"] != subject:
            message = "There is no such import any more."
            raise NotFound(message, action=self._again)
        names = [str(name) for name in told["sources"]]
        sources = tuple(Source(name, (folder / f"{n}.source").read_bytes()) for n, name in enumerate(names))
        created_at = datetime.fromisoformat(told["created_at"])
        return Draft(draft_id, subject, created_at, sources, _decisions(told["decisions"]))

    def decide(self, draft: Draft, decisions: Decisions) -> Draft:
        """Remember what the person decided."""
        decided = Draft(draft.id, draft.subject, draft.created_at, draft.sources, decisions)
        with self._lock:
            self._write(decided)
        return decided

    def remove(self, draft: Draft) -> None:
        """Forget it."""
        shutil.rmtree(self._folder / draft.id, ignore_errors=True)

    def _write(self, draft: Draft) -> None:
        told = {
            "subject": draft.subject,
            "created_at": draft.created_at.isoformat(),
            "sources": [source.name for source in draft.sources],
            "decisions": {
                "name": draft.decisions.name,
                "tables": [[index, asdict(said)] for index, said in draft.decisions.tables.items()],
                "columns": [[*place, asdict(said)] for place, said in draft.decisions.columns.items()],
            },
        }
        write_private(self._folder / draft.id / "draft.json", json.dumps(told).encode())

    def _clean(self, subject: str) -> None:
        mine: list[tuple[str, Path]] = []
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            told = _read(folder)
            if told is None or datetime.fromisoformat(told["created_at"]) < self._clock.now() - KEPT:
                shutil.rmtree(folder, ignore_errors=True)
            elif told["subject"] == subject:
                mine.append((told["created_at"], folder))
        for _, folder in sorted(mine)[: max(0, len(mine) - PER_PERSON + 1)]:
            shutil.rmtree(folder, ignore_errors=True)


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads((folder / "draft.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told


def _decisions(told: dict[str, Any]) -> Decisions:
    return Decisions(
        name=told["name"],
        tables={index: TableDecision(**said) for index, said in told["tables"]},
        columns={(table, index): _column(said) for table, index, said in told["columns"]},
    )


def _column(said: dict[str, Any]) -> ColumnDecision:
    return ColumnDecision(
        keep=said["keep"],
        type=ColumnType(said["type"]) if said["type"] else None,
        name=said["name"],
        day_order=DayOrder(said["day_order"]) if said["day_order"] else None,
        decimal_mark=DecimalMark(said["decimal_mark"]) if said["decimal_mark"] else None,
    )
