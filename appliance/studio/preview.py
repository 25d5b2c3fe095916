"""The running preview of each app: code from the version store, records in a folder of its own.

Records live in ``data/<schema>``: versions whose tables are the same share them, so an undo keeps what was entered. A
version with other tables opens its own records, and the older ones stay where they are until that version returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.naming import package_name
from appliance.core.errors import Refused
from appliance.hosting.release import AppRelease
from appliance.studio.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.db.records import Project, Version
    from appliance.db.repositories.projects import Projects
    from appliance.hosting.release import AppState
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.version import VersionStore


class NotBuiltYet(Refused):
    """The app has no version that could run."""

    code = "not_built_yet"


class Previews:
    """Starts the current version of an app, and wakes it when somebody opens it."""

    def __init__(self, apps: AppSupervisor, projects: Projects, versions: VersionStore, *, studio: str) -> None:
        """``studio`` is the one origin that may show an app in a frame."""
        self._apps = apps
        self._studio = studio
        self._projects = projects
        self._versions = versions
        self.before_start: Callable[[Project, AppRelease], None] = lambda _project, _release: None
        """Called before each start; brings what must be there first, such as the rows of an import."""

    def start(self, project: Project) -> Path:
        """Run the current version; returns the app's Unix socket.

        Raises:
            NotBuiltYet: there is no version yet.
            Unavailable: it did not start.
        """
        return self._apps.ensure_running(self.prepare(project)).socket

    def prepare(self, project: Project) -> AppRelease:
        """The current version with its records, after :attr:`before_start` has seen it; nothing is run.

        Raises:
            NotBuiltYet: there is no version yet.
        """
        version = self.current(project)
        code = self._versions.checkout(project.id, version.commit)
        data = self._versions.folder(project.id) / "data" / version.schema_digest[:16]
        release = AppRelease(
            app_id=project.id,
            slug=project.slug or "",
            package=package_name(project.name),
            code=code,
            data=data,
            load_examples=True,
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
