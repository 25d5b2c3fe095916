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
