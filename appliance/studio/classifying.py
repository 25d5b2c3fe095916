"""The class of an app's data: its maker makes it stricter at once; laxer only what somebody else approved.

The class counts for what people say about the app, for what is written for it, and for every question to the policies
about it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import LEVELS, Circumstances, Question
from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.db.approval_records import ApprovalKind
from appliance.studio.approval import Wanted
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.people import principal_of
from appliance.studio.permits import as_principal, permit
from appliance.studio.screening import NEW

if TYPE_CHECKING:
    from appliance.authz.authority import Authority
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.db.approval_records import Approval, Vote
    from appliance.db.records import Project
    from appliance.db.repositories.projects import Projects
    from appliance.studio.approval import ApprovalService
    from appliance.studio.people import Actor
    from appliance.studio.project import ProjectService


class StricterNow(Refused):
    """The class was changed after somebody asked."""

    code = "class_changed"


def class_of(projects: Projects, app: str) -> str:
    """The class of an app's data by name; of one that is not there yet: that of a new one."""
    found = projects.get(app)
    return NEW if found is None else LEVELS[found.level]


class Classifying:
    """Changes the class of an app's data."""

    def __init__(
        self,
        apps: ProjectService,
        projects: Projects,
        approvals: ApprovalService,
        authority: Authority,
        *,
        audit: AuditSink,
        clock: Clock,
    ) -> None:
        self._apps, self._projects, self._approvals = apps, projects, approvals
        self._authority, self._audit, self._clock = authority, audit, clock

    def may(self, actor: Actor, project: Project, level: int) -> bool:
        """Whether somebody could give the data this class at once."""
        return level in range(len(LEVELS)) and self._authority.decide(_question(actor, project, level)).allowed

    def change(self, actor: Actor, project_id: str, level: int) -> Project:
        """Give the data of one's own app another class, at once.

        Raises:
            NotFound: no such app among the person's own.
            NotAllowed: the policies do not let them, such as make it laxer.
        """
        project = self._apps.get(actor, project_id)
        _require_class(level)
        permit(self._authority, _question(actor, project, level))
        permit(self._authority, Question(as_principal(actor), Action.HOLD_DATA, questions.data_class(level)))
        return project if level == project.level else self._changed(project, level, principal=actor.principal)

    def ask(self, actor: Actor, project_id: str, level: int, comment: str) -> Approval:
        """Ask that the data of one's own app get a laxer class.

        Raises:
            NotFound: no such app among the person's own.
            Refused: the class is not laxer, or a request waits.
        """
        project = self._apps.get(actor, project_id)
        _require_class(level)
        if level >= project.level:
            message = f"The data of “{project.name}” is {LEVELS[project.level]}."
            raise Refused(message, action="Choose a laxer class, or set a stricter one at once.")
        wanted = Wanted(
            kind=ApprovalKind.CLASSIFY,
            title=f"Data of “{project.name}”: {LEVELS[level]} instead of {LEVELS[project.level]}",
            comment=comment,
            project_id=project.id,
            owner=principal_of(project.owner),
            level=project.level,
            subject={"level": level},
        )
        return self._approvals.request(actor, wanted)

    def carry_out(self, approval: Approval, votes: tuple[Vote, ...], principal: str) -> None:
        """Give the data the approved class.

        Raises:
            NotFound: the app is gone.
            StricterNow: its class is not the one of when it was asked for.
        """
        project = self._projects.get(approval.project_id or "")
        if project is None:
            message = "The app is gone."
            raise NotFound(message, action="Withdraw the request.")
        level = int(approval.subject["level"])
        if project.level not in {level, approval.level}:
            message = f"The data of “{project.name}” is {LEVELS[project.level]} since this was asked for."
            raise StricterNow(message, action="Withdraw the request and ask again.")
        if project.level != level:
            approved_by = [one.voter for one in votes if one.approves]
            self._changed(project, level, principal=principal, approval=approval.id, approved_by=approved_by)

    def _changed(self, project: Project, level: int, *, principal: str, **told: object) -> Project:
        details = {"from": LEVELS[project.level], "to": LEVELS[level], **told}
        with act(self._audit, Event.APP_CLASSIFIED, principal=principal, resource=project.id, details=details):
            self._projects.classify(project.id, level, self._clock.now())
        return replace(project, level=level)


def _question(actor: Actor, project: Project, level: int) -> Question:
    app = questions.app(project.id, owner=principal_of(project.owner), level=project.level)
    return Question(as_principal(actor), Action.CLASSIFY_APP, app, Circumstances(level=level))


def _require_class(level: int) -> None:
    if level not in range(len(LEVELS)):
        message = "There is no such class of data."
        raise Refused(message, action="Choose one from the list.")
