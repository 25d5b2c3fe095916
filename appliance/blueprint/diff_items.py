"""One change after the other, in the order in which a person wants to hear of them. See ``diff``."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from appliance.blueprint.changes import Area, Change, Risk, entity_named
from appliance.blueprint.check_words import sentence
from appliance.blueprint.diff_access import access_changes
from appliance.blueprint.diff_fields import field_changes
from appliance.blueprint.places import places
from appliance.blueprint.screens import DashboardPage, KioskPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.blueprint.model import Blueprint, Entity
    from appliance.blueprint.screens import Page


def differences(before: Blueprint, moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    """Every change; ``moved`` is ``before`` with the names of ``after``."""
    return chain(
        _app(moved, after),
        _pages(moved, after),
        _parts(moved, after),
        _entities(before, moved, after),
        access_changes(before, moved, after),
    )


def change(kind: str, area: Area, subject: str, risk: Risk = Risk.SAFE, **values: str) -> Change:
    """A change with named values."""
    return Change(kind, area, subject, tuple(values.items()), risk)


def _app(moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    for what in ("name", "about", "colour", "language"):
        old, new = getattr(moved, what), getattr(after, what)
        if old != new:
            yield change(f"app.{what}", Area.SCREENS, f"app {what}", before=old, after=new)


def _pages(moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    old = {page.title: page for page in moved.pages}
    new = {page.title: page for page in after.pages}
    gone = [page for page in moved.pages if page.title not in new]
    came = [page for page in after.pages if page.title not in old]
    for page in list(gone):
        same = next((other for other in came if replace(other, title=page.title) == page), None)
        if same is not None:
            gone.remove(page)
            came.remove(same)
            yield change("page.renamed", Area.SCREENS, f"page {same.title}", before=page.title, after=same.title)
    for page in gone:
        yield change("page.removed", Area.SCREENS, f"page {page.title}", page=page.title)
    for page in came:
        yield change("page.added", Area.SCREENS, f"page {page.title}", page=page.title, of=_shows(page))
    for title, page in new.items():
        if title in old and old[title] != page:
            kind = "page.kind" if type(old[title]) is not type(page) else "page.changed"
            yield change(kind, Area.SCREENS, f"page {title}", page=title, of=_shows(page))
    kept = [title for title in new if title in old]
    if kept != [title for title in old if title in new]:
        yield change("pages.moved", Area.SCREENS, "pages", order=", ".join(new))


def _shows(page: Page) -> str:
    if isinstance(page, DashboardPage):
        return ", ".join(dict.fromkeys(widget.entity for widget in page.widgets))
    return page.entity


def _listed(
    kind: str, area: Area, old: dict[str, object], new: dict[str, object], entity: Callable[[object], str]
) -> Iterator[Change]:
    for key, item in old.items():
        if key not in new:
            yield change(f"{kind}.removed", area, f"{kind} {key}", name=key.partition("\0")[2], entity=entity(item))
    for key, item in new.items():
        name = key.partition("\0")[2]
        if key not in old:
            yield change(f"{kind}.added", area, f"{kind} {name}", name=name, entity=entity(item))
        elif old[key] != item:
            yield change(f"{kind}.changed", area, f"{kind} {name}", name=name, entity=entity(item))


def _parts(moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    """What belongs to an entity besides its fields, each told by its entity and its title or message."""

    def entity(item: object) -> str:
        return str(getattr(item, "entity", ""))

    for attribute, kind, area, title in (
        ("actions", "action", Area.SCREENS, "title"),
        ("marks", "mark", Area.SCREENS, "colour"),
        ("fragments", "fragment", Area.SCREENS, "title"),
        ("reminders", "reminder", Area.SCREENS, "message"),
        ("rules", "rule", Area.DATA, "message"),
    ):
        old, new = (
            {f"{item.entity}\0{getattr(item, title)}": item for item in getattr(blueprint, attribute)}
            for blueprint in (moved, after)
        )
        yield from _listed(kind, area, old, new, entity)
    cases = [{place.key: place.cases for place in places(blueprint)} for blueprint in (moved, after)]
    for key, listed in cases[1].items():
        if listed != cases[0].get(key, ()):
            yield change("cases.changed", Area.SCREENS, f"cases {key}", name=key, count=str(len(listed)))
    told = [{sentence(check, blueprint): check for check in blueprint.checks} for blueprint in (moved, after)]
    for text in told[0]:
        if text not in told[1]:
            yield change("check.removed", Area.ACCESS, f"check {text}", name=text)
    for text in told[1]:
        if text not in told[0]:
            yield change("check.added", Area.ACCESS, f"check {text}", name=text)


def _entities(before: Blueprint, moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    for was, old in zip(before.entities, moved.entities, strict=True):
        new = entity_named(after, old.name)
        if new is None:
            yield change("entity.removed", Area.DATA, was.name, Risk.LOSES, entity=was.name)
            continue
        if was.name != new.name:
            yield change("entity.renamed", Area.DATA, new.name, before=was.name, after=new.name)
        yield from field_changes(was, old, new)
        yield from _uniqueness(old, new)
    for entity in after.entities:
        if entity_named(moved, entity.name) is None:
            names = ", ".join(field.name for field in entity.fields)
            yield change("entity.added", Area.DATA, entity.name, entity=entity.name, fields=names)
    order = [entity.name for entity in after.entities if entity_named(moved, entity.name)]
    if order != [entity.name for entity in moved.entities if entity_named(after, entity.name)]:
        yield change("entities.moved", Area.SCREENS, "entities", order=", ".join(order))
    if moved.examples != after.examples:
        yield change("examples.changed", Area.DATA, "examples")
    for page in after.pages:
        if isinstance(page, KioskPage) and page.title not in {other.title for other in moved.pages}:
            yield change("kiosk.opened", Area.ACCESS, f"page {page.title}", page=page.title, entity=page.entity)


def _uniqueness(old: Entity, new: Entity) -> Iterator[Change]:
    for kind, groups, others, risk in (
        ("together.removed", old.unique, new.unique, Risk.SAFE),
        ("together.added", new.unique, old.unique, Risk.CONVERTS),
    ):
        for group in groups:
            if set(group) not in [set(other) for other in others]:
                names = ", ".join(name for name in group if not name.startswith("\0"))
                yield change(kind, Area.DATA, new.name, risk, entity=new.name, fields=names)
