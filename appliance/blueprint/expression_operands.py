"""Operands of expressions: values as written, fields, functions, and figures over related rows."""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from appliance.blueprint import expressions as ex
from appliance.blueprint import kinds
from appliance.blueprint.errors import closest
from appliance.blueprint.kinds import Type
from appliance.blueprint.lexer import Kind as TokenKind
from appliance.blueprint.model import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.lexer import Token
    from appliance.blueprint.model import Entity

_BOOLEAN: Final = Type(ex.Kind.BOOLEAN)
_MOMENTS: Final = {
    ex.Moment.TODAY: Type(ex.Kind.DATE),
    ex.Moment.NOW: Type(ex.Kind.DATETIME),
    ex.Moment.ME: Type(ex.Kind.PERSON),
}
_NAMED: Final = {moment.value: moment for moment in ex.Moment}
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_FOLD_ONLY: Final = frozenset({"count", "sum", "average"})
_FOLDS: Final = frozenset(fold.value for fold in ex.Fold)
MAX_NUMBER: Final = Decimal(10) ** 12
MAX_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression, what its value is, and where it begins."""

    node: ex.Expression
    type: Type
    token: Token | None


class Operands(ABC):
    """Reads operands; how they are joined is said by what inherits from it."""

    def __init__(self, cursor: Cursor, entities: Sequence[Entity], entity: Entity) -> None:
        self.cursor = cursor
        self.entities = entities
        self.entity = entity
        self.depth = 0
        self.size = 0
        self.related = False

    @abstractmethod
    def when(self, wanted: Type | None) -> Typed:
        """Any expression."""

    @abstractmethod
    def condition(self) -> ex.Expression:
        """An expression that is true or false."""

    def shaped(self, found: Typed, wanted: Type) -> Typed:
        """A text in quotes as the time that is wanted there."""
        if not isinstance(found.node, ex.Text) or wanted.kind is not ex.Kind.TIME:
            return found
        if _TIME.fullmatch(found.node.value) is None:
            self.cursor.fail(f"{found.node.value!r} is not a time", 'Write it as "14:30".', found.token)
        return Typed(ex.Clock(dt.time.fromisoformat(found.node.value)), wanted, found.token)

    def beside(self, found: Typed, other: Type) -> Typed:
        """A text in quotes as the time, or as the address of the person, that it is compared with."""
        if isinstance(found.node, ex.Text) and other.kind is ex.Kind.PERSON:
            return Typed(found.node, other, found.token)
        return self.shaped(found, other)

    def count(self, token: Token | None) -> None:
        self.size += 1
        if self.size > ex.MAX_SIZE:
            self.cursor.fail("this expression is too long", "Put a part of it into a computed field.", token)

    def deeper(self, token: Token | None) -> None:
        self.depth += 1
        self.count(token)
        if self.depth > ex.MAX_DEPTH:
            self.cursor.fail("this is nested too deeply", "Put a part of it into a computed field.", token)

    def boolean(self, found: Typed) -> None:
        if found.type.kind is not ex.Kind.BOOLEAN:
            shown = f"this is {found.type}, not something that is true or false"
            hint = "Compare it with something, such as due < today."
            if found.type.kind is ex.Kind.CHOICE and found.type.options and isinstance(found.node, ex.Path):
                hint = f"Write {'.'.join(found.node.names)} = {found.type.options[0]}."
            self.cursor.fail(shown, hint, found.token)

    def operand(self, wanted: Type | None) -> Typed:  # noqa: PLR0911 - one return per kind of operand
        token = self.cursor.peek()
        if token is None:
            return self.cursor.fail("the expression ends too early", "Write a field, a value or a function.")
        self.count(token)
        if wanted is not None and wanted.kind is ex.Kind.CHOICE:
            option = self._option(wanted, token)
            if option is not None:
                return option
        if self.cursor.accept("("):
            return self._bracket(wanted, token)
        self.cursor.take()
        match token.kind:
            case TokenKind.STRING:
                if not token.text:
                    self.cursor.fail("an empty text equals nothing", "Write is empty.", token)
                text = Typed(ex.Text(token.text), Type(ex.Kind.TEXT), token)
                return text if wanted is None else self.shaped(text, wanted)
            case TokenKind.NUMBER:
                return self._number(token)
            case TokenKind.DATE:
                return self._date(token)
        return self._word(token, wanted)

    def _option(self, wanted: Type, token: Token) -> Typed | None:
        if token.kind is TokenKind.STRING:
            if token.text not in wanted.options:
                message, hint = f"{token.text!r} is not one of the options", closest(token.text, wanted.options)
                self.cursor.fail(message, hint, token)
            self.cursor.take()
            return Typed(ex.Option(token.text), wanted, token)
        found = self.cursor.one_of(wanted.options)
        return None if found is None else Typed(ex.Option(found), wanted, token)

    def _bracket(self, wanted: Type | None, token: Token) -> Typed:
        self.deeper(token)
        # A lone word in brackets is a field, even where an option is called the same.
        alone = (second := self.cursor.ahead()) is not None and second.text == ")"
        inner = self.when(None if alone else wanted)
        self.depth -= 1
        self.cursor.expect(")", "Close the bracket.")
        return Typed(inner.node, inner.type, token)

    def _number(self, token: Token) -> Typed:
        value = Decimal(token.text)
        places = -int(value.as_tuple().exponent)
        if abs(value) > MAX_NUMBER or places > MAX_PLACES:
            hint = f"Keep it below {MAX_NUMBER:,} with at most {MAX_PLACES} decimals."
            self.cursor.fail(f"{token.text} is too large or too fine", hint, token)
        unit = self.cursor.peek()
        if unit is not None and self.cursor.accept("day", "days", "week", "weeks"):
            count = value * (7 if unit.text.startswith("week") else 1)
            if count != int(count) or abs(count) > ex.MAX_DAYS:
                self.cursor.fail("a duration is a whole number of days", f"At most {ex.MAX_DAYS} days.", token)
            return Typed(ex.Days(int(count)), Type(ex.Kind.DURATION), token)
        if unit is not None and unit.text in ("month", "months", "year", "years"):
            self.cursor.fail("months differ in length", f"Write add_months(due, {token.text}).", unit)
        return Typed(ex.Number(value.normalize() if value else Decimal(0)), Type(ex.Kind.NUMBER), token)

    def _date(self, token: Token) -> Typed:
        try:
            if "T" in token.text:
                return Typed(ex.Instant(dt.datetime.fromisoformat(token.text)), Type(ex.Kind.DATETIME), token)
            return Typed(ex.Day(dt.date.fromisoformat(token.text)), Type(ex.Kind.DATE), token)
        except ValueError:
            return self.cursor.fail(f"there is no day {token.text}", "Write it as 2026-11-30.", token)

    def _word(self, token: Token, wanted: Type | None) -> Typed:
        text = token.text
        if text in ("true", "false"):
            return Typed(ex.Truth(text == "true"), _BOOLEAN, token)
        if (moment := _NAMED.get(text)) is not None:
            return Typed(moment, _MOMENTS[moment], token)
        if self.cursor.at("("):
            return self._call(token, wanted)
        if not (text[0].isalpha() or text[0] == "_"):
            self.cursor.fail(f"{text!r} does not belong here", "Write a field, a value or a function.", token)
        return self._path(token, wanted)

    def _path(self, token: Token, wanted: Type | None) -> Typed:
        names = token.text.split(".")
        if len(names) > ex.MAX_REFERENCES + 1:
            hint = "Put the rest into a computed field of the other entity."
            self.cursor.fail(f"a path leads over at most {ex.MAX_REFERENCES} references", hint, token)
        kind = Type(ex.Kind.REF, entity=self.entity.name)
        for index, name in enumerate(names):
            if kind.kind is not ex.Kind.REF:
                hint = f"Write {'.'.join(names[:index])} alone."
                self.cursor.fail(f"{names[index - 1]!r} leads to no other record", hint, token)
            entity = next(item for item in self.entities if item.name == kind.entity)
            field = entity.field(name)
            if field is None:
                self._unknown(token, entity, name, wanted)
            if field.custom is not None:
                hint = "Use fields that the database knows: typed in or computed."
                self.cursor.fail(f"{name!r} is worked out by a function of its own", hint, token)
            kind = kinds.of_field(field)
        return Typed(ex.Path(tuple(names)), kind, token)

    def _unknown(self, token: Token, entity: Entity, name: str, wanted: Type | None) -> NoReturn:
        names = [field.name for field in entity.fields]
        if wanted is not None and wanted.kind is ex.Kind.CHOICE and "." not in token.text:
            hint = closest(name, wanted.options)
            self.cursor.fail(f"{token.text!r} is not one of the options", hint, token)
        pieces = re.split(r"([-+/])", token.text)
        if len(pieces) > 1 and entity.field(pieces[0]) is not None:
            self.cursor.fail(f"{token.text!r} is read as one word", f"Write {' '.join(pieces)}, with spaces.", token)
        for field in entity.fields:
            options = kinds.of_field(field).options
            if name in options:
                hint = f"Write {field.name} = {name}."
                self.cursor.fail(f"{name!r} is an option, not a field", hint, token)
        self.cursor.fail(f"{entity.name!r} has no field {name!r}", closest(name, names), token)

    def _call(self, token: Token, wanted: Type | None) -> Typed:
        if token.text in _FOLD_ONLY or (token.text in _FOLDS and self._over_rows()):
            return self._related(token)
        if token.text not in set(ex.Function):
            known = dict.fromkeys([*ex.Function, *ex.Fold])
            self.cursor.fail(f"there is no function {token.text!r}", closest(token.text, known), token)
        function = ex.Function(token.text)
        self.cursor.expect("(")
        self.deeper(token)
        arguments: list[Typed] = []
        wanted = wanted if function is ex.Function.FIRST else None
        while True:
            found = self.when(wanted)
            wanted = wanted or (found.type if function is ex.Function.FIRST else None)
            arguments.append(found)
            if not self.cursor.accept(","):
                break
        self.depth -= 1
        self.cursor.expect(")", "Close the bracket.")
        kind = kinds.called(function, [item.type for item in arguments])
        if kind is None or len(arguments) > ex.MAX_ARGUMENTS or not self._rounds(function, arguments):
            self.cursor.fail(f"{token.text!r} is not written so", f"Write {kinds.USAGE[function]}.", token)
        return Typed(ex.Call(function, tuple(item.node for item in arguments)), kind, token)

    def _rounds(self, function: ex.Function, arguments: Sequence[Typed]) -> bool:
        """``round`` takes the number of decimals as written, so that it is known beforehand."""
        if function is not ex.Function.ROUND or len(arguments) == 1:
            return True
        places = arguments[1].node
        return isinstance(places, ex.Number) and places.value in range(MAX_PLACES + 1)

    def _over_rows(self) -> bool:
        """Whether ``by`` stands inside the bracket that opens here."""
        depth, at = 0, 0
        while (token := self.cursor.ahead(at)) is not None:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            if depth == 0:
                return False
            if depth == 1 and token.text == "by":
                return True
            at += 1
        return False

    def _related(self, token: Token) -> Typed:
        """``count(Loan by item where not returned)``."""
        fold = ex.Fold(token.text)
        if self.related:
            self.cursor.fail("rows of rows cannot be counted at once", "Use a computed field of the other.", token)
        self.cursor.expect("(")
        entity, name = self.measured(fold, until=("by", ")"))
        self.cursor.expect("by", f"Say which field leads here: {fold}(Loan by item).")
        by = self.cursor.take()
        link = entity.field(by.text)
        if link is None or link.type != Ref(self.entity.name):
            links = [field.name for field in entity.fields if field.type == Ref(self.entity.name)]
            known = closest(by.text, links) if links else f"Give {entity.name} a field of type ref({self.entity.name})."
            self.cursor.fail(f"{by.text!r} leads from no {entity.name} to {self.entity.name}", known, by)
        where = None
        if self.cursor.accept("where"):
            outer, self.entity, self.related = self.entity, entity, True
            where = self.condition()
            self.entity, self.related = outer, False
        self.cursor.expect(")", "Close the bracket.")
        of = entity.field(name) if name is not None else None
        kind = kinds.folded(fold, kinds.of_field(of) if of is not None and of.custom is None else None)
        if kind is None:
            self.cursor.fail(f"{fold.value!r} cannot be made of that", _FOLD_HINT, token)
        return Typed(ex.Related(fold, entity.name, by.text, name, where), kind, token)

    def measured(self, fold: ex.Fold, *, until: tuple[str, ...]) -> tuple[Entity, str | None]:
        """``Loan`` for a count, else ``Order Line.amount``."""
        if fold is ex.Fold.COUNT:
            name = self.cursor.known("entity", (item.name for item in self.entities), until=until)
            return next(item for item in self.entities if item.name == name), None
        text, token = self.cursor.name("an entity's field", until=until, allowed=lambda _: True)
        name, _, of = text.rpartition(".")
        entity = next((item for item in self.entities if item.name == name), None)
        if entity is None:
            known = closest(name or text, [item.name for item in self.entities])
            hint = known if name else f"Write {fold}({text}.amount by …): an entity, a dot and its field."
            self.cursor.fail(f"there is no entity {name or text!r}", hint, token)
        if entity.field(of) is None:
            hint = closest(of, [field.name for field in entity.fields])
            self.cursor.fail(f"{entity.name!r} has no field {of!r}", hint, token)
        return entity, of


_FOLD_HINT: Final = "Add up or average numbers and money; take the lowest or highest of these or of dates."


def arithmetic_hint(left: Type, right: Type) -> str:
    """What to do about two values that cannot be calculated with."""
    found = {left.kind, right.kind}
    if found & kinds.DATED and found & kinds.NUMERIC:
        return "Write the number with its unit: due + 3 days."
    if ex.Kind.DATETIME in found:
        return "Take the day of it: day(started_at)."
    return kinds.ARITHMETIC_HINT
