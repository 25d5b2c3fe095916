"""Intents that have no outcome yet, and their snapshot beside the published log.

The snapshot spares a start the reading of the whole log. It is no evidence: the verifier never looks at it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from appliance.audit.leaf import Leaf, LeafReader
from appliance.audit.pruned import stated_minimum
from appliance.audit.storage import TileReader
from appliance.audit.tiles import TileFile
from appliance.core.ports import LeafRef

SNAPSHOT: Final = "open-intents.json"
_STRIDE: Final = 256


@dataclass(frozen=True)
class OpenIntent:
    """Something that was announced, and whose end is not recorded. ``time`` is RFC 3339 in UTC."""

    ref: LeafRef
    event: str
    principal: str
    resource: str
    time: str


def open_intent(ref: LeafRef, leaf: Leaf) -> OpenIntent:
    """The open intent that an intent leaf begins."""
    return OpenIntent(ref, leaf.event, leaf.principal, leaf.resource, leaf.time.isoformat())


def snapshot(size: int, intents: Iterable[OpenIntent]) -> TileFile:
    """The snapshot file at a published size."""
    parts = []
    for number, one in enumerate(intents):
        parts.append(msgspec.json.encode(one))
        if number % _STRIDE == 0:
            time.sleep(0)  # other threads wait for the interpreter meanwhile
    return TileFile(SNAPSHOT, b'{"size":%d,"open":[%s]}' % (size, b",".join(parts)))


def load(directory: Path, size: int, reader: TileReader) -> dict[int, OpenIntent]:
    """Open intents of a published log of ``size`` leaves, from the snapshot and the leaves after it.

    Raises:
        AuditCorrupt: a bundle is missing or damaged.
        LeafRefused: an entry is not a leaf.
    """
    start, found = _stored(directory, size)
    start = max(start, stated_minimum(directory, size).below)
    leaves = LeafReader()
    for index, entry in reader.all_entries(start):
        apply(found, index, entry, leaves, reader.node(0, index).hex())
    return found


def apply(found: dict[int, OpenIntent], index: int, entry: bytes, leaves: LeafReader, leaf_hash: str) -> None:
    """Take one more leaf into account.

    Raises:
        LeafRefused: it is not a leaf.
    """
    leaf = leaves.read(entry)
    if leaf.intent is None:
        found[index] = open_intent(LeafRef(index, leaf_hash), leaf)
    else:
        found.pop(leaf.intent.index, None)


def _stored(directory: Path, size: int) -> tuple[int, dict[int, OpenIntent]]:
    try:
        content = json.loads((directory / SNAPSHOT).read_bytes())
        found = {one["ref"]["index"]: OpenIntent(**{**one, "ref": LeafRef(**one["ref"])}) for one in content["open"]}
        start = int(content["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, {}
    return (start, found) if 0 <= start <= size else (0, {})
