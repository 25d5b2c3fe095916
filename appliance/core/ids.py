"""Identifiers: sortable by time, unguessable, safe in paths, URLs and git tags."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32, lower case
_ID: Final = re.compile(r"[a-z]{2,8}_[0-9a-hjkmnp-tv-z]{26}")


def new_id(prefix: str) -> str:
    """A fresh identifier ``prefix_`` + 26 characters: 48 bits of milliseconds, then 80 random bits (ULID layout)."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"


def is_id(text: str) -> bool:
    """Whether ``text`` has the form that :func:`new_id` makes."""
    return _ID.fullmatch(text) is not None
