"""What is said by mail about requests: who is told, and in which words. Nothing secret stands in a mail but a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from appliance.db.approval_records import ApprovalKind, ApprovalState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.core.settings import MailSettings
    from appliance.db.approval_records import Approval
    from appliance.db.records import Project

_DECIDERS: Final[Mapping[ApprovalKind, tuple[str, ...]]] = {
    ApprovalKind.PUBLISH: ("reviewers",),
    ApprovalKind.POLICY: ("reviewers", "auditors", "operators"),
    ApprovalKind.MODEL: ("reviewers",),
    ApprovalKind.EXPORT: ("reviewers", "auditors"),
    ApprovalKind.CLASSIFY: ("reviewers",),
    ApprovalKind.ERASURE: ("auditors",),
}
_ENDS: Final[Mapping[ApprovalState, str]] = {
    ApprovalState.DONE: "was approved",
    ApprovalState.REFUSED: "was refused",
    ApprovalState.EXPIRED: "was not decided in time",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail: plain text."""

    to: tuple[str, ...]
    subject: str
    text: str


class Post(Protocol):
    """Takes letters and never lets anybody wait."""

    def send(self, letter: Letter) -> None:
        """Put it in the queue."""
        ...


class Notices:
    """Tells people of requests."""

    def __init__(self, post: Post, settings: MailSettings, studio: str) -> None:
        """``studio`` is the origin that links lead to."""
        self._post, self._settings, self._studio = post, settings, studio

    def asked(self, approval: Approval) -> None:
        """Something waits: tell those who decide."""
        lists: dict[str, tuple[str, ...]] = {
            "reviewers": self._settings.reviewers,
            "auditors": self._settings.auditors,
            "operators": self._settings.operators,
        }
        to = tuple(dict.fromkeys(address for name in _DECIDERS[approval.kind] for address in lists[name]))
        text = f"{approval.requester_name} asks for an approval: {approval.title}\n\n{self._link(approval)}\n"
        self._send(to, f"Waiting for you: {approval.title}", f"{text}\nIt can be decided until {_day(approval)}.\n")

    def decided(self, approval: Approval) -> None:
        """Something is over: tell whoever asked."""
        end = _ENDS.get(approval.state)
        if end is None:
            return
        why = f"\n{approval.outcome}\n" if approval.outcome else ""
        text = f"Your request “{approval.title}” {end}.\n{why}\n{self._link(approval)}\n"
        self._send((approval.requester_email,), f"Your request {end}: {approval.title}", text)

    def taken_back(self, project: Project, reason: str) -> None:
        """Somebody else took a published app back: tell its owner."""
        text = (
            f"“{project.name}” was taken back from its users.\n\n{reason}\n\n{self._studio}/apps/{project.id}/publish\n"
        )
        self._send((project.owner.email,), f"Taken back: {project.name}", text)

    def _send(self, to: tuple[str, ...], subject: str, text: str) -> None:
        known = tuple(address for address in to if address)
        if known:
            self._post.send(Letter(known, " ".join(subject.split())[:150], text))

    def _link(self, approval: Approval) -> str:
        return f"{self._studio}/approvals/{approval.id}"


def _day(approval: Approval) -> str:
    return approval.expires_at.strftime("%Y-%m-%d")
