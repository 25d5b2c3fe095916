"""How the id of a row is written: as a number, as the same number in quotes, or as a UUID made from it.

The UUID (version 8, RFC 9562, section 5.8) holds the number in its last 62 bits and a digest of the table before it,
so that it can be read back without a table of its own.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Kept


def _head(kept: Kept) -> int:
    digest = int.from_bytes(hashlib.sha256(kept.entity.table.encode()).digest()[:8])
    return digest & ~(0xF << 12) | 8 << 12


def written(kept: Kept, row_id: int, leaf: str) -> str | int:
    """The id of a row of that kind."""
    if kept.leaf == "uuid":
        return str(uuid.UUID(int=_head(kept) << 64 | 0b10 << 62 | row_id))
    return row_id if leaf == "integer" else str(row_id)


def read(kept: Kept, text: str) -> int | None:
    """The number of the row, or None if no row can have this id."""
    if kept.leaf == "uuid":
        try:
            number = uuid.UUID(text).int
        except ValueError:
            return None
        fits = number >> 64 == _head(kept) and (number >> 62) & 0b11 == 0b10
        return number & ((1 << 62) - 1) if fits else None
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,17}", text) else None
