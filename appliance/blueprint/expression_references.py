"""The names inside expressions: a path is followed through references to know whose field each of its parts is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.blueprint.expressions import (
    And,
    Arithmetic,
    Call,
    Compare,
    Contains,
    Expression,
    IsEmpty,
    Negative,
    Not,
    OneOf,
    Option,
    Or,
    Path,
    Related,
    When,
)
from appliance.blueprint.model import Choice, Ref

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint, Field
    from appliance.blueprint.references import Renamer

ChoiceField = tuple[str, str]
"""Entity and name of the choice field to which an option belongs."""


class ExpressionWalk:
    """Rewrites expressions about the rows of one entity of ``blueprint``."""

    def __init__(self, blueprint: Blueprint, renamer: Renamer) -> None:
        self._entities = {entity.name: entity for entity in blueprint.entities}
        self._to = renamer

    def fields(self, entity: str) -> tuple[Field, ...]:
        """The fields of an entity; none if there is no such entity."""
        found = self._entities.get(entity)
        return () if found is None else found.fields

    def find(self, entity: str, name: str) -> Field | None:
        """A field by its name before."""
        return next((field for field in self.fields(entity) if field.name == name), None)

    def expression(self, value: Expression, entity: str, choice: ChoiceField | None = None) -> Expression:
        """The rewritten expression. ``choice``: the choice field whose options stand where a value is expected."""
        match value:
            case Path(names=names):
                return Path(self._path(names, entity))
            case Option(value=option) if choice is not None:
                return Option(self._to.option(*choice, option))
            case Compare(left=left, right=right):
                beside = self._choice(left, entity) or self._choice(right, entity)
                parts = self.expression(left, entity, beside), self.expression(right, entity, beside)
                return Compare(value.operator, *parts)
            case OneOf(operand=operand, options=options):
                beside = self._choice(operand, entity)
                listed = tuple(self.expression(option, entity, beside) for option in options)
                return OneOf(self.expression(operand, entity), listed)
            case Related():
                return self._related(value)
            case _:
                return self._inner(value, entity, choice)

    def _inner(self, value: Expression, entity: str, choice: ChoiceField | None) -> Expression:  # noqa: PLR0911 - per kind
        def inner(part: Expression) -> Expression:
            return self.expression(part, entity, choice)

        match value:
            case IsEmpty() | Not() | Negative():
                return replace(value, operand=inner(value.operand))
            case Contains():
                return Contains(inner(value.operand), inner(value.part))
            case And() | Or():
                return replace(value, parts=tuple(inner(part) for part in value.parts))
            case Arithmetic():
                return replace(value, left=inner(value.left), right=inner(value.right))
            case Call():
                return replace(value, arguments=tuple(inner(part) for part in value.arguments))
            case When():
                otherwise = None if value.otherwise is None else inner(value.otherwise)
                return When(inner(value.value), self.expression(value.condition, entity), otherwise)
            case _:
                return value

    def _related(self, value: Related) -> Related:
        there = value.entity
        return Related(
            value.fold,
            self._to.entity(there),
            self._to.field(there, value.by),
            None if value.of is None else self._to.field(there, value.of),
            None if value.where is None else self.expression(value.where, there),
        )

    def _path(self, names: tuple[str, ...], entity: str) -> tuple[str, ...]:
        made = []
        here: str | None = entity
        for name in names:
            made.append(name if here is None else self._to.field(here, name))
            field = None if here is None else self.find(here, name)
            here = field.type.entity if field is not None and isinstance(field.type, Ref) else None
        return tuple(made)

    def dotted(self, text: str, entity: str) -> str:
        """``item.category`` as pages write it."""
        return ".".join(self._path(tuple(text.split(".")), entity))

    def _choice(self, value: Expression, entity: str) -> ChoiceField | None:
        if not isinstance(value, Path):
            return None
        here, field = entity, None
        for name in value.names:
            if field is not None:
                if not isinstance(field.type, Ref):
                    return None
                here = field.type.entity
            field = self.find(here, name)
            if field is None:
                return None
        return (here, field.name) if field is not None and isinstance(field.type, Choice) else None
