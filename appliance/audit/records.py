"""Journal records as bytes: how a committed batch is written down, and how a segment is read back.

A segment file is a sequence of records, then zeros up to the size it was made with. A record is one batch together with
the signed checkpoint that covers it:

    magic "IMJ1" ‖ u32 payload length ‖ u64 index of the first leaf ‖ u32 leaf count ‖ u32 CRC-32 of the 20 bytes before
    SHA-256 of header and payload (32 bytes)
    payload: the leaves framed as in an entry bundle, then the checkpoint note

Integers are big-endian.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.audit.errors import AuditCorrupt
from appliance.audit.tiles import frame

FOLDER: Final = "journal"
_MAGIC: Final = b"IMJ1"
_HEADER: Final = struct.Struct(">4sIQII")
_HEAD_BYTES: Final = _HEADER.size + 32
_SECTOR: Final = 512
_NAME: Final = re.compile(r"\d{20}\.seg")


@dataclass(frozen=True)
class Record:
    """One committed batch: leaves from index ``start`` on, and the note that covers everything up to their end."""

    start: int
    entries: tuple[bytes, ...]
    note: bytes
    segment: Path

    @property
    def stop(self) -> int:
        """Index after the last leaf."""
        return self.start + len(self.entries)


@dataclass(frozen=True)
class Tail:
    """Bytes after the last whole record of the last segment, without the zeros that were never written: what a crash
    left of a write that it cut off."""

    segment: Path
    offset: int
    length: int


def encode_record(start: int, entries: Sequence[bytes], note: bytes) -> bytes:
    """The bytes of a record."""
    payload = b"".join(map(frame, entries)) + note
    head = struct.pack(">4sIQI", _MAGIC, len(payload), start, len(entries))
    header = head + struct.pack(">I", zlib.crc32(head))
    return header + hashlib.sha256(header + payload).digest() + payload


def segments(directory: Path) -> list[Path]:
    """The segment files of a log, oldest first. Raises OSError."""
    folder = directory / FOLDER
    return sorted(one for one in folder.iterdir() if _NAME.fullmatch(one.name)) if folder.is_dir() else []


def read_records(paths: Sequence[Path]) -> Iterator[Record | Tail]:
    """Every record in order; a torn write may only end the last segment, and comes as a :class:`Tail`.

    Raises:
        AuditCorrupt: bytes that no crash leaves behind; names file and offset.
        OSError: a file cannot be read.
    """
    for position, path in enumerate(paths):
        # Zeros at the end were never written: a whole record ends with the line break of its note.
        content = path.read_bytes().rstrip(b"\x00")
        offset = 0
        while offset < len(content):
            record = _read_one(content, offset, path)
            if isinstance(record, int):
                if position < len(paths) - 1 or not _is_torn(content, offset):
                    raise corrupt(path, offset, "a record is damaged")
                yield Tail(path, offset, len(content) - offset)
                break
            yield record
            offset += _HEAD_BYTES + _HEADER.unpack_from(content, offset)[1]


def _read_one(content: bytes, offset: int, path: Path) -> Record | int:
    """The record at ``offset``, or 0 if there is no whole and sound one."""
    if len(content) - offset < _HEAD_BYTES:
        return 0
    magic, length, start, count, crc = _HEADER.unpack_from(content, offset)
    header = content[offset : offset + _HEADER.size]
    stop = offset + _HEAD_BYTES + length
    if magic != _MAGIC or crc != zlib.crc32(header[:-4]) or stop > len(content):
        return 0
    payload = content[offset + _HEAD_BYTES : stop]
    digest = content[offset + _HEADER.size : offset + _HEAD_BYTES]
    if hashlib.sha256(header + payload).digest() != digest:
        return 0
    entries, at = [], 0
    for _ in range(count):
        size = int.from_bytes(payload[at : at + 2], "big")
        entries.append(payload[at + 2 : at + 2 + size])
        at += 2 + size
    if at >= len(payload):
        raise corrupt(path, offset, "a record has no checkpoint")
    return Record(start, tuple(entries), payload[at:], path)


def _is_torn(content: bytes, offset: int) -> bool:
    """Whether the rest looks like an interrupted write: it ends too early, or sectors of it never reached the disk."""
    rest = len(content) - offset
    if rest < _HEAD_BYTES:
        return True
    header = content[offset : offset + _HEADER.size]
    _, length, _, _, crc = _HEADER.unpack(header)
    if crc == zlib.crc32(header[:-4]) and rest < _HEAD_BYTES + length:
        return True
    sector = offset - offset % _SECTOR
    while sector < len(content):
        part = content[max(sector, offset) : sector + _SECTOR]
        if not any(part):
            return True
        sector += _SECTOR
    return False


def corrupt(path: Path, offset: int, cause: str) -> AuditCorrupt:
    """The error of a journal that no crash explains."""
    message = "The journal of the audit log is damaged."
    return AuditCorrupt(
        message, cause=f"{path} at byte {offset}: {cause}", action="Keep a copy of the folder, then run the verifier."
    )
