"""Keys of programs. A secret never comes here, only its digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, select, update

from appliance.core.ports import Person
from appliance.db.records import ApiKey
from appliance.db.tables import ApiKeyRow

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.db.engine import Database

MAX_LISTED = 200


class ApiKeyStore:
    """Reads and writes of keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey, digest: str) -> None:
        """Store a new key."""
        with self._database.session() as session:
            session.add(
                ApiKeyRow(
                    id=key.id,
                    digest=digest,
                    prefix=key.prefix,
                    name=key.name,
                    principal=key.principal,
                    holder_subject=key.holder.subject,
                    holder_name=key.holder.name,
                    holder_email=key.holder.email,
                    groups=sorted(key.groups),
                    seen_at=key.seen_at,
                    scopes=sorted(key.scopes),
                    created_by=key.created_by,
                    created_at=key.created_at,
                    expires_at=key.expires_at,
                )
            )

    def by_digest(self, digest: str) -> ApiKey | None:
        """The key whose secret has this digest, or None."""
        with self._database.session() as session:
            row = session.exec(select(ApiKeyRow).where(ApiKeyRow.digest == digest)).first()
            return None if row is None else _key(row)

    def get(self, key_id: str) -> ApiKey | None:
        """The key, or None."""
        with self._database.session() as session:
            row = session.get(ApiKeyRow, key_id)
            return None if row is None else _key(row)

    def of(self, principal: str) -> list[ApiKey]:
        """The keys of somebody, newest first."""
        return self._list(select(ApiKeyRow).where(ApiKeyRow.principal == principal))

    def beginning(self, prefix: str) -> list[ApiKey]:
        """The keys of everybody whose principal's name begins so, newest first."""
        return self._list(select(ApiKeyRow).where(col(ApiKeyRow.principal).startswith(prefix, autoescape=True)))

    def revoke(self, key_id: str, at: datetime) -> None:
        """End a key; one that has ended stays as it was."""
        with self._database.session() as session:
            unended = col(ApiKeyRow.revoked_at).is_(None)
            session.execute(update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id, unended).values(revoked_at=at))

    def used(self, key_id: str, at: datetime) -> None:
        """Note when a key was used last."""
        with self._database.session() as session:
            session.execute(update(ApiKeyRow).where(col(ApiKeyRow.id) == key_id).values(used_at=at))

    def seen(self, principal: str, groups: frozenset[str], at: datetime) -> None:
        """Note what the identity provider says of a holder now."""
        values = {"groups": sorted(groups), "seen_at": at}
        with self._database.session() as session:
            session.execute(update(ApiKeyRow).where(col(ApiKeyRow.principal) == principal).values(**values))

    def _list(self, query: object) -> list[ApiKey]:
        with self._database.session() as session:
            ordered = query.order_by(col(ApiKeyRow.created_at).desc()).limit(MAX_LISTED)  # type: ignore[attr-defined]
            return [_key(row) for row in session.exec(ordered)]


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        prefix=row.prefix,
        name=row.name,
        principal=row.principal,
        holder=Person(row.holder_subject, row.holder_name, row.holder_email),
        groups=frozenset(row.groups),
        seen_at=row.seen_at,
        scopes=frozenset(row.scopes),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )
