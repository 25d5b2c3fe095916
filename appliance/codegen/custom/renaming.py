"""Code that follows when a place, or a field that goes into it, gets another name."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from appliance.codegen.custom.signature import parameters

if TYPE_CHECKING:
    from appliance.blueprint.places import Place


def with_names(source: str, before: Place, after: Place) -> str:
    """The code of ``before`` with the names of ``after``; empty if it cannot be read."""
    pairs = zip(parameters(before), parameters(after), strict=True)
    names = {old: new for (old, _), (new, _) in pairs if old != new}
    if before.output is None:
        return re.sub(r"({{ |{% if )(\w+)", lambda found: found[1] + names.get(found[2], found[2]), source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = names.get(node.arg, node.arg)
        elif isinstance(node, ast.FunctionDef):
            node.name = after.function
    return ast.unparse(tree) + "\n"
