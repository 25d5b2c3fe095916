"""ArcSight Common Event Format, revision 26 (CEF:0): one line an entry, as a SIEM takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from appliance.audit.export.wording import PRODUCT, SCHEMA_VERSION, VENDOR, compact, is_bad, milliseconds, title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView


def line(entry: Entry, view: LogView) -> str:
    """One entry, without the newline."""
    leaf = entry.leaf
    head = (VENDOR, PRODUCT, SCHEMA_VERSION, leaf.event, title(entry), "6" if is_bad(entry) else "3")
    fields = {
        "rt": str(milliseconds(entry)),
        "externalId": str(entry.index),
        "deviceExternalId": view.origin,
        "suser": leaf.principal,
        "act": leaf.kind,
        "outcome": leaf.result or "",
        "cs1Label": "leafHash",
        "cs1": entry.hash.hex(),
        "cs2Label": "resource",
        "cs2": leaf.resource,
        "cs3Label": "details",
        "cs3": compact(dict(leaf.details)),
    }
    if leaf.intent is not None:
        fields |= {"cn1Label": "intent", "cn1": str(leaf.intent.index)}
    extension = " ".join(f"{name}={_value(text)}" for name, text in fields.items() if text)
    return f"CEF:0|{'|'.join(map(_header, head))}|{extension}"


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write all; one line each. Raises OSError."""
    for entry in entries:
        out.write(f"{line(entry, view)}\n".encode())


def _header(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"), " ", " ")


def _value(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("=", "\\="), "\\n", "\\r")


def _one_line(text: str, newline: str, carriage_return: str) -> str:
    """No character that a reader could take for the end of the line (those of ``str.splitlines``) stays."""
    text = text.replace("\n", newline).replace("\r", carriage_return)
    return text.translate(dict.fromkeys([0, 0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029], " "))
