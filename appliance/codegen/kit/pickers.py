"""What can be picked in forms and filters: rows of another entity, and people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import case, func, null, or_, select

from .records import Person, attribute

if TYPE_CHECKING:
    from .columns import FieldSpec
    from .visit import Visit

MAX_CHOICES: Final = 2000
"""The most rows that a picker offers."""
SEARCHABLE_FROM: Final = 50
"""A picker with more rows than this gets a search box."""


def ref_choices(visit: Visit, spec: FieldSpec) -> list[tuple[int, str]]:
    """Rows that this person may refer to: id and name, by name."""
    target = visit.runtime.definition.by_table[spec.target]
    statement = select(target.model).where(visit.access.named_rows(target)).limit(MAX_CHOICES)
    if target.label is not None and target.label.is_name:
        label = attribute(target.model, target.label.attribute)
        statement = statement.order_by(case((visit.access.named_by(target), func.lower(label)), else_=null()))
    else:
        statement = statement.order_by(attribute(target.model, "id").desc())
    return [(row.id or 0, visit.title(target, row)) for row in visit.session.scalars(statement)]


def people_choices(visit: Visit) -> list[tuple[str, str]]:
    """People who are known: what a form sends for them, and their name."""
    known = or_(attribute(Person, "email") != "", attribute(Person, "subject").is_not(None))
    name = func.lower(func.coalesce(func.nullif(attribute(Person, "name"), ""), attribute(Person, "email")))
    people = visit.session.scalars(select(Person).where(known).order_by(name).limit(MAX_CHOICES))
    return list({person.key: person.display for person in people}.items())
