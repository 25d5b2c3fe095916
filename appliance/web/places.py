"""An app at one of its two addresses: the maker's preview, or the release that colleagues use; and the way in."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.response import Redirect

from appliance.authz.actions import Action
from appliance.blueprint.model import OWNER
from appliance.blueprint.parser import parse
from appliance.core.events import Event
from appliance.identity.return_url import safe_return_url
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.evidence import act
from appliance.studio.people import roles_in
from appliance.studio.permits import as_principal
from appliance.studio.releases import live_id, live_label, slug_of_live
from appliance.web.resources import about
from appliance.web.rules import require

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from appliance.core.ports import Person
    from appliance.db.records import Project
    from appliance.web.services import Services

_BINDING: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Place:
    """``live``: the release, else the preview."""

    services: Services
    project: Project
    live: bool = False

    @property
    def action(self) -> Action:
        """What somebody who comes here wants to do."""
        return Action.USE_RELEASE if self.live else Action.PREVIEW_APP

    @property
    def label(self) -> str:
        """Its host label."""
        slug = self.project.slug or ""
        return live_label(slug) if self.live else slug

    @property
    def audience(self) -> str:
        """Who its identity tokens are for."""
        return live_id(self.project.id) if self.live else self.project.id

    def number(self) -> int | None:
        """The version that stands here."""
        return self.services.governance.releases.version(self.project).number if self.live else self.project.current

    def text(self) -> str:
        """The blueprint of that version."""
        previews = self.services.studio.previews
        if self.live:
            return self.services.governance.releases.text(self.project)
        return previews.text(self.project, previews.current(self.project).number)

    def roles(self, person: Person, groups: Collection[str]) -> tuple[str, ...]:
        """The roles of a person here, by themselves and by their groups."""
        if self.live:
            return self.services.governance.releases.roles(self.project, person, groups)
        return roles_in(self.services.studio.projects, self.project, person, groups)

    def start(self) -> Path:
        """Run it."""
        if self.live:
            return self.services.governance.releases.start(self.project)
        return self.services.studio.previews.start(self.project)


def place_called(services: Services, label: str | None) -> Place:
    """The place with this host label.

    Raises:
        NotFound: there is none.
    """
    slug = None if label is None else slug_of_live(label)
    project = None if label is None else services.studio.projects.by_slug(slug or label)
    if project is None or (slug is not None and services.governance.releases.publication(project.id) is None):
        message = "There is no app at this address."
        raise NotFound(message, action="Check the address, or ask who gave it to you.")
    return Place(services, project, live=slug is not None)


def enter(
    request: Request[Any, Any, Any], place: Place, *, to: str, role: str = "", binding: str = ""
) -> Response[Any]:
    """Send the browser to the app's origin with a one-time code for a session there; first for a secret of its own,
    when ``binding`` does not say that it has one.

    Raises:
        NotAllowed: the policies do not let this person in, or they asked to view it as somebody else and may not.
    """
    services, project, actor = place.services, place.project, request.state.actor
    found = about(services, project, actor)
    require(request, as_principal(actor), place.action, found.resource, found.circumstances)
    if role and (
        place.live or place.roles(actor.person, actor.groups) != (OWNER,) or role not in parse(place.text()).roles
    ):
        message = "This app cannot be viewed in that role."
        raise NotAllowed(message, action="Choose a role from the list above the app.")
    path = safe_return_url(to)
    origin = services.addresses.app(place.label)
    host = origin.partition("://")[2]
    number = place.number()
    session = request.state.session
    # Pages reload the app they show all the time; who has come in is said once.
    opening = (session.key, place.label, role, number)
    event = Event.RELEASE_OPENED if place.live else Event.APP_OPENED
    details = {"version": number} if place.live else {"view_as": role or None, "version": number}
    with contextlib.ExitStack() as stack:
        if not request.app.state.openings.knows(*opening):
            stack.enter_context(
                act(services.audit, event, principal=actor.principal, resource=project.id, details=details)
            )
        if _BINDING.fullmatch(binding):
            code = services.identity.app_sessions.issue_code(
                session, host=host, path=path, binding=binding, view_as=role or None
            )
            step, query = "session", {"code": code, "to": path}
        else:
            step, query = "enter", {"to": path} | ({"role": role} if role else {})
    request.app.state.openings.add(*opening)
    # This answer is a redirect inside the studio's own frame: it must be allowed to stand there.
    return Redirect(
        f"{origin}/.intramural/{step}?{urlencode(query)}",
        status_code=303,
        headers={"Content-Security-Policy": f"default-src 'none'; frame-ancestors {services.addresses.studio}"},
    )
