"""Expressions to text, with as few brackets as the reader needs; reading and printing are inverse."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, assert_never

from appliance.blueprint import expressions as ex
from appliance.blueprint.expression_types import type_of
from appliance.blueprint.kinds import Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import Entity

WHEN, OR, AND, NOT, COMPARISON, SUM, PRODUCT, UNARY, OPERAND = range(9)
_WEEK: Final = 7


def expression_text(
    node: ex.Expression, entities: Sequence[Entity], entity: Entity, *, wanted: Type | None = None, loosest: int = OR
) -> str:
    """The canonical text. ``wanted`` is what the place takes; ``loosest`` what may stand there without brackets."""
    return _Printer(entities, entity).text(node, loosest, wanted)


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Printer:
    def __init__(self, entities: Sequence[Entity], entity: Entity) -> None:
        self.entities = entities
        self.entity = entity

    def text(self, node: ex.Expression, loosest: int, wanted: Type | None = None) -> str:
        level, text = self._level(node, wanted)
        return text if level >= loosest else f"({text})"

    def _level(self, node: ex.Expression, wanted: Type | None) -> tuple[int, str]:  # noqa: PLR0911, PLR0912, C901
        match node:
            case ex.When():
                return WHEN, self._when(node, wanted)
            case ex.Or(parts):
                return OR, " or ".join(self.text(part, AND) for part in parts)
            case ex.And(parts):
                return AND, " and ".join(self.text(part, NOT) for part in parts)
            case ex.Not(ex.IsEmpty(operand)):
                return COMPARISON, f"{self.text(operand, SUM)} is not empty"
            case ex.Not(operand):
                return NOT, f"not {self.text(operand, NOT)}"
            case ex.IsEmpty(operand):
                return COMPARISON, f"{self.text(operand, SUM)} is empty"
            case ex.Compare(operator, left, right):
                kind = self._type(left)
                return COMPARISON, f"{self.text(left, SUM)} {operator} {self.text(right, SUM, kind)}"
            case ex.OneOf(operand, options):
                kind = self._type(operand)
                listed = ", ".join(self.text(option, SUM, kind) for option in options)
                return COMPARISON, f"{self.text(operand, SUM)} in ({listed})"
            case ex.Contains(operand, part):
                return COMPARISON, f"{self.text(operand, SUM)} contains {self.text(part, SUM)}"
            case ex.Arithmetic(sign, left, right):
                level = SUM if sign in (ex.Sign.PLUS, ex.Sign.MINUS) else PRODUCT
                return level, f"{self.text(left, level, wanted)} {sign} {self.text(right, level + 1)}"
            case ex.Negative(operand):
                # "-5" would be read as a number
                return UNARY, f"-({self.text(operand, WHEN)})" if _digit(operand) else f"-{self.text(operand, UNARY)}"
            case ex.Related():
                return OPERAND, self._related(node)
            case ex.Call(function, arguments):
                return OPERAND, f"{function}({', '.join(self._arguments(function, arguments, wanted))})"
            case ex.Path(names):
                text = ".".join(names)
                hidden = wanted is not None and text in wanted.options
                return OPERAND, f"({text})" if hidden else text
            case ex.Option(value):
                return OPERAND, _option(value, wanted)
            case _:
                return OPERAND, _value(node)

    def _type(self, node: ex.Expression) -> Type | None:
        kind = type_of(self.entities, self.entity, node)
        return kind if kind.kind is ex.Kind.CHOICE else None

    def _when(self, node: ex.When, wanted: Type | None) -> str:
        text = f"{self.text(node.value, OR, wanted)} when {self.text(node.condition, OR)}"
        if node.otherwise is None:
            return text
        return f"{text} else {self.text(node.otherwise, OR, wanted or self._type(node.value))}"

    def _arguments(
        self, function: ex.Function, arguments: Sequence[ex.Expression], wanted: Type | None
    ) -> Sequence[str]:
        if function is not ex.Function.FIRST:
            return [self.text(argument, WHEN) for argument in arguments]
        rest = wanted or self._type(arguments[0])
        texts = [self.text(arguments[0], WHEN, wanted)]
        return texts + [self.text(argument, WHEN, rest) for argument in arguments[1:]]

    def _related(self, node: ex.Related) -> str:
        of = f".{node.of}" if node.of is not None else ""
        where = ""
        if node.where is not None:
            other = next(item for item in self.entities if item.name == node.entity)
            where = f" where {_Printer(self.entities, other).text(node.where, OR)}"
        return f"{node.fold}({node.entity}{of} by {node.by}{where})"


def _digit(node: ex.Expression) -> bool:
    while isinstance(node, ex.Arithmetic):
        node = node.left
    return isinstance(node, ex.Number | ex.Days)


def _option(value: str, wanted: Type | None) -> str:
    """Bare, or in quotes where it could be read as the beginning of another option."""
    options = wanted.options if wanted is not None else ()
    return quoted(value) if any(option.startswith(f"{value} ") for option in options) else value


def _value(node: ex.Text | ex.Number | ex.Truth | ex.Day | ex.Instant | ex.Clock | ex.Days | ex.Moment) -> str:  # noqa: PLR0911
    match node:
        case ex.Text(value):
            return quoted(value)
        case ex.Number(value):
            return number_text(value)
        case ex.Truth(value):
            return "true" if value else "false"
        case ex.Day(value):
            return value.isoformat()
        case ex.Instant(value):
            return value.strftime("%Y-%m-%dT%H:%M")
        case ex.Clock(value):
            return quoted(f"{value:%H:%M}")
        case ex.Days(value):
            return f"{value} day" if abs(value) == 1 else f"{value} days"
        case ex.Moment():
            return node.value
        case _:
            assert_never(node)


def number_text(value: Decimal) -> str:
    """A number without exponent and trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
