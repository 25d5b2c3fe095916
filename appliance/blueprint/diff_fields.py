"""What changes about the fields of an entity. See ``diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.changes import Area, Change, Risk
from appliance.blueprint.model import Choice, Me, Numbering, Ref, Scalar, Today

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Entity, Field, FieldType, Value

_TEXTS: Final = (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL, Scalar.PHONE, Scalar.URL)


def _change(kind: str, area: Area, subject: str, risk: Risk = Risk.SAFE, **values: str) -> Change:
    return Change(kind, area, subject, tuple(values.items()), risk)


def is_stored(field: Field) -> bool:
    """Whether people's data is kept under it: what an app works out by itself can be worked out again."""
    return field.computed is None and field.custom is None


def field_changes(was: Entity, old: Entity, new: Entity) -> Iterator[Change]:
    """``was`` has its own names, ``old`` is the same with the names of ``new``."""
    for named, field in zip(was.fields, old.fields, strict=True):
        after = new.field(field.name)
        full = f"{new.name}.{field.name}"
        if after is None:
            risk = Risk.LOSES if is_stored(field) else Risk.SAFE
            full = f"{new.name}.{named.name}"
            yield _change("field.removed", Area.DATA, full, risk, entity=new.name, field=named.name)
            continue
        if named.name != after.name:
            yield _change("field.renamed", Area.DATA, full, entity=new.name, before=named.name, after=after.name)
        yield from _options_renamed(new.name, named, field, after)
        yield from _same(new.name, field, after)
    for field in new.fields:
        if old.field(field.name) is None:
            kind = "field.added_required" if field.required and is_stored(field) else "field.added"
            risk = Risk.CONVERTS if kind == "field.added_required" else Risk.SAFE
            full = f"{new.name}.{field.name}"
            yield _change(kind, Area.DATA, full, risk, entity=new.name, field=field.name, type=type_key(field.type))
    order = [field.name for field in new.fields if old.field(field.name)]
    if order != [field.name for field in old.fields if new.field(field.name)]:
        yield _change("fields.moved", Area.SCREENS, new.name, entity=new.name, order=", ".join(order))


def _options_renamed(entity: str, was: Field, old: Field, new: Field) -> Iterator[Change]:
    words = (field.type.options if isinstance(field.type, Choice) else () for field in (was, old))
    now = new.type.options if isinstance(new.type, Choice) else ()
    for before, after in zip(*words, strict=True):
        if before != after and after in now:
            full = f"{entity}.{new.name}"
            yield _change("option.renamed", Area.DATA, full, before=before, after=after, entity=entity, field=new.name)


def type_key(kind: FieldType) -> str:
    """A type as :mod:`appliance.blueprint.diff_words` knows it: a keyword, and for a reference what it leads to."""
    match kind:
        case Choice(options):
            return "choice " + ", ".join(options)
        case Ref(entity):
            return f"ref {entity}"
        case Numbering():
            return "sequence"
        case _:
            return kind.value


def _same(entity: str, old: Field, new: Field) -> Iterator[Change]:
    full = f"{entity}.{new.name}"
    name = new.name
    if old.type != new.type:
        yield from _type(entity, name, old.type, new.type)
    if is_stored(old) != is_stored(new):
        kind = "field.worked_out" if is_stored(old) else "field.typed_in"
        risk = Risk.LOSES if is_stored(old) else Risk.SAFE
        yield _change(kind, Area.DATA, full, risk, entity=entity, field=name)
    elif (old.computed, old.custom) != (new.computed, new.custom):
        yield _change("field.formula", Area.DATA, full, entity=entity, field=name)
    if old.required != new.required:
        risk = Risk.CONVERTS if new.required else Risk.SAFE
        yield _change(
            "field.required" if new.required else "field.optional", Area.DATA, full, risk, entity=entity, field=name
        )
    if old.unique != new.unique:
        risk = Risk.CONVERTS if new.unique else Risk.SAFE
        yield _change(
            "field.unique" if new.unique else "field.repeatable", Area.DATA, full, risk, entity=entity, field=name
        )
    if old.default != new.default:
        yield _change("field.default", Area.DATA, full, default=value_key(new.default), entity=entity, field=name)
    if old.label != new.label:
        yield _change("field.label", Area.SCREENS, full, label=new.label or new.name, entity=entity, field=name)
    if old.help != new.help:
        yield _change("field.help", Area.SCREENS, full, entity=entity, field=name)
    if old.hidden != new.hidden:
        yield _change("field.hidden" if new.hidden else "field.shown", Area.SCREENS, full, entity=entity, field=name)


def _type(entity: str, name: str, old: FieldType, new: FieldType) -> Iterator[Change]:
    full = f"{entity}.{name}"
    if isinstance(old, Choice) and isinstance(new, Choice):
        gone = [option for option in old.options if option not in new.options]
        came = [option for option in new.options if option not in old.options]
        for option in gone:
            # A name that nobody can write stands for an option that made room; it is told by what took its place.
            told = option.partition("\0")[0] or "…"
            yield _change("option.removed", Area.DATA, full, Risk.CONVERTS, option=told, entity=entity, field=name)
        for option in came:
            yield _change("option.added", Area.DATA, full, option=option, entity=entity, field=name)
        if not gone and not came:
            yield _change("options.moved", Area.SCREENS, full, order=", ".join(new.options), entity=entity, field=name)
        return
    risk = Risk.SAFE if old in _TEXTS and new is Scalar.LONGTEXT else Risk.CONVERTS
    yield _change(
        "field.type", Area.DATA, full, risk, before=type_key(old), after=type_key(new), entity=entity, field=name
    )


def value_key(value: Value | None) -> str:
    """A default in words."""
    if value is None:
        return ""
    if isinstance(value, Me):
        return "me"
    if isinstance(value, Today):
        return "today"
    return str(value).lower() if isinstance(value, bool) else str(value)
