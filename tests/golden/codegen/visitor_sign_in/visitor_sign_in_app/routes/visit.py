"""Addresses of Visits, below ``/visit``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import VISIT


class VisitController(RecordController):
    """Visits: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = VISIT
