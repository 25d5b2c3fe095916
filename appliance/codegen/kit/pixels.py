"""How large a picture is once it is decoded, read from its header alone: nothing is decoded here.

Sources: PNG (W3C, 11.2.2 IHDR), GIF89a (section 18, Logical Screen Descriptor), JPEG (ITU-T T.81, B.2.2 frame header),
WebP (RFC 9649, 2.5 to 2.7).
"""

from __future__ import annotations

import struct
from typing import Final

MAX_PIXELS: Final = 50_000_000
"""The most pixels of a picture: 200 MB in a browser that holds four bytes for each."""

_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, or None if the header does not say."""
    try:
        if content.startswith(b"\x89PNG"):
            return struct.unpack(">II", content[16:24]) if content[12:16] == b"IHDR" else None
        if content.startswith(b"GIF8"):
            return struct.unpack("<HH", content[6:10])
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
        if content[:4] == b"RIFF":
            return _webp(content)
    except (struct.error, IndexError):
        return None
    return None


def _jpeg(content: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the frame header; each step goes forward, so it ends with the data."""
    at = 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return (width, height)
        at += 2 + int(struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    kind = content[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return (width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = int(struct.unpack("<I", content[21:25])[0])
        return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return (int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1)
    return None
