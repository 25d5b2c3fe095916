"""Schemas as shapes; what cannot be said as one is named with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from appliance.contract.description import Schema
from appliance.contract.patterns import matches
from appliance.contract.samples import sample
from appliance.contract.shapes import Group, Kind, Leaf, Many, Member, Plain, Value

_FORMATS: Final = {
    "date": Leaf.DATE,
    "date-time": Leaf.MOMENT,
    "time": Leaf.TIME,
    "email": Leaf.EMAIL,
    "idn-email": Leaf.EMAIL,
    "uri": Leaf.URI,
    "url": Leaf.URI,
    "uuid": Leaf.UUID,
}
_WHOLE: Final = ("int32", "int64", "integer")
_KNOWN_FORMATS: Final = frozenset({*_FORMATS, *_WHOLE, "float", "double", "decimal", "password", "string", "phone"})
_UNSAID: Final = ("oneOf", "anyOf", "not", "patternProperties", "if", "dependentSchemas", "prefixItems", "$dynamicRef")


class Unsayable(Exception):  # noqa: N818 - becomes a note, never leaves the package
    """The schema cannot be said as a shape; the text is the reason, to follow a colon."""


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is left out: where in the shape, and why."""

    path: tuple[str, ...]
    why: str


def shape_of(schema: Schema, left: list[Left], path: tuple[str, ...] = ()) -> Kind:
    """The shape of a schema; what is left out of it goes to ``left``.

    Raises:
        Unsayable: nothing of it can be said.
    """
    for word in _UNSAID:
        if word in schema:
            raise Unsayable(f"it uses “{word}”, and a record has one shape")
    kind, nullable = _type_of(schema)
    if kind == "object":
        return _group(schema, left, path, nullable=nullable)
    if kind == "array":
        items = schema.get("items")
        if items is None:
            raise Unsayable("nothing is said about what the list holds")
        if items is False:
            raise Unsayable("the list holds nothing")
        return Many(
            shape_of(items, left, (*path, "[]")),
            nullable=nullable,
            fewest=schema.get("minItems", 0),
            most=schema.get("maxItems"),
            different=schema.get("uniqueItems", False),
        )
    return _value(schema, kind, left, path, nullable=nullable)


def _type_of(schema: Schema) -> tuple[str, bool]:
    told = schema.get("type")
    kinds = list(told) if isinstance(told, list) else [told] if told else []
    nullable = "null" in kinds or None in schema.get("enum", ())
    kinds = [kind for kind in kinds if kind != "null"]
    if not kinds:
        if "properties" in schema or "additionalProperties" in schema:
            return "object", nullable
        if "items" in schema:
            return "array", nullable
        real = [item for item in schema.get("enum", ()) if item is not None]
        if real and all(isinstance(item, str) for item in real):
            return "string", nullable
        raise Unsayable("nothing is said about its type")
    if sorted(kinds) == ["integer", "number"]:
        kinds = ["number"]
    if len(kinds) > 1:
        raise Unsayable(f"it can be {' or '.join(kinds)}")
    return kinds[0], nullable


def _group(schema: Schema, left: list[Left], path: tuple[str, ...], *, nullable: bool) -> Group:
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties", True)
    if not properties:
        raise Unsayable("its properties are not named")
    if isinstance(extra, dict) and extra:
        left.append(Left(path, "properties that are not named are not kept"))
    required = frozenset(schema.get("required", ()))
    members: list[Member] = []
    for name, item in properties.items():
        here = (*path, name)
        if item.get("deprecated") and name not in required:
            left.append(Left(here, "it is marked as deprecated"))
            continue
        try:
            kind = shape_of(item, left, here)
        except Unsayable as error:
            left.append(Left(here, str(error)))
            continue
        members.append(_member(name, kind, item, required=name in required))
    if not members:
        raise Unsayable("none of its properties can be kept")
    return Group(
        tuple(members),
        closed=extra is False,
        nullable=nullable,
        component=str(schema.get("x-component", "")),
        title=str(schema.get("title", "")),
    )


