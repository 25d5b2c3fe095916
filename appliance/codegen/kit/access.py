"""Who may do what. Everything that the table does not allow is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, false, or_, true

from .records import attribute

if TYPE_CHECKING:
    from .records import Entity

OWNER: Final = "@owner"
"""The app's owner may do everything."""


class Scope(IntEnum):
    """Which rows a permission covers. ``OWN``: those that the person created or is named in."""

    NONE = 0
    OWN = 1
    ALL = 2


OWN: Final = Scope.OWN
ALL: Final = Scope.ALL


class Verb(StrEnum):
    """What can be done with rows."""

    CREATE = "create"
    READ = "read"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role may do with one kind of record.

    ``names``: may see what rows are called where another record refers to them, and nothing else of them.
    """

    create: Scope = Scope.NONE
    read: Scope = Scope.NONE
    edit: Scope = Scope.NONE
    delete: Scope = Scope.NONE
    names: Scope = Scope.NONE


AccessTable = Mapping[str, Mapping[str, Grant]]
"""Table name → role → grant."""


@dataclass(frozen=True, slots=True)
class Access:
    """The access table as seen by one person: their roles, and the ids under which the app knows them."""

    table: AccessTable
    roles: frozenset[str]
    me: tuple[int, ...]

    def scope(self, entity: Entity, verb: Verb) -> Scope:
        """The widest scope that any of the person's roles has."""
        if OWNER in self.roles:
            return Scope.ALL
        grants = self.table.get(entity.table, {})
        return max((getattr(grants[role], verb) for role in self.roles if role in grants), default=Scope.NONE)

    def may(self, entity: Entity, verb: Verb) -> bool:
        """Whether the person may do this with at least some rows."""
        return self.scope(entity, verb) is not Scope.NONE

    def rows(self, entity: Entity, verb: Verb) -> ColumnElement[bool]:
        """A filter: the rows with which the person may do this."""
        return self._filter(entity, self.scope(entity, verb))

    def named_rows(self, entity: Entity) -> ColumnElement[bool]:
        """A filter: the rows whose name the person may see in references and pickers."""
        scope = self.scope(entity, Verb.READ)
        if scope is Scope.NONE:
            grants = self.table.get(entity.table, {})
            scope = max((grants[role].names for role in self.roles if role in grants), default=Scope.NONE)
        return self._filter(entity, scope)

    def covers(self, entity: Entity, verb: Verb, row: Any) -> bool:
        """Whether the person may do this with this row."""
        scope = self.scope(entity, verb)
        return scope is Scope.ALL or (scope is Scope.OWN and self.owns(entity, row))

    def owns(self, entity: Entity, row: Any) -> bool:
        """Whether a row is the person's own: they created it or a person field names them."""
        return row.created_by in self.me or any(getattr(row, field.attribute) in self.me for field in entity.people)

    def _filter(self, entity: Entity, scope: Scope) -> ColumnElement[bool]:
        if scope is Scope.ALL:
            return true()
        if scope is Scope.NONE or not self.me:
            return false()
        columns = ("created_by", *(field.attribute for field in entity.people))
        return or_(*(attribute(entity.model, name).in_(self.me) for name in columns))
