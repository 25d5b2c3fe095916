"""Addresses of Rooms, below ``/room``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import ROOM


class RoomController(RecordController):
    """Rooms: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = ROOM
