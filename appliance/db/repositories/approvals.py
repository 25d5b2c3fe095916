"""Requests for approval, votes, delegations."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from appliance.db.approval_records import Approval, ApprovalKind, ApprovalState, Delegation, Observation, Vote
from appliance.db.approval_tables import ApprovalRow, DelegationRow, VoteRow

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.db.engine import Database

MAX_LISTED = 200


class Approvals:
    """Reads and writes of approvals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, approval: Approval) -> None:
        """Store a new request."""
        values = asdict(approval) | {"kind": approval.kind.value, "state": approval.state.value}
        values |= {"findings": [asdict(one) for one in approval.findings], "subject": dict(approval.subject)}
        with self._database.session() as session:
            session.add(ApprovalRow(**values))

    def get(self, approval_id: str) -> Approval | None:
        """The request, or None."""
        with self._database.session() as session:
            row = session.get(ApprovalRow, approval_id)
            return None if row is None else _approval(row)

    def in_state(self, *states: ApprovalState, kind: ApprovalKind | None = None) -> list[Approval]:
        """Requests in one of the states, oldest first; at most ``MAX_LISTED``."""
        query = select(ApprovalRow).where(col(ApprovalRow.state).in_([one.value for one in states]))
        if kind is not None:
            query = query.where(ApprovalRow.kind == kind.value)
        return self._list(query.order_by(col(ApprovalRow.created_at)).limit(MAX_LISTED))

    def settled(self) -> list[Approval]:
        """Requests that are over, the last first; at most ``MAX_LISTED``."""
        final = [one.value for one in ApprovalState if one.final]
        query = select(ApprovalRow).where(col(ApprovalRow.state).in_(final))
        return self._list(query.order_by(col(ApprovalRow.settled_at).desc()).limit(MAX_LISTED))

    def of_requester(self, requester: str) -> list[Approval]:
        """A principal's own requests, the last first; at most ``MAX_LISTED``."""
        query = select(ApprovalRow).where(ApprovalRow.requester == requester)
        return self._list(query.order_by(col(ApprovalRow.created_at).desc()).limit(MAX_LISTED))

    def of_project(self, project_id: str) -> list[Approval]:
        """Requests about an app, the last first; at most ``MAX_LISTED``."""
        query = select(ApprovalRow).where(ApprovalRow.project_id == project_id)
        return self._list(query.order_by(col(ApprovalRow.created_at).desc()).limit(MAX_LISTED))

    def settle(
        self, approval_id: str, state: ApprovalState, *, expected: ApprovalState, at: datetime, outcome: str = ""
    ) -> bool:
        """Bring a request from one state into another; False if it is not in the first any more."""
        with self._database.session() as session:
            row = session.get(ApprovalRow, approval_id, with_for_update=True)
            if row is None or row.state != expected.value:
                return False
            row.state, row.outcome = state.value, outcome
            row.settled_at = at if state.final else row.settled_at
            session.add(row)
            return True

    def _list(self, query: Any) -> list[Approval]:
        with self._database.session() as session:
            return [_approval(row) for row in session.exec(query)]

    # --- votes -------------------------------------------------------------------------------------------------

    def vote(self, vote: Vote) -> None:
        """Store what somebody said; it takes the place of what they said before."""
        with self._database.session() as session:
            session.merge(VoteRow(**asdict(vote)))

    def votes(self, approval_id: str) -> list[Vote]:
        """What was said to a request, in order."""
        query = select(VoteRow).where(VoteRow.approval_id == approval_id).order_by(col(VoteRow.at))
        with self._database.session() as session:
            return [Vote(**row.model_dump()) for row in session.exec(query)]

    # --- delegations -------------------------------------------------------------------------------------------

    def delegate(self, delegation: Delegation) -> None:
        """Store a delegation."""
        with self._database.session() as session:
            session.add(DelegationRow(**asdict(delegation) | {"roles": sorted(delegation.roles)}))

    def delegations(self, *, to_email: str = "", principal: str = "") -> list[Delegation]:
        """Delegations to an address, or by a principal, the last first."""
        query = select(DelegationRow)
        if to_email:
            query = query.where(DelegationRow.to_email == to_email.lower())
        if principal:
            query = query.where(DelegationRow.principal == principal)
        with self._database.session() as session:
            rows = session.exec(query.order_by(col(DelegationRow.begins_at).desc()).limit(MAX_LISTED))
            return [Delegation(**row.model_dump() | {"roles": frozenset(row.roles)}) for row in rows]

    def revoke(self, delegation_id: str, at: datetime) -> None:
        """End a delegation now."""
        with self._database.session() as session:
            row = session.get_one(DelegationRow, delegation_id)
            row.revoked_at = at
            session.add(row)


def _approval(row: ApprovalRow) -> Approval:
    values = row.model_dump() | {"kind": ApprovalKind(row.kind), "state": ApprovalState(row.state)}
    return Approval(**values | {"findings": tuple(Observation(**one) for one in row.findings)})
