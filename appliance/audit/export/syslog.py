"""RFC 5424 messages: one an entry; the payload is the entry itself, or what another format makes of it.

``<PRI>1 TIME HOST intramural - EVENT [intramural@PEN index="…" hash="…" origin="…" result="…"] BOM payload``

Facility 13 (log audit), severity notice, or warning for what was refused, failed, or ended nobody knows how.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from appliance.audit.export import cef, ecs, ocsf
from appliance.audit.export.wording import is_bad, utc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView

EXAMPLE_ENTERPRISE: Final = 32473
"""The private enterprise number that RFC 5612 reserves for examples; set your own."""
_FACILITY: Final = 13
_NOTICE, _WARNING = 5, 4
_BOM: Final = "\ufeff"
_NOT_PRINTABLE: Final = re.compile(r"[^!-~]")


def _raw(entry: Entry, view: LogView) -> str:  # noqa: ARG001 - one shape for all payloads
    return entry.raw.decode()


PAYLOADS: Final[dict[str, Callable[[Entry, LogView], str]]] = {
    "json": _raw,
    "cef": cef.line,
    "ecs": ecs.line,
    "ocsf": ocsf.line,
}


@dataclass(frozen=True)
class SyslogFormat:
    """How messages are made. ``host`` is what stands as HOSTNAME."""

    host: str = "intramural.internal"
    payload: str = "json"
    enterprise: int = EXAMPLE_ENTERPRISE

    def message(self, entry: Entry, view: LogView) -> bytes:
        """One message, without framing."""
        leaf = entry.leaf
        priority = _FACILITY * 8 + (_WARNING if is_bad(entry) else _NOTICE)
        data = {
            "index": str(entry.index),
            "hash": entry.hash.hex(),
            "origin": view.origin,
            "result": leaf.result or "announced",
        }
        fields = "".join(f' {name}="{_escape(text)}"' for name, text in data.items())
        head = f"<{priority}>1 {utc(entry)} {_word(self.host, 255)} intramural - {_word(leaf.event, 32)}"
        payload = PAYLOADS[self.payload](entry, view)
        return f"{head} [intramural@{self.enterprise}{fields}] {_BOM}{payload}".encode()


def framed(message: bytes) -> bytes:
    """A message with its length in front (RFC 5425 §4.3, octet counting)."""
    return str(len(message)).encode() + b" " + message


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write all, framed by octet counting. Raises OSError."""
    how = SyslogFormat()
    for entry in entries:
        out.write(framed(how.message(entry, view)))


def _word(text: str, limit: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:limit] or "-"


def _escape(text: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", text)
