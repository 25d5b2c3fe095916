"""JSON Lines with inclusion proofs: every line stands alone with the checkpoint that comes with the export.

``{"hash":hex,"index":n,"leaf":{…},"proof":[base64,…],"size":n}``; ``leaf`` is the entry, byte for byte: its RFC 6962
hash is SHA-256 of a zero byte and the text of that member, which is canonical JSON.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, BinaryIO

from appliance.audit.export.wording import compact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView


def line(entry: Entry, view: LogView) -> str:
    """One entry with its proof, without the newline."""
    proof = compact([base64.b64encode(one).decode() for one in view.proof(entry.index)])
    leaf = entry.raw.decode()
    return f'{{"hash":"{entry.hash.hex()}","index":{entry.index},"leaf":{leaf},"proof":{proof},"size":{view.size}}}'


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:
    """Write all; one line each. Raises OSError."""
    for entry in entries:
        out.write(f"{line(entry, view)}\n".encode())
