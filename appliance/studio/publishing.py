"""From a version to what colleagues use: asked for, scanned, approved, put in place; and taken back at once.

What is published does not change until the next approval. Records of a release are its own: they start empty or as a
copy of the preview's, and are carried over when a later version with other tables is published.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import LEVELS, Question
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.db.approval_records import Approval, ApprovalKind, Observation, Publication, Vote
from appliance.studio.approval import Wanted, words
from appliance.studio.classifying import StricterNow
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.people import principal_of
from appliance.studio.permits import as_principal, permit
from appliance.studio.releases import NotPublished
from appliance.studio.scan import scan
from appliance.studio.standing import standing, step_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.authz.authority import Authority
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.settings import ApprovalSettings
    from appliance.db.records import Project, Version
    from appliance.db.repositories.publications import Publications
    from appliance.studio.approval import ApprovalService
    from appliance.studio.assembly import Studio
    from appliance.studio.carrying import Carrier
    from appliance.studio.classifying import Classifying
    from appliance.studio.notices import Notices
    from appliance.studio.people import Actor
    from appliance.studio.release_records import ReleaseRecords
    from appliance.studio.releases import Releases

DAYS_OF_A_MONTH: Final = 30
MOST_MONTHS: Final = 60


@dataclass(frozen=True, slots=True)
class PublishForm:
    """What a maker says when they ask. ``copy_records``: the release starts with the preview's records, not empty."""

    version: int
    level: int
    comment: str
    copy_records: bool = False
    review_months: int = 12


