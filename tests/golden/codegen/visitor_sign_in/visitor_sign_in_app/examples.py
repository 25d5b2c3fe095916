"""Rows for an empty database, loaded when APP_LOAD_EXAMPLES=1; a reference is the name of a row."""

from __future__ import annotations

from . import models
from .kit.records import Entity

EXAMPLES: tuple[tuple[Entity, dict[str, object]], ...] = (
    (
        models.VISITOR,
        {
            "name": "Ada Park",
            "company": "Parkside Engineering",
            "email": "ada@parkside.example",
            "phone": "+44 20 5550 0101",
        },
    ),
    (models.VISITOR, {"name": "Tom Weber", "company": "Weber Aufzüge GmbH", "email": "tom@weber.example"}),
    (
        models.VISIT,
        {
            "visitor": "Ada Park",
            "host": "mia.chen@example.com",
            "purpose": "meeting",
            "time_in": "2026-11-22T09:15",
            "left": False,
            "badge": 12,
        },
    ),
    (
        models.VISIT,
        {
            "visitor": "Tom Weber",
            "host": "j.okafor@example.com",
            "purpose": "maintenance",
            "time_in": "2026-11-21T08:00",
            "time_out": "2026-11-21T11:30",
            "left": True,
            "badge": 4,
        },
    ),
)
