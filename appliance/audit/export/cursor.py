"""How far a receiver has got, on disk: the index of the next leaf that it has not confirmed."""

from __future__ import annotations

import json
from pathlib import Path

from appliance.audit.export.errors import ExportRefused
from appliance.audit.files import write_files
from appliance.audit.keyring import unavailable
from appliance.audit.tiles import TileFile


class Cursor:
    """One file for one receiver of one log."""

    def __init__(self, path: Path, origin: str) -> None:
        self._path, self._origin = path, origin

    def read(self) -> int:
        """The next index; 0 before the first delivery.

        Raises:
            ExportRefused: the file is of another log, or damaged; nothing is sent on a guess.
        """
        try:
            fields = json.loads(self._path.read_bytes())
            following, origin = fields["next"], fields["origin"]
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._refused(f"it cannot be read: {type(error).__name__}") from error
        if origin != self._origin or type(following) is not int or following < 0:
            raise self._refused(f"it is of the log {origin}")
        return following

    def write(self, following: int) -> None:
        """Keep the next index; durable when this returns.

        Raises:
            AuditUnavailable: it cannot be written; the batch will be sent again.
        """
        try:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            content = json.dumps({"next": following, "origin": self._origin}).encode()
            write_files(self._path.parent, [TileFile(self._path.name, content)])
        except OSError as error:
            raise unavailable(error) from error

    def _refused(self, cause: str) -> ExportRefused:
        message = "It is not known how far the receiver of audit messages has got."
        action = "Remove the file to send everything that is kept from the beginning."
        return ExportRefused(message, cause=f"{self._path}: {cause}", action=action)
