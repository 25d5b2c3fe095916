"""Parts of a record's page that are drawn by templates of the app's own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    from .columns import FieldSpec
    from .records import Entity
    from .visit import Visit


def drawn(visit: Visit, entity: Entity, row: Any) -> list[tuple[str, Markup]]:
    """Title and HTML of each part of a learned row; one with a field that this person may not read is left out."""
    found = []
    for fragment in visit.runtime.definition.behaviour.fragments:
        if fragment.entity is not entity:
            continue
        specs = {name: visit.field(entity, field) for name, field in fragment.inputs}
        if any(spec is None or not visit.access.reads(entity, spec, row) for spec in specs.values()):
            continue
        values = {name: _text(visit, visit.value(entity, row, spec)) for name, spec in _known(specs)}
        html = visit.runtime.renderer.render(fragment.template, **values)
        found.append((fragment.title, Markup(html)))  # noqa: S704 - Jinja escaped the values
    return found


def _known(specs: dict[str, FieldSpec | None]) -> list[tuple[str, FieldSpec]]:
    return [(name, spec) for name, spec in specs.items() if spec is not None]


def _text(visit: Visit, value: Any) -> str:  # noqa: PLR0911 - one kind after the other
    """A value as people read it; escaped when it is put in."""
    language = visit.language
    if value is None:
        return ""
    if isinstance(value, bool):
        return language.say("Yes") if value else language.say("No")
    if isinstance(value, Decimal):
        return language.money(value)
    if isinstance(value, float):
        return language.number(value)
    if isinstance(value, dt.datetime):
        return f"{language.day(value.date())} {language.clock(value)}"
    if isinstance(value, dt.date):
        return language.day(value)
    if isinstance(value, dt.time):
        return language.clock(value)
    return str(getattr(value, "value", value))
