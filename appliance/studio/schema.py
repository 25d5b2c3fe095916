"""Which versions of an app can share one database."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from appliance.blueprint.naming import identifier, table_name

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint


def schema_digest(blueprint: Blueprint) -> str:
    """SHA-256 (hex) over tables and columns: versions with equal digests open the same records."""
    tables = sorted(
        (
            table_name(entity.name),
            sorted((identifier(field.name), repr(field.type), field.required, field.unique) for field in entity.fields),
        )
        for entity in blueprint.entities
    )
    return hashlib.sha256(repr(tables).encode()).hexdigest()
