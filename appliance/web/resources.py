"""What a request is about, by its address: the resource as the policies know it, and what else counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.authz import questions
from appliance.authz.actions import KIND_OF, Action, Kind
from appliance.authz.questions import ORDINARY, Circumstances, Principal, Resource
from appliance.db.approval_records import ApprovalKind
from appliance.studio.people import principal_of, roles_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.db.records import Project
    from appliance.studio.people import Actor
    from appliance.web.services import Services

_FIXED = {
    Kind.APPLIANCE: questions.APPLIANCE,
    Kind.LOG: questions.LOG,
    Kind.VAULT: questions.VAULT,
    Kind.POLICY: questions.POLICY,
}


@dataclass(frozen=True, slots=True)
class Found:
    """``exists`` is false where the address names nothing; the policies are asked all the same, about nobody's.
    ``principal``: who asks, where somebody acts in another's place."""

    resource: Resource
    circumstances: Circumstances = ORDINARY
    exists: bool = True
    principal: Principal | None = None


def found_for(services: Services, action: Action, parameters: Mapping[str, Any], actor: Actor | None) -> Found:
    """The resource of a route, from the parameters in its path."""
    kind = KIND_OF[action]
    if kind in _FIXED:
        return Found(_FIXED[kind])
    if kind is Kind.DRAFT:
        # Drafts and turns lie in the maker's own corner: whoever names another's is told that there is none.
        return Found(questions.draft("" if actor is None else actor.principal))
    if kind is Kind.MODEL:
        return Found(questions.model("this", ceiling=questions.LEVELS.index(services.settings.model.ceiling)))
    if kind is Kind.APPROVAL:
        return _approval(services, action, str(parameters.get("approval_id", "")), actor)
    project = _project(services, parameters)
    if kind is Kind.VERSION:
        return _version(services, project, int(parameters.get("number", 0)))
    return about(services, project, actor)


def about(services: Services, project: Project | None, actor: Actor | None) -> Found:
    """An app, as somebody stands to it."""
    if project is None:
        return Found(questions.app("unknown", owner=""), exists=False)
    known = services.governance.publishing.of(project.id)
    level = project.level
    resource = questions.app(
        project.id,
        owner=principal_of(project.owner),
        level=level,
        published=known is not None and known.version is not None,
    )
    if actor is None:
        return Found(resource)
    member = bool(roles_in(services.studio.projects, project, actor.person, actor.groups))
    granted = 0
    if level > questions.DEFAULT_LEVEL:
        granted = services.governance.approvals.granted(ApprovalKind.EXPORT, actor.principal, project_id=project.id)
    return Found(resource, Circumstances(member=member, approvals=granted))


def _approval(services: Services, action: Action, approval_id: str, actor: Actor | None) -> Found:
    approvals = services.governance.approvals
    found = approvals.find(approval_id)
    if found is None or actor is None:
        return Found(questions.approval("unknown", kind="", requester=""), exists=False)
    asked = approvals.rights.question(actor, action, found)
    return Found(asked.resource, asked.circumstances, principal=asked.principal)


def _version(services: Services, project: Project | None, number: int) -> Found:
    version = None
    if project is not None and 0 < number < 10**6:
        version = services.studio.projects.version(project.id, number)
    if project is None or version is None:
        owner = "" if project is None else principal_of(project.owner)
        return Found(questions.version("unknown", 0, owner=owner, author=""), exists=False)
    owner, author = principal_of(project.owner), principal_of(version.author)
    return Found(questions.version(project.id, number, owner=owner, author=author, level=project.level))


def _project(services: Services, parameters: Mapping[str, Any]) -> Project | None:
    studio = services.studio
    if "build_id" in parameters:
        build = studio.builds.get(str(parameters["build_id"]))
        return None if build is None else studio.projects.get(build.project_id)
    named = str(parameters.get("app_id") or parameters.get("app") or "")
    return studio.projects.get(named) or (studio.projects.by_slug(named) if "app" in parameters else None)
