"""The provider as it was last seen, on disk: a restart during its outage is no outage of ours.

What is read back goes through the same checks as what comes from the network. It is used for a day at most, so that a
key the provider withdrew does not live on here.
"""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.core.private_files import PrivateFileError, read_private, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_AGE: Final = timedelta(days=1)
MAX_SKEW_SECONDS: Final = 300


class LastGood:
    """One file, mode 0600, for one issuer; without a path nothing is kept."""

    def __init__(self, path: Path | None, issuer: str) -> None:
        self._path = path
        self._issuer = issuer

    def load(self, part: str, now: datetime) -> Mapping[str, object] | None:
        """``configuration`` or ``jwks`` if it is of this issuer and not older than a day."""
        kept = self._read().get(part)
        if not isinstance(kept, dict) or kept.get("issuer") != self._issuer:
            return None
        at, document = kept.get("at"), kept.get("document")
        if not isinstance(at, (int, float)) or not isinstance(document, dict):
            return None
        age = now.timestamp() - at
        return document if -MAX_SKEW_SECONDS <= age <= MAX_AGE.total_seconds() else None

    def save(self, part: str, document: Mapping[str, object], now: datetime) -> None:
        """Keep it. A disk that refuses costs the next outage, not this sign-in."""
        if self._path is None:
            return
        kept = {**self._read(), part: {"issuer": self._issuer, "at": now.timestamp(), "document": dict(document)}}
        with contextlib.suppress(PrivateFileError):
            write_private(self._path, json.dumps(kept, separators=(",", ":")).encode())

    def _read(self) -> dict[str, object]:
        if self._path is None:
            return {}
        try:
            content = json.loads(read_private(self._path) or b"{}")
        except (PrivateFileError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}
