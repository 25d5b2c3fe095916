"""What happens when the directory says that somebody has left: sessions end, apps get another owner, the log says so.

The policy of who gets an app, in this order: the person's manager if the directory names one who is here and has signed
in, or is known to the provider; then the steward of the settings; else nobody: the app goes on for its people, can be
changed by nobody, and is listed by ``intramural identity orphans`` until somebody is named.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.events import Event
from appliance.core.ports import Person
from appliance.studio.evidence import act

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.db.records import Project
    from appliance.db.repositories.projects import Projects
    from appliance.identity.directory import Directory
    from appliance.identity.directory_records import DirectoryPerson

DIRECTORY: Final = "directory"
RESTART: Final = "restart"
"""Who told of a departure that a stop had interrupted."""


@dataclass(frozen=True)
class Heir:
    """Who gets an app, and by which rule."""

    person: Person
    rule: str


class Departures:
    """Carries out that somebody left. ``end_sessions`` ends everything of a subject and returns how many there were;
    ``has_sessions`` says whether there are any."""

    def __init__(
        self,
        *,
        directory: Directory,
        projects: Projects,
        end_sessions: Callable[[str], int],
        has_sessions: Callable[[str], bool],
        audit: AuditSink,
        clock: Clock,
        steward: str = "",
    ) -> None:
        self._directory = directory
        self._projects = projects
        self._end_sessions, self._has_sessions = end_sessions, has_sessions
        self._audit = audit
        self._clock = clock
        self._steward = steward
        self._lock = threading.Lock()

    def changed(self, before: DirectoryPerson | None, after: DirectoryPerson | None, *, by: str) -> None:
        """A source changed a person: act if they left or came back.

        Raises:
            AuditUnavailable: it cannot be recorded; then nothing was done.
        """
        was, now = before is not None and before.active, after is not None and after.active
        person = after or before
        if person is None or was == now:
            return
        if now:
            if before is not None:
                with act(
                    self._audit,
                    Event.PERSON_RETURNED,
                    principal=DIRECTORY,
                    resource=f"person:{person.source}:{person.id}",
                    details={"by": by},
                ):
                    pass
            return
        self.left(person, by=by)

    def left(self, person: DirectoryPerson, *, by: str) -> list[str]:
        """End the sessions of somebody who left and hand over their apps; returns the apps. Repeatable.

        Raises:
            AuditUnavailable: it cannot be recorded.
        """
        subject = self._subject(person)
        with (
            self._lock,
            act(
                self._audit,
                Event.PERSON_DEPROVISIONED,
                principal=DIRECTORY,
                resource=f"person:{person.source}:{person.id}",
                details={"by": by},
            ) as evidence,
        ):
            evidence.details.update(sessions=0, apps=[])
            if not subject or not self._directory.gone(subject, person.email):
                return []  # another source still knows them as being here
            evidence.details["sessions"] = self._end_sessions(subject)
            handed = [project.id for project in self._projects.owned_by(subject) if self._hand_over(project, person)]
            evidence.details["apps"] = handed
        return handed

    def orphans(self) -> list[Project]:
        """Apps whose owner has left and whom nobody followed."""
        return [
            project
            for subject, email in self._projects.owners().items()
            if self._directory.gone(subject, email)
            for project in self._projects.owned_by(subject)
        ]

    def recover(self) -> None:
        """After a start: people who have left and still have sessions left just before the last stop; carry it out."""
        for subject in self._directory.gone_subjects():
            person = self._directory.by_subject(subject)
            if person is not None and self._has_sessions(subject):
                self.left(person, by=RESTART)
        self.resume()

    def resume(self) -> int:
        """Hand over what a stop in the middle left, or what has found an heir since; returns how many apps."""
        count = 0
        for project in self.orphans():
            person = self._directory.by_subject(project.owner.subject)
            count += int(person is not None and self._hand_over(project, person))
        return count

    def _hand_over(self, project: Project, person: DirectoryPerson) -> bool:
        heir = self._heir(person)
        if heir is None:
            return False
        details = {"from": project.owner.subject, "to": heir.person.subject, "rule": heir.rule}
        with act(self._audit, Event.APP_HANDED_OVER, principal=DIRECTORY, resource=project.id, details=details):
            self._projects.hand_over(project.id, heir.person, self._clock.now())
        return True

    def _heir(self, person: DirectoryPerson) -> Heir | None:
        manager = self._directory.manager_of(person)
        if manager is not None and manager.active and manager.subject:
            return Heir(Person(manager.subject, manager.name, manager.email), "manager")
        steward = self._directory.by_email(self._steward) if self._steward else None
        if steward is not None and steward.subject and steward.id != person.id:
            return Heir(Person(steward.subject, steward.name, steward.email), "steward")
        return None

    def _subject(self, person: DirectoryPerson) -> str:
        if person.subject:
            return person.subject
        known = [one for one in self._directory.people(person.source) if one.id == person.id]
        return known[0].subject if known else ""
