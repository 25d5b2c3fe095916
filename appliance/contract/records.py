"""From the properties of a kind of record to the fields of an entity, and where each property is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import (
    MAX_CHOICES,
    MAX_FIELDS,
    MAX_NAME,
    Choice,
    Field,
    Me,
    Numbering,
    Ref,
    Scalar,
    Today,
)
from appliance.blueprint.words import is_option
from appliance.contract.binding import Kept, Slot, Source
from appliance.contract.samples import sample
from appliance.contract.shapes import Leaf, Value
from appliance.contract.typed import Unsayable
from appliance.contract.words import field_name, plain, sentence, title

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.model import FieldType
    from appliance.blueprint.model import Value as Default
    from appliance.contract.properties import Property, Table

_CREATED: Final = frozenset({"createdat", "created", "createdon", "createddate", "creationdate", "datecreated"})
_UPDATED: Final = frozenset(
    {"updatedat", "updated", "updatedon", "modifiedat", "modified", "lastmodified", "changedat", "lastupdated"}
)
_PERSON: Final = frozenset({"author", "owner", "requester", "creator", "reporter"})
_LONG: Final = frozenset(
    {"notes", "note", "description", "comment", "comments", "remarks", "body", "message", "details"}
)
_NUMBERED: Final = re.compile(r"((?:[A-Za-z][A-Za-z0-9./-]*?)??)([0-9]{2,9})")
_CENT: Final = 0.01
KEY_TO_COME: Final = "?"
LINES_HELP: Final = "One on each line."
MAX_LINE: Final = 1_000
MAX_LEFT_ID: Final = 20
_TYPES: Final = {
    Leaf.BOOLEAN: Scalar.BOOLEAN,
    Leaf.INTEGER: Scalar.NUMBER,
    Leaf.NUMBER: Scalar.NUMBER,
    Leaf.DATE: Scalar.DATE,
    Leaf.MOMENT: Scalar.DATETIME,
    Leaf.TIME: Scalar.TIME,
    Leaf.EMAIL: Scalar.EMAIL,
    Leaf.URI: Scalar.TEXT,
    Leaf.UUID: Scalar.TEXT,
}


@dataclass
class Record:
    """An entity that is being made. ``values``: what holds of each field, beyond its type."""

    name: str
    key: str
    table: Table
    leaf: Leaf = Leaf.INTEGER
    key_field: str = ""
    fields: list[Field] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """Fields that are always shown and that no request can give, each with the name of its property."""

    @property
    def kept(self) -> Kept:
        """The finished description of what is kept."""
        return Kept(self.name, tuple(self.slots), self.leaf, self.key_field)


def identify(record: Record, key_value: Value | None) -> None:
    """Decide what names a row in paths: a field that its creator fills in, or the row's own number.

    Raises:
        Unsayable: the ids must look like nothing that the app can give.
    """
    names = [plain(record.key)] if record.key else []
    words = plain(record.name)
    by_name = {plain(path[0]): prop for path, prop in record.table.properties.items() if len(path) == 1}
    given = by_name.get(names[0]) if names else None
    if (
        given is not None
        and given.must_be_created
        and given.value is not None
        and given.shown
        and (given.value.leaf in (Leaf.TEXT, Leaf.EMAIL, Leaf.UUID))
    ):
        record.key_field = KEY_TO_COME
        return
    found = next((by_name[name] for name in (*names, "id", f"{words}id", "uuid") if name in by_name), None)
    value = key_value if found is None else found.value
    if value is not None:
        record.leaf = _id_leaf(value)
    if found is not None and found.value is not None and found.shown:
        record.slots.append(Slot(found.path, Source.ID, value=found.value))


def _id_leaf(value: Value) -> Leaf:
    if value.leaf is Leaf.TEXT and (value.pattern or value.options or value.shortest > 1):
        raise Unsayable("the app gives out ids by itself, and these must look in a way that it cannot promise")
    if value.leaf is Leaf.TEXT and value.longest is not None and value.longest < MAX_LEFT_ID:
        raise Unsayable(f"the app gives out ids by itself; a text of {value.longest} characters is too short for them")
    if value.leaf not in (Leaf.INTEGER, Leaf.TEXT, Leaf.UUID):
        raise Unsayable("an id is a whole number, a text or a UUID")
    if (value.minimum or 0) > 1 or value.maximum is not None or value.multiple not in (None, 1):
        raise Unsayable("the app gives out ids by itself: 1, 2, 3 and so on")
    return value.leaf


def fill(record: Record, referred: Callable[[Property], str]) -> None:
    """Make the fields. ``referred``: the entity whose id a property holds, or nothing.

    Raises:
        Unsayable: there are none, or more than a record can have.
    """
    for path, prop in record.table.properties.items():
        if any(slot.path == path for slot in record.slots):
            continue
        if _everybody_has(record, prop):
            continue
        name = field_name(path, [item.name for item in record.fields])
        if prop.first.related:
            continue  # made once all records are known
        if len(record.fields) >= MAX_FIELDS:
            if prop.always_shown or prop.must_be_created:
                raise Unsayable(f"a record has at most {MAX_FIELDS} fields")
            record.notes.append((".".join(path), f"left out: a record has at most {MAX_FIELDS} fields"))
            continue
        made, slot = _made(record, prop, name, referred)
        if record.key_field == KEY_TO_COME and len(path) == 1 and plain(path[0]) == plain(record.key):
            record.key_field, made = name, replace(made, required=True, unique=True, default=None)
        record.fields.append(made)
        record.slots.append(slot)
        if prop.value is not None:
            record.values[name] = prop.value
    if not record.fields:
        raise Unsayable("nothing of it can be kept")


def _everybody_has(record: Record, prop: Property) -> bool:
    """What every record has by itself: when it was added and changed, and its version."""
    if len(prop.path) != 1 or not prop.server_made or prop.value is None:
        return False
    name, leaf = plain(prop.path[0]), prop.value.leaf
    source = None
    if leaf is Leaf.MOMENT and name in _CREATED:
        source = Source.CREATED
    elif leaf is Leaf.MOMENT and name in _UPDATED:
        source = Source.UPDATED
    elif leaf is Leaf.INTEGER and name in ("version", "revision"):
        source = Source.VERSION
    if source is None:
        return False
    record.slots.append(Slot(prop.path, source, value=prop.value))
    return True


def _made(record: Record, prop: Property, name: str, referred: Callable[[Property], str]) -> tuple[Field, Slot]:
    member = prop.member
    label = title(member.title, MAX_NAME)
    base = Field(name, Scalar.TEXT, label=label, help=sentence(member.about))
    if (prop.first.entity or referred(prop)) and prop.always_shown and not prop.created:
        record.unknown[name] = ".".join(prop.path)
    if prop.first.entity:
        required = prop.must_be_created or prop.always_shown
        slot = Slot(prop.path, Source.EMBEDDED, field=name, entity=prop.first.entity)
        return replace(base, type=Ref(prop.first.entity), required=required), slot
    if prop.first.many is not None:
        slot = Slot(prop.path, Source.FIELD, field=name, many=prop.first.many)
        made = replace(base, type=Scalar.LONGTEXT, help=base.help or LINES_HELP)
        return replace(made, required=prop.first.many.fewest > 0 and prop.must_be_created), slot
    value = prop.value
    if value is None:
        raise Unsayable(".".join(prop.path))
    target = referred(prop)
    if target:
        required = prop.must_be_created or prop.always_shown
        slot = Slot(prop.path, Source.REF, field=name, value=value, entity=target)
        return replace(base, type=Ref(target), required=required), slot
    return _finished(record, prop, replace(base, type=_type(prop, value)), value), Slot(
        prop.path, Source.FIELD, field=name, value=value
    )


def _type(prop: Property, value: Value) -> FieldType:
    name, leaf = plain(prop.path[-1]), value.leaf
    if leaf.is_text and prop.server_made and len(prop.path) == 1:
        person = name in _PERSON or name.endswith("edby")
        if person and (value.free or leaf is Leaf.EMAIL):
            return Scalar.PERSON
        if leaf is Leaf.TEXT and (numbering := _numbering(prop, value)) is not None:
            return numbering
    if leaf is Leaf.NUMBER and value.multiple == _CENT and not value.options:
        return Scalar.MONEY
    if leaf is not Leaf.TEXT:
        return _TYPES[leaf]
    if are_options(value):
        return Choice(tuple(str(item) for item in value.options))
    long = name in _LONG if value.longest is None else value.longest > MAX_LINE
    return Scalar.LONGTEXT if long and not value.options and not value.pattern else Scalar.TEXT


def are_options(value: Value) -> bool:
    """Whether the options can be those of a choice."""
    texts = [item for item in value.options if isinstance(item, str)]
    distinct = {item.lower() for item in texts}
    fit = all(is_option(item) and len(item) <= MAX_NAME for item in texts)
    return fit and len(texts) == len(value.options) == len(distinct) and 2 <= len(texts) <= MAX_CHOICES


def _numbering(prop: Property, value: Value) -> Numbering | None:
    """``REQ-0001`` as the example of a number that only the app gives."""
    if value.options or (value.longest is not None and value.longest < MAX_LEFT_ID - 5):
        return None
    found = _NUMBERED.fullmatch(str(prop.member.example or ""))
    if found is None or not found[1] or len(found[1]) > 12:
        return None
    first = f"{found[1]}{1:0{len(found[2])}}"
    if value.pattern and re.fullmatch(value.pattern, first) is None:
        return None
    return Numbering(found[1], len(found[2]))


def _finished(  # noqa: PLR0911 - one return per way to begin
    record: Record, prop: Property, made: Field, value: Value
) -> Field:
    """Whether the field must be filled in, and what it starts with."""
    if isinstance(made.type, Numbering):
        return made
    if made.type is Scalar.PERSON:
        return replace(made, required=prop.always_shown, default=Me())
    member = prop.member
    default: Default | None = None
    if member.defaults and prop.created:
        default = _default(made.type, member.default)
    if made.type is Scalar.BOOLEAN:
        return replace(made, default=default or None)
    if prop.must_be_created:
        return replace(made, required=True)
    if not prop.always_shown:
        return replace(made, default=default)
    if default is not None:
        return replace(made, required=True, default=default)
    if value.free and made.type in (Scalar.TEXT, Scalar.LONGTEXT):
        return made  # shown as the empty text
    return _begun(record, prop, made, value)


def _begun(record: Record, prop: Property, made: Field, value: Value) -> Field:
    """A field that is always shown although nobody must send it, and nothing says what it is at first."""
    start = _start(made.type, value)
    what = ".".join(prop.path)
    if start is None and not prop.created:
        record.unknown[made.name] = what
        return replace(made, required=True)
    if start is None:
        record.notes.append(
            (what, "must be sent when a record is added: it is always shown, with nothing to begin with")
        )
        return replace(made, required=True)
    shown = "today" if isinstance(start, Today) else f"“{start}”"
    record.notes.append((what, f"starts as {shown}: it is always shown, and nothing says what it is at first"))
    return replace(made, required=True, default=start)


def _default(kind: FieldType, found: object) -> Default | None:
    """A default as the language writes it; none where it has no way to."""
    if kind is Scalar.BOOLEAN:
        return found if isinstance(found, bool) else None
    if isinstance(kind, Choice):
        return found if isinstance(found, str) and found in kind.options else None
    if kind in (Scalar.NUMBER, Scalar.MONEY):
        return found if isinstance(found, int | float) and not isinstance(found, bool) else None
    if kind is Scalar.TEXT and isinstance(found, str):
        return found if title(found, 200) == found else None
    return None


def _start(kind: FieldType, value: Value) -> Default | None:
    if isinstance(kind, Choice):
        return kind.options[0]
    if kind in (Scalar.NUMBER, Scalar.MONEY):
        found = sample(value, 0)
        return found if isinstance(found, int | float) else None
    if kind is Scalar.DATE:
        return Today()
    return None
