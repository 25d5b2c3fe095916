"""What several formats say alike about an entry: a sentence, a severity, a result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.audit.export.view import Entry

VENDOR: Final = "Intramural"
PRODUCT: Final = "Intramural"
SCHEMA_VERSION: Final = "1"
_BAD: Final = frozenset({"refused", "failed", "unknown"})


def title(entry: Entry) -> str:
    """The event's name in words: ``prompt.submitted`` becomes ``Prompt submitted``."""
    words = entry.leaf.event.replace(".", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def sentence(entry: Entry) -> str:
    """One line for people."""
    leaf = entry.leaf
    end = "announced" if leaf.result is None else leaf.result
    return f"{title(entry)} ({end}) by {leaf.principal} on {leaf.resource}"


def is_bad(entry: Entry) -> bool:
    """Whether somebody may want to look: refused, failed, or an unknown end."""
    return entry.leaf.result in _BAD


def compact(value: object) -> str:
    """JSON on one line, sorted, with every character as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def milliseconds(entry: Entry) -> int:
    """The entry's time as milliseconds since 1970."""
    return int(entry.leaf.time.timestamp() * 1000)


def utc(entry: Entry) -> str:
    """The entry's time as in the leaf."""
    return entry.leaf.time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def column_values(entry: Entry) -> dict[str, str | int | None]:
    """The entry as one row of a table; ``details`` is JSON."""
    leaf = entry.leaf
    return {
        "index": entry.index,
        "hash": entry.hash.hex(),
        "time": utc(entry),
        "kind": leaf.kind,
        "event": leaf.event,
        "principal": leaf.principal,
        "resource": leaf.resource,
        "result": leaf.result,
        "intent": None if leaf.intent is None else leaf.intent.index,
        "details": compact(dict(leaf.details)),
    }
