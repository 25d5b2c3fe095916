"""What a log says about entries that were pruned; see :mod:`appliance.audit.pruning`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, NamedTuple

from appliance.audit.errors import AuditCorrupt, LeafRefused
from appliance.audit.leaf import LeafReader
from appliance.audit.storage import TileReader
from appliance.audit.tiles import WIDTH
from appliance.core.events import Event

MARK: Final = "pruned.json"


class Pruned(NamedTuple):
    """Entries below ``below`` may be missing, as the leaf at ``leaf`` announces."""

    below: int = 0
    leaf: int = -1


def stated_minimum(directory: Path, size: int) -> Pruned:
    """The minimum index of the log of ``size`` leaves in ``directory``; 0 if nothing was pruned.

    Raises:
        AuditCorrupt: the file states something that the log does not.
    """
    try:
        fields = json.loads((directory / MARK).read_bytes())
        mark = Pruned(int(fields["below"]), int(fields["leaf"]))
    except FileNotFoundError:
        return Pruned()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _untrue(f"it cannot be read: {type(error).__name__}") from error
    if not 0 < mark.below <= mark.leaf < size or mark.below % WIDTH:
        raise _untrue(f"entries below {mark.below}, announced by leaf {mark.leaf} of {size}")
    number, at = divmod(mark.leaf, WIDTH)
    try:
        leaf = LeafReader().read(TileReader(directory, size).entries(number)[at])
    except LeafRefused as error:
        raise _untrue(f"leaf {mark.leaf}: {error.cause}") from error
    if leaf.event != Event.LOG_PRUNED or leaf.kind != "intent" or leaf.details.get("below") != mark.below:
        raise _untrue(f"leaf {mark.leaf} announces nothing of the kind")
    return mark


def _untrue(cause: str) -> AuditCorrupt:
    message = "What is said about pruned entries of the audit log is not what the log itself says."
    return AuditCorrupt(message, cause=f"{MARK}: {cause}", action="Run the verifier; restore the folder from a backup.")
