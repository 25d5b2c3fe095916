"""What a maker does with the code of custom places, besides describing it: have it written anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Part
from appliance.blueprint.places import places
from appliance.core.errors import Refused
from appliance.db.records import Build, Origin
from appliance.studio.errors import NotFound

if TYPE_CHECKING:
    from appliance.studio.build import BuildService
    from appliance.studio.coding import Rewrites
    from appliance.studio.locks import Locks
    from appliance.studio.people import Actor
    from appliance.studio.project import ProjectService


class CodeProtected(Refused):
    """The code of this place is closed to the model."""

    code = "protected"


class CodeService:
    """One maker's custom places."""

    def __init__(self, projects: ProjectService, builds: BuildService, rewrites: Rewrites, locks: Locks) -> None:
        self._projects = projects
        self._builds = builds
        self._rewrites = rewrites
        self._locks = locks

    def again(self, actor: Actor, project_id: str, key: str) -> Build:
        """Begin a build of the same blueprint in which the code of one place is written anew.

        Raises:
            NotFound: no such app or place.
            CodeProtected: the maker or IT closed it to the model.
            Busy: the app is being built already.
        """
        view = self._projects.view(actor, project_id)
        blueprint = view.blueprint
        if blueprint is None or key not in {place.key for place in places(blueprint)}:
            message = "There is no such place."
            raise NotFound(message, action="Reload the page; it may have changed.")
        closed = (*blueprint.protections, *self._locks.get(project_id))
        if any(item.part is Part.CUSTOM and item.name == key for item in closed):
            message = f"The code of {key} is protected from the model."
            raise CodeProtected(message, action="Open it to the model first.")
        self._rewrites.add(project_id, key)
        return self._builds.submit(actor, view.blueprint_text, origin=Origin.BLUEPRINT, project_id=project_id)
