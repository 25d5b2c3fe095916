"""Rows for an empty database, loaded when APP_LOAD_EXAMPLES=1; a reference is the name of a row."""

from __future__ import annotations

from .kit.records import Entity

EXAMPLES: tuple[tuple[Entity, dict[str, object]], ...] = ()
