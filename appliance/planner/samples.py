"""Sample records without the model: it names them, the rest follows from the field types."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice, Entity, Example, Field, Literal, Ref, Scalar, label_field
from appliance.blueprint.naming import label, slug, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROWS: Final = 3
_DAYS: Final = (-4, 3, 12)
_CODES: Final = frozenset({"number", "no", "code", "serial", "id", "reference", "ref", "sku", "nummer", "numero"})


def sample_rows(entities: Sequence[Entity], names: Mapping[str, Sequence[str]], *, today: date) -> tuple[Example, ...]:
    """Up to three rows per entity, in an order in which every reference points to an earlier row.

    An entity whose required references cannot be met yet (a cycle) gets none.
    """
    labels: dict[str, list[str]] = {}
    rows: list[Example] = []
    waiting = list(entities)
    for _ in range(len(entities)):
        ready = [entity for entity in waiting if _needs(entity) <= labels.keys()]
        if not ready:
            break
        entity = next((item for item in ready if _links(item) <= labels.keys()), ready[0])
        waiting.remove(entity)
        made = _rows(entity, names.get(entity.name, ()), labels, today)
        rows += made
        position = [field.name for field in entity.fields].index(found.name) if (found := label_field(entity)) else None
        labels[entity.name] = (
            [str(row.values[position]) for row in made if len(row.values) > position and row.values[position]]
            if position is not None
            else []
        )
    return tuple(rows)


def _needs(entity: Entity) -> set[str]:
    return {field.type.entity for field in entity.fields if isinstance(field.type, Ref) and field.required}


def _links(entity: Entity) -> set[str]:
    return {field.type.entity for field in entity.fields if isinstance(field.type, Ref)} - {entity.name}


def _rows(entity: Entity, names: Sequence[str], labels: Mapping[str, Sequence[str]], today: date) -> list[Example]:
    first = label_field(entity)
    rows = []
    for index in range(min(len(names), ROWS) if names else ROWS):
        values: list[Literal | None] = []
        for field in entity.fields:
            if field is first and index < len(names):
                values.append(names[index])
            else:
                values.append(_value(field, index, labels, today))
        if any(value is None and field.required for field, value in zip(entity.fields, values, strict=True)):
            return []
        while values and values[-1] is None:
            values.pop()
        if values:
            rows.append(Example(entity.name, tuple(values)))
    return rows


def _value(field: Field, index: int, labels: Mapping[str, Sequence[str]], today: date) -> Literal | None:
    kind = field.type
    if isinstance(kind, Choice):
        return kind.options[index % len(kind.options)]
    if isinstance(kind, Ref):
        known = labels.get(kind.entity, ())
        return known[index % len(known)] if known else None
    day = today + timedelta(days=_DAYS[index % len(_DAYS)])
    known_values: dict[Scalar, Literal | None] = {
        Scalar.NUMBER: (index + 1) * 4,
        Scalar.MONEY: (index + 1) * 45 + 0.5,
        Scalar.BOOLEAN: index % 2 == 1,
        Scalar.DATE: day.isoformat(),
        Scalar.DATETIME: datetime.combine(day, time(9 + index)).strftime("%Y-%m-%dT%H:%M"),
        Scalar.TIME: f"{9 + index:02}:00",
        Scalar.EMAIL: f"{slug(field.name)}.{index + 1}@example.org",
        Scalar.PHONE: f"+49 30 55501{index}0",
        Scalar.URL: f"https://example.org/{index + 1}",
        Scalar.PERSON: f"sample.person{index + 1}@example.org" if field.required else None,
        Scalar.LONGTEXT: "Sample text." if field.required else None,
    }
    return known_values[kind] if kind in known_values else _text(field, index)


_KNOWN_TEXTS: Final = {
    "first_name": ("Lena", "Omar", "Ines"),
    "last_name": ("Vogt", "Haddad", "Costa"),
    "company": ("Nordwind Ltd", "Lac Works", "Brightwell"),
    "organization": ("City Archive", "Harbour Office", "Science Park"),
    "street": ("Mill Lane 4", "Dock Road 12", "Station Street 7"),
    "city": ("Bristol", "Kiel", "Lyon"),
    "postal_code": ("BS1 4DJ", "24103", "69002"),
    "country": ("United Kingdom", "Germany", "France"),
    "job_title": ("Engineer", "Buyer", "Team lead"),
    "location": ("Main building", "Hall 2", "Annex"),
    "department": ("Production", "Research", "Service"),
}


def _text(field: Field, index: int) -> str | None:
    if field.type is not Scalar.TEXT:
        return None
    if known := _KNOWN_TEXTS.get(field.name):
        return known[index % len(known)]
    parts = words(field.name)
    if not _CODES.isdisjoint(parts):
        return f"{''.join(part[0] for part in parts).upper()}-{index + 1:03}"
    return f"{label(field.name)} {index + 1}" if field.required else None
