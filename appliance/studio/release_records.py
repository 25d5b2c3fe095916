"""Where records of releases lie, apart from the preview's: begun empty or as a copy, carried over, put aside."""

from __future__ import annotations

import contextlib
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Refused, Unavailable
from appliance.core.ids import new_id
from appliance.studio.carrying import Moved
from appliance.studio.copying import DATABASE, copy_records, sync_tree
from appliance.studio.errors import NotFound
from appliance.studio.releases import LIVE
from appliance.studio.standing import data_folder, standing, step_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.db.approval_records import Publication
    from appliance.db.records import Project, Version
    from appliance.db.repositories.publications import Publications
    from appliance.studio.assembly import Studio
    from appliance.studio.carrying import Carrier
    from appliance.studio.releases import Releases

KEPT: Final = "before-"
"""How the name of the folder begins that holds the records of the release before."""


class ReleaseRecords:
    """Folders ``live-…`` below each app's ``data``."""

    def __init__(self, studio: Studio, publications: Publications, releases: Releases, carrier: Carrier) -> None:
        self._studio, self._publications = studio, publications
        self._releases, self._carrier = releases, carrier

    @contextmanager
    def moved(self, project: Project, version: Version, known: Publication | None, *, copied: bool) -> Iterator[Moved]:
        """Where the release's records lie; in the block they become its own."""
        if known is not None and known.data_version is not None:
            now = replace(standing(self._studio.versions, self._of(project, known.data_version)), data=known.data)
            then = standing(self._studio.versions, version)
            step = step_to(now, then, id_=new_id("pub"))
            with self._carrier.carried(now, step, then.tree, name=f"{LIVE}{new_id('dat')}") as moved:
                if step.carry is None:  # the same records, but the code is exchanged
                    with self._releases.held(project.id):
                        yield moved
                else:
                    yield moved
            return
        moved = Moved(f"{LIVE}{new_id('dat')}")
        target = self._data(project, moved.data)
        try:
            if copied:
                self._copy_preview(project, version, target)
            yield moved
        finally:
            if not moved.kept:
                shutil.rmtree(target, ignore_errors=True)

    def _copy_preview(self, project: Project, version: Version, target: Path) -> None:
        if version.number != project.current:
            message = "Only the newest version's records can be copied."
            raise Refused(message, action="Ask again, and let the release start empty.")
        source = self._data(project, data_folder(self._studio.versions, version))
        with self._studio.previews.held(project.id):
            if not (source / DATABASE).exists():
                return
            try:
                copy_records(source, target)
                sync_tree(target)
            except OSError as error:
                message = "The records of the preview could not be copied."
                action = "Ask your operator to free space; then try again to carry it out."
                raise Unavailable(message, cause=str(error), action=action) from error

    def put_aside(self, project: Project, name: str) -> None:
        """Keep the records of the release before as they were, until the next one; earlier ones go."""
        for older in self._data(project, "").glob(f"{KEPT}*"):
            shutil.rmtree(older, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._data(project, name).rename(self._data(project, f"{KEPT}{name}"))

    def forget_halves(self) -> None:
        """Remove records of releases that never came; for the start."""
        for app_id in self._studio.versions.apps():
            known = self._publications.get(app_id)
            for path in self._studio.versions.folder(app_id).glob(f"data/{LIVE}*"):
                if known is None or path.name != known.data:
                    shutil.rmtree(path, ignore_errors=True)

    def _of(self, project: Project, number: int) -> Version:
        found = self._studio.projects.version(project.id, number)
        if found is None:
            message = "The version that the records belong to is gone."
            raise NotFound(message, cause=f"{project.id} {number}", action="Show this to your operator.")
        return found

    def _data(self, project: Project, name: str) -> Path:
        return self._studio.versions.folder(project.id) / "data" / name
