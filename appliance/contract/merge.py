"""Two schemas that must both hold, as one."""

from __future__ import annotations

from typing import Any, Final

from appliance.contract.errors import ContractRefused

_HIGHER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_LOWER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_WORDS: Final = frozenset({"title", "description", "examples", "default", "x-component"})
"""What tells about a schema rather than what it takes; the outer one counts."""
_MARKS: Final = frozenset({"readOnly", "writeOnly", "deprecated"})


def merged(  # noqa: C901, PLR0912 - one branch per kind of word
    first: dict[str, Any], second: dict[str, Any], where: str
) -> dict[str, Any]:
    """What obeys both, as ``allOf`` wants it; words of ``second``, which stands outside, come first.

    Raises:
        ContractRefused: nothing can obey both, or it is not known how to say it as one schema.
    """
    made = dict(first)
    for key, value in second.items():
        if key not in made or made[key] == value:
            made[key] = value
        elif key == "properties":
            both = dict(made[key])
            for name, item in value.items():
                both[name] = merged(both[name], item, f"{where}/properties/{name}") if name in both else item
            made[key] = both
        elif key == "required":
            made[key] = list(dict.fromkeys([*made[key], *value]))
        elif key == "type":
            made[key] = _types(made[key], value, where)
        elif key == "enum":
            made[key] = [item for item in made[key] if item in value]
        elif key in _HIGHER:
            made[key] = max(made[key], value)
        elif key in _LOWER:
            made[key] = min(made[key], value)
        elif key in _WORDS:
            made[key] = value
        elif key in _MARKS:
            made[key] = made[key] or value
        elif key == "additionalProperties":
            made[key] = False if False in (made[key], value) else made[key] or value
        elif key == "items":
            made[key] = merged(made[key], value, f"{where}/items")
        else:
            message = f"Two parts of this schema say different things about “{key}”."
            raise ContractRefused(message, where=where, action="Say it once.")
    return made


def _types(first: Any, second: Any, where: str) -> Any:
    one = first if isinstance(first, list) else [first]
    other = second if isinstance(second, list) else [second]
    both = [kind for kind in one if kind in other]
    both = both or (["integer"] if {"integer", "number"} <= {*one, *other} else [])
    if not both:
        message = f"Nothing can be both {first} and {second}."
        raise ContractRefused(message, where=where, action="Give both parts the same type.")
    return both[0] if len(both) == 1 else both
