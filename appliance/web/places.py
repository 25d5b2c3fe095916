"""An app at one of its addresses: the maker's preview, the release that colleagues use, or the trial of a version that
waits for an approval; and the way in."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final
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
from appliance.studio.trials import slug_of_trial, trial_id, trial_label
from appliance.web.resources import about, found_for
from appliance.web.rules import require

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from appliance.core.ports import Person
    from appliance.db.approval_records import Approval
    from appliance.db.records import Project
    from appliance.studio.people import Actor
    from appliance.web.resources import Found
    from appliance.web.services import Services

_BINDING: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Place(ABC):
    """Where an app is found. Whoever enters has been decided about; so has each of their requests, at the gate."""

    services: Services
    project: Project

    action: ClassVar[Action]
    """What somebody who comes here wants to do."""
    event: ClassVar[Event]
    """What the audit log says when somebody has come in."""
    open_to_everybody: ClassVar[bool] = True
    """Whether its kiosks need no sign-in."""
    in_any_role: ClassVar[bool] = True
    """Whether somebody who may do everything here can see it as others do."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Its host label."""

    @property
    @abstractmethod
    def audience(self) -> str:
        """Who its identity tokens are for."""

    @abstractmethod
    def number(self) -> int | None:
        """The version that stands here."""

    @abstractmethod
    def text(self) -> str:
        """The blueprint of that version."""

    @abstractmethod
    def roles(self, person: Person, groups: Collection[str]) -> tuple[str, ...]:
        """The roles of a person here, by themselves and by their groups."""

    @abstractmethod
    def start(self) -> Path:
        """Run it."""

    def found(self, actor: Actor) -> Found:
        """What the policies are asked about when somebody comes in."""
        return about(self.services, self.project, actor)

    def may_view_as(self, role: str, person: Person, groups: Collection[str]) -> bool:
        """Whether somebody may see it as ``role``: whoever has every role here."""
        return self.in_any_role and self.roles(person, groups) == (OWNER,) and role in parse(self.text()).roles

    def told(self, role: str) -> dict[str, object]:
        """What the audit log says of somebody who comes in."""
        return {"version": self.number()} | ({"view_as": role or None} if self.in_any_role else {})


class Preview(Place):
    """The newest version, for its maker."""

    action = Action.PREVIEW_APP
    event = Event.APP_OPENED

    @property
    def label(self) -> str:
        return self.project.slug or ""

    @property
    def audience(self) -> str:
        return self.project.id

    def number(self) -> int | None:
        return self.project.current

    def text(self) -> str:
        previews = self.services.studio.previews
        return previews.text(self.project, previews.current(self.project).number)

    def roles(self, person: Person, groups: Collection[str]) -> tuple[str, ...]:
        return roles_in(self.services.studio.projects, self.project, person, groups)

    def start(self) -> Path:
        return self.services.studio.previews.start(self.project)


class Release(Place):
    """What is published, for colleagues."""

    action = Action.USE_RELEASE
    event = Event.RELEASE_OPENED
    in_any_role = False

    @property
    def label(self) -> str:
        return live_label(self.project.slug or "")

    @property
    def audience(self) -> str:
        return live_id(self.project.id)

    def number(self) -> int | None:
        return self.services.governance.releases.version(self.project).number

    def text(self) -> str:
        return self.services.governance.releases.text(self.project)

    def roles(self, person: Person, groups: Collection[str]) -> tuple[str, ...]:
        return self.services.governance.releases.roles(self.project, person, groups)

    def start(self) -> Path:
        return self.services.governance.releases.start(self.project)


@dataclass(frozen=True)
class Trial(Place):
    """The version that ``approval`` is about, for whoever decides on it: in every role, and nobody else's."""

    approval: Approval

    action = Action.TRY_OUT
    event = Event.APPROVAL_TRIED
    open_to_everybody = False

    @property
    def label(self) -> str:
        return trial_label(self.project.slug or "")

    @property
    def audience(self) -> str:
        return trial_id(self.approval.id)

    def number(self) -> int | None:
        return self.services.governance.trials.version(self.approval).number

    def text(self) -> str:
        return self.services.governance.trials.text(self.approval)

    def roles(self, person: Person, groups: Collection[str]) -> tuple[str, ...]:  # noqa: ARG002 - whoever comes in
        return (OWNER,)

    def start(self) -> Path:
        return self.services.governance.trials.start(self.approval)

    def found(self, actor: Actor) -> Found:
        return found_for(self.services, self.action, {"approval_id": self.approval.id}, actor)

    def told(self, role: str) -> dict[str, object]:
        return {"approval": self.approval.id, "kind": self.approval.kind.value, **super().told(role)}


def place_called(services: Services, label: str | None) -> Place:
    """The place with this host label.

    Raises:
        NotFound: there is none.
    """
    if label is not None:
        trial, live = slug_of_trial(label), slug_of_live(label)
        project = services.studio.projects.by_slug(trial or live or label)
        if project is not None and trial is not None:
            approval = services.governance.trials.waiting(project)
            if approval is not None:
                return Trial(services, project, approval)
        elif project is not None and live is None:
            return Preview(services, project)
        elif project is not None and services.governance.releases.publication(project.id) is not None:
            return Release(services, project)
    message = "There is no app at this address."
    raise NotFound(message, action="Check the address, or ask who gave it to you.")


def require_entry(request: Request[Any, Any, Any], place: Place, actor: Actor) -> None:
    """Ask the policies whether somebody may come in.

    Raises:
        NotAllowed: they may not.
    """
    found = place.found(actor)
    require(request, found.principal or as_principal(actor), place.action, found.resource, found.circumstances)


def enter(
    request: Request[Any, Any, Any], place: Place, *, to: str, role: str = "", binding: str = ""
) -> Response[Any]:
    """Send the browser to the app's origin with a one-time code for a session there; first for a secret of its own,
    when ``binding`` does not say that it has one.

    Raises:
        NotAllowed: the policies do not let this person in, or they asked to view it as somebody else and may not.
    """
    services, actor = place.services, request.state.actor
    require_entry(request, place, actor)
    if role and not place.may_view_as(role, actor.person, actor.groups):
        message = "This app cannot be viewed in that role."
        raise NotAllowed(message, action="Choose a role from the list above the app.")
    path = safe_return_url(to)
    origin = services.addresses.app(place.label)
    host = origin.partition("://")[2]
    session = request.state.session
    # Pages reload the app they show all the time; who has come in is said once.
    opening = (session.key, place.audience, role, place.number())
    with contextlib.ExitStack() as stack:
        if not request.app.state.openings.knows(*opening):
            stack.enter_context(
                act(
                    services.audit,
                    place.event,
                    principal=actor.principal,
                    resource=place.project.id,
                    details=place.told(role),
                )
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
