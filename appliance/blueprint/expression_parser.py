"""Reading expressions: every operand is checked where it stands, so that an error knows its place and the remedy.

Precedence, loosest first: ``value when condition else other``; ``or``; ``and``; ``not``; comparisons, ``in``,
``contains``, ``is empty``; ``+ -``; ``* /``; a leading ``-``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import expressions as ex
from appliance.blueprint import kinds
from appliance.blueprint.computed import check
from appliance.blueprint.expression_operands import Operands, Typed, arithmetic_hint
from appliance.blueprint.kinds import Type
from appliance.blueprint.lexer import Kind as TokenKind
from appliance.blueprint.model import label_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.lexer import Token
    from appliance.blueprint.model import Entity

_BOOLEAN: Final = Type(ex.Kind.BOOLEAN)


def read_condition(cursor: Cursor, entities: Sequence[Entity], entity: Entity) -> ex.Expression:
    """An expression that is true or false; ``when`` only in brackets, since an ``else`` may follow.

    Raises:
        BlueprintError: at the operand that does not fit, with what to write instead.
    """
    found = _Reader(cursor, entities, entity).condition()
    check(cursor, entities, entity, found)
    return found


def read_value(cursor: Cursor, entities: Sequence[Entity], entity: Entity, wanted: Type) -> ex.Expression:
    """An expression whose value a field of type ``wanted`` can take.

    Raises:
        BlueprintError: at the operand that does not fit, with what to write instead.
    """
    reader = _Reader(cursor, entities, entity)
    found = reader.when(wanted)
    found = reader.shaped(found, wanted)
    if hint := kinds.storable(wanted, found.type):
        cursor.fail(f"this is {found.type}, not {wanted}", hint, found.token)
    check(cursor, entities, entity, found.node)
    return found.node


class _Reader(Operands):
    def condition(self) -> ex.Expression:
        found = self._or(None)
        self.boolean(found)
        return found.node

    def when(self, wanted: Type | None) -> Typed:
        """``value when condition else other``."""
        value = self._or(wanted)
        if not self.cursor.accept("when"):
            return value
        self.count(value.token)
        condition = self._or(None)
        self.boolean(condition)
        if not self.cursor.accept("else"):
            return Typed(ex.When(value.node, condition.node), value.type, value.token)
        other = self._or(wanted or value.type)
        other = self.shaped(other, value.type)
        value = self.shaped(value, other.type)
        kind = kinds.joined(value.type, other.type)
        if kind is None:
            self.cursor.fail(f"one part is {value.type}, the other {other.type}", "Make them alike.", other.token)
        return Typed(ex.When(value.node, condition.node, other.node), kind, value.token)

    def _or(self, wanted: Type | None) -> Typed:
        parts = [self._and(wanted)]
        while self.cursor.accept("or"):
            parts.append(self._and(None))
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            self.boolean(part)
        self.count(parts[0].token)
        return Typed(ex.Or(tuple(part.node for part in parts)), _BOOLEAN, parts[0].token)

    def _and(self, wanted: Type | None) -> Typed:
        parts = [self._not(wanted)]
        while self.cursor.accept("and"):
            parts.append(self._not(None))
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            self.boolean(part)
        self.count(parts[0].token)
        return Typed(ex.And(tuple(part.node for part in parts)), _BOOLEAN, parts[0].token)

    def _not(self, wanted: Type | None) -> Typed:
        token = self.cursor.peek()
        if not self.cursor.accept("not"):
            return self._comparison(wanted)
        self.deeper(token)
        operand = self._not(None)
        self.depth -= 1
        self.boolean(operand)
        return Typed(ex.Not(operand.node), _BOOLEAN, token)

    def _comparison(self, wanted: Type | None) -> Typed:
        left = self._sum(wanted)
        symbol = self.cursor.peek()
        if symbol is None or symbol.kind is TokenKind.STRING:
            return left
        if self.cursor.accept(*(item.value for item in ex.Comparator)):
            return self._compared(left, ex.Comparator(symbol.text), symbol)
        if self.cursor.accept("in"):
            return self._one_of(left)
        if self.cursor.accept("contains"):
            return self._contains(left)
        if self.cursor.at("is"):
            self.cursor.take()
            negated = self.cursor.accept("not")
            self.cursor.expect("empty", "Write is empty or is not empty; for a value write = and the value.")
            if left.type.kind is ex.Kind.BOOLEAN:
                self.cursor.fail("a yes/no value is never empty", "Write not in front of it instead.", left.token)
            self.count(symbol)
            node = ex.IsEmpty(left.node)
            return Typed(ex.Not(node) if negated else node, _BOOLEAN, left.token)
        return left

    def _compared(self, left: Typed, operator: ex.Comparator, symbol: Token) -> Typed:
        if self.cursor.at("empty"):
            word = "is empty" if operator is ex.Comparator.EQ else "is not empty"
            self.cursor.fail("'empty' is no value to compare with", f"Write {word}.")
        right = self.beside(self._sum(left.type), left.type)
        left = self.beside(left, right.type)
        if hint := kinds.comparable(operator, left.type, right.type):
            alike = kinds.joined(left.type, right.type) is not None
            where = symbol if alike else right.token
            shown = f"{operator.value!r} cannot stand here" if alike else f"{left.type} is compared with {right.type}"
            self.cursor.fail(shown, self._better(left, right) or hint, where)
        self.count(symbol)
        return Typed(ex.Compare(operator, left.node, right.node), _BOOLEAN, left.token)

    def _better(self, left: Typed, right: Typed) -> str:
        """For a reference compared with a text: the field that is meant."""
        if left.type.kind is ex.Kind.REF and isinstance(left.node, ex.Path) and isinstance(right.node, ex.Text):
            target = next(item for item in self.entities if item.name == left.type.entity)
            if (label := label_field(target)) is not None:
                return f'Write {".".join(left.node.names)}.{label.name} = "{right.node.value}".'
        return ""

    def _one_of(self, left: Typed) -> Typed:
        self.cursor.expect("(", "Write the values in brackets: in (open, late).")
        options: list[ex.Expression] = []
        while True:
            option = self.beside(self._sum(left.type), left.type)
            if hint := kinds.comparable(ex.Comparator.EQ, left.type, option.type):
                self.cursor.fail(f"{option.type} is looked for in {left.type}", hint, option.token)
            options.append(option.node)
            if not self.cursor.accept(","):
                break
        self.cursor.expect(")")
        self.count(left.token)
        return Typed(ex.OneOf(left.node, tuple(options)), _BOOLEAN, left.token)

    def _contains(self, left: Typed) -> Typed:
        part = self._sum(None)
        for side in (left, part):
            if side.type.kind is not ex.Kind.TEXT:
                self.cursor.fail(f"'contains' looks into texts, this is {side.type}", "Use = instead.", side.token)
        self.count(left.token)
        return Typed(ex.Contains(left.node, part.node), _BOOLEAN, left.token)

    def _sum(self, wanted: Type | None) -> Typed:
        left = self._product(wanted)
        while (token := self.cursor.peek()) is not None:
            if self.cursor.accept("+", "-"):
                left = self._calculated(ex.Sign(token.text), left, self._product(None), token)
            elif token.kind is TokenKind.NUMBER and token.text.startswith("-"):
                self.cursor.fail(f"{token.text!r} follows a value", f"Write - {token.text[1:]}, with a space.", token)
            else:
                break
        return left

    def _product(self, wanted: Type | None) -> Typed:
        left = self._unary(wanted)
        while (token := self.cursor.peek()) is not None and self.cursor.accept("*", "/"):
            left = self._calculated(ex.Sign(token.text), left, self._unary(None), token)
        return left

    def _calculated(self, sign: ex.Sign, left: Typed, right: Typed, token: Token) -> Typed:
        kind = kinds.arithmetic(sign, left.type, right.type)
        if kind is None:
            message = f"{sign.value!r} cannot stand between {left.type} and {right.type}"
            self.cursor.fail(message, arithmetic_hint(left.type, right.type), token)
        self.count(token)
        return Typed(ex.Arithmetic(sign, left.node, right.node), kind, left.token)

    def _unary(self, wanted: Type | None) -> Typed:
        token = self.cursor.peek()
        if not self.cursor.accept("-"):
            return self.operand(wanted)
        self.deeper(token)
        operand = self._unary(None)
        self.depth -= 1
        if operand.type.kind not in kinds.NUMERIC | {ex.Kind.DURATION}:
            self.cursor.fail(f"'-' cannot stand before {operand.type}", kinds.ARITHMETIC_HINT, token)
        return Typed(ex.Negative(operand.node), operand.type, token)
