"""Rows for an empty database, loaded when APP_LOAD_EXAMPLES=1; a reference is the name of a row."""

from __future__ import annotations

from . import models
from .kit.records import Entity

EXAMPLES: tuple[tuple[Entity, dict[str, object]], ...] = (
    (models.ROOM, {"name": "Workshop"}),
    (
        models.JOB,
        {
            "title": "Broken lamp",
            "room": "Workshop",
            "reporter": "rita@example.com",
            "due": "2026-11-20",
            "status": "open",
        },
    ),
    (
        models.JOB,
        {
            "title": "Loose socket",
            "room": "Workshop",
            "reporter": "rolf@example.com",
            "technician": "tim@example.com",
            "due": "2026-12-01",
            "status": "done",
            "finished_on": "2026-11-21",
        },
    ),
)
