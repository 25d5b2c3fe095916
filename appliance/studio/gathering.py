"""Direct edits that a maker has put together and not yet proposed: kept on disk until they are, in one file per app.

The edits are commands on names, so they can be carried over when the app gets another version meanwhile; those that no
longer fit are left out, and it is said which.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint.edit import MAX_EDITS, apply_all
from appliance.blueprint.edits import EditRefused
from appliance.blueprint.edits_json import from_json, to_json
from appliance.blueprint.parser import parse
from appliance.core.errors import IntramuralError
from appliance.core.private_files import PrivateFileError, write_private
from appliance.studio.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from appliance.blueprint.edits import Edit
    from appliance.blueprint.model import Blueprint
    from appliance.db.records import Project
    from appliance.studio.people import Actor
    from appliance.studio.preview import Previews
    from appliance.studio.project import ProjectService
    from appliance.studio.version import VersionStore

FILE: Final = "gathered.json"
MAX_BYTES: Final = 256_000


class GatheringDamaged(IntramuralError):  # noqa: N818
    """What was gathered for an app cannot be read or written."""

    code = "gathering_damaged"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The edits in their order, what they make of the app's current blueprint, and those that no longer fit."""

    edits: tuple[Edit, ...]
    before: Blueprint
    blueprint: Blueprint
    lost: tuple[Edit, ...] = ()


class Gathering:
    """Adds to, takes back from and forgets what was gathered for an app. Safe for several threads."""

    def __init__(self, projects: ProjectService, versions: VersionStore, previews: Previews) -> None:
        self._projects = projects
        self._versions = versions
        self._previews = previews
        self._lock = threading.Lock()

    def get(self, actor: Actor, project_id: str) -> Gathered:
        """What is gathered; ``edits`` is empty if nothing is.

        Raises:
            NotFound: no such app among the person's own, or it has no version yet.
        """
        project = self._projects.get(actor, project_id)
        return self._fitting(self._current(project), self._read(project.id))

    def add(self, actor: Actor, project_id: str, edits: Callable[[Blueprint], Sequence[Edit]]) -> Gathered:
        """Add what ``edits`` makes of the blueprint as it would be by now.

        Raises:
            NotFound: no such app.
            EditRefused: an edit cannot be made; nothing was added.
        """
        project = self._projects.get(actor, project_id)
        current = self._current(project)
        with self._lock:
            held = self._fitting(current, self._read(project.id))
            made = (*held.edits, *edits(held.blueprint))
            if len(made) > MAX_EDITS:
                message = f"{MAX_EDITS} changes are gathered already."
                raise EditRefused(message, action="Look at what they do and make them; then go on.")
            gathered = Gathered(made, current, apply_all(current, made))
            self._write(project.id, gathered.edits)
        return gathered

    def take_back(self, actor: Actor, project_id: str) -> None:
        """Forget the last edit; nothing happens if there is none."""
        project = self._projects.get(actor, project_id)
        with self._lock:
            self._write(project.id, self._fitting(self._current(project), self._read(project.id)).edits[:-1])

    def forget(self, actor: Actor, project_id: str) -> None:
        """Forget all of it."""
        project = self._projects.get(actor, project_id)
        with self._lock:
            self._write(project.id, ())

    def _current(self, project: Project) -> Blueprint:
        if project.current is None:
            message = "This app has no working version yet."
            raise NotFound(message, action="Describe it first; then it can be changed here.")
        return parse(self._previews.text(project, project.current))

    def _fitting(self, current: Blueprint, edits: tuple[Edit, ...]) -> Gathered:
        kept: list[Edit] = []
        lost: list[Edit] = []
        try:
            return Gathered(edits, current, apply_all(current, edits))
        except EditRefused:
            pass  # the app has another version by now: find out which of them still fit
        for edit in edits:
            try:
                apply_all(current, [*kept, edit])
                kept.append(edit)
            except EditRefused:
                lost.append(edit)
        return Gathered(tuple(kept), current, apply_all(current, kept), tuple(lost))

    def _path(self, project_id: str) -> Path:
        return self._versions.folder(project_id) / FILE

    def _read(self, project_id: str) -> tuple[Edit, ...]:
        path = self._path(project_id)
        try:
            if not path.exists():
                return ()
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            listed: list[dict[str, Any]] = json.loads(content)
            return tuple(from_json(item) for item in listed)
        except (OSError, ValueError, TypeError, AttributeError, EditRefused) as error:
            message = "The changes that were gathered for this app cannot be read."
            raise GatheringDamaged(
                message, cause=f"{path}: {error}", action="Ask your operator to remove it."
            ) from error

    def _write(self, project_id: str, edits: Sequence[Edit]) -> None:
        path = self._path(project_id)
        try:
            if edits:
                write_private(path, json.dumps([to_json(edit) for edit in edits], ensure_ascii=False).encode())
            else:
                path.unlink(missing_ok=True)
        except (OSError, PrivateFileError) as error:
            message = "This change could not be kept."
            raise GatheringDamaged(
                message, cause=str(error), action="Try again; if it stays, ask your operator."
            ) from error
