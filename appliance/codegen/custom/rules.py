"""Which kinds of values fit together inside a function, and what comes out of them."""

from __future__ import annotations

import ast
from typing import Final

from appliance.codegen.custom.problem import at
from appliance.codegen.custom.signature import Kind, Type

MAX_RANGE: Final = 1000
NUMERIC: Final = (Kind.NUMBER, Kind.WHOLE)
DAYS: Final = (Kind.DATE, Kind.MOMENT)
CALCULATIONS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
ORDERS: Final = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
TEXT: Final = Type(Kind.TEXT)
WHOLE: Final = Type(Kind.WHOLE)
YES: Final = Type(Kind.YES)
NUMBER: Final = Type(Kind.NUMBER)
WORDS: Final = Type(Kind.LIST, Kind.TEXT)

TEXT_METHODS: Final[dict[str, tuple[tuple[int, int], Type]]] = {
    **dict.fromkeys(("upper", "lower", "title", "capitalize"), ((0, 0), TEXT)),
    **dict.fromkeys(("strip", "lstrip", "rstrip"), ((0, 1), TEXT)),
    **dict.fromkeys(("removeprefix", "removesuffix"), ((1, 1), TEXT)),
    **dict.fromkeys(("startswith", "endswith"), ((1, 1), YES)),
    **dict.fromkeys(("isdigit", "isalpha", "isalnum"), ((0, 0), YES)),
    **dict.fromkeys(("count", "find"), ((1, 1), WHOLE)),
    "split": ((0, 1), WORDS),
}
DAY_ATTRIBUTES: Final = ("year", "month", "day")
CLOCK: Final = ("hour", "minute")


ONE: Final[dict[str, tuple[tuple[Kind, ...], Type | None]]] = {
    "abs": (NUMERIC, None),
    "int": ((*NUMERIC, Kind.TEXT), WHOLE),
    "len": ((Kind.TEXT, Kind.LIST), WHOLE),
    "str": ((*NUMERIC, Kind.TEXT, Kind.DATE), TEXT),
    "sum": ((Kind.LIST,), NUMBER),
    "sorted": ((Kind.LIST,), None),
}


def exact(node: ast.expr) -> ast.expr:
    """``Decimal(…)`` around it."""
    return ast.Call(ast.Name("Decimal", ast.Load()), [node], [])


def level(looked: list[tuple[ast.expr, Type]], wanted: Kind) -> list[ast.expr]:
    """Whole numbers among others become as exact as they are."""
    return [exact(item) if wanted is Kind.NUMBER and kind.kind is Kind.WHOLE else item for item, kind in looked]


def short(node: ast.AST) -> str:
    """A part of the text, to be quoted."""
    try:
        return ast.unparse(node)[:60]
    except (ValueError, AttributeError, RecursionError):
        return type(node).__name__


def spec_of(node: ast.AST, spec: str, kind: Kind) -> ast.JoinedStr | None:
    """What stands after the colon in braces, if it fits."""
    if not spec:
        return None
    if kind in NUMERIC:
        # Decimal knows no "d": the whole number is meant.
        text = f"{spec[:-1]}.0f" if spec.endswith("d") and kind is Kind.NUMBER else spec
        return ast.JoinedStr([ast.Constant(text)])
    if kind is Kind.TEXT and spec.rstrip("s").isdigit():
        return ast.JoinedStr([ast.Constant(spec)])
    raise at(node, f"“:{spec}” does not fit {kind}")


def joined(node: ast.AST, kinds: list[Type]) -> Type:
    """What is one of several."""
    first = kinds[0]
    for other in kinds[1:]:
        if {first.kind, other.kind} <= set(NUMERIC):
            first = WHOLE if first == other == WHOLE else NUMBER
        elif first != other:
            raise at(node, f"{first.kind} and {other.kind} do not go together")
    return first


def result(node: ast.BinOp, first: Kind, second: Kind) -> Kind:
    """What a calculation gives."""
    pair = (first, second)
    plus, minus = isinstance(node.op, ast.Add), isinstance(node.op, ast.Sub)
    if set(pair) <= set(NUMERIC) and isinstance(node.op, CALCULATIONS):
        whole = pair == (Kind.WHOLE, Kind.WHOLE) and not isinstance(node.op, ast.Div)
        return Kind.WHOLE if whole else Kind.NUMBER
    if plus and pair == (Kind.TEXT, Kind.TEXT):
        return Kind.TEXT
    if minus and first in DAYS and first is second:
        return Kind.SPAN
    if (plus or minus) and first in (*DAYS, Kind.SPAN) and second is Kind.SPAN:
        return first
    if isinstance(node.op, ast.Mult) and Kind.TEXT in pair:
        raise at(node, "a text cannot be repeated; use zfill, or join")
    if plus and Kind.TEXT in pair:
        raise at(node, f"{first} and {second} cannot be added; write str(…) around what is no text")
    raise at(node, f"“{short(node)}” does not work with {first} and {second}")


def comparable(node: ast.AST, operator: ast.cmpop, left: Type, right: Type) -> None:
    """Refuse what cannot be compared."""
    if isinstance(operator, ast.In | ast.NotIn):
        inside = right.kind is Kind.TEXT and left.kind is Kind.TEXT
        numbers = left.kind in NUMERIC and right.of in NUMERIC
        listed = right.kind is Kind.LIST and (left.kind is right.of or numbers)
        if inside or listed or right.kind is Kind.TABLE:
            return
    elif isinstance(operator, ORDERS) and (left == right or {left.kind, right.kind} <= set(NUMERIC)):
        return
    raise at(node, f"{left.kind} and {right.kind} cannot be compared like this")


def method_result(kind: Type, name: str, given: list[Kind], node: ast.Call) -> Type | None:  # noqa: PLR0911 - per kind
    """What a method gives; None if it does not take these values."""
    if kind.kind is Kind.TEXT:
        if name == "replace":
            short = all(isinstance(item, ast.Constant) and len(str(item.value)) <= 20 for item in node.args)
            return TEXT if given == [Kind.TEXT, Kind.TEXT] and short else None
        if name == "zfill":
            bound = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            return TEXT if isinstance(bound, int) and 0 <= bound <= 40 and len(given) == 1 else None
        if name == "join":
            joins = len(given) == 1 and given[0] is Kind.LIST and isinstance(node.func, ast.Attribute)
            return TEXT if joins and isinstance(node.func.value, ast.Constant) else None  # type: ignore[attr-defined]
        (least, most), result = TEXT_METHODS.get(name, ((1, 0), TEXT))
        return result if least <= len(given) <= most and set(given) <= {Kind.TEXT} else None
    if kind.kind in DAYS:
        if name in ("weekday", "isoweekday") and not given:
            return WHOLE
        if name == "isoformat" and not given:
            return TEXT
        if name == "strftime" and given == [Kind.TEXT] and isinstance(node.args[0], ast.Constant):
            return TEXT if str(node.args[0].value).isascii() else None
        return Type(Kind.DATE) if name == "date" and kind.kind is Kind.MOMENT and not given else None
    if kind.kind is Kind.TABLE and name == "get" and len(given) == 2:
        fits = given[1] is kind.of or {given[1], kind.of} <= set(NUMERIC)
        return Type(given[1]) if fits else None
    return None
