"""Expressions in words, for titles and explanations, in the app's language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeGuard, assert_never

from appliance.blueprint import expressions as ex
from appliance.blueprint import naming
from appliance.blueprint.expression_phrases import PHRASES
from appliance.blueprint.expression_printer import number_text
from appliance.blueprint.expression_types import entity_named, steps, type_of
from appliance.blueprint.kinds import DATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import Entity, Field

_MINUS: Final = "\u2212"
_SIGNS: Final = {ex.Sign.PLUS: "+", ex.Sign.MINUS: _MINUS, ex.Sign.TIMES: "\u00d7", ex.Sign.OVER: "÷"}
_FOUR_DIGITS: Final = 1000
_Literal = ex.Text | ex.Option | ex.Number | ex.Truth | ex.Day | ex.Instant | ex.Clock | ex.Days | ex.Moment
_COMPOUND = (ex.And, ex.Or, ex.When, ex.Arithmetic, ex.Compare, ex.Not, ex.OneOf, ex.Contains, ex.IsEmpty)


def words(entities: Sequence[Entity], entity: Entity, node: ex.Expression, language: str = "en") -> str:
    """How a person would say an expression about a row of ``entity``: ``due is before today and not returned``.

    ``language`` is one of ``en``, ``de``, ``fr``, ``es``; KeyError for another.
    """
    return _Words(entities, entity, language).say(node)


class _Words:
    def __init__(self, entities: Sequence[Entity], entity: Entity, language: str) -> None:
        self.entities = entities
        self.entity = entity
        self.language = language
        self.phrases = PHRASES[language]

    def _phrase(self, name: str, a: str = "", b: str = "") -> str:
        return self.phrases[name].format(a=a, b=b)

    def _label(self, field: Field) -> str:
        text = field.label or naming.label(field.name)
        if self.language == "de" or text.isupper():
            return text
        return text[:1].lower() + text[1:]

    def say(self, node: ex.Expression) -> str:  # noqa: C901, PLR0911, PLR0912 - one branch per node
        """The words for a node."""
        match node:
            case ex.Path(names):
                return self._path(names)
            case ex.Compare():
                return self._compare(node)
            case ex.Not(operand):
                return self._negated(operand)
            case ex.And(parts):
                return self._joined("and", [self._part(part, ex.Or, ex.When) for part in parts])
            case ex.Or(parts):
                return self._joined("or", [self._part(part, ex.When) for part in parts])
            case ex.OneOf(operand, options):
                listed = self._joined("or", [self.say(option) for option in options])
                return self._phrase("one of", self._term(operand), listed)
            case ex.IsEmpty(operand):
                return self._phrase("empty", self._term(operand))
            case ex.Contains(operand, part):
                return self._phrase("contains", self._term(operand), self._term(part))
            case ex.Arithmetic(sign, left, right):
                return f"{self._term(left)} {_SIGNS[sign]} {self._term(right)}"
            case ex.Negative(operand):
                return f"{_MINUS}{self._term(operand)}"
            case ex.Call():
                return self._call(node)
            case ex.Related():
                return self._related(node)
            case ex.When(value, condition, otherwise):
                text = self._phrase("when", self._term(value), self.say(condition))
                return text if otherwise is None else self._phrase("otherwise", text, self._term(otherwise))
            case _:
                return self._value(node)

    def _part(self, node: ex.Expression, *looser: type) -> str:
        return f"({self.say(node)})" if isinstance(node, looser) else self.say(node)

    def _term(self, node: ex.Expression) -> str:
        return f"({self.say(node)})" if isinstance(node, _COMPOUND) else self.say(node)

    def _side(self, node: ex.Expression) -> str:
        """A side of a comparison: a calculation needs no brackets there."""
        return self.say(node) if isinstance(node, ex.Arithmetic) else self._term(node)

    def _joined(self, phrase: str, parts: Sequence[str]) -> str:
        text = parts[0]
        for part in parts[1:]:
            text = self._phrase(phrase, text, part)
        return text

    def _path(self, names: Sequence[str]) -> str:
        labels = [self._label(field) for _, field in steps(self.entities, self.entity, names)]
        text = labels[0]
        for label in labels[1:]:
            text = self._phrase("of", label, text)
        return text

    def _compare(self, node: ex.Compare) -> str:
        left, right, operator = node.left, node.right, node.operator
        if ex.Moment.ME in (left, right) and operator in (ex.Comparator.EQ, ex.Comparator.NE):
            somebody = self._term(right if left is ex.Moment.ME else left)
            return self._phrase("is me" if operator is ex.Comparator.EQ else "is not me", somebody)
        dated = type_of(self.entities, self.entity, left).kind in DATED
        phrase = f"day {operator}" if dated and operator not in (ex.Comparator.EQ, ex.Comparator.NE) else operator.value
        return self._phrase(phrase, self._side(left), self._side(right))

    def _negated(self, node: ex.Expression) -> str:
        match node:
            case ex.IsEmpty(operand):
                return self._phrase("not empty", self._term(operand))
            case ex.OneOf(operand, options):
                listed = self._joined("or", [self.say(option) for option in options])
                return self._phrase("not one of", self._term(operand), listed)
            case ex.Compare(ex.Comparator.EQ, left, right):
                return self._compare(ex.Compare(ex.Comparator.NE, left, right))
            case ex.Path():
                return self._phrase("not", self.say(node))
        return self._phrase("not both", self.say(node))

    def _call(self, node: ex.Call) -> str:
        first = node.arguments[0]
        match node.function:
            case ex.Function.DAYS:
                if self._is_span(first):
                    return self._phrase("from to", self._term(first.right), self._term(first.left))
                return self._phrase("in days", self._term(first))
            case ex.Function.FIRST | ex.Function.LOWEST | ex.Function.HIGHEST:
                listed = ", ".join(self._term(argument) for argument in node.arguments)
                return self._phrase(node.function.value, listed)
            case ex.Function.ADD_MONTHS:
                return self._phrase("add_months", self._term(first), self._term(node.arguments[1]))
        return self._phrase(node.function.value, self._term(first))

    def _is_span(self, node: ex.Expression) -> TypeGuard[ex.Arithmetic]:
        """Whether this is the time from one day to another."""
        if not isinstance(node, ex.Arithmetic) or node.sign is not ex.Sign.MINUS:
            return False
        return type_of(self.entities, self.entity, node.left).kind in DATED

    def _related(self, node: ex.Related) -> str:
        other = entity_named(self.entities, node.entity)
        inner = _Words(self.entities, other, self.language)
        noun = naming.plural(other.name, self.language)
        text = noun
        if node.of is not None:
            text = self._phrase("of", inner.say(ex.Path((node.of,))), noun)
        extreme = node.fold in (ex.Fold.LOWEST, ex.Fold.HIGHEST)
        text = self._phrase(f"{node.fold} of" if extreme else node.fold.value, text)
        return text if node.where is None else self._phrase("where", text, inner.say(node.where))

    def _value(self, node: _Literal) -> str:  # noqa: PLR0911 - one return per literal
        match node:
            case ex.Text(value):
                return self._phrase("quoted", value)
            case ex.Option(value):
                return value
            case ex.Number(value):
                return number_text(value).replace(".", self.phrases["comma"])
            case ex.Truth(value):
                return self.phrases["true" if value else "false"]
            case ex.Day(value):
                return _dated(value.strftime(self.phrases["date"]), value.year)
            case ex.Instant(value):
                return f"{_dated(value.strftime(self.phrases['date']), value.year)} {value:%H:%M}"
            case ex.Clock(value):
                return f"{value:%H:%M}"
            case ex.Days(value):
                return self.phrases["1 day"] if value == 1 else self._phrase("days", str(value))
            case ex.Moment():
                return self.phrases[node.value]
            case _:
                assert_never(node)


def _dated(text: str, year: int) -> str:
    """Some C libraries write the year 999 with three digits."""
    return text.replace(str(year), f"{year:04}") if year < _FOUR_DIGITS and f"{year:04}" not in text else text
