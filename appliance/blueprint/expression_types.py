"""What a checked expression's value is; for printers and emitters, which need no place for an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import expressions as ex
from appliance.blueprint import kinds
from appliance.blueprint.kinds import Type
from appliance.blueprint.model import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import Entity, Field

_BOOLEAN: Final = Type(ex.Kind.BOOLEAN)
_VALUES: Final = {
    ex.Text: ex.Kind.TEXT,
    ex.Option: ex.Kind.CHOICE,
    ex.Number: ex.Kind.NUMBER,
    ex.Truth: ex.Kind.BOOLEAN,
    ex.Day: ex.Kind.DATE,
    ex.Instant: ex.Kind.DATETIME,
    ex.Clock: ex.Kind.TIME,
    ex.Days: ex.Kind.DURATION,
}
_MOMENTS: Final = {
    ex.Moment.TODAY: Type(ex.Kind.DATE),
    ex.Moment.NOW: Type(ex.Kind.DATETIME),
    ex.Moment.ME: Type(ex.Kind.PERSON),
}


def entity_named(entities: Sequence[Entity], name: str) -> Entity:
    """The entity of that name; KeyError if there is none."""
    for entity in entities:
        if entity.name == name:
            return entity
    raise KeyError(name)


def steps(entities: Sequence[Entity], entity: Entity, names: Sequence[str]) -> list[tuple[Entity, Field]]:
    """The fields on a path, each with the entity that it belongs to; KeyError where it leads nowhere."""
    found: list[tuple[Entity, Field]] = []
    for name in names:
        if found:
            link = found[-1][1].type
            if not isinstance(link, Ref):
                raise KeyError(name)
            entity = entity_named(entities, link.entity)
        field = entity.field(name)
        if field is None:
            raise KeyError(name)
        found.append((entity, field))
    return found


def type_of(entities: Sequence[Entity], entity: Entity, node: ex.Expression) -> Type:  # noqa: PLR0911 - one per node
    """The type of an expression about a row of ``entity``; KeyError if it was never checked."""

    def of(part: ex.Expression) -> Type:
        return type_of(entities, entity, part)

    match node:
        case ex.Compare() | ex.OneOf() | ex.IsEmpty() | ex.Contains() | ex.Not() | ex.And() | ex.Or():
            return _BOOLEAN
        case ex.Moment():
            return _MOMENTS[node]
        case ex.Path(names):
            return kinds.of_field(steps(entities, entity, names)[-1][1])
        case ex.Negative(operand):
            return of(operand)
        case ex.Arithmetic(sign, left, right):
            return _known(kinds.arithmetic(sign, of(left), of(right)), node)
        case ex.Call(function, arguments):
            return _known(kinds.called(function, [of(argument) for argument in arguments]), node)
        case ex.Related(fold, name, _, of_name):
            other = entity_named(entities, name)
            field = other.field(of_name) if of_name is not None else None
            return _known(kinds.folded(fold, kinds.of_field(field) if field is not None else None), node)
        case ex.When(value, _, otherwise):
            return of(value) if otherwise is None else _known(kinds.joined(of(value), of(otherwise)), node)
        case _:
            return Type(_VALUES[type(node)])


def _known(found: Type | None, node: ex.Expression) -> Type:
    if found is None:
        raise KeyError(str(node))
    return found
