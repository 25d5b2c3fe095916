"""Parts of an app that IT has locked: closed to its maker too. Kept in one file beside the app's repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Part, Protection
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.core.private_files import write_private
from appliance.studio.errors import NotAllowed
from appliance.studio.evidence import act
from appliance.studio.people import Actor, Via

if TYPE_CHECKING:
    from appliance.core.ports import AuditSink
    from appliance.studio.version import VersionStore

FILE: Final = "locks.json"


class LocksDamaged(IntramuralError):  # noqa: N818
    """What IT has locked cannot be read, so nothing may be changed."""

    code = "locks_damaged"


class Locks:
    """Reads and writes them."""

    def __init__(self, versions: VersionStore, audit: AuditSink) -> None:
        self._versions = versions
        self._audit = audit

    def get(self, project_id: str) -> tuple[Protection, ...]:
        """What is locked.

        Raises:
            LocksDamaged: the file cannot be read.
        """
        path = self._versions.folder(project_id) / FILE
        try:
            if not path.exists():
                return ()
            return tuple(Protection(Part(part), str(name)) for part, name in json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            message = "It cannot be told which parts of this app IT has locked."
            raise LocksDamaged(message, cause=f"{path}: {error}", action="Ask your operator to look at it.") from error

    def put(self, actor: Actor, project_id: str, protections: tuple[Protection, ...]) -> None:
        """Lock exactly these parts.

        Raises:
            NotAllowed: not the operator.
            NotFound: ``project_id`` names no app.
        """
        if actor.via is not Via.LOCAL:
            message = "Only IT locks parts of an app."
            raise NotAllowed(message, action="Ask your operator.")
        listed = [[item.part.value, item.name] for item in protections]
        with act(
            self._audit,
            Event.PARTS_LOCKED,
            principal=actor.principal,
            resource=project_id,
            details={"parts": [" ".join(item).strip() for item in listed]},
        ):
            write_private(self._versions.folder(project_id) / FILE, json.dumps(listed).encode())
