"""Projects, their versions and members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select

from appliance.core.ports import Person
from appliance.db.records import Member, Origin, Project, Version
from appliance.db.tables import MemberRow, ProjectRow, VersionRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlmodel import Session

    from appliance.db.engine import Database

MAX_LISTED = 200
GROUP_PREFIX = "group:"
"""Before the path of a group, where a member is no address but a group."""


class Projects:
    """Reads and writes of projects, versions and members."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, project: Project) -> None:
        """Store a new project."""
        with self._database.session() as session:
            session.add(
                ProjectRow(
                    id=project.id,
                    slug=project.slug,
                    name=project.name,
                    about=project.about,
                    owner_subject=project.owner.subject,
                    owner_name=project.owner.name,
                    owner_email=project.owner.email,
                    current=project.current,
                    level=project.level,
                    created_at=project.created_at,
                    changed_at=project.changed_at,
                )
            )

    def get(self, project_id: str) -> Project | None:
        """The project, or None."""
        with self._database.session() as session:
            row = session.get(ProjectRow, project_id)
            return None if row is None else _project(row)

    def by_slug(self, slug: str) -> Project | None:
        """The project at that address, or None."""
        with self._database.session() as session:
            row = session.exec(select(ProjectRow).where(ProjectRow.slug == slug)).first()
            return None if row is None else _project(row)

    def owned_by(self, subject: str) -> list[Project]:
        """A person's own projects, last changed first; at most ``MAX_LISTED``."""
        query = select(ProjectRow).where(ProjectRow.owner_subject == subject)
        return self._list(query.order_by(col(ProjectRow.changed_at).desc()).limit(MAX_LISTED))

    def owners(self) -> dict[str, str]:
        """Everybody who owns a project: subject to address."""
        with self._database.session() as session:
            query = select(ProjectRow.owner_subject, ProjectRow.owner_email).distinct()
            return {subject: email for subject, email in session.exec(query)}  # noqa: C416 - rows, not tuples

    def shared_with(self, *names: str) -> list[Project]:
        """Projects that stand and that other people let these addresses or groups into."""
        query = select(ProjectRow).distinct().join(MemberRow)
        query = query.where(col(MemberRow.email).in_([name.lower() for name in names]))
        query = query.where(col(ProjectRow.current).is_not(None))
        return self._list(query.order_by(col(ProjectRow.changed_at).desc()).limit(MAX_LISTED))

    def all_standing(self) -> list[Project]:
        """Every project that has a current version."""
        return self._list(select(ProjectRow).where(col(ProjectRow.current).is_not(None)))

    def _list(self, query: object) -> list[Project]:
        with self._database.session() as session:
            return [_project(row) for row in session.exec(query)]  # type: ignore[call-overload]

    def rename(self, project_id: str, name: str, at: datetime) -> None:
        """Give a project the name that its maker will see while it is being built."""
        with self._database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            row.name, row.changed_at = name, at
            session.add(row)

    def classify(self, project_id: str, level: int, at: datetime) -> None:
        """Give its data another class."""
        with self._database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            row.level, row.changed_at = level, at
            session.add(row)

    def touch(self, project_id: str, at: datetime) -> None:
        """Note that something happened to the project."""
        with self._database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            row.changed_at = at
            session.add(row)

    # --- versions ----------------------------------------------------------------------------------------------

    def add_version(
        self, version: Version, *, name: str, about: str, slug: str, roles: Mapping[str, str] | None = None
    ) -> Project:
        """Store a version and make it the current one, in one transaction; the slug is given only once.

        ``roles``: those that have another name now; the people in them keep their role.
        """
        with self._database.session() as session:
            row = session.get_one(ProjectRow, version.project_id)
            session.add(_version_row(version))
            row.current, row.name, row.about, row.changed_at = version.number, name, about, version.created_at
            if row.slug is None:
                row.slug = _free_slug(session, slug)
            session.add(row)
            for member in session.exec(select(MemberRow).where(MemberRow.project_id == version.project_id)):
                if roles and member.role in roles:
                    member.role = roles[member.role]
                    session.add(member)
            session.flush()
            return _project(row)

    def versions(self, project_id: str) -> list[Version]:
        """All versions, newest first."""
        query = select(VersionRow).where(VersionRow.project_id == project_id)
        with self._database.session() as session:
            return [_version(row) for row in session.exec(query.order_by(col(VersionRow.number).desc()))]

    def version(self, project_id: str, number: int) -> Version | None:
        """One version, or None."""
        with self._database.session() as session:
            row = session.get(VersionRow, (project_id, number))
            return None if row is None else _version(row)

    def version_of_build(self, build_id: str) -> Version | None:
        """The version that a build made, or None."""
        with self._database.session() as session:
            row = session.exec(select(VersionRow).where(VersionRow.build_id == build_id)).first()
            return None if row is None else _version(row)

    # --- members -----------------------------------------------------------------------------------------------

    def members(self, project_id: str) -> list[Member]:
        """Colleagues with access, by address."""
        query = select(MemberRow).where(MemberRow.project_id == project_id).order_by(col(MemberRow.email))
        with self._database.session() as session:
            return [_member(row) for row in session.exec(query)]

    def member(self, project_id: str, email: str) -> Member | None:
        """The membership of one address, or None."""
        with self._database.session() as session:
            row = session.get(MemberRow, (project_id, email.lower()))
            return None if row is None else _member(row)

    def group_members(self, project_id: str) -> list[Member]:
        """Groups with access."""
        query = select(MemberRow).where(MemberRow.project_id == project_id)
        with self._database.session() as session:
            return [_member(row) for row in session.exec(query.where(col(MemberRow.email).startswith(GROUP_PREFIX)))]

    def hand_over(self, project_id: str, owner: Person, at: datetime) -> None:
        """Give a project another owner."""
        with self._database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            row.owner_subject, row.owner_name, row.owner_email = owner.subject, owner.name, owner.email
            row.changed_at = at
            session.add(row)

    def put_member(self, member: Member) -> None:
        """Add a colleague or change their role."""
        with self._database.session() as session:
            session.merge(
                MemberRow(
                    project_id=member.project_id,
                    email=member.email.lower(),
                    role=member.role,
                    added_at=member.added_at,
                )
            )

    def remove_member(self, project_id: str, email: str) -> None:
        """Take a colleague's access away; nothing happens if they had none."""
        with self._database.session() as session:
            row = session.get(MemberRow, (project_id, email.lower()))
            if row is not None:
                session.delete(row)


