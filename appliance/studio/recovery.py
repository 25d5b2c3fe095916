"""What a start does first: bring every build and every repository that a stop or a crash left half-way to a clean end.

A build that was waiting is queued again. A build that was running is *done* if its commit stands on ``main`` (it was
verified before it was committed), otherwise *failed* with ``interrupted``. A restore whose commit stands is completed
in the same way. (The audit log closes its own open intents when it is opened: outcome ``unknown``.)
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Renamed
from appliance.blueprint.lineage import meant
from appliance.blueprint.parser import parse
from appliance.core.errors import IntramuralError
from appliance.db.records import BuildState, Origin, Version
from appliance.studio.addresses import slug_for
from appliance.studio.control import interrupted
from appliance.studio.preview import CARRIED
from appliance.studio.report import build_report
from appliance.studio.schema import schema_digest
from appliance.studio.standing import data_folder, standing

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.db.records import Build
    from appliance.db.repositories.builds import Builds
    from appliance.db.repositories.projects import Projects
    from appliance.studio.addresses import Addresses
    from appliance.studio.events import EventStream
    from appliance.studio.version import CommitInfo, VersionStore

_log = logging.getLogger(__name__)


class Recovery:
    """Runs once, before the build thread and the web service."""

    def __init__(
        self,
        *,
        projects: Projects,
        builds: Builds,
        versions: VersionStore,
        events: EventStream,
        addresses: Addresses,
        clock: Clock,
    ) -> None:
        self._projects = projects
        self._builds = builds
        self._versions = versions
        self._events = events
        self._addresses = addresses
        self._clock = clock

    def run(self) -> list[tuple[Build, str]]:
        """Clean up; returns the builds that still wait, oldest first, each with the principal that asked."""
        for app_id in self._versions.apps():
            try:
                self._heal(app_id)
            except IntramuralError:
                _log.exception("the repository of %s could not be checked", app_id)
        waiting = []
        for build in self._builds.unfinished():
            if build.state is BuildState.QUEUED:
                waiting.append((build, f"user:{build.requester.subject}"))
            else:
                self._close(build)
        return waiting

    def _heal(self, app_id: str) -> None:
        self._versions.heal(app_id)
        shutil.rmtree(self._versions.folder(app_id) / "work", ignore_errors=True)
        head = self._versions.head(app_id)
        if head is not None and self._projects.version(app_id, head.number) is None:
            self._adopt(app_id, head)
        self._forget_halves(app_id)

    def _forget_halves(self, app_id: str) -> None:
        """Remove records that were being carried over to a version which never came."""
        carried = [path for path in self._versions.folder(app_id).glob(f"data/{CARRIED}*") if path.is_dir()]
        if carried:
            known = {data_folder(self._versions, version) for version in self._projects.versions(app_id)}
            for path in carried:
                if path.name not in known:
                    shutil.rmtree(path, ignore_errors=True)

    def _adopt(self, app_id: str, head: CommitInfo) -> None:
        """Enter a commit whose writer died before the database knew of it."""
        blueprint = parse(self._versions.read(app_id, head.commit).text("blueprint.app"))
        restored = head.trailers.get("Restored-From")
        build = self._builds.get(head.trailers.get("Build", ""))
        project = self._projects.get(app_id)
        # A commit names its author by subject only; name and words are in the rows.
        known = [one for one in (build and build.requester, project and project.owner) if one]
        author = next((one for one in known if one.subject == head.author.subject), head.author)
        asked = build is not None and build.origin is Origin.PROMPT
        summary = " ".join(build.request.split())[:200] if build is not None and asked else head.summary
        version = Version(
            project_id=app_id,
            number=head.number,
            commit=head.commit,
            schema_digest=schema_digest(blueprint),
            author=author,
            summary=summary,
            origin=Origin(head.trailers["Origin"]),
            created_at=head.at,
            build_id=head.trailers.get("Build"),
            restored_from=None if restored is None else int(restored),
        )
        self._projects.add_version(
            version,
            name=blueprint.name,
            about=blueprint.about,
            slug=slug_for(blueprint.name),
            roles=self._new_names_of_roles(version),
        )

    def _new_names_of_roles(self, version: Version) -> dict[str, str]:
        before = self._projects.version(version.project_id, version.number - 1)
        if before is None:
            return {}
        old, new = (standing(self._versions, one).lineage for one in (before, version))
        renames, _ = meant(old, new)
        return {rename.before: rename.after for rename in renames if rename.kind is Renamed.ROLE}

    def _close(self, build: Build) -> None:
        version = self._projects.version_of_build(build.id)
        project = self._projects.get(build.project_id)
        at = self._clock.now()
        if version is not None and project is not None:
            self._builds.finish(build.id, BuildState.DONE, at=at, version=version.number)
            report = build_report(
                project, self._addresses, version=version.number, stages=build.stages, tokens=build.tokens
            )
            self._events.publish(build.id, "build.done", report={**report, "recovered": True})
        else:
            error = interrupted().as_dict()
            self._builds.finish(build.id, BuildState.FAILED, at=at, error=error)
            kept = None if project is None else project.current
            self._events.publish(build.id, "build.failed", error=error, kept_version=kept)
