"""Types of the expressions that a function may hold; whatever is not listed here is not allowed.

Looking at an expression also makes it exact: fractions become ``Decimal``, and so do quotients of whole numbers.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from appliance.codegen.custom.problem import at
from appliance.codegen.custom.rules import (
    CLOCK,
    DAY_ATTRIBUTES,
    DAYS,
    MAX_RANGE,
    NUMBER,
    NUMERIC,
    ONE,
    TEXT,
    WHOLE,
    YES,
    comparable,
    exact,
    joined,
    level,
    method_result,
    result,
    short,
    spec_of,
)
from appliance.codegen.custom.signature import Kind, Type


@dataclass
class Scope:
    """Names and what they hold."""

    names: dict[str, Type]
    parameters: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)


class Expressions:
    """Gives an expression's type, and the expression in its exact form."""

    def look(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, Type]:
        """The exact form and its type.

        Raises:
            CodeProblem: it is not allowed, or its parts do not fit together.
        """
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise at(node, f"“{short(node)}” is not allowed here")
        found: tuple[ast.expr, Type] = method(node, scope)
        return found

    def want(self, node: ast.expr, scope: Scope, *kinds: Kind) -> tuple[ast.expr, Type]:
        """The same, of one of these kinds."""
        made, kind = self.look(node, scope)
        if kind.kind not in kinds:
            raise at(node, f"“{short(node)}” is {kind.kind}, not {' or '.join(kinds)}")
        return made, kind

    # --- values ------------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant, _: Scope) -> tuple[ast.expr, Type]:
        value = node.value
        if isinstance(value, bool):
            return node, YES
        if isinstance(value, int) and abs(value) < 10**12:
            return node, WHOLE
        if isinstance(value, float):
            return exact(ast.Constant(ast.unparse(node))), NUMBER
        if isinstance(value, str) and len(value) <= 200:
            return node, TEXT
        raise at(node, f"“{short(node)}” is not allowed here")

    def _name(self, node: ast.Name, scope: Scope) -> tuple[ast.expr, Type]:
        if node.id not in scope.names:
            raise at(node, f"“{node.id}” has no value here")
        scope.used.add(node.id)
        return node, scope.names[node.id]

    def _joinedstr(self, node: ast.JoinedStr, scope: Scope) -> tuple[ast.expr, Type]:
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                parts.append(self._formatted(part, scope))
            else:
                parts.append(part)
        return ast.JoinedStr(parts), TEXT

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> ast.expr:
        kinds = (*NUMERIC, Kind.TEXT, Kind.YES, Kind.DATE, Kind.MOMENT, Kind.TIME)
        value, kind = self.want(node.value, scope, *kinds)
        if node.conversion != -1:
            raise at(node, "a conversion is not allowed in braces")
        spec = ""
        if isinstance(node.format_spec, ast.JoinedStr) and node.format_spec.values:
            first = node.format_spec.values[0]
            spec = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else "?"
        return ast.FormattedValue(value, -1, spec_of(node, spec, kind.kind))

    def _list(self, node: ast.List, scope: Scope) -> tuple[ast.expr, Type]:
        return self._many(node, node.elts, scope, ast.List)

    def _tuple(self, node: ast.Tuple, scope: Scope) -> tuple[ast.expr, Type]:
        return self._many(node, node.elts, scope, ast.Tuple)

    def _many(
        self, node: ast.expr, items: list[ast.expr], scope: Scope, make: type[ast.List] | type[ast.Tuple]
    ) -> tuple[ast.expr, Type]:
        looked = [self.look(item, scope) for item in items]
        of = joined(node, [kind for _, kind in looked]).kind if looked else Kind.TEXT
        return make(level(looked, of), ast.Load()), Type(Kind.LIST, of)

    def _dict(self, node: ast.Dict, scope: Scope) -> tuple[ast.expr, Type]:
        if not node.keys or any(key is None for key in node.keys):
            raise at(node, "a table needs values")
        keys = [self.want(key, scope, Kind.TEXT, *NUMERIC)[0] for key in node.keys if key is not None]
        values = [self.look(value, scope) for value in node.values]
        of = joined(node, [kind for _, kind in values]).kind
        return ast.Dict(list(keys), level(values, of)), Type(Kind.TABLE, of)

    # --- calculating -------------------------------------------------------------------------------------------------

    def _binop(self, node: ast.BinOp, scope: Scope) -> tuple[ast.expr, Type]:
        left, first = self.look(node.left, scope)
        right, second = self.look(node.right, scope)
        kind = result(node, first.kind, second.kind)
        if isinstance(node.op, ast.Div) and (first.kind, second.kind) == (Kind.WHOLE, Kind.WHOLE):
            left = exact(left)
        return ast.BinOp(left, node.op, right), Type(kind)

    def _unaryop(self, node: ast.UnaryOp, scope: Scope) -> tuple[ast.expr, Type]:
        if isinstance(node.op, ast.Not):
            operand, _ = self.look(node.operand, scope)
            return ast.UnaryOp(node.op, operand), YES
        if isinstance(node.op, ast.USub):
            operand, kind = self.want(node.operand, scope, *NUMERIC)
            return ast.UnaryOp(node.op, operand), kind
        raise at(node, f"“{short(node)}” is not allowed here")

    def _boolop(self, node: ast.BoolOp, scope: Scope) -> tuple[ast.expr, Type]:
        looked = [self.look(value, scope) for value in node.values]
        kind = joined(node, [kind for _, kind in looked])
        return ast.BoolOp(node.op, level(looked, kind.kind)), kind

    def _ifexp(self, node: ast.IfExp, scope: Scope) -> tuple[ast.expr, Type]:
        test, _ = self.look(node.test, scope)
        body, first = self.look(node.body, scope)
        otherwise, second = self.look(node.orelse, scope)
        kind = joined(node, [first, second])
        body, otherwise = level([(body, first), (otherwise, second)], kind.kind)
        return ast.IfExp(test, body, otherwise), kind

    def _compare(self, node: ast.Compare, scope: Scope) -> tuple[ast.expr, Type]:
        left, kind = self.look(node.left, scope)
        made = []
        for operator, comparator in zip(node.ops, node.comparators, strict=True):
            right, other = self.look(comparator, scope)
            comparable(node, operator, kind, other)
            made.append(right)
            kind = other
        return ast.Compare(left, node.ops, made), YES

    # --- parts of values ---------------------------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute, scope: Scope) -> tuple[ast.expr, Type]:
        value, kind = self.look(node.value, scope)
        fits = (
            (kind.kind in DAYS and node.attr in DAY_ATTRIBUTES)
            or (kind.kind in (Kind.MOMENT, Kind.TIME) and node.attr in CLOCK)
            or (kind.kind is Kind.SPAN and node.attr == "days")
        )
        if not fits:
            raise at(node, f"{kind.kind} has no “{node.attr}”")
        return ast.Attribute(value, node.attr, ast.Load()), WHOLE

    def _subscript(self, node: ast.Subscript, scope: Scope) -> tuple[ast.expr, Type]:
        value, kind = self.look(node.value, scope)
        if kind.kind is Kind.TABLE and not isinstance(node.slice, ast.Slice):
            key, _ = self.want(node.slice, scope, Kind.TEXT, *NUMERIC)
            return ast.Subscript(value, key, ast.Load()), Type(kind.of or Kind.TEXT)
        if kind.kind not in (Kind.TEXT, Kind.LIST):
            raise at(node, f"{kind.kind} has no parts")
        if isinstance(node.slice, ast.Slice):
            if node.slice.step is not None:
                raise at(node, "a third number in brackets is not allowed")
            ends = [
                None if end is None else self.want(end, scope, Kind.WHOLE)[0]
                for end in (node.slice.lower, node.slice.upper)
            ]
            return ast.Subscript(value, ast.Slice(*ends), ast.Load()), kind
        index, _ = self.want(node.slice, scope, Kind.WHOLE)
        of = Type(kind.of or Kind.TEXT) if kind.kind is Kind.LIST else TEXT
        return ast.Subscript(value, index, ast.Load()), of

    def _generatorexp(self, node: ast.GeneratorExp, scope: Scope) -> tuple[ast.expr, Type]:
        element, generators, kind = self._each(node, node.elt, node.generators, scope)
        return ast.GeneratorExp(element, generators), kind

    def _listcomp(self, node: ast.ListComp, scope: Scope) -> tuple[ast.expr, Type]:
        element, generators, kind = self._each(node, node.elt, node.generators, scope)
        return ast.ListComp(element, generators), kind

    def _each(
        self, node: ast.expr, element: ast.expr, generators: list[ast.comprehension], scope: Scope
    ) -> tuple[ast.expr, list[ast.comprehension], Type]:
        if len(generators) != 1 or not isinstance(generators[0].target, ast.Name) or generators[0].is_async:
            raise at(node, "go through one list at a time")
        only = generators[0]
        source, of = self.source(only.iter, scope)
        inner = Scope({**scope.names, only.target.id: of}, scope.parameters, scope.used)  # type: ignore[attr-defined]
        if only.target.id in scope.parameters:  # type: ignore[attr-defined]
            raise at(node, "give what you go through a name of its own")
        tests = [self.look(test, inner)[0] for test in only.ifs]
        made, kind = self.look(element, inner)
        return made, [ast.comprehension(only.target, source, tests, 0)], Type(Kind.LIST, kind.kind)

    def source(self, node: ast.expr, scope: Scope) -> tuple[ast.expr, Type]:
        """What can be gone through: a text, a list, or numbers up to a bound; with the type of each."""
        made, kind = self.look(node, scope)
        if kind.kind is Kind.TEXT:
            return made, TEXT
        if kind.kind is Kind.LIST:
            return made, Type(kind.of or Kind.TEXT)
        raise at(node, f"{kind.kind} cannot be gone through")

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call, scope: Scope) -> tuple[ast.expr, Type]:
        if isinstance(node.func, ast.Name):
            return self._function(node, node.func.id, scope)
        if not isinstance(node.func, ast.Attribute):
            raise at(node, f"“{short(node)}” is not allowed here")
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "dt" and "dt" not in scope.names:
            return self._made(node, node.func.attr, scope)
        return self._method(node, node.func, scope)

    def _made(self, node: ast.Call, name: str, scope: Scope) -> tuple[ast.expr, Type]:
        if name == "timedelta" and not node.args and [item.arg for item in node.keywords] == ["days"]:
            days, kind = self.want(node.keywords[0].value, scope, *NUMERIC)
            whole = days if kind.kind is Kind.WHOLE else ast.Call(ast.Name("int", ast.Load()), [days], [])
            return ast.Call(node.func, [], [ast.keyword("days", whole)]), Type(Kind.SPAN)
        if name == "date" and len(node.args) == 3 and not node.keywords:
            parts = [self.want(item, scope, Kind.WHOLE)[0] for item in node.args]
            return ast.Call(node.func, parts, []), Type(Kind.DATE)
        raise at(node, f"“{short(node)}” is not allowed here")

    def _function(self, node: ast.Call, name: str, scope: Scope) -> tuple[ast.expr, Type]:  # noqa: PLR0911
        if node.keywords:
            raise at(node, f"“{name}” takes no named values here")
        looked = [self.look(item, scope) for item in node.args]
        made = [item for item, _ in looked]
        kinds = [kind for _, kind in looked]

        def call(function: str, kind: Type) -> tuple[ast.expr, Type]:
            return ast.Call(ast.Name(function, ast.Load()), list(made), []), kind

        numbers = all(kind.kind in NUMERIC for kind in kinds)
        if name in ("min", "max") and len(kinds) > 1:
            kind = joined(node, kinds)
            made = level(looked, kind.kind)
            return call(name, kind)
        if name in ("min", "max") and len(kinds) == 1 and kinds[0].kind is Kind.LIST:
            return call(name, Type(kinds[0].of or Kind.TEXT))
        if name == "round" and kinds and numbers and len(kinds) <= 2:
            return call("rounded", NUMBER)
        if len(kinds) == 1 and name in ONE:
            accepted, result = ONE[name]
            if kinds[0].kind in accepted and (name != "sum" or kinds[0].of in NUMERIC):
                return call(name, kinds[0] if result is None else result)
        if name == "Decimal" and len(node.args) == 1 and isinstance(node.args[0], ast.Constant):
            return exact(node.args[0]), NUMBER
        if name == "range" and len(kinds) == 1 and kinds[0].kind is Kind.WHOLE:
            bound = node.args[0]
            if isinstance(bound, ast.Constant) and 0 <= int(str(bound.value)) <= MAX_RANGE:
                return call(name, Type(Kind.LIST, Kind.WHOLE))
            if isinstance(bound, ast.Call) and getattr(bound.func, "id", "") == "len":
                return call(name, Type(Kind.LIST, Kind.WHOLE))
            raise at(node, f"count to a number up to {MAX_RANGE}, or to the length of something")
        told = ", ".join(kind.kind for kind in kinds) or "nothing"
        raise at(node, f"“{name}” cannot be used with {told} here")

    def _method(self, node: ast.Call, function: ast.Attribute, scope: Scope) -> tuple[ast.expr, Type]:
        value, kind = self.look(function.value, scope)
        name = function.attr
        if node.keywords:
            raise at(node, f"“{name}” takes no named values here")
        looked = [self.look(item, scope) for item in node.args]
        given = [item.kind for _, item in looked]
        listed = name != "join" or [item.of for _, item in looked] == [Kind.TEXT]
        result = method_result(kind, name, given, node) if listed else None
        if result is None:
            told = ", ".join(given) or "nothing"
            raise at(node, f"“{name}” of {kind.kind} cannot be used with {told}")
        return ast.Call(ast.Attribute(value, name, ast.Load()), [item for item, _ in looked], []), result
