"""One leaf: canonical JSON (RFC 8785) that says who is about to do what, or how it ended.

``{"details":{…},"event":"…","intent":null|{"hash":hex,"index":n},"kind":"intent"|"outcome","principal":"…",
"resource":"…","result":null|"done"|…,"time":"2026-11-22T20:00:00.000000Z","v":1}``

Leaves are small on purpose: prompts and code are referred to by digest. At most 65,535 bytes, the most that an entry
bundle can frame (C2SP tlog-tiles).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import msgspec
import rfc8785

from appliance.audit.errors import LeafRefused
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef

VERSION: Final = 1
MAX_LEAF_BYTES: Final = 65_535
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_MAX_INTEGER: Final = 2**53 - 1
_MAX_DEPTH: Final = 16
_SORTED: Final = msgspec.json.Encoder(order="sorted")
Kind = Literal["intent", "outcome"]


class _Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    index: int


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    details: dict[str, Any]
    event: str
    intent: _Link | None
    kind: Kind
    principal: str
    resource: str
    result: str | None
    time: str
    v: Literal[1]


@dataclass(frozen=True)
class Leaf:
    """A leaf, read. ``intent`` and ``result`` are set for outcomes only. ``event`` and ``result`` are plain text here,
    because a log may be older or newer than the program that reads it."""

    time: datetime
    event: str
    kind: Kind
    principal: str
    resource: str
    details: Mapping[str, object]
    intent: LeafRef | None = None
    result: str | None = None


def encode_leaf(
    *,
    time: datetime,
    event: Event | str,
    principal: str,
    resource: str,
    details: Mapping[str, object] | None = None,
    intent: LeafRef | None = None,
    result: Outcome | None = None,
) -> bytes:
    """The bytes of a leaf; an outcome if ``intent`` and ``result`` are given.

    Raises:
        LeafRefused: a value is not JSON, is a number outside ±(2**53 - 1), or the leaf is too large.
    """
    content: dict[str, Any] = {
        "details": dict(details or {}),
        "event": str(event),
        "intent": None if intent is None else {"hash": intent.leaf_hash, "index": intent.index},
        "kind": "intent" if intent is None else "outcome",
        "principal": principal,
        "resource": resource,
        "result": None if result is None else str(result),
        "time": time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        "v": VERSION,
    }
    if (intent is None) != (result is None):
        raise _refused("an outcome needs both an intent and a result")
    try:
        encoded = _canonical(content)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError, TypeError, ValueError) as error:
        raise _refused(f"{type(error).__name__}: {error}") from error
    if len(encoded) > MAX_LEAF_BYTES:
        raise _refused(f"{len(encoded)} bytes; at most {MAX_LEAF_BYTES} are possible")
    return encoded


def _canonical(content: dict[str, Any]) -> bytes:
    """RFC 8785. Where every value is plain and the text ASCII, sorted JSON is already canonical, at a fiftieth of the
    time; anything else goes the slow way, which also says what is wrong with it."""
    if _is_plain(content, _MAX_DEPTH):
        encoded = _SORTED.encode(content)
        if encoded.isascii():
            return encoded
    return rfc8785.dumps(content)


def _is_plain(value: object, depth: int) -> bool:
    """Whether ``value`` holds nothing but exact JSON types without fractions, at most ``depth`` levels deep."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is int:
        return -_MAX_INTEGER <= cast("int", value) <= _MAX_INTEGER
    if depth == 0:
        return False
    if kind is dict:
        items = cast("dict[object, object]", value).items()
        return all(type(key) is str and _is_plain(one, depth - 1) for key, one in items)
    return kind is list and all(_is_plain(one, depth - 1) for one in cast("list[object]", value))


class LeafReader:
    """Reads leaves strictly and quickly. Not thread-safe: it keeps a flag while decoding."""

    def __init__(self) -> None:
        self._saw_float = False
        self._decoder = msgspec.json.Decoder(_Stored, float_hook=self._on_float)
        self._encoder = msgspec.json.Encoder(order="sorted")

    def read(self, entry: bytes) -> Leaf:
        """Parse ``entry``; it must be the canonical form of a leaf of this version.

        Raises:
            LeafRefused: it is not.
        """
        self._saw_float = False
        try:
            stored = self._decoder.decode(entry)
            if not self._is_canonical(stored, entry):
                raise _refused("the leaf is not in canonical form")
            if _TIME.fullmatch(stored.time) is None:
                raise _refused("the time is not UTC with microseconds")
            time = datetime.fromisoformat(stored.time)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise _refused(f"not a leaf: {error}") from error
        link = stored.intent
        if (stored.kind == "outcome") != (link is not None) or (link is None) != (stored.result is None):
            raise _refused("kind, intent and result do not belong together")
        return Leaf(
            time=time,
            event=stored.event,
            kind=stored.kind,
            principal=stored.principal,
            resource=stored.resource,
            details=stored.details,
            intent=None if link is None else LeafRef(link.index, link.hash),
            result=stored.result,
        )

    def _is_canonical(self, stored: _Stored, entry: bytes) -> bool:
        # For ASCII text without fractions the sorted encoding is the canonical one. Anything else goes the slow way.
        if entry.isascii() and not self._saw_float:
            return self._encoder.encode(stored) == entry
        try:
            return rfc8785.dumps(msgspec.to_builtins(stored)) == entry
        except (rfc8785.CanonicalizationError, UnicodeError):
            return False

    def _on_float(self, text: str) -> float:
        self._saw_float = True
        return float(text)


def _refused(cause: str) -> LeafRefused:
    message = "This cannot be recorded in the audit log."
    return LeafRefused(message, cause=cause, action="Record a digest instead of the content, and JSON values only.")