def _member(name: str, kind: Kind, schema: Schema, *, required: bool) -> Member:
    default = schema.get("default")
    fits = isinstance(kind, Value) and "default" in schema and accepts(kind, default)
    examples = schema.get("examples")
    example = next((item for item in examples if _is_plain(item)), None) if isinstance(examples, list) else None
    return Member(
        name,
        kind,
        required=required,
        read_only=schema.get("readOnly", False),
        write_only=schema.get("writeOnly", False),
        default=default if fits else None,
        defaults=fits and default is not None,
        title=str(schema.get("title", "")),
        about=" ".join(str(schema.get("description", "")).split()),
        example=example,
    )


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _value(schema: Schema, kind: str, left: list[Left], path: tuple[str, ...], *, nullable: bool) -> Value:
    form = schema.get("format", "")
    options = tuple(item for item in schema.get("enum", ()) if item is not None)
    if kind == "boolean":
        if options and set(options) != {True, False}:
            raise Unsayable("it is always the same")
        return Value(Leaf.BOOLEAN, nullable=nullable)
    if kind in ("integer", "number"):
        whole = kind == "integer" or form in _WHOLE
        if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in options):
            raise Unsayable("its options are of another type")
        made = Value(
            Leaf.INTEGER if whole else Leaf.NUMBER,
            nullable=nullable,
            options=options,
            minimum=schema.get("minimum"),
            maximum=schema.get("maximum"),
            above=schema.get("exclusiveMinimum"),
            below=schema.get("exclusiveMaximum"),
            multiple=schema.get("multipleOf"),
        )
        if sample(made, 0) is None:
            raise Unsayable("no number was found that obeys everything that is said of it")
        return made
    if form in ("binary", "byte", "base64"):
        raise Unsayable("files are not sent as JSON")
    if "contentEncoding" in schema or "contentMediaType" in schema:
        raise Unsayable("files are not sent as JSON")
    if form and form not in _KNOWN_FORMATS:
        left.append(Left(path, f"that it is of the format “{form}” is not checked"))
    if not all(isinstance(item, str) for item in options):
        raise Unsayable("its options are of another type")
    made = Value(
        _FORMATS.get(form, Leaf.TEXT),
        nullable=nullable,
        options=options,
        shortest=schema.get("minLength", 0),
        longest=schema.get("maxLength"),
        pattern=_pattern(schema.get("pattern", "")),
    )
    if sample(made, 0) is None:
        raise Unsayable("no text was found that obeys everything that is said of it")
    return made


def _pattern(pattern: str) -> str:
    """A pattern that can be checked, and that some text matches.

    Raises:
        Unsayable: it is none.
    """
    if pattern and matches(pattern, "") is None:
        raise Unsayable(f"its pattern {pattern[:60]} cannot be checked: no look-around, no back references")
    return pattern


def accepts(value: Value, found: Plain) -> bool:  # noqa: PLR0911 - one return per thing that is wrong
    """Whether a single JSON value obeys what is said of it; formats are not looked at."""
    if found is None:
        return value.nullable
    if value.leaf is Leaf.BOOLEAN:
        return isinstance(found, bool)
    if isinstance(found, bool):
        return False
    if value.options and found not in value.options:
        return False
    if value.leaf.is_text:
        if not isinstance(found, str):
            return False
        long = value.longest is not None and len(found) > value.longest
        if value.pattern and not matches(value.pattern, found):
            return False
        return not long and len(found) >= value.shortest
    if not isinstance(found, int | float) or (value.leaf is Leaf.INTEGER and found != int(found)):
        return False
    return not (
        (value.minimum is not None and found < value.minimum)
        or (value.maximum is not None and found > value.maximum)
        or (value.above is not None and found <= value.above)
        or (value.below is not None and found >= value.below)
    )
