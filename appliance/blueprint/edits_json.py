"""Direct edits as JSON, for the web.

An edit is an object with ``edit`` (the name of its class in words, ``rename_field``) and the fields of its class. A
field type is ``{"kind": "choice", "options": […]}``, ``{"kind": "ref", "entity": …}``, ``{"kind": "sequence", "prefix":
…, "digits": …}`` or ``{"kind": "date"}``; a default is a plain value, null, or ``{"special": "me"}`` (or ``today``).
"""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint.behaviour import Part
from appliance.blueprint.edits import Edit, EditRefused, NewPage, Reach
from appliance.blueprint.model import Choice, FieldType, Me, Numbering, Ref, Scalar, Today, Verb

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TEXT: Final = 1600
MAX_LISTED: Final = 64

_CLASSES: Final[dict[str, type[Any]]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in Edit.__args__
}
_ENUMS: Final[dict[str, type[StrEnum]]] = {"Verb": Verb, "Reach": Reach, "Part": Part, "NewPage": NewPage}
SPECIAL: Final = {"me": Me(), "today": Today()}


def to_json(edit: Edit) -> dict[str, object]:
    """An edit as JSON values."""
    name = next(key for key, cls in _CLASSES.items() if cls is type(edit))
    made: dict[str, object] = {"edit": name}
    for item in fields(edit):
        value = getattr(edit, item.name)
        if item.name == "type":
            value = type_to_json(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Me | Today):
            value = {"special": "me" if isinstance(value, Me) else "today"}
        elif isinstance(value, StrEnum):
            value = value.value
        made[item.name] = value
    return made


def from_json(data: Mapping[str, object]) -> Edit:
    """An edit from JSON values; nothing of what comes in is trusted.

    Raises:
        EditRefused: no such edit, or a value of the wrong shape.
    """
    cls = _CLASSES.get(str(data.get("edit")))
    if cls is None:
        message = f"There is no edit called {str(data.get('edit'))[:40]!r}."
        raise EditRefused(message, action=f"Known: {', '.join(_CLASSES)}.")
    known = {item.name: item for item in fields(cls)}
    given = {name: value for name, value in data.items() if name != "edit"}
    if not given.keys() <= known.keys():
        raise _shape(", ".join(sorted(given.keys() - known.keys())))
    try:
        made = cls(**{name: _value(name, str(known[name].type), value) for name, value in given.items()})
    except TypeError as error:
        message = "Something is missing in this edit."
        raise EditRefused(message, cause=str(error), action="Fill in every field.") from error
    checked: Edit = made
    return checked


def _shape(name: str) -> EditRefused:
    message = f"“{name}” cannot have this value in an edit."
    return EditRefused(message, action="See the list of edits.")


def _value(name: str, wanted: str, value: object) -> object:  # noqa: PLR0911 - one return per shape
    if wanted == "FieldType":
        return type_from_json(value)
    if name == "default":
        if isinstance(value, dict):
            return SPECIAL.get(str(value.get("special"))) or _fail(name)
        return value if value is None or isinstance(value, str | int | float | bool) else _fail(name)
    if wanted in _ENUMS:
        return _ENUMS[wanted](str(value)) if value in list(_ENUMS[wanted]) else _fail(name)
    if wanted == "tuple[str, ...]":
        if not isinstance(value, list) or len(value) > MAX_LISTED:
            raise _shape(name)
        return tuple(str(_value(name, "str", item)) for item in value)
    if wanted in ("int", "int | None"):
        fits = isinstance(value, int) and not isinstance(value, bool)
        return value if fits or (value is None and wanted != "int") else _fail(name)
    if wanted == "bool":
        return value if isinstance(value, bool) else _fail(name)
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else _fail(name)


def _fail(name: str) -> object:
    raise _shape(name)


def type_to_json(kind: FieldType) -> dict[str, object]:
    """A field type as JSON values."""
    match kind:
        case Choice(options):
            return {"kind": "choice", "options": list(options)}
        case Ref(entity):
            return {"kind": "ref", "entity": entity}
        case Numbering():
            return {"kind": "sequence", "prefix": kind.prefix, "digits": kind.digits, "start": kind.start}
        case _:
            return {"kind": kind.value}


def type_from_json(value: object) -> FieldType:
    """A field type from JSON values.

    Raises:
        EditRefused: it is none.
    """
    if not isinstance(value, dict):
        raise _shape("type")
    kind = value.get("kind")
    options, entity = value.get("options"), value.get("entity")
    if kind == "choice" and isinstance(options, list) and all(isinstance(option, str) for option in options):
        return Choice(tuple(options[:MAX_LISTED]))
    if kind == "ref" and isinstance(entity, str):
        return Ref(entity)
    prefix, digits, start = value.get("prefix"), value.get("digits"), value.get("start", 1)
    if kind == "sequence" and isinstance(prefix, str) and isinstance(digits, int) and isinstance(start, int):
        return Numbering(prefix, digits, start)
    if isinstance(kind, str) and kind in list(Scalar):
        return Scalar(kind)
    raise _shape("type")
