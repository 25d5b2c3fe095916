"""Who acts in the studio, and what they may do there: one place for the rules, default deny."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.blueprint.model import OWNER
from appliance.core.ports import Person
from appliance.db.repositories.projects import GROUP_PREFIX
from appliance.studio.errors import NotAllowed, NotFound

if TYPE_CHECKING:
    from appliance.db.records import Project
    from appliance.db.repositories.projects import Projects


class Via(StrEnum):
    """How the actor reached us."""

    WEB = "web"
    LOCAL = "local-operator"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person at the keyboard. ``operator`` is set when the local operator acts on the person's behalf."""

    person: Person
    maker: bool
    via: Via = Via.WEB
    operator: str = ""
    auditor: bool = False
    roles: frozenset[str] = frozenset()
    """What policies may say of the person: ``maker``, ``reviewer``, ``operator``, ``auditor``, ``user``."""
    groups: frozenset[str] = frozenset()
    """Of the identity provider and the directory."""

    @property
    def principal(self) -> str:
        """The name under which the audit log knows who acts."""
        return f"{self.via}:{self.operator}" if self.via is Via.LOCAL else principal_of(self.person)


class NotYours(NotFound):
    """It belongs to somebody else. Whoever asks is told that there is none; the audit log is told the truth."""


def principal_of(person: Person) -> str:
    """The name under which the audit log and the policies know a person."""
    return f"user:{person.subject}"


def pseudonym(person: Person) -> Person:
    """A person by subject alone, as it may stand where nothing can be erased."""
    return Person(person.subject, person.subject)


def require_maker(actor: Actor) -> None:
    """Only makers build.

    Raises:
        NotAllowed: the person is not a maker.
    """
    if not actor.maker:
        message = "Making apps is reserved for makers."
        raise NotAllowed(message, action="Ask your operator to add you to the group of makers.")


def require_owner(actor: Actor, project: Project) -> None:
    """Only a project's owner sees it in the studio and changes it.

    Raises:
        NotFound: the app belongs to somebody else; its existence is not told.
    """
    if actor.person.subject != project.owner.subject:
        message = "There is no such app among yours."
        raise NotYours(message, action="Go back to your list of apps.")


def roles_in(projects: Projects, project: Project, person: Person, groups: Collection[str] = ()) -> tuple[str, ...]:
    """The roles that a person has in an app: the owner everything, a member the one they were given, and those that
    groups of theirs were given; others none."""
    if person.subject == project.owner.subject:
        return (OWNER,)
    member = projects.member(project.id, person.email) if person.email else None
    own = [] if member is None else [member.role]
    by_group = {known.email: known.role for known in projects.group_members(project.id)} if groups else {}
    own += [by_group[name] for name in sorted(group_member(group) for group in groups) if name in by_group]
    return tuple(dict.fromkeys(own))


def group_member(group: str) -> str:
    """Under what name a group of the identity provider is a member of an app."""
    return GROUP_PREFIX + "/" + group.strip("/").lower()
