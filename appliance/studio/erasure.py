"""The studio's part of an erasure: end the person's builds, then remove what database and files hold of the person."""

from __future__ import annotations

import json
import shutil
import time
from typing import TYPE_CHECKING, Any, Final

from appliance.core.errors import Unavailable
from appliance.db.repositories.personal import Personal
from appliance.studio.people import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.core.ports import PersonalRecords
    from appliance.db.engine import Database
    from appliance.db.records import Build
    from appliance.db.repositories.builds import Builds
    from appliance.studio.assembly import Studio
    from appliance.studio.build import BuildService

WAIT_SECONDS: Final = 20.0


def records_of(studio: Studio, database: Database, home: Path) -> StudioRecords:
    """What this studio holds of people: database, files, and what is being talked about."""
    files = FileRecords(home / "apps", home / "imports")
    return StudioRecords(
        studio.build_service, studio.builds, Personal(database), files, studio.conversation, studio.screening
    )


class StudioRecords:
    """Implements :class:`appliance.core.ports.PersonalRecords`; needs the build service at work."""

    def __init__(
        self, service: BuildService, builds: Builds, personal: PersonalRecords, *others: PersonalRecords
    ) -> None:
        self._service, self._builds, self._personal, self._others = service, builds, personal, others

    def erase(self, subject: str) -> Mapping[str, int]:
        """Stop what is under way for ``subject``, then remove words, name and address.

        Raises:
            Unavailable: a build did not end within 20 seconds, or the database is in use; ask again.
        """
        deadline = time.monotonic() + WAIT_SECONDS
        while (mine := self._under_way(subject)) and time.monotonic() < deadline:
            for build in mine:
                self._service.cancel(Actor(build.requester, maker=True), build.id)
            time.sleep(0.05)
        removed: dict[str, int] = {}
        for records in (*self._others, self._personal):
            removed |= records.erase(subject)
        return removed

    def _under_way(self, subject: str) -> list[Build]:
        return [one for one in self._builds.unfinished() if one.requester.subject == subject]


class FileRecords:
    """Implements :class:`appliance.core.ports.PersonalRecords` over what makers' work leaves in files: proposed changes
    below ``apps``, handed-in tables below ``imports``."""

    def __init__(self, apps: Path, imports: Path) -> None:
        self._apps, self._imports = apps, imports

    def erase(self, subject: str) -> dict[str, int]:
        """Remove the person's proposals and drafts.

        Raises:
            Unavailable: a file cannot be read or removed.
        """
        try:
            proposals = [path for path, told in _objects(self._apps, "*/proposals/*.json") if _author(told) == subject]
            drafts = [path for path, told in _objects(self._imports, "*/draft.json") if told.get("subject") == subject]
            for path in proposals:
                path.unlink()
            for path in drafts:
                shutil.rmtree(path.parent)
        except OSError as error:
            message = "Files of this person could not be removed."
            raise Unavailable(message, cause=str(error), action="Check the disk and ask again.") from error
        return {"proposals": len(proposals), "drafts": len(drafts)}


def _objects(folder: Path, pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob(pattern)):
        try:
            told = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(told, dict):
            yield path, told


def _author(told: dict[str, Any]) -> object:
    proposal = told.get("proposal")
    author = proposal.get("author") if isinstance(proposal, dict) else None
    return author.get("subject") if isinstance(author, dict) else None
