"""The policies that ship with the appliance, read from the folder beside the program."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.authz.engine import Engine
from appliance.authz.errors import PolicyUnusable

FOLDER: Final = Path(__file__).parents[2] / "policies"
SCHEMA: Final = "schema.cedarschema"
POLICIES: Final = "appliance.cedar"


def shipped_schema() -> bytes:
    """The schema of this release. Raises PolicyUnusable."""
    return _read(SCHEMA)


def shipped_policies() -> bytes:
    """The policies of this release. Raises PolicyUnusable."""
    return _read(POLICIES)


def shipped_engine() -> Engine:
    """The policies of this release, ready to decide."""
    return Engine(shipped_schema(), shipped_policies())


def _read(name: str) -> bytes:
    try:
        return (FOLDER / name).read_bytes()
    except OSError as error:
        message = f"The file {name} of this release cannot be read."
        raise PolicyUnusable(message, cause=str(error), action="Install the release again.") from error
