"""A function's body as a model wrote it: allowed, typed, every way through it ends in a value, every loop has a bound.

An own checker instead of mypy: it has to know types anyway to bound what an operation can produce, and it says what to
write instead (``docs/adr/0008-custom-code.md``).
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from appliance.codegen.custom.expressions import Expressions, Scope
from appliance.codegen.custom.problem import CodeProblem, at
from appliance.codegen.custom.rules import NUMERIC
from appliance.codegen.custom.signature import LOCALS, Kind, Type, header, kind_of, parameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.places import Place

MAX_SOURCE: Final = 4_000
MAX_DEPTH: Final = 40
MAX_LOOPS: Final = 2


def checked(place: Place, body: str) -> str:
    """The whole function with an exact body, unformatted.

    Raises:
        CodeProblem: it cannot be used; the first reason.
    """
    if len(body) > MAX_SOURCE:
        message = "it is too long"
        raise CodeProblem(message)
    try:
        tree = ast.parse(f"{header(place)}{body.rstrip()}\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = f"it is not Python: {error}"
        raise CodeProblem(message) from error
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef) or _deep(tree):
        message = "it is more than the body of one function"
        raise CodeProblem(message)
    function = tree.body[0]
    if place.output is None:
        raise CodeProblem(place.key)
    fractions: frozenset[str] = frozenset()
    for _ in range(len(LOCALS) + 1):
        statements = _Statements(place, kind_of(place.output), fractions)
        try:
            made = statements.body(function.body[1:])
        except _Fraction as found:
            fractions |= {found.name}
            continue
        function.body = [function.body[0], *made]
        return ast.unparse(ast.fix_missing_locations(function)) + "\n"
    message = "its numbers cannot be told apart"
    raise CodeProblem(message)


class _Fraction(Exception):  # noqa: N818 - not an error: the body is looked at again
    """A name that begins as a whole number and becomes another one."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _deep(tree: ast.AST) -> bool:
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            return True
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return False


class _Statements:
    def __init__(self, place: Place, wanted: Kind, fractions: frozenset[str]) -> None:
        self._fractions = fractions
        names = {name: Type(kind) for name, kind in parameters(place)}
        self._scope = Scope(dict(names), frozenset(names))
        self._expressions = Expressions()
        self._wanted = wanted
        self._loops = 0

    def body(self, statements: Sequence[ast.stmt]) -> list[ast.stmt]:
        made, ends = self._block(statements)
        if not ends:
            message = "not every way through it ends with a return"
            raise CodeProblem(message)
        return made

    def _block(self, statements: Sequence[ast.stmt]) -> tuple[list[ast.stmt], bool]:
        """The statements in their exact form, and whether they always return."""
        made: list[ast.stmt] = []
        for statement in statements:
            one, ends = self._statement(statement)
            made.append(one)
            if ends:
                return made, True  # what follows is never reached
        return made, False

    def _statement(self, node: ast.stmt) -> tuple[ast.stmt, bool]:
        match node:
            case ast.Return(value=value) if value is not None:
                return ast.Return(self._returned(value)), True
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made, kind = self._expressions.look(value, self._scope)
                return ast.Assign([ast.Name(name, ast.Store())], self._assigned(node, name, made, kind)), False
            case ast.AugAssign(target=ast.Name(id=name), op=operator, value=value):
                sum_ = ast.copy_location(ast.BinOp(ast.Name(name, ast.Load()), operator, value), node)
                made, kind = self._expressions.look(ast.fix_missing_locations(sum_), self._scope)
                return ast.Assign([ast.Name(name, ast.Store())], self._assigned(node, name, made, kind)), False
            case ast.If():
                return self._if(node)
            case ast.For(target=ast.Name(id=name), orelse=[]):
                return self._for(node, name), False
            case ast.Pass():
                return node, False
            case _:
                raise at(node, f"“{ast.unparse(node)[:60]}” is not allowed here")

    def _returned(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant) and value.value is None:
            raise at(value, "give a value; where an input is empty, this is not even called")
        made, kind = self._expressions.look(value, self._scope)
        fits = kind.kind is self._wanted or {kind.kind, self._wanted} <= set(NUMERIC)
        if not fits:
            raise at(value, f"it returns {kind.kind}, not {self._wanted}")
        return made if kind.kind is not Kind.WHOLE else _decimal(made)

    def _assigned(self, node: ast.AST, name: str, made: ast.expr, kind: Type) -> ast.expr:
        if name in self._scope.parameters or name not in LOCALS:
            raise at(node, f"“{name}” cannot be given a value")
        if kind.kind is Kind.WHOLE and name in self._fractions:
            kind, made = Type(Kind.NUMBER), _decimal(made)
        known = self._scope.names.get(name)
        if known is not None and {known.kind, kind.kind} == set(NUMERIC):
            raise _Fraction(name)
        if known is not None and known != kind:
            raise at(node, f"“{name}” was {known.kind} and becomes {kind.kind}; use another name")
        self._scope.names[name] = kind
        return made

    def _if(self, node: ast.If) -> tuple[ast.stmt, bool]:
        test, _ = self._expressions.look(node.test, self._scope)
        before = dict(self._scope.names)
        body, ends = self._block(node.body)
        after_body = self._scope.names
        self._scope.names = dict(before)
        otherwise, other_ends = self._block(node.orelse)
        after_other = self._scope.names
        if ends:
            kept = after_other
        elif other_ends:
            kept = after_body
        else:
            kept = {name: kind for name, kind in after_body.items() if after_other.get(name) == kind}
        self._scope.names = kept
        return ast.If(test, body, otherwise), ends and other_ends and bool(node.orelse)

    def _for(self, node: ast.For, name: str) -> ast.stmt:
        self._loops += 1
        if self._loops > MAX_LOOPS:
            raise at(node, "go through at most two things")
        source, of = self._expressions.source(node.iter, self._scope)
        if name in self._scope.parameters or self._scope.names.get(name, of) != of:
            raise at(node, f"“{name}” cannot be given a value")
        before = dict(self._scope.names)
        self._scope.names[name] = of
        body, _ = self._block(node.body)
        self._scope.names = {key: kind for key, kind in self._scope.names.items() if key in before}
        return ast.For(ast.Name(name, ast.Store()), source, body, [])


def _decimal(made: ast.expr) -> ast.expr:
    return ast.Call(ast.Name("Decimal", ast.Load()), [made], [])
