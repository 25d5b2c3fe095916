"""What the database holds of one person, and its removal: words, names, addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, or_, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from appliance.core.errors import Unavailable
from appliance.db.approval_tables import ApprovalRow, DelegationRow, VoteRow
from appliance.db.records import BuildState
from appliance.db.tables import ApiKeyRow, AskedRow, BuildEventRow, BuildRow, MemberRow, ProjectRow, VersionRow

if TYPE_CHECKING:
    from sqlmodel import Session

    from appliance.db.engine import Database

ERASED: Final = "Erased person"
_STANDING: Final = (BuildState.QUEUED.value, BuildState.RUNNING.value)


class Personal:
    """Implements :class:`appliance.core.ports.PersonalRecords` over projects, versions, builds and members.

    Apps and their versions stay: they are the organisation's, and colleagues work with them. What goes is what the
    person wrote to get them, and the person's name and address; the subject stays as a pseudonym.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def erase(self, subject: str) -> dict[str, int]:
        """Remove words, names and addresses of ``subject``; returns how many rows of each kind were emptied.

        Raises:
            Unavailable: a build of the person is under way, or the database refuses; ask again.
        """
        removed = self._empty_rows(subject)
        self._compact()
        return removed

    def _empty_rows(self, subject: str) -> dict[str, int]:
        with self._database.session() as session:
            mine = select(BuildRow).where(BuildRow.requester_subject == subject)
            builds = list(session.exec(mine))
            if any(one.state in _STANDING for one in builds):
                message = "A build of this person is still under way."
                raise Unavailable(message, action="Stop it, or wait until it has ended, and ask again.")
            projects = list(session.exec(select(ProjectRow).where(ProjectRow.owner_subject == subject)))
            versions = list(session.exec(select(VersionRow).where(VersionRow.author_subject == subject)))
            emails = {one.requester_email.lower() for one in builds} | {one.owner_email.lower() for one in projects}
            emails |= {one.author_email.lower() for one in versions}
            ids = [one.id for one in builds]
            # Statements, not rows: what a person said need not be read to be removed.
            events = session.execute(delete(BuildEventRow).where(col(BuildEventRow.build_id).in_(ids)))
            session.execute(
                update(BuildRow)
                .where(col(BuildRow.id).in_(ids))
                .values(request="", requester_name=ERASED, requester_email="", error=None)
            )
            session.execute(
                update(VersionRow)
                .where(or_(col(VersionRow.author_subject) == subject, col(VersionRow.build_id).in_(ids)))
                .values(author_name=ERASED, author_email="", summary="")
            )
            session.execute(
                update(ProjectRow)
                .where(col(ProjectRow.owner_subject) == subject)
                .values(owner_name=ERASED, owner_email="")
            )
            emptied = _empty_approvals(session, f"user:{subject}", emails - {""})
            session.execute(update(AskedRow).where(col(AskedRow.subject) == subject).values(name=ERASED))
            keys = session.execute(delete(ApiKeyRow).where(col(ApiKeyRow.holder_subject) == subject))
            members = session.execute(delete(MemberRow).where(col(MemberRow.email).in_(emails - {""})))
            return {
                "builds": len(builds),
                "events": _count(events),
                "versions": len(versions),
                "projects": len(projects),
                "memberships": _count(members),
                "approvals": emptied,
                "api keys": _count(keys),
            }

    def _compact(self) -> None:
        """SQLite: leave no old page behind, in the file or in the write-ahead log. Elsewhere: the server's affair."""
        engine = self._database.engine
        if engine.dialect.name != "sqlite":
            return
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM"))
                busy = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
        except SQLAlchemyError as error:
            raise _in_use(str(error).splitlines()[0]) from error
        if busy:
            raise _in_use("the write-ahead log has readers")


def _empty_approvals(session: Session, principal: str, emails: set[str]) -> int:
    """What a person asked for and said about requests; who decided on what stays, by subject."""
    asked = session.execute(
        update(ApprovalRow)
        .where(col(ApprovalRow.requester) == principal)
        .values(requester_name=ERASED, requester_email="", comment="")
    )
    said = session.execute(update(VoteRow).where(col(VoteRow.voter) == principal).values(voter_name=ERASED, comment=""))
    lent = session.execute(
        delete(DelegationRow).where(
            or_(col(DelegationRow.principal) == principal, col(DelegationRow.to_email).in_(emails))
        )
    )
    return sum(map(_count, (asked, said, lent)))


def _count(result: object) -> int:
    return max(0, int(getattr(result, "rowcount", 0)))


def _in_use(cause: str) -> Unavailable:
    message = "What was removed may still stand in old pages of the database."
    return Unavailable(message, cause=cause, action="Ask again in a minute; a restart finishes it too.")
