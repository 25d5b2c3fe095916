"""What the model left out of a record and every such record holds: fields and links from the catalogue.

A small model names the records of a trade well and their details poorly. The catalogue knows the details. The model's
own fields come first and are never changed, except that the name of a person becomes first and last name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice, Entity, Field, Ref, Scalar
from appliance.blueprint.naming import identifier
from appliance.blueprint.words import FIELD_KEYWORDS
from appliance.planner.knowledge import Catalogue, KnownRecord, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_COMPLETED: Final = 18
"""Fields of a completed record. Its form shows the first few and keeps the others one click away."""

MOST_NEEDED: Final = 7
"""Records of an app up to which those are added that others need."""

MOST_HELD: Final = 6
"""Records of an app up to which those are added that belong to others."""

_DESCRIPTION: Final = Field("description", Scalar.LONGTEXT)
_CATEGORY: Final = Field("category", Scalar.TEXT)
_PHOTO: Final = Field("photo", Scalar.IMAGE)
_NOTES: Final = Field("notes", Scalar.LONGTEXT)
_DATE: Final = Field("date", Scalar.DATE)
_ATTACHMENT: Final = Field("attachment", Scalar.FILE)
_STATUS: Final = Field("status", Choice(("new", "active", "done")))
_USUAL: Final = (_DESCRIPTION, _CATEGORY, _PHOTO)
_UNKNOWN: Final = (_DESCRIPTION, _CATEGORY, _STATUS, _DATE, _PHOTO, _ATTACHMENT, _NOTES)
"""What nearly every record has, whatever it is."""

_SAME: Final = (
    ("phone", "telephone", "mobile", "cell"),
    ("email", "mail"),
    ("postal", "zip", "postcode", "zipcode"),
    ("photo", "image", "picture", "avatar"),
    ("description", "detail", "summary", "content", "body"),
    ("notes", "remark", "comment", "note"),
    ("due", "deadline"),
    ("name", "title", "subject", "label"),
    ("kind", "type", "category", "sort"),
    ("file", "attachment", "document"),
    ("owner", "responsible", "assigned", "assignee"),
    ("resume", "cv"),
    ("amount", "total", "sum"),
    ("website", "url", "link"),
    ("status", "state", "stage"),
    ("start", "begin", "from"),
    ("end", "finish", "until", "to"),
    ("birth", "birthday", "born"),
    ("price", "cost"),
    ("place", "location", "venue"),
    ("position", "job"),
)
_FIRST: Final = {word: group[0] for group in _SAME for word in group}
_EMPTY_WORDS: Final = frozenset(("on", "at", "date", "the", "of", "in", "by", "number", "is", "has"))


def is_a_new_kind(name: str, names: Sequence[str], catalogue: Catalogue) -> bool:
    """Whether a further record is one that the catalogue knows and that ``names`` have under no other name."""
    record = catalogue.find(name)
    return (
        record is not None
        and all(catalogue.find(other) is not record for other in names)
        and not any(name.startswith(f"{other} ") for other in names)
    )


def same_field(left: str, right: str, record: str = "") -> bool:
    """Whether two names of fields say the same; the words of ``record`` say nothing there."""
    return _meaning(left, record) == _meaning(right, record)


def _meaning(name: str, record: str) -> frozenset[str]:
    parts = [*words_of(name.replace("_", " "))]
    empty = _EMPTY_WORDS | {word for word in words_of(record) if word not in _FIRST}
    kept = [part for part in parts if part not in empty] or parts
    return frozenset(_FIRST.get(part, _stem(part)) for part in kept)


def _stem(word: str) -> str:
    """Hired, hire and hiring are the same here."""
    for ending in ("ing", "ed", "e"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            return word[: -len(ending)]
    return word


def companions(names: Sequence[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Records that the named ones cannot do without, or that belong to them, and that nobody named."""
    found = list(names)

    def add(kinds: Sequence[str], most: int) -> None:
        there = [catalogue.find(name) for name in found]
        wanted = [record for kind in kinds if (record := catalogue.find(kind)) is not None]
        if wanted and len(found) < most and not any(record in there for record in wanted):
            found.append(wanted[0].name)

    for name in names:
        for kinds in known.needs if (known := catalogue.find(name)) else ():
            add(kinds, MOST_NEEDED)
    for name in names:
        for kind in known.holds if (known := catalogue.find(name)) else ():
            add((kind,), MOST_HELD)
    return tuple(found[len(names) :])


def complete(entity: Entity, names: Sequence[str], catalogue: Catalogue, linked: Iterable[tuple[str, str]]) -> Entity:
    """The record with what such records usually hold; ``names`` are all records of the app, ``linked`` the pairs of
    records that refer to each other already (in either order)."""
    known = catalogue.find(entity.name)
    if known is not None:
        entity = _split_name(entity, {field.name for field in known.fields})
    fields = list(entity.fields)
    if known is not None:
        pairs = {frozenset(pair) for pair in linked}
        fields += _links(entity, known, names, catalogue, pairs)
    people_are_known = any(field.type is Scalar.PERSON for field in fields) or any(
        _names_people(name) for name in names
    )
    for field in (*known.fields, *_USUAL) if known is not None else _UNKNOWN:
        if len(fields) >= MOST_COMPLETED:
            break
        if not (field.type is Scalar.PERSON and people_are_known):
            _add(fields, field, entity.name)
    return replace(entity, fields=tuple(fields))


def added_fields(asked: Entity, made: Entity) -> list[str]:
    """What :func:`complete` added, as ``Book.photo``; a name that was split into two was asked for."""
    known = {field.name for field in asked.fields}
    if known - {field.name for field in made.fields}:
        known |= {"first_name", "last_name"}
    return [f"{made.name}.{field.name}" for field in made.fields if field.name not in known]


def _links(
    entity: Entity, known: KnownRecord, names: Sequence[str], catalogue: Catalogue, linked: set[frozenset[str]]
) -> list[Field]:
    """References to records of the app that such a record usually has and that do not exist in either direction."""
    linked |= {frozenset((entity.name, field.type.entity)) for field in entity.fields if isinstance(field.type, Ref)}
    fields = list(entity.fields)
    for kind in known.refers_to:
        wanted = catalogue.find(kind)
        for name in names:
            pair = frozenset((entity.name, name))
            if name != entity.name and pair not in linked and wanted is catalogue.find(name):
                linked.add(pair)
                _add(fields, Field(identifier(name).rstrip("_"), Ref(name)), entity.name)
    return fields[len(entity.fields) :]


def _names_people(record: str) -> bool:
    return words_of(record)[-1:] in {("employee",), ("staff",), ("person",), ("user",)}


def _add(fields: list[Field], field: Field, record: str) -> None:
    taken = any(
        same_field(field.name, other.name, record) or identifier(field.name) == identifier(other.name)
        for other in fields
    )
    if not taken and field.name not in FIELD_KEYWORDS:
        fields.append(field)


def _split_name(entity: Entity, usual: set[str]) -> Entity:
    """A person's name is kept as first and last name, as letters, lists and searches need it."""
    if not {"first_name", "last_name"} <= usual or any(field.name.endswith("_name") for field in entity.fields):
        return entity
    fields: list[Field] = []
    for field in entity.fields:
        if field.name in ("name", "full_name") and field.type is Scalar.TEXT:
            fields += [
                replace(field, name="first_name", unique=False),
                Field("last_name", Scalar.TEXT, required=field.required),
            ]
        else:
            fields.append(field)
    return replace(entity, fields=tuple(fields))
