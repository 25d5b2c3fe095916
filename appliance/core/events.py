"""The closed list of things that the audit log can say. A name, once used, is never reused for something else."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What is about to happen (intent), by dotted name."""

    SERVICE_STARTED = "service.started"
    MODEL_LOADED = "model.loaded"
    SIGNED_IN = "identity.signed_in"
    SIGNED_OUT = "identity.signed_out"
    SIGN_IN_REFUSED = "identity.sign_in_refused"
    SESSION_ENDED = "identity.session_ended"
    GROUPS_CHANGED = "identity.groups_changed"
    STEPPED_UP = "identity.stepped_up"
    REALM_PROVISIONED = "identity.realm_provisioned"
    PERSON_PUSHED = "directory.person_pushed"
    GROUP_PUSHED = "directory.group_pushed"
    PERSON_DEPROVISIONED = "directory.person_deprovisioned"
    PERSON_RETURNED = "directory.person_returned"
    APP_HANDED_OVER = "app.handed_over"
    SCIM_TOKEN_MADE = "directory.scim_token_made"  # noqa: S105 - a name, no secret
    SCIM_TOKEN_REVOKED = "directory.scim_token_revoked"  # noqa: S105 - a name, no secret
    ACCESS_REFUSED = "access.refused"
    PROMPT_SUBMITTED = "prompt.submitted"
    PLAN_MADE = "plan.made"
    USAGE_VIEWED = "usage.viewed"
    TEXT_SCREENED = "dlp.text_screened"
    BUILD_CANCELLED = "build.cancelled"
    BUILD_STARTED = "build.started"
    VERSION_COMMITTED = "version.committed"
    VERSION_RESTORED = "version.restored"
    REVISION_PROPOSED = "revision.proposed"
    REVISION_ACCEPTED = "revision.accepted"
    REVISION_WITHDRAWN = "revision.withdrawn"
    RECORDS_TRIED = "records.tried"
    RECORDS_CARRIED = "records.carried"
    PARTS_LOCKED = "parts.locked"
    APP_OPENED = "app.opened"
    KIOSK_OPENED = "app.kiosk_opened"
    ACCESS_GRANTED = "access.granted"
    ACCESS_REVOKED = "access.revoked"
    BUNDLE_SIGNED = "bundle.signed"
    DATA_IMPORTED = "data.imported"
    APP_EXPORTED = "app.exported"
    ERASURE_REQUESTED = "privacy.erasure_requested"
    ERASURE_REJECTED = "privacy.erasure_rejected"
    SUBJECT_ERASED = "privacy.subject_erased"
    ERASURES_VIEWED = "privacy.erasures_viewed"
    HOLD_SET = "privacy.hold_set"
    HOLD_LIFTED = "privacy.hold_lifted"
    BODY_OPENED = "privacy.body_opened"
    BODIES_PRUNED = "privacy.bodies_pruned"
    MASTER_KEY_ROTATED = "privacy.master_key_rotated"
    LOG_PRUNED = "audit.pruned"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_SEARCHED = "audit.searched"
    AUDIT_VIEWED = "audit.viewed"


class Outcome(StrEnum):
    """How an act ended. ``unknown`` is written by recovery after a crash."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
