"""Who may do what. Everything that the table does not allow is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, false, or_, true

from .records import attribute

if TYPE_CHECKING:
    from .columns import FieldSpec
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

FieldTable = Mapping[str, Mapping[str, Mapping[str, Grant]]]
"""Table name → field → role → grant, of which only ``read`` and ``edit`` count. It narrows the access table: a field
that it names is closed to every role that it does not name with it. A field that it does not name follows its row."""


@dataclass(frozen=True, slots=True)
class Access:
    """The access table as seen by one person: their roles, and the ids under which the app knows them."""

    table: AccessTable
    roles: frozenset[str]
    me: tuple[int, ...]
    fields: FieldTable = field(default_factory=dict)

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
        return self._covers(entity, self.scope(entity, verb), row)

    def owns(self, entity: Entity, row: Any) -> bool:
        """Whether a row is the person's own: they created it or a person field names them."""
        return row.created_by in self.me or any(getattr(row, spec.attribute) in self.me for spec in entity.people)

    def field_scope(self, entity: Entity, spec: FieldSpec, verb: Verb = Verb.READ) -> Scope:
        """In which rows the person may read (or edit) a field: as far as one and the same role allows row and field.

        A hidden field is nobody's to read. ``EDIT`` looks at the field alone; the row is checked where it is met.
        """
        if spec.hidden:
            return Scope.NONE
        if OWNER in self.roles:
            return Scope.ALL
        named = self.fields.get(entity.table, {}).get(spec.name)
        found = Scope.NONE
        for role, grant in self.table.get(entity.table, {}).items():
            if role not in self.roles:
                continue
            allowed = Scope.ALL if named is None else getattr(named.get(role, Grant()), verb)
            found = max(found, min(allowed, grant.read) if verb is Verb.READ else allowed)
        return found

    def reads(self, entity: Entity, spec: FieldSpec, row: Any) -> bool:
        """Whether the person may read this field of this row (which they may read)."""
        return self._covers(entity, self.field_scope(entity, spec), row)

    def sets(self, entity: Entity, spec: FieldSpec, row: Any | None) -> bool:
        """Whether the person may fill in this field: of a new row (None), or of a row whose field they may read too."""
        if not spec.is_given:
            return False
        scope = self.field_scope(entity, spec, Verb.EDIT)
        if row is None:
            return scope is not Scope.NONE
        return self.reads(entity, spec, row) and self._covers(entity, scope, row)

    def field_rows(self, entity: Entity, spec: FieldSpec) -> ColumnElement[bool]:
        """A filter: the rows of which the person may read this field."""
        return self._filter(entity, self.field_scope(entity, spec))

    def names(self, entity: Entity, row: Any) -> bool:
        """Whether the person may know the naming field of a row that they may see or that something refers to."""
        return entity.label is not None and self._covers(entity, self._name_scope(entity), row)

    def named_by(self, entity: Entity) -> ColumnElement[bool]:
        """A filter: the rows whose naming field the person may know."""
        return self._filter(entity, self._name_scope(entity))

    def _name_scope(self, entity: Entity) -> Scope:
        if OWNER in self.roles:
            return Scope.ALL
        label = entity.label
        named = self.fields.get(entity.table, {}).get(label.name) if label is not None else None
        found = Scope.NONE
        for role, grant in self.table.get(entity.table, {}).items():
            if role in self.roles:
                allowed = Scope.ALL if named is None else named.get(role, Grant()).read
                found = max(found, min(allowed, max(grant.read, grant.names)))
        return found

    def _covers(self, entity: Entity, scope: Scope, row: Any) -> bool:
        return scope is Scope.ALL or (scope is Scope.OWN and self.owns(entity, row))

    def _filter(self, entity: Entity, scope: Scope) -> ColumnElement[bool]:
        if scope is Scope.ALL:
            return true()
        if scope is Scope.NONE or not self.me:
            return false()
        columns = ("created_by", *(spec.attribute for spec in entity.people))
        return or_(*(attribute(entity.model, name).in_(self.me) for name in columns))
