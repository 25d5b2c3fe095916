"""Expressions of the blueprint as Python that builds them from the kit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import expressions as ex
from appliance.blueprint.expression_types import entity_named, steps, type_of
from appliance.blueprint.kinds import Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.model import Entity, Field
    from appliance.codegen.emit.names import Names

_FUNCTIONS: Final = {
    ex.Function.ABS: "absolute",
    ex.Function.ROUND: "rounded",
    ex.Function.FIRST: "first_of",
}
_FOLDS: Final = {
    ex.Fold.COUNT: "count",
    ex.Fold.SUM: "sum_of",
    ex.Fold.AVERAGE: "average_of",
    ex.Fold.LOWEST: "lowest_of",
    ex.Fold.HIGHEST: "highest_of",
}
_SUM, _PRODUCT, _ATOM = range(3)
_LITERALS = ex.Text | ex.Option | ex.Number | ex.Truth | ex.Day | ex.Instant | ex.Clock | ex.Days


class Formulas:
    """Writes expressions about rows of one entity; ``computed`` names the constant of a computed field."""

    def __init__(self, names: Names, entity: Entity, computed: Callable[[Entity, Field], str]) -> None:
        self.names = names
        self.entities = names.blueprint.entities
        self.entity = entity
        self.computed = computed

    def text(self, node: ex.Expression, wanted: Type | None = None) -> str:
        """A Python expression for a ``Value``; ``wanted`` is what a field needs it to be."""
        text = self._value(node)
        if wanted is None:
            return text
        kind = self._kind(node)
        if wanted.kind is ex.Kind.MONEY and kind is ex.Kind.NUMBER:
            return f"money({text})"
        return f"number({text})" if wanted.kind is ex.Kind.NUMBER and kind is ex.Kind.MONEY else text

    def _kind(self, node: ex.Expression) -> ex.Kind:
        return type_of(self.entities, self.entity, node).kind

    def _value(self, node: ex.Expression) -> str:
        """Something that has the operators of values."""
        text = self._given(node)
        return f"value({text})" if isinstance(node, _LITERALS) else text

    def _given(self, node: ex.Expression) -> str:  # noqa: C901, PLR0911, PLR0912
        match node:
            case ex.Moment():
                return node.name
            case ex.Path(names):
                return self._path(names)
            case ex.Compare():
                return self._compare(node)
            case ex.OneOf(operand, options):
                listed = ", ".join(self._given(option) for option in options)
                return f"one_of({self._given(operand)}, {listed})"
            case ex.IsEmpty(operand):
                return f"is_empty({self._value(operand)})"
            case ex.Contains(operand, part):
                return f"contains({self._given(operand)}, {self._given(part)})"
            case ex.Not(operand):
                return f"negated({self._value(operand)})"
            case ex.And(parts):
                return f"all_of({', '.join(self._value(part) for part in parts)})"
            case ex.Or(parts):
                return f"any_of({', '.join(self._value(part) for part in parts)})"
            case ex.Arithmetic():
                return self._arithmetic(node)[1]
            case ex.Negative(operand):
                text = self._value(operand)
                return f"-({text})" if isinstance(operand, ex.Arithmetic) else f"-{text}"
            case ex.Call():
                return self._call(node)
            case ex.Related():
                return self._related(node)
            case ex.When(value, condition, otherwise):
                text = f"when({self._value(condition)}, {self._given(value)}"
                return text + (f", {self._given(otherwise)})" if otherwise is not None else ")")
            case _:
                return _literal(node)

    def _path(self, names: tuple[str, ...]) -> str:
        found = steps(self.entities, self.entity, names)
        owner, item = found[-1]
        model = f"models.{self.names.classes[owner.name]}"
        text = f"field({model}.{self.names.attribute(item)})"
        target = ""
        if item.computed is not None:
            text, target = self.computed(owner, item), f", {model}"
        for owner, item in reversed(found[:-1]):
            link = f"models.{self.names.classes[owner.name]}.{self.names.attribute(item)}"
            text, target = f"through({link}, {text}{target})", ""
        return text

    def _compare(self, node: ex.Compare) -> str:
        left, right = self._given(node.left), self._given(node.right)
        if node.operator is ex.Comparator.EQ:
            return f"equal({left}, {right})"
        if node.operator is ex.Comparator.NE:
            return f"different({left}, {right})"
        if isinstance(node.left, _LITERALS):
            left = f"value({left})"
        return f"{left} {node.operator} {right}"

    def _arithmetic(self, node: ex.Arithmetic) -> tuple[int, str]:
        level = _SUM if node.sign in (ex.Sign.PLUS, ex.Sign.MINUS) else _PRODUCT
        left = self._term(node.left, level, first=True)
        right = self._term(node.right, level + 1, first=False)
        return level, f"{left} {node.sign} {right}"

    def _term(self, node: ex.Expression, level: int, *, first: bool) -> str:
        if isinstance(node, ex.Arithmetic):
            own, text = self._arithmetic(node)
            return text if own >= level else f"({text})"
        return self._value(node) if first else self._given(node)

    def _call(self, node: ex.Call) -> str:
        name = _FUNCTIONS.get(node.function, node.function.value)
        if node.function is ex.Function.ROUND and len(node.arguments) > 1:
            places = node.arguments[1]
            digits = int(places.value) if isinstance(places, ex.Number) else 0
            return f"rounded({self._given(node.arguments[0])}, {digits})"
        if node.function is ex.Function.DAYS:
            return f"days({self._value(node.arguments[0])})"
        return f"{name}({', '.join(self._given(argument) for argument in node.arguments)})"

    def _related(self, node: ex.Related) -> str:
        other = entity_named(self.entities, node.entity)
        inner = Formulas(self.names, other, self.computed)
        link = steps(self.entities, other, (node.by,))[0][1]
        parts = [f"models.{self.names.classes[other.name]}.{self.names.attribute(link)}"]
        parts.append(f"models.{self.names.classes[self.entity.name]}")
        if node.of is not None:
            parts.insert(0, inner.text(ex.Path((node.of,))))
        if node.where is not None:
            parts.append(inner.text(node.where))
        return f"{_FOLDS[node.fold]}({', '.join(parts)})"


def _literal(node: _LITERALS) -> str:  # noqa: PLR0911 - one return per literal
    match node:
        case ex.Clock(value):
            return f"dt.time({value.hour}, {value.minute})"
        case ex.Text(value) | ex.Option(value):
            return repr(value)
        case ex.Number(value):
            return str(int(value)) if value == int(value) else str(float(value))
        case ex.Truth(value):
            return repr(value)
        case ex.Day(value):
            return f"dt.date({value.year}, {value.month}, {value.day})"
        case ex.Instant(value):
            return f"dt.datetime({value.year}, {value.month}, {value.day}, {value.hour}, {value.minute})"
        case ex.Days(value):
            return f"dt.timedelta(days={value})"
