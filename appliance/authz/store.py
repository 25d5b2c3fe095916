"""Where the policies in force are kept: every version that ever was, and which one counts.

    policies/0003.cedar    the text          policies/0003.json    digests, when, who asked, who approved
    policies/active.json   which number counts

There is no way round a file that is damaged: the policies that were approved are used, or nothing starts.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from appliance.authz.errors import PolicyUnusable
from appliance.core.private_files import write_durably

_ACTIVE: Final = "active.json"
MAX_VERSIONS: Final = 9999


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """``digest`` names text and schema together, as leaves do; ``sha256`` is the text's own. ``origin``: ``shipped``
    with a release of the appliance, or ``changed`` by two people."""

    number: int
    digest: str
    sha256: str
    origin: str
    activated_at: str
    requested_by: str = ""
    approved_by: tuple[str, ...] = ()
    approval: str = ""


class PolicyStore:
    """The folder. One writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def active(self) -> tuple[PolicyVersion, bytes] | None:
        """The version that counts, with its text; None where there has never been one.

        Raises:
            PolicyUnusable: what should be in force is missing or damaged.
        """
        if not self._folder.exists() or not any(self._folder.iterdir()):
            return None
        pointer = self._read(_ACTIVE)
        try:
            number = int(json.loads(pointer)["number"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(_ACTIVE, str(error)) from error
        return self.version(number)

    def version(self, number: int) -> tuple[PolicyVersion, bytes]:
        """One version.

        Raises:
            PolicyUnusable: it is missing or damaged.
        """
        name = f"{number:04}"
        try:
            told: dict[str, Any] = json.loads(self._read(f"{name}.json"))
            found = PolicyVersion(**told | {"approved_by": tuple(told["approved_by"])})
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(f"{name}.json", str(error)) from error
        text = self._read(f"{name}.cedar")
        if hashlib.sha256(text).hexdigest() != found.sha256 or found.number != number:
            raise self._damaged(f"{name}.cedar", "its SHA-256 is not the one that was recorded when it was activated")
        return found, text

    def versions(self) -> list[PolicyVersion]:
        """Every version that can be read, the last first."""
        found = []
        for path in sorted(self._folder.glob("[0-9][0-9][0-9][0-9].json"), reverse=True):
            try:
                found.append(self.version(int(path.stem))[0])
            except PolicyUnusable:
                continue  # the list is for people; what counts is read by active()
        return found

    def next_number(self) -> int:
        """The number of the version to come.

        Raises:
            PolicyUnusable: there are too many.
        """
        taken = [int(path.stem) for path in self._folder.glob("[0-9][0-9][0-9][0-9].*")]
        number = max(taken, default=0) + 1
        if number > MAX_VERSIONS:
            raise self._damaged("", f"there are {MAX_VERSIONS} versions")
        return number

    def activate(self, version: PolicyVersion, text: bytes) -> None:
        """Keep a version and let it count from the next start on. Durable when this returns; a crash before the last
        step leaves the version before.

        Raises:
            PolicyUnusable: the disk refuses.
        """
        name = f"{version.number:04}"
        told = json.dumps(asdict(version), indent=1).encode()
        try:
            for file, content in ((f"{name}.cedar", text), (f"{name}.json", told)):
                write_durably(self._folder / file, content)
            write_durably(self._folder / _ACTIVE, json.dumps({"number": version.number}).encode())
        except OSError as error:
            message = "The policy cannot be kept, so it does not come into force."
            raise PolicyUnusable(message, cause=str(error), action="Free space on the disk, and try again.") from error

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise self._damaged(name, str(error)) from error

    def _damaged(self, name: str, cause: str) -> PolicyUnusable:
        message = "The policies that were approved cannot be read, so nothing can be permitted."
        action = (
            f"Restore {self._folder} from a backup; entries of the audit log name the digest of what was in force. "
            "No other policy takes its place."
        )
        return PolicyUnusable(message, cause=f"{self._folder / name}: {cause}", action=action)
