"""The grammar under which a model writes the body of one function: a small part of Python, with the known names only.

It keeps syntax and names right; what it means is looked at by :mod:`checker`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from appliance.codegen.custom.signature import FUNCTIONS, LOCALS, parameters
from appliance.core.ports import Grammar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.blueprint.places import Place

METHODS: Final = (
    *("upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "replace", "startswith", "endswith"),
    *("split", "join", "isdigit", "isalpha", "isalnum", "zfill", "count", "find", "removeprefix", "removesuffix"),
    *("isoformat", "weekday", "isoweekday", "strftime", "date", "get"),
)
ATTRIBUTES: Final = ("year", "month", "day", "days", "hour", "minute")

_RULES: Final = r"""
start: line1{0,6} "    return " expr
line1: "    " simple "\n" | if1 | for1
if1: "    if " cond ":\n" line2{1,3} elif1{0,3} else1?
elif1: "    elif " cond ":\n" line2{1,3}
else1: "    else:\n" line2{1,3}
for1: "    for " LOCAL " in " iter ":\n" line2{1,3}
line2: "        " simple "\n" | "        return " expr "\n" | if2
if2: "        if " cond ":\n" line3{1,2} ("        else:\n" line3{1,2})?
line3: "            " simple "\n" | "            return " expr "\n"
simple: LOCAL (" = " | " += ") expr
iter: "range(" INT ")" | post
expr: cond (" if " cond " else " cond)?
cond: both (" or " both){0,3}
both: neg (" and " neg){0,3}
neg: "not " cmp | cmp
cmp: sum ((" < " | " <= " | " > " | " >= " | " == " | " != " | " in " | " not in ") sum)?
sum: product ((" + " | " - ") product){0,5}
product: unary ((" * " | " / " | " // " | " % ") unary){0,3}
unary: "-"? post
post: atom trailer{0,3}
trailer: "." METHOD "(" fargs? ")" | "." ATTR | "[" index "]"
index: expr | expr? ":" expr?
args: expr (", " expr){0,4}
atom: NAME | NUMBER | STRING | fstring | "True" | "False" | "(" expr ")" | made
made: FUNCTION "(" fargs ")" | span | day | list | table
fargs: args | each
each: expr " for " LOCAL " in " post (" if " cond)?
span: "dt.timedelta(days=" expr ")"
day: "dt.date(" expr ", " expr ", " expr ")"
list: "[" (args | each) "]"
table: "{" pair (", " pair){0,9} "}"
pair: (STRING | NUMBER) ": " (STRING | NUMBER)
fstring: "f\"" (FTEXT | "{" fvalue (":" SPEC)? "}"){1,8} "\""
fvalue: fpost ((" + " | " - " | " * ") (fpost | INT))?
fpost: NAME ftrailer{0,3} | FUNCTION "(" fpost ")"
ftrailer: "." ATTR | "." BARE "()" | "[" INT? ":" INT? "]" | "[" INT "]"
INT: /(0|[1-9][0-9]{0,3})/
NUMBER: /(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?/
STRING: /"[^"\\\n\x00-\x1f]{0,60}"/
FTEXT: /[^"\\{}\n\x00-\x1f]{1,60}/
SPEC: /,?0?[1-9]?[0-9]?(\.[0-9])?[dfs]?/
BARE: "upper" | "lower" | "title" | "strip" | "isoformat" | "weekday" | "isoweekday" | "date"
"""


def body(place: Place) -> Grammar:
    """The grammar of the function's body, ending with its last ``return``."""
    names = [name for name, _ in parameters(place)]
    return Grammar(
        _RULES
        + f"NAME: {_any([*names, *LOCALS])}\n"
        + f"LOCAL: {_any(LOCALS)}\n"
        + f"FUNCTION: {_any(FUNCTIONS)}\n"
        + f"METHOD: {_any(METHODS)}\n"
        + f"ATTR: {_any(ATTRIBUTES)}\n"
    )


def _any(words: Iterable[str]) -> str:
    return " | ".join(json.dumps(word) for word in words)
