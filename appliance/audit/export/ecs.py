"""Elastic Common Schema 8.17: one JSON object an entry; what ECS has no field for stands under ``intramural``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

from appliance.audit.export.wording import PRODUCT, VENDOR, compact, sentence, utc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView

ECS_VERSION: Final = "8.17.0"
_OUTCOMES: Final = {"done": "success", "refused": "failure", "failed": "failure"}
# event.category and event.type are closed lists of ECS; the first fitting prefix decides.
_CATEGORIES: Final = (
    ("identity.", ["authentication"], ["info"]),
    ("access.", ["iam"], ["change"]),
    ("privacy.", ["iam"], ["admin"]),
    ("service.", ["process"], ["info"]),
    ("audit.", ["configuration"], ["access"]),
    ("", ["configuration"], ["change"]),
)


def document(entry: Entry, view: LogView) -> dict[str, Any]:
    """One entry as an ECS document."""
    leaf = entry.leaf
    category, kind = next((one, two) for prefix, one, two in _CATEGORIES if leaf.event.startswith(prefix))
    found: dict[str, Any] = {
        "@timestamp": utc(entry),
        "ecs": {"version": ECS_VERSION},
        "event": {
            "action": leaf.event,
            "category": category,
            "dataset": "intramural.audit",
            "hash": entry.hash.hex(),
            "id": f"{view.origin}/{entry.index}",
            "kind": "event",
            "module": "intramural",
            "outcome": _OUTCOMES.get(leaf.result or "", "unknown"),
            "provider": PRODUCT,
            "sequence": entry.index,
            "type": kind,
        },
        "message": sentence(entry),
        "observer": {"product": PRODUCT, "vendor": VENDOR},
        "related": {"user": [leaf.principal]},
        "user": {"id": leaf.principal},
        "intramural": {
            # Text, because details have no fixed shape: an index must not learn its mapping from what people do.
            "audit": {"kind": leaf.kind, "resource": leaf.resource, "details": compact(dict(leaf.details))},
        },
    }
    if leaf.result is not None:
        found["intramural"]["audit"]["result"] = leaf.result
    if leaf.intent is not None:
        found["intramural"]["audit"]["intent"] = leaf.intent.index
    if isinstance(address := leaf.details.get("source"), str):
        found["source"] = {"address": address}
    return found


def line(entry: Entry, view: LogView) -> str:
    """One entry, without the newline."""
    return compact(document(entry, view))


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write all; one line each. Raises OSError."""
    for entry in entries:
        out.write(f"{line(entry, view)}\n".encode())
