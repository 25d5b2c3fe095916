"""What of which app is published."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlmodel import col, select

from appliance.db.approval_records import Publication
from appliance.db.approval_tables import PublicationRow

if TYPE_CHECKING:
    from appliance.db.engine import Database


class Publications:
    """Reads and writes of publications."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, project_id: str) -> Publication | None:
        """What is known of an app; it may be taken back."""
        with self._database.session() as session:
            row = session.get(PublicationRow, project_id)
            return None if row is None else _publication(row)

    def put(self, publication: Publication) -> None:
        """Store what is published now, in place of what was."""
        with self._database.session() as session:
            session.merge(PublicationRow(**asdict(publication)))

    def standing(self) -> list[Publication]:
        """Everything that is published."""
        query = select(PublicationRow).where(col(PublicationRow.version).is_not(None))
        with self._database.session() as session:
            return [_publication(row) for row in session.exec(query)]

    def all(self) -> list[Publication]:
        """Everything that was ever published."""
        with self._database.session() as session:
            return [_publication(row) for row in session.exec(select(PublicationRow))]


def _publication(row: PublicationRow) -> Publication:
    return Publication(**row.model_dump())
