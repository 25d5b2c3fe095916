"""Errors of the audit log. What refuses an act is ``AuditUnavailable`` in :mod:`appliance.core.ports`."""

from __future__ import annotations

from appliance.core.errors import IntramuralError, Refused
from appliance.core.ports import AuditUnavailable


class LeafRefused(Refused):
    """What should be recorded cannot be a leaf: no canonical JSON, too large, or an outcome without an open intent."""

    code = "audit_leaf"


class NoteError(IntramuralError):
    """A signed note, checkpoint, proof or key text is malformed, or no known key vouches for it."""

    code = "audit_note"


class ProofError(IntramuralError):
    """A Merkle proof does not prove what it claims."""

    code = "audit_proof"


class AuditCorrupt(AuditUnavailable):
    """What is on disk is not what was written. Nothing is appended to it."""

    code = "audit_corrupt"


class AuditLocked(AuditUnavailable):
    """Another process writes to this log."""

    code = "audit_locked"


class BodyRefused(Refused):
    """A body cannot be kept under seal: too large, or of nobody."""

    code = "body_refused"


class BodyGone(IntramuralError):  # noqa: N818 - an answer, not a fault
    """What was kept under seal no longer exists, on purpose; the message says since when, why and who decided."""

    code = "body_gone"


class BodyErased(BodyGone):
    """The person's key was destroyed."""

    code = "body_erased"


class BodyPruned(BodyGone):
    """The retention policy let it go."""

    code = "body_pruned"


class BodyDamaged(IntramuralError):  # noqa: N818
    """A sealed body, or the key to it, is missing or is not what was written."""

    code = "body_damaged"


class VaultUnavailable(AuditUnavailable):
    """The vault cannot keep what the leaf is about to name, so the act is refused."""

    code = "vault_unavailable"


class HeldBack(Refused):
    """A legal hold forbids it; the message names the hold."""

    code = "legal_hold"


class ApprovalRefused(Refused):
    """The approval does not count: by the same principal, for nothing that waits, or too late."""

    code = "approval_refused"
