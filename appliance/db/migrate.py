"""Bring the database to the current schema, at every start, before anything else uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import SQLAlchemyError

from appliance.core.errors import Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are missing, in one transaction.

    Raises:
        Unavailable: the database cannot be opened, or it was made by a newer release.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        message = "The database was made by another release of the appliance."
        raise Unavailable(message, cause=str(error), action="Start the release that made it, or upgrade.") from error
    except SQLAlchemyError as error:
        message = "The studio's database cannot be opened."
        raise Unavailable(
            message, cause=str(error).splitlines()[0], action="Check the home folder's space and permissions."
        ) from error
