"""Open Cybersecurity Schema Framework 1.9: one JSON event an entry, with the ``record_integrity`` profile.

=====================  =====================================================
``identity.*``         Authentication (3002)
``access.*``           User Access Management (3005)
``service.started``    Application Lifecycle (6002)
anything else          API Activity (6003)
=====================  =====================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from appliance.audit.export.wording import PRODUCT, VENDOR, compact, is_bad, milliseconds, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView

OCSF_VERSION: Final = "1.9.0-dev"
_SHA_256: Final = 3
_OTHER: Final = 99
_CREATE, _READ, _UPDATE, _DELETE = 1, 2, 3, 4
_ACTIVITIES: Final = {
    "prompt.submitted": _CREATE,
    "build.started": _CREATE,
    "version.committed": _CREATE,
    "version.restored": _UPDATE,
    "app.opened": _READ,
    "app.published": _CREATE,
    "app.unpublished": _DELETE,
    "app.release_opened": _READ,
    "approval.requested": _CREATE,
    "approval.viewed": _READ,
    "approval.tried": _READ,
    "approval.approved": _UPDATE,
    "approval.refused": _UPDATE,
    "approval.withdrawn": _DELETE,
    "approval.expired": _DELETE,
    "approval.delegated": _CREATE,
    "approval.delegation_revoked": _DELETE,
    "policy.viewed": _READ,
    "policy.tried": _READ,
    "policy.activated": _UPDATE,
    "bundle.signed": _CREATE,
    "privacy.erasure_requested": _CREATE,
    "privacy.erasure_rejected": _UPDATE,
    "privacy.subject_erased": _DELETE,
    "privacy.erasures_viewed": _READ,
    "privacy.hold_set": _CREATE,
    "privacy.hold_lifted": _DELETE,
    "privacy.body_opened": _READ,
    "privacy.bodies_pruned": _DELETE,
    "privacy.master_key_rotated": _UPDATE,
    "audit.pruned": _DELETE,
    "audit.exported": _READ,
}
_STATUS: Final = {"done": (1, "Success"), "refused": (2, "Failure"), "failed": (2, "Failure")}


def document(entry: Entry, view: LogView) -> dict[str, Any]:
    """One entry as an OCSF event."""
    leaf = entry.leaf
    if leaf.event.startswith("identity."):
        return {**_base(entry, view, 3002, 2 if leaf.event.endswith("signed_out") else 1), **_authentication(entry)}
    if leaf.event.startswith("access."):
        return {**_base(entry, view, 3005, 4 if leaf.event.endswith("revoked") else 3), **_access(entry)}
    if leaf.event == "service.started":
        return {**_base(entry, view, 6002, 3), "app": _product()}
    return {**_base(entry, view, 6003, _ACTIVITIES.get(leaf.event, _OTHER)), **_api(entry)}


def line(entry: Entry, view: LogView) -> str:
    """One entry, without the newline."""
    return compact(document(entry, view))


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write all; one line each. Raises OSError."""
    for entry in entries:
        out.write(f"{line(entry, view)}\n".encode())


def _base(entry: Entry, view: LogView, class_uid: int, activity: int) -> dict[str, Any]:
    leaf = entry.leaf
    result = leaf.result or "announced"
    status, caption = _STATUS.get(result, (_OTHER, result.capitalize()))
    found: dict[str, Any] = {
        "activity_id": activity,
        "attestation_list": [
            {
                "authority_uid": view.origin,
                "chain_uid": view.origin,
                "fingerprint": {"algorithm": "SHA-256", "algorithm_id": _SHA_256, "value": entry.hash.hex()},
                "uid": str(entry.index),
            }
        ],
        "category_uid": class_uid // 1000,
        "class_uid": class_uid,
        "message": sentence(entry),
        "metadata": {
            "correlation_uid": str(entry.index if leaf.intent is None else leaf.intent.index),
            "event_code": leaf.event,
            "log_name": "audit",
            "product": _product(),
            "profiles": ["record_integrity"],
            "sequence": entry.index,
            "uid": f"{view.origin}/{entry.index}",
            "version": OCSF_VERSION,
        },
        "severity": "Medium" if is_bad(entry) else "Informational",
        "severity_id": 3 if is_bad(entry) else 1,
        "status": caption,
        "status_code": result,
        "status_id": status,
        "time": milliseconds(entry),
        "type_uid": class_uid * 100 + activity,
        "unmapped": {"details": compact(dict(leaf.details)), "kind": leaf.kind, "resource": leaf.resource},
    }
    if activity == _OTHER:
        found["activity_name"] = leaf.event
    return found


def _product() -> dict[str, str]:
    return {"name": PRODUCT, "vendor_name": VENDOR}


def _user(entry: Entry) -> dict[str, Any]:
    return {"uid": entry.leaf.principal}


def _authentication(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"user": _user(entry), "service": {"name": "Intramural studio"}}
    if isinstance(address := entry.leaf.details.get("source"), str):
        found["src_endpoint"] = {"name": address}
    return found


def _access(entry: Entry) -> dict[str, Any]:
    details = entry.leaf.details
    found: dict[str, Any] = {
        "actor": {"user": _user(entry)},
        "resources": [{"uid": entry.leaf.resource}],
        "user": {"name": str(details.get("member") or "unnamed")},
    }
    if "role" in details:
        found["iam_role"] = {"name": str(details["role"])}
    return found


def _api(entry: Entry) -> dict[str, Any]:
    address = entry.leaf.details.get("source")
    return {
        "actor": {"user": _user(entry)},
        "api": {"operation": entry.leaf.event, "service": {"name": PRODUCT}},
        "resources": [{"uid": entry.leaf.resource}],
        "src_endpoint": {"name": address if isinstance(address, str) and address else "unrecorded"},
    }
