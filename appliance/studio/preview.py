"""The running preview of each app: code from the version store, records in a folder of its own.

Records live in a folder below ``data`` that the version names: versions whose tables are the same share one. For a
version with other tables they are carried over into a new one, while the app is held; the old one stays as it was.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from appliance.blueprint.naming import package_name
from appliance.core.errors import Refused, Unavailable
from appliance.hosting.release import AppRelease
from appliance.studio.errors import NotFound
from appliance.studio.standing import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.db.records import Project, Version
    from appliance.db.repositories.projects import Projects
    from appliance.hosting.release import AppState
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.version import VersionStore

HELD_SECONDS: Final = 30.0
CARRIED: Final = "v"
"""How the names of folders with carried-over records begin; such records are never filled with examples."""


class NotBuiltYet(Refused):
    """The app has no version that could run."""

    code = "not_built_yet"


class BeingChanged(Unavailable):
    """The app gets another version at this moment."""

    code = "being_changed"


class Previews:
    """Starts the current version of an app, and wakes it when somebody opens it."""

    def __init__(self, apps: AppSupervisor, projects: Projects, versions: VersionStore, *, studio: str) -> None:
        """``studio`` is the one origin that may show an app in a frame."""
        self._apps = apps
        self._studio = studio
        self._projects = projects
        self._versions = versions
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self.before_start: Callable[[Project, AppRelease], None] = lambda _project, _release: None
        """Called before each start; brings what must be there first, such as the rows of an import."""

    @contextmanager
    def held(self, project_id: str) -> Iterator[None]:
        """Put the app to sleep and keep it asleep until the block ends; whoever opens it meanwhile waits."""
        with self._lock(project_id):
            self._apps.stop(project_id)
            yield

    def _lock(self, project_id: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(project_id, threading.Lock())

    def start(self, project: Project) -> Path:
        """Run the current version; returns the app's Unix socket.

        Raises:
            NotBuiltYet: there is no version yet.
            Unavailable: it did not start, or is held for longer than :data:`HELD_SECONDS`.
        """
        with self._waiting(project):
            # Which version is current is asked only now: it may have changed while the app was held.
            return self._apps.ensure_running(self._release(self._projects.get(project.id) or project)).socket

    def prepare(self, project: Project) -> AppRelease:
        """The current version with its records, after :attr:`before_start` has seen it; nothing is run.

        Raises:
            NotBuiltYet: there is no version yet.
            BeingChanged: it is held for longer than :data:`HELD_SECONDS`.
        """
        with self._waiting(project):
            return self._release(self._projects.get(project.id) or project)

    @contextmanager
    def _waiting(self, project: Project) -> Iterator[None]:
        lock = self._lock(project.id)
        if not lock.acquire(timeout=HELD_SECONDS):
            message = f"“{project.name}” is being changed right now."
            raise BeingChanged(message, action="Try again in a moment.")
        try:
            yield
        finally:
            lock.release()

    def _release(self, project: Project) -> AppRelease:
        version = self.current(project)
        code = self._versions.checkout(project.id, version.commit)
        name = data_folder(self._versions, version)
        release = AppRelease(
            app_id=project.id,
            slug=project.slug or "",
            package=package_name(project.name),
            code=code,
            data=self._versions.folder(project.id) / "data" / name,
            load_examples=not name.startswith(CARRIED),
            frame_ancestors=self._studio,
        )
        self.before_start(project, release)
        return release

    def current(self, project: Project) -> Version:
        """The version that runs.

        Raises:
            NotBuiltYet: there is none.
        """
        version = None if project.current is None else self._projects.version(project.id, project.current)
        if version is None:
            message = "This app has no working version yet."
            raise NotBuiltYet(message, action="Describe it again, or change your words.")
        return version

    def text(self, project: Project, number: int) -> str:
        """The blueprint of a version, as text."""
        version = self._projects.version(project.id, number)
        if version is None:
            message = f"This app has no version {number}."
            raise NotFound(message, action="Choose one from the list.")
        return self._versions.read(project.id, version.commit).text("blueprint.app")

    def state(self, project: Project) -> AppState:
        """Whether the app sleeps, runs or failed."""
        return self._apps.state(project.id)

    def stop(self, project: Project) -> None:
        """Put the app to sleep."""
        self._apps.stop(project.id)
