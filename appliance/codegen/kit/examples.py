"""Example data for an empty database, so that a new app does not start with empty pages."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from .columns import FieldSpec, Kind, Special
from .conditions import local_now
from .identity import find_person
from .numbering import number_row
from .records import Entity, Person, attribute
from .values import Invalid, is_email, parse

if TYPE_CHECKING:
    from sqlmodel import Session

    from .database import Database
    from .definition import Definition


def load_examples(database: Database, definition: Definition) -> int:
    """Fill an empty database; returns how many rows were made. A database with any row is left alone."""
    with database.writing() as session:
        if any(session.scalar(select(func.count()).select_from(entity.model)) for entity in definition.entities):
            return 0
        waiting = list(definition.examples)
        made = 0
        for last_try in (False,) * len(definition.entities) + (True,):
            later = []
            for entity, values in waiting:
                row = _build(session, definition, entity, values, last_try=last_try)
                if row is None:
                    later.append((entity, values))
                    continue
                number_row(session, entity, row)
                session.add(row)
                session.flush()
                made += 1
            waiting = later
        return made


def _build(session: Session, definition: Definition, entity: Entity, values: Any, *, last_try: bool) -> Any | None:
    """The row, or None while a row that it refers to is not there yet (or, at the last try, cannot be made)."""
    found: dict[str, Any] = {}
    for spec in (spec for spec in entity.kept if spec.is_given):
        text = values.get(spec.name)
        value = _value(session, definition, spec, text)
        if value is None and spec.kind is Kind.REF and (text is not None or spec.required):
            if spec.required or not last_try:
                return None
        elif value is None and spec.required:
            value = _stand_in(session, spec)
            if value is None:
                return None
        if value is not None and spec.unique and _exists(session, entity, spec, value):
            return None
        if value is not None:
            found[spec.attribute] = value
    return None if _clashes(session, entity, found) else entity.model(**found)


def _value(session: Session, definition: Definition, spec: FieldSpec, given: Any) -> Any:  # noqa: PLR0911 - one kind after the other
    if given is None:
        if isinstance(spec.default, Special) or spec.kind is Kind.REF:
            return None
        if spec.kind is Kind.PERSON and spec.default is not None:
            return _person(session, str(spec.default))
        return spec.default
    if spec.kind is Kind.REF:
        return _labelled(session, definition.by_table[spec.target], str(given))
    if spec.kind is Kind.PERSON:
        return _person(session, str(given))
    if isinstance(given, bool):
        return given
    try:
        return None if spec.is_upload else parse(spec, str(given))
    except Invalid:
        return None


def _labelled(session: Session, target: Entity, label: str) -> int | None:
    if target.label is None:
        return None
    column = attribute(target.model, target.label.attribute)
    for row_id, value in session.execute(select(attribute(target.model, "id"), column).order_by("id")):
        if str(value) == label:
            return int(row_id)
    return None


def _person(session: Session, key: str) -> int | None:
    if not key.strip():
        return None
    address = key if is_email(key) else _address(key)
    person = find_person(session, address)
    if person is None:
        person = Person(email=address, name="" if is_email(key) else key)
        session.add(person)
        session.flush()
    return person.id


def _address(name: str) -> str:
    """An address for somebody of whom an example gives only the name."""
    words = re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode())
    return f"{'.'.join(words)[:60] or f'person{zlib.crc32(name.encode())}'}@example.com"


def _stand_in(session: Session, spec: FieldSpec) -> Any:
    """A plain value for a required field that the example leaves out."""
    stand_ins: dict[Kind, Any] = {
        Kind.NUMBER: 1.0,
        Kind.MONEY: Decimal(10),
        Kind.DATE: local_now().date(),
        Kind.DATETIME: local_now().replace(second=0, microsecond=0),
        Kind.TIME: dt.time(9),
        Kind.EMAIL: "example@example.com",
        Kind.PHONE: "+1 555 0100",
        Kind.URL: "https://example.com",
        Kind.TEXT: "Example",
        Kind.LONGTEXT: "Example",
    }
    if spec.kind is Kind.CHOICE:
        return spec.options[0]
    if spec.kind is Kind.PERSON:
        return _person(session, "Alex Example")
    return stand_ins.get(spec.kind)


def _exists(session: Session, entity: Entity, spec: FieldSpec, value: Any) -> bool:
    column = attribute(entity.model, spec.attribute)
    return session.scalar(select(func.count()).select_from(entity.model).where(column == value)) != 0


def _clashes(session: Session, entity: Entity, found: dict[str, Any]) -> bool:
    """Whether another row has the same values where a combination of them shall be there once."""
    for combination in entity.unique:
        if any(found.get(name) is None for name in combination):
            continue
        same = [attribute(entity.model, name) == found[name] for name in combination]
        if session.scalar(select(func.count()).select_from(entity.model).where(*same)):
            return True
    return False
