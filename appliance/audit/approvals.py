"""Erasure requests and legal holds as values, and the decisions about them. Nothing here does I/O.

An erasure needs two principals: one asks, another approves. That whoever calls may ask or approve at all is decided by
policy before this; what is decided here no policy can switch off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from appliance.audit.errors import ApprovalRefused, HeldBack

EVERYBODY: Final = "*"
REQUEST_DAYS: Final = 30
MAX_REASON: Final = 500
MAX_SUBJECT: Final = 255
"""Of a subject in characters (OpenID Connect Core §2)."""


class RequestState(StrEnum):
    """Where an erasure stands. From ``approved`` on it is carried out, after a crash too."""

    WAITING = "waiting"
    APPROVED = "approved"
    DONE = "done"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ErasureRequest:
    """Somebody asked that everything under a person's key be erased. Times are RFC 3339 in UTC."""

    id: str
    subject: str
    requested_by: str
    requested_at: str
    reason: str
    state: RequestState = RequestState.WAITING
    decided_by: str = ""
    decided_at: str = ""
    tombstone: int = -1
    """Index of the leaf that announces the erasure; -1 before that."""


@dataclass(frozen=True)
class LegalHold:
    """Nothing of ``subject`` (or of anybody: ``*``) may be erased or pruned while this stands."""

    id: str
    subject: str
    reason: str
    set_by: str
    set_at: str


def require_approval(request: ErasureRequest, approver: str, now: datetime) -> None:
    """Whether ``approver`` may let the request be carried out now.

    Raises:
        ApprovalRefused: the same principal asked; it does not wait any more; or it is older than 30 days.
    """
    if request.state is not RequestState.WAITING:
        message = f"The erasure request {request.id} does not wait for an approval."
        raise ApprovalRefused(message, cause=f"it is {request.state.value}", action="Ask again if it is still needed.")
    if _same(approver, request.requested_by) or not approver.strip():
        message = "An erasure needs two people: whoever asked for it cannot approve it."
        raise ApprovalRefused(message, cause=f"both are {approver!r}", action="Let somebody else approve it.")
    if expired(request, now):
        message = f"The erasure request {request.id} is older than {REQUEST_DAYS} days."
        raise ApprovalRefused(message, action="Ask again, so that the reason is looked at afresh.")


def expired(request: ErasureRequest, now: datetime) -> bool:
    """Whether the request is too old to be approved."""
    return now - datetime.fromisoformat(request.requested_at) > timedelta(days=REQUEST_DAYS)


def may_approve(request: ErasureRequest, person: str, now: datetime) -> bool:
    """Whether :func:`require_approval` would let this principal pass."""
    try:
        require_approval(request, person, now)
    except ApprovalRefused:
        return False
    return True


def require_no_hold(subject: str, holds: Iterable[LegalHold]) -> None:
    """Whether something of ``subject`` may go.

    Raises:
        HeldBack: a legal hold stands; the message names it.
    """
    for hold in holds:
        if covers(hold, subject):
            message = f"The legal hold {hold.id} forbids this: {hold.reason}"
            raise HeldBack(
                message,
                cause=f"set by {hold.set_by} on {hold.set_at} for {hold.subject}",
                action="Have the hold lifted first, if the reason for it has ended.",
            )


def covers(hold: LegalHold, subject: str) -> bool:
    """Whether the hold is about this person."""
    return hold.subject in (EVERYBODY, subject)


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