class Publishing:
    """Publishing and taking back."""

    def __init__(
        self,
        studio: Studio,
        publications: Publications,
        releases: Releases,
        *,
        approvals: ApprovalService,
        authority: Authority,
        classes: Classifying,
        carrier: Carrier,
        records: ReleaseRecords,
        audit: AuditSink,
        notices: Notices,
        publish_routes: Callable[[], None],
        settings: ApprovalSettings,
        clock: Clock,
    ) -> None:
        self._studio, self._publications, self._releases = studio, publications, releases
        self._approvals, self._authority = approvals, authority
        self._carrier, self._records, self._classes = carrier, records, classes
        self._audit, self._notices, self._clock = audit, notices, clock
        self._publish_routes, self._settings = publish_routes, settings

    # --- asking ------------------------------------------------------------------------------------------------

    def ask(self, actor: Actor, project_id: str, form: PublishForm) -> Approval:
        """Ask that a version be published.

        Raises:
            NotFound: no such app or version among the person's own.
            NotAllowed: the policies do not let them.
            Refused: it waits already, it is published already, or something in the form is wrong.
        """
        project = self._studio.project_service.get(actor, project_id)
        version = self._version(project, form.version)
        if form.level not in range(len(LEVELS)) or not 1 <= form.review_months <= MOST_MONTHS:
            message = "Choose a class for the data, and when the app is looked at again."
            raise Refused(message, action="Choose from the lists.")
        permit(self._authority, Question(as_principal(actor), Action.HOLD_DATA, questions.data_class(form.level)))
        if form.level < project.level:
            message = f"The data of “{project.name}” is {LEVELS[project.level]}."
            raise Refused(message, action="Ask for a laxer class first; it is shown at the top of this page.")
        now = self._releases.publication(project.id)
        if now is not None and (now.version, now.level) == (version.number, form.level):
            message = f"Version {version.number} is published already."
            raise Refused(message, action="Choose another version.")
        wanted = Wanted(
            kind=ApprovalKind.PUBLISH,
            title=f"Publish version {version.number} of “{project.name}”",
            comment=form.comment,
            project_id=project.id,
            author=principal_of(version.author),
            owner=principal_of(project.owner),
            level=form.level,
            findings=self.findings(project, version, form.level),
            subject={
                "version": version.number,
                "commit": version.commit,
                "copy_records": form.copy_records,
                "review_months": form.review_months,
            },
        )
        self._classes.change(actor, project.id, form.level)
        return self._approvals.request(actor, wanted)

    def findings(self, project: Project, version: Version, level: int) -> tuple[Observation, ...]:
        """What a reviewer should know, as it is now."""
        blueprint = standing(self._studio.versions, version).blueprint
        events = [] if version.build_id is None else self._studio.events.after(version.build_id, 0)
        found = list(scan(blueprint, events, level))
        if problems := self._misfits(project, version):
            title = "Records that people entered do not fit this version."
            found.append(Observation("records-do-not-fit", title, problems, serious=True))
        return tuple(found)

    def _misfits(self, project: Project, version: Version) -> str:
        """Records of the release that would stand in the way, tried on a copy."""
        known = self._publications.get(project.id)
        before = None if known is None or known.data_version is None else self._version(project, known.data_version)
        if known is None or before is None:
            return ""
        now = replace(standing(self._studio.versions, before), data=known.data)
        then = standing(self._studio.versions, version)
        try:
            tried = self._carrier.trial(now, step_to(now, then, id_=new_id("pub")), then.tree, name=new_id("pub"))
        except IntramuralError as error:
            return error.message
        return "; ".join(f"{one.count} of {one.entity}, because of “{one.name}”" for one in tried.problems)

    # --- putting in place --------------------------------------------------------------------------------------

    def carry_out(self, approval: Approval, votes: tuple[Vote, ...], principal: str) -> None:
        """Put an approved version in place.

        Raises:
            NotFound: app or version are gone, or the version is not the one that was looked at.
            DiskFull, RowsInTheWay, CarryingFailed: nothing was changed; the release before goes on.
        """
        project = self._studio.projects.get(approval.project_id or "")
        if project is None:
            message = "The app is gone."
            raise NotFound(message, action="Withdraw the request.")
        version = self._version(project, int(approval.subject["version"]))
        if version.commit != approval.subject["commit"]:
            message = "The version is not the one that was looked at."
            raise NotFound(message, action="Ask again.")
        if approval.level < project.level:
            message = f"The data of “{project.name}” is {LEVELS[project.level]} since this was asked for."
            raise StricterNow(message, action="Withdraw the request and ask again.")
        known = self._publications.get(project.id)
        details: dict[str, Any] = {
            "version": version.number,
            "commit": version.commit,
            "approval": approval.id,
            "requested_by": approval.requester,
            "approved_by": [one.voter for one in votes if one.approves],
            "level": approval.level,
            "findings": [one.code for one in approval.findings],
            "replaces": None if known is None else known.version,
        }
        with (
            act(self._audit, Event.APP_PUBLISHED, principal=principal, resource=project.id, details=details) as done,
            self._records.moved(project, version, known, copied=bool(approval.subject["copy_records"])) as moved,
        ):
            done.details.update(
                data=moved.data, rows={one.entity: [one.before, one.after] for one in moved.done.tables}
            )
            at = self._clock.now()
            months = int(approval.subject["review_months"])
            self._publications.put(
                Publication(
                    project_id=project.id,
                    version=version.number,
                    level=approval.level,
                    data=moved.data,
                    data_version=version.number,
                    approval_id=approval.id,
                    published_at=at,
                    review_at=at + timedelta(days=DAYS_OF_A_MONTH * months),
                )
            )
            moved.keep()
        self._publish_routes()
        if known is not None and known.data != moved.data:
            self._records.put_aside(project, known.data)

    # --- taking back -------------------------------------------------------------------------------------------

    def withdraw(self, actor: Actor, project: Project, reason: str) -> None:
        """Take the app back from its users, at once. Its records stay for the next release.

        Raises:
            NotPublished: it is not published.
            Refused: no reason is given.
        """
        known = self._releases.publication(project.id)
        if known is None or known.version is None:
            message = f"“{project.name}” is not published."
            raise NotPublished(message, action="There is nothing to take back.")
        said = words(reason)
        if not said:
            message = "A reason is needed, so that its maker knows what happened."
            raise Refused(message, action="Say it in a sentence.")
        details = {"version": known.version, "reason": said}
        with act(self._audit, Event.APP_UNPUBLISHED, principal=actor.principal, resource=project.id, details=details):
            self._publications.put(
                replace(
                    known,
                    version=None,
                    withdrawn_at=self._clock.now(),
                    withdrawn_by=actor.principal,
                    withdrawn_reason=said,
                )
            )
        self._releases.stop(project.id)
        self._publish_routes()
        if project.owner.subject != actor.person.subject:
            self._notices.taken_back(project, said)

    # --- looking -----------------------------------------------------------------------------------------------

    def of(self, project_id: str) -> Publication | None:
        """What is known of an app; it may be taken back."""
        return self._publications.get(project_id)

    def catalogue(self, actor: Actor, *, own: bool = True) -> list[tuple[Project, Publication]]:
        """Published apps that the person may use, by name; ``own``: with those that they made."""
        mine = self._studio.project_service.shared(actor)
        mine += self._studio.projects.owned_by(actor.person.subject) if own else []
        found = [(one, self._releases.publication(one.id)) for one in {one.id: one for one in mine}.values()]
        return sorted(
            [(one, publication) for one, publication in found if publication is not None],
            key=lambda pair: pair[0].name.casefold(),
        )

    def published(self) -> list[tuple[Project, Publication]]:
        """Everything that is published, what is to be looked at again first; for those who answer for it."""
        found = [(self._studio.projects.get(one.project_id), one) for one in self._publications.standing()]
        known = [(project, one) for project, one in found if project is not None]
        return sorted(known, key=lambda pair: pair[1].review_at or self._clock.now())

    def _version(self, project: Project, number: int) -> Version:
        found = self._studio.projects.version(project.id, number) if 0 < number < 10**6 else None
        if found is None:
            message = "This app has no such version."
            raise NotFound(message, action="Choose one from the list.")
        return found
