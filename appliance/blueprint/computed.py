"""Computed fields among each other: no circles, and no more work than a list of rows can bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint import expressions as ex
from appliance.blueprint.expression_types import entity_named, steps

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity, Field

_Place = tuple[str, str]


def parts(node: ex.Expression) -> Iterator[ex.Expression]:
    """The direct parts of an expression; a condition on related rows is not among them, it is about another row."""
    match node:
        case ex.Compare(_, left, right) | ex.Arithmetic(_, left, right):
            yield from (left, right)
        case ex.OneOf(operand, options):
            yield from (operand, *options)
        case ex.Contains(operand, part):
            yield from (operand, part)
        case ex.IsEmpty(operand) | ex.Not(operand) | ex.Negative(operand):
            yield operand
        case ex.And(inner) | ex.Or(inner) | ex.Call(_, inner):
            yield from inner
        case ex.When(value, condition, otherwise):
            yield from (value, condition)
            if otherwise is not None:
                yield otherwise


def uses(entities: Sequence[Entity], entity: Entity, node: ex.Expression) -> Iterator[tuple[Entity, Field]]:
    """Every field that an expression about a row of ``entity`` reads, with the entity that it belongs to."""
    if isinstance(node, ex.Path):
        yield from steps(entities, entity, node.names)
    elif isinstance(node, ex.Related):
        other = entity_named(entities, node.entity)
        yield from steps(entities, other, (node.by,))
        if node.of is not None:
            yield from steps(entities, other, (node.of,))
        if node.where is not None:
            yield from uses(entities, other, node.where)
    for part in parts(node):
        yield from uses(entities, entity, part)


def weigh(entities: Sequence[Entity], computed: Sequence[tuple[Cursor, str, str]]) -> None:
    """Refuse circles of computed fields, and fields that take too much work with all that they use.

    Raises:
        BlueprintError: at the field's line.
    """
    scales = _Scales(entities)
    for cursor, name, field_name in computed:
        size, products = scales.weigh(entity_named(entities, name), field_name, (), cursor)
        if size > ex.MAX_EXPANDED:
            cursor.fail(f"{field_name!r} is too much work with all that it uses", "Shorten what it uses.")
        if products > ex.MAX_PRODUCTS:
            hint = f"Multiply and divide at most {ex.MAX_PRODUCTS} times, computed fields included."
            cursor.fail(f"{field_name!r} multiplies too often", hint)


def check(cursor: Cursor, entities: Sequence[Entity], entity: Entity, node: ex.Expression) -> None:
    """Refuse an expression that takes too much work with the computed fields that it uses.

    Raises:
        BlueprintError: where the reader is.
    """
    size, products = _Scales(entities).expression(entity, node, (), cursor)
    if size > ex.MAX_EXPANDED or products > ex.MAX_PRODUCTS:
        hint = f"Use fewer computed fields; multiply and divide at most {ex.MAX_PRODUCTS} times, theirs included."
        cursor.fail("this is too much work with the computed fields that it uses", hint)


class _Scales:
    def __init__(self, entities: Sequence[Entity]) -> None:
        self.entities = entities
        self.known: dict[_Place, tuple[int, int]] = {}

    def weigh(self, entity: Entity, name: str, above: tuple[_Place, ...], cursor: Cursor) -> tuple[int, int]:
        """How many parts a field's expression has with all that it uses, and how many products."""
        place = (entity.name, name)
        if place in above:
            circle = " → ".join(f"{owner}.{field}" for owner, field in (*above[above.index(place) :], place))
            cursor.fail(f"this field is worked out from itself: {circle}", "Take one of them out.")
        if place not in self.known:
            field = entity.field(name)
            size = products = 0
            if field is not None and field.computed is not None:
                size, products = self.expression(entity, field.computed, (*above, place), cursor)
            self.known[place] = size, products
        return self.known[place]

    def expression(
        self, entity: Entity, node: ex.Expression, above: tuple[_Place, ...], cursor: Cursor
    ) -> tuple[int, int]:
        """The same for any expression about a row of ``entity``."""
        size, products = own_weight(node)
        for owner, used in uses(self.entities, entity, node):
            more = self.weigh(owner, used.name, above, cursor)
            size, products = size + more[0], products + more[1]
        return size, products


def own_weight(node: ex.Expression) -> tuple[int, int]:
    """How many parts an expression has, and how many multiplications and divisions."""
    own = isinstance(node, ex.Arithmetic) and node.sign in (ex.Sign.TIMES, ex.Sign.OVER)
    size, products = 1, int(own)
    inner = [*parts(node), *([node.where] if isinstance(node, ex.Related) and node.where is not None else [])]
    for part in inner:
        more = own_weight(part)
        size, products = size + more[0], products + more[1]
    return size, products
