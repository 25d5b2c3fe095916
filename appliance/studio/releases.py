"""Published apps as they run: code and records of their own, apart from the preview of the same app.

A release runs under the name ``live_…`` made of the app's identifier, so that its tokens, its socket and its sandbox
are not those of the preview. Its code is checked out below ``published``, its records lie in a folder ``live-…``.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Renamed
from appliance.blueprint.lineage import meant
from appliance.blueprint.model import OWNER
from appliance.blueprint.naming import package_name
from appliance.core.errors import Refused, Unavailable
from appliance.hosting.release import AppRelease
from appliance.studio.people import roles_in
from appliance.studio.standing import standing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from appliance.core.ports import Person
    from appliance.db.approval_records import Publication
    from appliance.db.records import Project, Version
    from appliance.db.repositories.projects import Projects
    from appliance.db.repositories.publications import Publications
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.version import VersionStore

SUFFIX: Final = "--live"
"""Of a published app's host label; names of apps never hold two hyphens in a row."""
PLACE: Final = "published"
LIVE: Final = "live-"
"""How the names of folders with a release's records begin."""
HELD_SECONDS: Final = 30.0
KEPT: Final = 256


class NotPublished(Refused):
    """The app has no release."""

    code = "not_published"


class BeingPublished(Unavailable):
    """The app gets another release at this moment."""

    code = "being_published"


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """Where the front door finds a published app."""

    label: str
    socket: Path


def live_id(project_id: str) -> str:
    """The identifier under which the release of an app runs."""
    return f"live_{project_id.partition('_')[2]}"


def live_label(slug: str) -> str:
    """The host label of the release of the app at ``slug``."""
    return f"{slug}{SUFFIX}"


def slug_of_live(label: str) -> str | None:
    """The app's own label, if ``label`` is that of a release."""
    return label.removesuffix(SUFFIX) if label.endswith(SUFFIX) else None


class Releases:
    """Starts published apps when somebody opens them. Safe for threads."""

    def __init__(
        self, apps: AppSupervisor, projects: Projects, publications: Publications, versions: VersionStore
    ) -> None:
        self._apps, self._projects = apps, projects
        self._publications, self._versions = publications, versions
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        # Versions never change, so what was read of one once stays true. Asked for with each request to a release.
        self._package = lru_cache(KEPT)(self._read_package)
        self._names = lru_cache(KEPT)(self._read_names)

    def publication(self, project_id: str) -> Publication | None:
        """What is published of an app, if anything is."""
        found = self._publications.get(project_id)
        return found if found is not None and found.version is not None else None

    def version(self, project: Project) -> Version:
        """The version that users get.

        Raises:
            NotPublished: none.
        """
        found = self.publication(project.id)
        version = None if found is None or found.version is None else self._projects.version(project.id, found.version)
        if version is None:
            message = f"“{project.name}” is not published."
            raise NotPublished(message, action=f"Ask {project.owner.name}, who made it.")
        return version

    def prepare(self, project: Project) -> AppRelease:
        """The release with its records; nothing is run.

        Raises:
            NotPublished: there is none.
        """
        # What is published is asked only now: it may have changed while the release was held.
        version, found = self.version(project), self.publication(project.id)
        return AppRelease(
            app_id=live_id(project.id),
            slug=live_label(project.slug or ""),
            package=self._package(version),
            code=self._versions.checkout(project.id, version.commit, place=PLACE),
            data=self._versions.folder(project.id) / "data" / ("" if found is None else found.data),
        )

    def start(self, project: Project) -> Path:
        """Run the release; returns its Unix socket.

        Raises:
            NotPublished: there is none.
            BeingPublished: another one is put in place for longer than :data:`HELD_SECONDS`.
            Unavailable: it did not start.
        """
        lock = self._lock(project.id)
        if not lock.acquire(timeout=HELD_SECONDS):
            message = f"“{project.name}” gets another version right now."
            raise BeingPublished(message, action="Try again in a moment.")
        try:
            return self._apps.ensure_running(self.prepare(project)).socket
        finally:
            lock.release()

    def stop(self, project_id: str) -> None:
        """End it; it does not start again unless it is published."""
        with self._lock(project_id):
            self._apps.stop(live_id(project_id))

    @contextmanager
    def held(self, project_id: str) -> Iterator[None]:
        """Put the release to sleep and keep it asleep until the block ends; whoever opens it meanwhile waits."""
        with self._lock(project_id):
            self._apps.stop(live_id(project_id))
            yield

    def text(self, project: Project) -> str:
        """The blueprint of the release."""
        version = self.version(project)
        return self._versions.read(project.id, version.commit).text("blueprint.app")

    def roles(self, project: Project, person: Person, groups: Collection[str] = ()) -> tuple[str, ...]:
        """The roles of a person in the release: those that the owner gave them and their groups, by the names that the
        release knows."""
        given = roles_in(self._projects, project, person, groups)
        version = self.version(project)
        if given in ((), (OWNER,)) or project.current in (None, version.number):
            return given
        current = self._projects.version(project.id, project.current or 0)
        names = {} if current is None else self._names(version, current)
        return tuple(names.get(role, role) for role in given)

    def routes(self) -> list[LiveRoute]:
        """What the front door must know."""
        found = []
        for publication in self._publications.standing():
            project = self._projects.get(publication.project_id)
            if project is not None and project.slug:
                found.append(LiveRoute(live_label(project.slug), self._apps.address(live_id(project.id)).socket))
        return found

    def _read_package(self, version: Version) -> str:
        return package_name(standing(self._versions, version).blueprint.name)

    def _read_names(self, version: Version, current: Version) -> dict[str, str]:
        """Names of roles as the release has them, by the names that they have now."""
        then, now = (standing(self._versions, one).lineage for one in (version, current))
        renames, _ = meant(then, now)
        return {rename.after: rename.before for rename in renames if rename.kind is Renamed.ROLE}

    def _lock(self, project_id: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(project_id, threading.Lock())
