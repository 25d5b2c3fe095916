"""Changes of the policies by two people: proposed, tried against what was decided before, approved, put in force.

A text that is broken, or under which nobody could change the policies any more, is refused; what is in force stays.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.engine import Engine, digest_of
from appliance.authz.errors import PolicyBroken, PolicyUnusable
from appliance.authz.questions import Question
from appliance.authz.store import PolicyVersion
from appliance.authz.trial import Recorded, Trial, can_be_changed_again, replay
from appliance.core.act_context import APPLIANCE
from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.db.approval_records import Approval, ApprovalKind, Vote
from appliance.studio.approval import Wanted
from appliance.studio.evidence import act
from appliance.studio.permits import as_principal, permit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from appliance.authz.authority import Authority
    from appliance.authz.store import PolicyStore
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.studio.approval import ApprovalService
    from appliance.studio.people import Actor

DAYS: Final = 30


def policies_in_force(store: PolicyStore, schema: bytes, shipped: bytes, *, audit: AuditSink, clock: Clock) -> Engine:
    """The policies to start with: those that were activated last. The first start activates what ships, and so does a
    release that ships others while shipped ones are in force; that is recorded.

    Raises:
        PolicyUnusable: what should be in force is missing, damaged, or does not fit this release.
    """
    known = store.active()
    text = shipped if known is None or known[0].origin == "shipped" else known[1]
    try:
        engine = Engine(schema, text)
    except PolicyBroken as error:
        message = "The policies in force do not fit this release of the appliance."
        action = "Start the release before, and change the policies so that they fit, or restore them from a backup."
        raise PolicyUnusable(message, cause=error.cause, action=action) from error
    if known is None or known[0].digest != engine.digest:
        origin = "shipped" if text is shipped else known[0].origin if known is not None else "shipped"
        version = PolicyVersion(
            number=store.next_number(),
            digest=engine.digest,
            sha256=hashlib.sha256(text).hexdigest(),
            origin=origin,
            activated_at=clock.now().isoformat(timespec="seconds"),
        )
        _activate(
            store, version, text, audit=audit, principal=APPLIANCE, replaces="" if known is None else known[0].digest
        )
    return engine


def _activate(
    store: PolicyStore, version: PolicyVersion, text: bytes, *, audit: AuditSink, principal: str, replaces: str
) -> None:
    details: dict[str, Any] = {"number": version.number, "digest": version.digest, "origin": version.origin}
    if version.approval:
        details |= {"approval": version.approval, "requested_by": version.requested_by}
        details["approved_by"] = list(version.approved_by)
    if replaces:
        details["replaces"] = replaces
    with act(audit, Event.POLICY_ACTIVATED, principal=principal, resource="policy", details=details):
        store.activate(version, text)


class PolicyService:
    """What reviewers, auditors and operators do with the policies."""

    def __init__(
        self,
        store: PolicyStore,
        authority: Authority,
        approvals: ApprovalService,
        *,
        schema: bytes,
        recent: Callable[[datetime], Iterable[Recorded]],
        audit: AuditSink,
        clock: Clock,
    ) -> None:
        self._store, self._authority, self._approvals = store, authority, approvals
        self._schema, self._recent, self._audit, self._clock = schema, recent, audit, clock

    def view(self, actor: Actor) -> tuple[Engine, list[PolicyVersion]]:
        """What is in force, and every version that was; the look is recorded."""
        with act(self._audit, Event.POLICY_VIEWED, principal=actor.principal, resource="policy"):
            return self._authority.engine, self._store.versions()

    def text(self, number: int) -> str:
        """The text of a version. Raises PolicyUnusable."""
        return self._store.version(number)[1].decode()

    def try_out(self, actor: Actor, text: str) -> tuple[Engine, Trial]:
        """What a text would have decided otherwise in the last 30 days.

        Raises:
            PolicyBroken: it is no policy, or nobody could change it any more.
        """
        engine = self._usable(text)
        details = {"proposed": engine.digest, "days": DAYS}
        with act(
            self._audit, Event.POLICY_TRIED, principal=actor.principal, resource="policy", details=details
        ) as evidence:
            since = self._clock.now() - timedelta(days=DAYS)
            found = replay(self._authority.engine, engine, self._recent(since))
            evidence.details.update(decisions=found.tried, now_refused=found.refused, now_permitted=found.permitted)
        return engine, found

    def propose(self, actor: Actor, text: str, comment: str) -> Approval:
        """Ask that a text come into force.

        Raises:
            PolicyBroken: it is no policy, or nobody could change it any more.
            NotAllowed: the policies in force do not let this person ask.
            Refused: it is in force already.
        """
        permit(self._authority, Question(as_principal(actor), Action.PROPOSE_POLICY, questions.POLICY))
        engine, found = self.try_out(actor, text)
        if engine.digest == self._authority.engine.digest:
            message = "This policy is in force already."
            raise Refused(message, action="Change something first.")
        wanted = Wanted(
            kind=ApprovalKind.POLICY,
            title=f"Change the policy: {comment[:80]}" if comment.strip() else "Change the policy",
            comment=comment,
            subject={
                "text": text,
                "digest": engine.digest,
                "base": self._authority.engine.digest,
                "tried": found.tried,
                "refused": found.refused,
                "permitted": found.permitted,
            },
        )
        return self._approvals.request(actor, wanted)

    def carry_out(self, approval: Approval, votes: tuple[Vote, ...], principal: str) -> None:
        """Put an approved text in force, at once and for every start from now on.

        Raises:
            PolicyBroken: it does not fit any more.
            Refused: the policies have been changed since it was proposed.
            PolicyUnusable: the disk refuses; what was in force stays.
        """
        text = str(approval.subject["text"]).encode()
        now = self._authority.engine.digest
        if now == digest_of(self._schema, text):
            return  # a crash came between the last step and the note that it was done
        engine = self._usable(text.decode())
        if approval.subject["base"] != now:
            message = "The policy has been changed since this was proposed, so it was tried against another one."
            raise Refused(message, action="Withdraw it, and propose it again.")
        version = PolicyVersion(
            number=self._store.next_number(),
            digest=engine.digest,
            sha256=hashlib.sha256(text).hexdigest(),
            origin="changed",
            activated_at=self._clock.now().isoformat(timespec="seconds"),
            requested_by=approval.requester,
            approved_by=tuple(one.voter for one in votes if one.approves),
            approval=approval.id,
        )
        _activate(self._store, version, text, audit=self._audit, principal=principal, replaces=now)
        self._authority.replace(engine)

    def _usable(self, text: str) -> Engine:
        engine = Engine(self._schema, text.encode("utf-8", "replace"))
        if not can_be_changed_again(engine):
            message = "Under this policy nobody could change the policy any more."
            action = "Let some role propose changes of kind “policy”, and some other person approve them."
            raise PolicyBroken(message, action=action)
        return engine
