"""How much is taken in at once. Every loop of this package is bounded by one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.blueprint.model import MAX_ENTITIES

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """Bounds of one import; sizes in bytes, the rest are counts."""

    file_bytes: int = 20 * MIB
    unpacked_bytes: int = 200 * MIB
    """What the parts of a workbook may come to when unpacked, all together."""
    unpacked_ratio: int = 250
    """How many times larger than packed one part may be, if it is larger than a mebibyte."""
    parts: int = 2_000
    files: int = 12
    tables: int = MAX_ENTITIES
    rows: int = 20_000
    columns: int = 100
    cell_characters: int = 20_000
    """As long as the longest text that an app stores."""


LIMITS: Final = ImportLimits()
SHOWN_MISFITS: Final = 20
"""How many rows that do not fit are listed for a column; the count is always whole."""
