"""Where erasure requests and legal holds are kept: one small JSON file each, replaced whole, durable.

vault/requests/<id>.json      vault/holds/<id>.json (removed when the hold is lifted; the log keeps its story)
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from appliance.audit.approvals import ErasureRequest, LegalHold, RequestState
from appliance.audit.files import sync_folder, write_files
from appliance.audit.keyring import unavailable
from appliance.audit.seal import damaged
from appliance.audit.tiles import TileFile
from appliance.core.ids import is_id

_REQUESTS: Final = "requests"
_HOLDS: Final = "holds"


class Desk:
    """Requests and holds of one vault folder. Raises VaultUnavailable where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_request(self, request: ErasureRequest) -> None:
        """Store a request or its next state."""
        self._write(f"{_REQUESTS}/{request.id}.json", asdict(request))

    def request(self, request_id: str) -> ErasureRequest | None:
        """A request, or None."""
        return next((one for one in self.requests() if one.id == request_id), None)

    def requests(self) -> tuple[ErasureRequest, ...]:
        """All requests, oldest first.

        Raises:
            BodyDamaged: a file cannot be read as a request.
        """
        found = self._read(_REQUESTS)
        try:
            return tuple(ErasureRequest(**{**one, "state": RequestState(one["state"])}) for one in found)
        except (TypeError, KeyError, ValueError) as error:
            raise damaged(f"an erasure request: {error}") from error

    def put_hold(self, hold: LegalHold) -> None:
        """Let a hold stand."""
        self._write(f"{_HOLDS}/{hold.id}.json", asdict(hold))

    def remove_hold(self, hold_id: str) -> None:
        """Let a hold end."""
        folder = self._folder / _HOLDS
        try:
            (folder / f"{hold_id}.json").unlink(missing_ok=True)
            sync_folder(folder)
        except OSError as error:
            raise unavailable(error) from error

    def holds(self) -> tuple[LegalHold, ...]:
        """The holds that stand, oldest first.

        Raises:
            BodyDamaged: a file cannot be read as a hold; then nothing may be erased.
        """
        try:
            return tuple(LegalHold(**one) for one in self._read(_HOLDS))
        except TypeError as error:
            raise damaged(f"a legal hold: {error}") from error

    def _write(self, name: str, content: dict[str, object]) -> None:
        try:
            write_files(self._folder, [TileFile(name, json.dumps(content).encode())])
        except OSError as error:
            raise unavailable(error) from error

    def _read(self, kind: str) -> list[dict[str, Any]]:
        folder = self._folder / kind
        try:
            paths = sorted(folder.iterdir()) if folder.is_dir() else []
            return [json.loads(one.read_bytes()) for one in paths if is_id(one.stem) and one.suffix == ".json"]
        except OSError as error:
            raise unavailable(error) from error
        except ValueError as error:
            raise damaged(f"a file in {kind}: {error}") from error
