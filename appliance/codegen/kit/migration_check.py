"""Whether everything arrived: a digest over rows that does not depend on their order."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from .migration_source import META, frozen_meta
from .migration_values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table

    from .migration_plan import ColumnPlan

_MODULUS: Final = 1 << 256


class Digest:
    """The sum of the SHA-256 of every row, modulo 2^256."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, row_id: int, meta: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """One row; values in the form that JSON keeps."""
        text = json.dumps([row_id, frozen_meta(dict(meta)), values], sort_keys=True, default=str)
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % _MODULUS
        self.count += 1

    def text(self) -> str:
        """64 hex digits."""
        return f"{self._sum:064x}"


def read_back(connection: Connection, table: Table, columns: Sequence[ColumnPlan]) -> Digest:
    """The digest of what the new table holds."""
    digest = Digest()
    for found in connection.execute(select(table)).mappings():
        values = {column.uid: frozen(column.after, found[str(column.target)], column.words_after) for column in columns}
        digest.add(found["id"], {name: found[name] for name in META}, values)
    return digest
