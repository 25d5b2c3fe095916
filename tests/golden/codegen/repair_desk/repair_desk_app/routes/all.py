"""Every controller of the app."""

from __future__ import annotations

from .job import JobController
from .room import RoomController
from .shift import ShiftController

CONTROLLERS = (
    RoomController,
    JobController,
    ShiftController,
)
