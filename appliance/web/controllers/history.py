"""What was: the versions of an app with what each changed, and the checks that the last one passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get

from appliance.authz.actions import Action
from appliance.web.access import SIGNED_IN, rule
from appliance.web.check_forms import ROWS_GIVEN, ROWS_THEN, act_choices, field_choices, own_lines
from appliance.web.checks import grouped
from appliance.web.workspace import workspace

if TYPE_CHECKING:
    from appliance.db.records import Project, Version
    from appliance.web.services import Services

TOLD: Final = 20
MAX_LINES: Final = 6


@dataclass(frozen=True, slots=True)
class Entry:
    """A version, and what it changed against the one before."""

    version: Version
    changes: tuple[str, ...]


class HistoryController(Controller):
    """``/apps/<id>/versions`` and ``/checks``."""

    path = "/apps/{app_id:str}"

    @get("/versions", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def versions(self, request: Request[Any, Any, Any], app_id: str, before: int = 0, after: int = 0) -> Response[Any]:
        """The timeline; ``before`` and ``after`` are compared."""
        services: Services = request.app.state.services
        project = services.studio.project_service.get(request.state.actor, app_id)
        versions = services.studio.projects.versions(app_id)
        numbers = {version.number for version in versions}
        told = [Entry(version, _told(services, project, version)) for version in versions[:TOLD]]
        told += [Entry(version, ()) for version in versions[TOLD:]]
        chosen = {before, after} <= numbers
        last = versions[0].number if versions else 0
        return workspace(
            request,
            app_id,
            "versions",
            "versions.html",
            told=told,
            compared=(before, after) if chosen else (max(1, last - 1), last),
            difference=_difference(services, project, before, after) if chosen else None,
        )

    @get("/checks", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def checks(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What was tried out before the running version was put in place."""
        services: Services = request.app.state.services
        studio = services.studio
        project = studio.project_service.get(request.state.actor, app_id)
        version = None if project.current is None else studio.projects.version(app_id, project.current)
        build = None if version is None or version.build_id is None else studio.builds.get(version.build_id)
        groups = [] if build is None else grouped(studio.events.after(build.id, 0))
        gathered = None if project.current is None else studio.gathering.get(request.state.actor, app_id)
        return workspace(
            request,
            app_id,
            "checks",
            "checks.html",
            gathered=gathered,
            blueprint=None if gathered is None else gathered.blueprint,
            own=[] if gathered is None else own_lines(gathered.before, gathered.blueprint),
            acts=[] if gathered is None else act_choices(gathered.blueprint),
            given=[] if gathered is None else field_choices(gathered.blueprint, typed=True),
            then=[] if gathered is None else field_choices(gathered.blueprint, typed=False),
            rows=(ROWS_GIVEN, ROWS_THEN),
            number=project.current or 0,
            groups=groups,
            total=sum(len(group.checks) for group in groups),
            passed=sum(len(group.checks) - group.failed for group in groups),
        )


def _told(services: Services, project: Project, version: Version) -> tuple[str, ...]:
    if version.number == 1:
        return ("The first working version.",)
    return told_changes(services, project.id, version.number)


def told_changes(services: Services, project_id: str, number: int) -> tuple[str, ...]:
    """What a version changed against the one before, shortened."""
    words = services.studio.differences.between(project_id, number - 1, number)
    lines = [said.text for said in (*words.screens, *words.data, *words.access)]
    more = len(lines) - MAX_LINES
    return tuple(lines if more <= 1 else [*lines[:MAX_LINES], f"and {more} more"])


def _difference(services: Services, project: Project, before: int, after: int) -> list[tuple[str, str, list[str]]]:
    words = services.studio.differences.between(project.id, before, after)
    areas = (("Screens", "screen", words.screens), ("Data", "data", words.data), ("Access", "key", words.access))
    return [(title, sign, [said.text for said in area]) for title, sign, area in areas]