def _free_slug(session: Session, wanted: str) -> str:
    taken = set(session.exec(select(ProjectRow.slug).where(col(ProjectRow.slug).startswith(wanted))))
    if wanted not in taken:
        return wanted
    number = 2
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"


def _project(row: ProjectRow) -> Project:
    return Project(
        id=row.id,
        slug=row.slug,
        name=row.name,
        about=row.about,
        owner=Person(row.owner_subject, row.owner_name, row.owner_email),
        current=row.current,
        level=row.level,
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _version_row(version: Version) -> VersionRow:
    return VersionRow(
        project_id=version.project_id,
        number=version.number,
        commit=version.commit,
        schema_digest=version.schema_digest,
        author_subject=version.author.subject,
        author_name=version.author.name,
        author_email=version.author.email,
        summary=version.summary,
        origin=version.origin.value,
        build_id=version.build_id,
        restored_from=version.restored_from,
        created_at=version.created_at,
    )


def _version(row: VersionRow) -> Version:
    return Version(
        project_id=row.project_id,
        number=row.number,
        commit=row.commit,
        schema_digest=row.schema_digest,
        author=Person(row.author_subject, row.author_name, row.author_email),
        summary=row.summary,
        origin=Origin(row.origin),
        build_id=row.build_id,
        restored_from=row.restored_from,
        created_at=row.created_at,
    )


def _member(row: MemberRow) -> Member:
    return Member(project_id=row.project_id, email=row.email, role=row.role, added_at=row.added_at)
