"""Acts on what is under seal: open, hold, ask for an erasure, approve it. Each is in the log before it is done.

An erasure goes through these steps, each durable before the next; a start finishes what a crash interrupted:

1. the request is stored (``waiting``);
2. the leaf ``privacy.subject_erased`` names the request, both principals and the keys: the tombstone;
3. the request becomes ``approved``: from here on it is carried out, whatever happens;
4. the person's wrapped keys are destroyed, then the sealed bodies, then what working stores hold of the person;
5. the outcome is recorded, and the request becomes ``done``.

After a crash between 2 and 3 nothing was destroyed, and the request still waits. After one between 3 and 5 the start
records a new tombstone that refers to the first, and goes on.
"""

from __future__ import annotations

import dataclasses
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.audit.approvals import (
    MAX_REASON,
    MAX_SUBJECT,
    ErasureRequest,
    LegalHold,
    RequestState,
    require_approval,
    require_no_hold,
)
from appliance.audit.errors import ApprovalRefused, BodyRefused
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event, Outcome
from appliance.core.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.audit.desk import Desk
    from appliance.audit.seal import Opened
    from appliance.audit.vault import Vault
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink, LeafRef, PersonalRecords, SealedRef


class Privacy:
    """What may be done with sealed bodies, for controllers and the command line. Safe for threads."""

    def __init__(
        self,
        vault: Vault,
        desk: Desk,
        audit: AuditSink,
        clock: Clock,
        records: Mapping[str, PersonalRecords],
        *,
        step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``records`` are the working stores that an erasure empties, by name; ``step`` is told each step (faults)."""
        self._vault, self._desk, self._audit, self._clock = vault, desk, audit, clock
        self._records, self._step = dict(records), step
        self._lock = threading.RLock()

    # --- opening -----------------------------------------------------------------------------------------------

    def open_body(self, ref: SealedRef, *, principal: str, purpose: str) -> Opened:
        """Open what a leaf names; that somebody looked, and what for, is recorded first.

        Raises:
            BodyErased, BodyPruned: it is gone; the message says since when and why.
            BodyDamaged: it is missing or changed.
            AuditUnavailable: the look cannot be recorded, so there is none.
        """
        details = {"address": ref.address, "subject": ref.subject, "kind": ref.kind, "purpose": _reason(purpose)}
        with self._act(Event.BODY_OPENED, principal, ref.subject, details):
            return self._vault.open(ref)

    # --- legal hold --------------------------------------------------------------------------------------------

    def holds(self) -> tuple[LegalHold, ...]:
        """The holds that stand."""
        return self._desk.holds()

    def set_hold(self, subject: str, *, principal: str, reason: str) -> LegalHold:
        """Forbid erasing and pruning anything of ``subject`` (``*``: of anybody) until the hold is lifted.

        Raises:
            BodyRefused: no reason is given, or a very long one.
            AuditUnavailable: it cannot be recorded or stored; then it does not stand.
        """
        _require_subject(subject)
        at = self._clock.now().isoformat(timespec="seconds")
        hold = LegalHold(new_id("hold"), subject, _reason(reason), principal, at)
        details = {"hold": hold.id, "reason": hold.reason}
        with self._lock, self._act(Event.HOLD_SET, principal, subject, details):
            self._desk.put_hold(hold)
        return hold

    def lift_hold(self, hold_id: str, *, principal: str, reason: str) -> None:
        """End a hold.

        Raises:
            BodyRefused: there is no such hold, or no reason is given.
            AuditUnavailable: it cannot be recorded; the hold still stands.
        """
        with self._lock:
            hold = next((one for one in self._desk.holds() if one.id == hold_id), None)
            if hold is None:
                message = f"There is no legal hold {hold_id}."
                raise BodyRefused(message, action="Choose one from the list of holds.")
            details = {"hold": hold.id, "reason": _reason(reason), "set_by": hold.set_by}
            with self._act(Event.HOLD_LIFTED, principal, hold.subject, details):
                self._desk.remove_hold(hold.id)

    # --- erasure -----------------------------------------------------------------------------------------------

    def requests(self) -> tuple[ErasureRequest, ...]:
        """Every erasure request, oldest first."""
        return self._desk.requests()

    def look(self, *, principal: str) -> tuple[tuple[ErasureRequest, ...], tuple[LegalHold, ...]]:
        """Requests and holds for somebody's eyes; that somebody looks is recorded first.

        Raises:
            AuditUnavailable: the look cannot be recorded, so there is none.
        """
        requests, holds = self._desk.requests(), self._desk.holds()
        waiting = sum(one.state is RequestState.WAITING for one in requests)
        with self._act(Event.ERASURES_VIEWED, principal, "vault", {"waiting": waiting, "holds": len(holds)}):
            return requests, holds

    def request_erasure(self, subject: str, *, principal: str, reason: str) -> ErasureRequest:
        """Ask that everything of ``subject`` be erased; another principal has to approve it.

        Raises:
            HeldBack: a legal hold stands.
            BodyRefused: no reason is given.
            AuditUnavailable: it cannot be recorded or stored.
        """
        _require_subject(subject)
        at = self._clock.now().isoformat(timespec="seconds")
        request = ErasureRequest(new_id("ers"), subject, principal, at, _reason(reason))
        details = {"request": request.id, "reason": request.reason}
        with self._lock, self._act(Event.ERASURE_REQUESTED, principal, subject, details):
            require_no_hold(subject, self._desk.holds())
            self._desk.put_request(request)
        return request

    def reject_erasure(self, request_id: str, *, principal: str, reason: str) -> ErasureRequest:
        """Decline a request that waits. Raises ApprovalRefused if it does not."""
        with self._lock:
            request = self._waiting(request_id)
            details = {"request": request.id, "reason": _reason(reason), "requested_by": request.requested_by}
            with self._act(Event.ERASURE_REJECTED, principal, request.subject, details):
                return self._decide(request, RequestState.REJECTED, principal, -1)

    def approve_erasure(self, request_id: str, *, principal: str) -> ErasureRequest:
        """Approve a request and carry it out; returns it when everything is gone.

        Raises:
            ApprovalRefused: by the principal that asked, too late, or nothing waits.
            HeldBack: a legal hold stands; the message names it.
            AuditUnavailable: a step cannot be recorded or made durable; the next start goes on.
        """
        with self._lock:
            request = self._waiting(request_id)
            details = self._tombstone(request, principal)
            with self._act(Event.SUBJECT_ERASED, principal, request.subject, details) as (intent, outcome):
                require_approval(request, principal, self._clock.now())
                require_no_hold(request.subject, self._desk.holds())
                self._step("announced")
                request = self._decide(request, RequestState.APPROVED, principal, intent.index)
                self._step("approved")
                outcome.update(self._carry_out(request))
            self._step("recorded")
            return self._close(request)

    def resume(self) -> tuple[ErasureRequest, ...]:
        """Finish erasures that were approved and then interrupted; for the start. Returns them."""
        with self._lock:
            left = [one for one in self._desk.requests() if one.state is RequestState.APPROVED]
            finished = []
            for request in left:
                details = {**self._tombstone(request, request.decided_by), "resumes": request.tombstone}
                with self._act(Event.SUBJECT_ERASED, request.decided_by, request.subject, details) as (_, outcome):
                    outcome.update(self._carry_out(request))
                finished.append(self._close(request))
            return tuple(finished)

    def rotate_master_key(self, *, principal: str) -> int:
        """Exchange the master key and wrap every data key anew; bodies stay as they are. Returns how many people."""
        ring = self._vault.keyring
        with self._lock, self._act(Event.MASTER_KEY_ROTATED, principal, ring.master_id, {}) as (_, outcome):
            changed = ring.rotate()
            outcome.update(master=ring.master_id, subjects=changed)
            return changed

    def _carry_out(self, request: ErasureRequest) -> dict[str, object]:
        keys = self._vault.keyring.destroy(
            request.subject,
            by=request.requested_by,
            approved_by=request.decided_by,
            request=request.id,
            tombstone=request.tombstone,
        )
        self._step("keys destroyed")
        bodies = self._vault.remove_of(request.subject)
        self._step("bodies removed")
        removed = {}
        for name, records in self._records.items():
            removed[name] = dict(records.erase(request.subject))
            self._step(f"{name} emptied")
        return {"keys_destroyed": list(keys), "bodies_removed": bodies, "records_removed": removed}

    def _tombstone(self, request: ErasureRequest, approver: str) -> dict[str, object]:
        return {
            "request": request.id,
            "reason": request.reason,
            "requested_by": request.requested_by,
            "approved_by": approver,
            "keys": list(self._vault.keyring.key_ids(request.subject)),
        }

    def _waiting(self, request_id: str) -> ErasureRequest:
        request = self._desk.request(request_id)
        if request is None:
            message = f"There is no erasure request {request_id}."
            raise ApprovalRefused(message, action="Choose one from the list of requests.")
        return request

    def _decide(self, request: ErasureRequest, state: RequestState, by: str, tombstone: int) -> ErasureRequest:
        if request.state is not RequestState.WAITING:
            message = f"The erasure request {request.id} does not wait any more."
            raise ApprovalRefused(message, cause=f"it is {request.state.value}")
        at = self._clock.now().isoformat(timespec="seconds")
        decided = dataclasses.replace(request, state=state, decided_by=by, decided_at=at, tombstone=tombstone)
        self._desk.put_request(decided)
        return decided

    def _close(self, request: ErasureRequest) -> ErasureRequest:
        done = dataclasses.replace(request, state=RequestState.DONE)
        self._desk.put_request(done)
        return done

    @contextmanager
    def _act(
        self, event: Event, principal: str, resource: str, details: Mapping[str, object]
    ) -> Iterator[tuple[LeafRef, dict[str, object]]]:
        """Intent, block, outcome; a crash (and whatever is no error of ours) leaves the outcome to recovery."""
        intent = self._audit.intent(event, principal=principal, resource=resource, details=details)
        outcome: dict[str, object] = {}
        try:
            yield intent, outcome
        except IntramuralError as error:
            result = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
            self._audit.outcome(intent, result, details={**outcome, "error": error.code})
            raise
        self._audit.outcome(intent, Outcome.DONE, details=outcome or None)


def _require_subject(subject: str) -> None:
    if not 0 < len(subject) <= MAX_SUBJECT:
        message = "A subject is needed: the identity provider's name for the person."
        raise BodyRefused(message, action="Take it from an entry of the log, where it follows “user:”.")


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not 0 < len(reason) <= MAX_REASON:
        message = "A reason is needed."
        raise BodyRefused(message, cause=f"{len(reason)} characters", action=f"Say why, in up to {MAX_REASON}.")
    return reason
