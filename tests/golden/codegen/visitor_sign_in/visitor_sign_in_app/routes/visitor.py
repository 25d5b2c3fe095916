"""Addresses of Visitors, below ``/visitor``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import VISITOR


class VisitorController(RecordController):
    """Visitors: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = VISITOR
