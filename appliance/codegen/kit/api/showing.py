"""Records as JSON: what the operation shows, as far as the person may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from sqlalchemy import select

from ..access import Verb
from ..records import attribute
from ..visit import NotAllowed
from . import ids
from .values import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..records import Entity
    from ..visit import Visit
    from .model import Kept, Part, Path, Shown

MAX_RELATED: Final = 500
_MISSING: Final = object()


def show(visit: Visit, shown: Shown, row: Any, *, everything: bool = False) -> dict[str, Any]:
    """A learned row. ``everything``: whoever looks, and without what refers to it; for checks of the app itself.

    Raises:
        NotAllowed: the person may not read a property that this answer always has.
    """
    made: dict[str, Any] = {}
    optional = {path: nullable for path, required, nullable in shown.groups if not required}
    for part in shown.parts:
        value = _value(visit, shown.kept.entity, row, part, everything=everything)
        if value is _MISSING:
            if part.nullable:
                value = None
            elif not part.required:
                continue
            else:
                message = "You may not see “{field}”, which this answer always has."
                raise NotAllowed(visit.language.say(message, field=part.name))
        if value is None and not part.nullable:
            if not (part.required and part.leaf == "text"):
                continue
            value = ""
        _put(made, part.path, value)
    for path, _, nullable in sorted(shown.groups, key=lambda group: -len(group[0])):
        _tidy(made, path, nullable=nullable, optional=path in optional)
    return made


def _put(made: dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        made = made.setdefault(name, {})
    made[path[-1]] = value


def _tidy(made: dict[str, Any], path: Path, *, nullable: bool, optional: bool) -> None:
    """An inner object of which nothing is known is left out where it may be, or null."""
    for name in path[:-1]:
        inside = made.get(name)
        if not isinstance(inside, dict):
            return
        made = inside
    inside = made.get(path[-1])
    if isinstance(inside, dict) and all(value in (None, "") for value in inside.values()):
        if optional:
            del made[path[-1]]
        elif nullable:
            made[path[-1]] = None
    elif inside is None and not optional:
        made[path[-1]] = None if nullable else {}


def _value(visit: Visit, entity: Entity, row: Any, part: Part, *, everything: bool) -> Any:  # noqa: PLR0911 - sources
    if part.source == "id" and part.to is not None:
        return ids.written(part.to, row.id, part.leaf)
    if part.source == "created":
        return row.created_at.isoformat()
    if part.source == "updated":
        return row.updated_at.isoformat()
    if part.source == "version":
        return row.version
    if part.source == "related":
        return [] if everything else _related(visit, row, part)
    spec = entity.field(part.field)
    if spec is None:
        return None
    if not everything and not visit.access.reads(entity, spec, row):
        return _MISSING
    value = getattr(row, spec.attribute)
    if part.source == "embedded":
        return None if value is None else _embedded(visit, part, value, everything=everything)
    return to_json(visit, value, part)


def _embedded(visit: Visit, part: Part, row_id: int, *, everything: bool) -> Any:
    if part.shown is None:
        return None
    entity = part.shown.kept.entity
    row = visit.session.get(entity.model, row_id)
    if row is None or not (everything or visit.access.covers(entity, Verb.READ, row)):
        return _MISSING
    visit.learn(entity, [row])
    return show(visit, part.shown, row, everything=everything)


def _related(visit: Visit, row: Any, part: Part) -> list[Any]:
    """The rows that lead here, of those that the person may read; at most the newest few hundred."""
    if part.shown is None or not part.field:
        return []
    other = part.shown.kept.entity
    spec = other.field(part.field)
    if spec is None or not visit.access.may(other, Verb.READ) or visit.field(other, spec.name) is None:
        return []
    readable = visit.access.rows(other, Verb.READ) & visit.access.field_rows(other, spec)
    here = attribute(other.model, spec.attribute) == row.id
    newest = attribute(other.model, "id").desc()
    rows = list(visit.session.scalars(select(other.model).where(here, readable).order_by(newest).limit(MAX_RELATED)))
    visit.learn(other, rows)
    return [show(visit, part.shown, one) for one in reversed(rows)]


def disagreements(visit: Visit, shapes: Iterable[Shown], row: Any) -> list[str]:
    """What of a row, as it now is in the session, the contract does not allow; whoever looks."""
    found: list[str] = []
    for shown in shapes:
        visit.learn(shown.kept.entity, [row])
        try:
            shown.model.model_validate(show(visit, shown, row, everything=True))
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False, include_context=False):
                name = ".".join(str(part) for part in one["loc"])
                message = visit.language.say(
                    "{field}: the API contract does not allow this.", field=_label(shown, name)
                )
                found.append(f"{message} {one['msg']}.")
    return list(dict.fromkeys(found))


def _label(shown: Shown, name: str) -> str:
    part = next((part for part in shown.parts if part.name == name), None)
    spec = shown.kept.entity.field(part.field) if part is not None else None
    return spec.label if spec is not None else name


def key_of(kept: Kept, row: Any) -> str:
    """What names a row in paths."""
    if kept.key:
        spec = kept.entity.field(kept.key)
        return str(getattr(row, spec.attribute)) if spec is not None else ""
    return str(ids.written(kept, row.id, "text"))
