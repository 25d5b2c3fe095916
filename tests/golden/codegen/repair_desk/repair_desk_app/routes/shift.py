"""Addresses of Shifts, below ``/shift``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import SHIFT


class ShiftController(RecordController):
    """Shifts: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = SHIFT
