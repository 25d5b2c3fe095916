"""What a maker does with an app besides building it: look, restore, let colleagues in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.parser import parse
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event
from appliance.db.records import Member, Origin, Version
from appliance.db.repositories.projects import GROUP_PREFIX
from appliance.studio.addresses import slug_for
from appliance.studio.errors import Busy, NotFound
from appliance.studio.evidence import act
from appliance.studio.people import Actor, group_member, pseudonym, require_owner
from appliance.studio.standing import standing

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.pseudonyms import AddressPseudonyms
    from appliance.db.records import Build, Project
    from appliance.db.repositories.builds import Builds
    from appliance.db.repositories.projects import Projects
    from appliance.studio.preview import Previews
    from appliance.studio.succession import Succession
    from appliance.studio.version import VersionStore

MAX_MEMBERS: Final = 200
MAX_GROUPS: Final = 500
_GROUP: Final = re.compile(GROUP_PREFIX + r"/[^\x00-\x1f\x7f]{1,200}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


@dataclass(frozen=True, slots=True)
class ProjectView:
    """Everything that the app page shows."""

    project: Project
    versions: list[Version]
    latest: Build | None
    blueprint: Blueprint | None
    blueprint_text: str
    members: list[Member]


class ProjectService:
    """One maker's view of their apps."""

    def __init__(
        self,
        *,
        projects: Projects,
        builds: Builds,
        versions: VersionStore,
        previews: Previews,
        succession: Succession,
        audit: AuditSink,
        pseudonyms: AddressPseudonyms,
        clock: Clock,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._succession = succession
        self._projects = projects
        self._builds = builds
        self._versions = versions
        self._previews = previews
        self._audit = audit
        self._clock = clock

    def mine(self, actor: Actor) -> list[tuple[Project, Build | None]]:
        """The person's own apps, last changed first, each with its latest build."""
        return [(project, self._builds.latest(project.id)) for project in self._projects.owned_by(actor.person.subject)]

    def shared(self, actor: Actor) -> list[Project]:
        """Apps of other people that the person may open."""
        names = [actor.person.email] if actor.person.email else []
        names += [group_member(group) for group in sorted(actor.groups)[:MAX_GROUPS]]
        if not names:
            return []
        shared = self._projects.shared_with(*names)
        return [project for project in shared if project.owner.subject != actor.person.subject]

    def get(self, actor: Actor, project_id: str) -> Project:
        """One of the person's own apps.

        Raises:
            NotFound: it does not exist or is somebody else's.
        """
        project = self._projects.get(project_id)
        if project is None:
            message = "There is no such app among yours."
            raise NotFound(message, action="Go back to your list of apps.")
        require_owner(actor, project)
        return project

    def view(self, actor: Actor, project_id: str) -> ProjectView:
        """What the app page shows."""
        project = self.get(actor, project_id)
        text = "" if project.current is None else self._previews.text(project, project.current)
        return ProjectView(
            project=project,
            versions=self._projects.versions(project.id),
            latest=self._builds.latest(project.id),
            blueprint=parse(text) if text else None,
            blueprint_text=text,
            members=self._projects.members(project.id),
        )

    def restore(self, actor: Actor, project_id: str, number: int) -> Version:
        """Make an earlier version current again, as a new version: its code, tables and access, and today's records in
        them, with what was put aside since brought back.

        Raises:
            NotFound: no such app or version.
            Busy: a build of this app is under way.
            RowsInTheWay: records do not fit the earlier version; a proposal asks what is to become of them.
            RepositoryDamaged, DiskFull, CarryingFailed: nothing was changed.
        """
        project = self.get(actor, project_id)
        wanted = self._projects.version(project.id, number)
        if wanted is None:
            message = f"This app has no version {number}."
            raise NotFound(message, action="Choose one from the list.")
        latest = self._builds.latest(project.id)
        if latest is not None and not latest.state.final:
            message = "This app is being built right now."
            raise Busy(message, action="Wait until it is done, or stop it, then restore.")
        with self._versions.adding(project.id) as next_number:
            version = self._restore(actor, project, wanted, next_number)
        try:
            self._previews.start(self.get(actor, project_id))
        except IntramuralError:
            # The version stands; the front door starts the app, and explains, when somebody opens it.
            return version
        return version

    def _restore(self, actor: Actor, project: Project, wanted: Version, number: int) -> Version:
        current = self._previews.current(project)
        now, then = (standing(self._versions, version) for version in (current, wanted))
        blueprint = then.blueprint
        at = self._clock.now()
        summary = f"Back to version {wanted.number}"
        details = {"restored_from": wanted.number, "commit": wanted.commit}
        with (
            self._succession.back(project, now, then, number=number, principal=actor.principal) as successor,
            act(
                self._audit, Event.VERSION_RESTORED, principal=actor.principal, resource=project.id, details=details
            ) as evidence,
        ):
            trailers = {
                "Version": str(number),
                "Origin": Origin.RESTORE.value,
                "Author-Subject": actor.person.subject,
                **successor.trailers,
            }
            author = pseudonym(actor.person)
            commit = self._versions.commit(
                project.id, successor.tree, author=author, summary=summary, at=at, trailers=trailers
            )
            successor.keep()
            version = Version(
                project_id=project.id,
                number=number,
                commit=commit,
                schema_digest=wanted.schema_digest,
                author=actor.person,
                summary=summary,
                origin=Origin.RESTORE,
                created_at=at,
                restored_from=wanted.number,
            )
            self._projects.add_version(
                version,
                name=blueprint.name,
                about=blueprint.about,
                slug=slug_for(blueprint.name),
                roles=successor.roles,
            )
            evidence.details.update(version=version.number, commit=version.commit)
        return version

    # --- colleagues ----------------------------------------------------------------------------------------------

    def name_in_log(self, email: str) -> str:
        """How the audit log calls a colleague who was let in by address."""
        return self._pseudonyms.of(email)

    def let_in(self, actor: Actor, project_id: str, email: str, role: str) -> None:
        """Let a colleague, or everybody in a group (``group:NAME``), open the app with one of its roles, or change it.

        Raises:
            Refused: not an address, no such role, or too many people.
        """
        view = self.view(actor, project_id)
        email = email.strip().lower()
        if email.startswith(GROUP_PREFIX):
            email = group_member(email.removeprefix(GROUP_PREFIX))
        if not _EMAIL.fullmatch(email) and not _GROUP.fullmatch(email):
            message = "That is not an e-mail address."
            raise Refused(message, action="Write it as name@company.example.")
        if view.blueprint is None or role not in view.blueprint.roles:
            message = "This app has no such role."
            raise Refused(message, action="Choose a role from the list.")
        if len(view.members) >= MAX_MEMBERS:
            message = f"{MAX_MEMBERS} people have access already."
            raise Refused(message, action="Remove somebody first.")
        with act(
            self._audit,
            Event.ACCESS_GRANTED,
            principal=actor.principal,
            resource=project_id,
            details={"member": self.name_in_log(email), "role": role},
        ):
            self._projects.put_member(Member(project_id, email, role, self._clock.now()))

    def keep_out(self, actor: Actor, project_id: str, email: str) -> None:
        """Take a colleague's access away."""
        project = self.get(actor, project_id)
        with act(
            self._audit,
            Event.ACCESS_REVOKED,
            principal=actor.principal,
            resource=project.id,
            details={"member": self.name_in_log(email)},
        ):
            self._projects.remove_member(project.id, email)
