"""What the editing pages show of a blueprint: fields, pages and access, what was changed, what is locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Part, Renamed
from appliance.blueprint.edits import NewPage, Reach
from appliance.blueprint.model import Choice, Numbering, Ref, Scalar, Verb
from appliance.blueprint.naming import label, plural
from appliance.blueprint.screens import ReportPage, TablePage
from appliance.web.edit_words import SCALARS, VERBS, type_words
from appliance.web.summary import describe_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.blueprint.behaviour import Protection
    from appliance.blueprint.changes import Thing
    from appliance.blueprint.model import Blueprint, Entity, Field
    from appliance.blueprint.screens import Page

_GROUPS: Final = (
    ("Words", (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL, Scalar.PHONE, Scalar.URL)),
    ("Figures", (Scalar.NUMBER, Scalar.MONEY, Scalar.BOOLEAN)),
    ("Time", (Scalar.DATE, Scalar.DATETIME, Scalar.TIME)),
    ("People and files", (Scalar.PERSON, Scalar.FILE, Scalar.IMAGE)),
)
COLUMNS_OF: Final = (TablePage, ReportPage)
LANGUAGES: Final = (("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español"))
_BY_MAKER: Final = (
    "Protected by you: requests in words leave this as it is. You may still change it by hand here, or open it again."
)
_BY_IT: Final = "Locked by IT: neither requests in words nor changes by hand can touch this. Ask IT to open it."


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field as the Data page shows it. ``given``: its value is worked out by the app, nobody types it in."""

    field: Field
    label: str
    kind: str
    type: str
    options: tuple[str, ...]
    pattern: str
    given: bool
    state: str
    was: str


@dataclass(frozen=True, slots=True)
class PageLine:
    """A page as the Pages page shows it. ``columns`` are (name, label, shown), None where there are none to choose."""

    title: str
    kind: str
    columns: tuple[tuple[str, str, bool], ...] | None
    chosen: bool
    state: str
    lock: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What one role may do: ``level`` is ``none``, ``own`` or ``all``."""

    verb: str
    word: str
    level: str
    choices: tuple[tuple[str, str], ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A role's line in a matrix."""

    role: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who may do what with one kind of record."""

    entity: str
    rows: tuple[Row, ...]
    people: tuple[str, ...]
    fields: tuple[tuple[str, str], ...]
    narrowed: tuple[str, ...]
    lock: str


def kinds(blueprint: Blueprint) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """What a field may hold, in groups for a select."""
    groups = [(title, tuple((kind.value, SCALARS[kind]) for kind in members)) for title, members in _GROUPS]
    groups.append(("Choices", (("choice", "one of a few choices"),)))
    links = tuple((f"ref:{entity.name}", f"a {entity.name}") for entity in blueprint.entities)
    groups.append(("Links and numbers", (*links, ("sequence", "number that the app gives"))))
    return tuple(groups)


def shown_name(field: Field) -> str:
    """What people see as a field's name."""
    return field.label or label(field.name)


def field_lines(before: Blueprint, after: Blueprint, entity: Entity) -> tuple[FieldLine, ...]:
    """The fields of ``entity`` of ``after``, each with how it differs from ``before``."""
    was = _names_before(after)
    old = was.get((Renamed.ENTITY, "", entity.name), entity.name)
    stood = {item.name: item for other in before.entities if other.name == old for item in other.fields}
    return tuple(
        _field_line(stood.get(was.get((Renamed.FIELD, entity.name, field.name), field.name)), field)
        for field in entity.fields
    )


def _names_before(after: Blueprint) -> dict[Thing, str]:
    return {(rename.kind, rename.entity, rename.after): rename.before for rename in after.renames}


def _field_line(stood: Field | None, field: Field) -> FieldLine:
    given = field.computed is not None or field.custom is not None
    kind = f"worked out by the app, {type_words(field.type)}" if given else type_words(field.type)
    name = {Choice: "choice", Numbering: "sequence"}.get(type(field.type), "")
    if isinstance(field.type, Ref):
        name = f"ref:{field.type.entity}"
    elif isinstance(field.type, Scalar):
        name = field.type.value
    pattern = f"{field.type.prefix}{field.type.start:0{field.type.digits}}" if isinstance(field.type, Numbering) else ""
    return FieldLine(
        field=field,
        label=shown_name(field),
        kind=kind,
        type=name,
        options=field.type.options if isinstance(field.type, Choice) else (),
        pattern=pattern,
        given=given,
        state="new" if stood is None else ("" if stood == field else "changed"),
        was=shown_name(stood) if stood is not None and shown_name(stood) != shown_name(field) else "",
    )


def page_lines(before: Blueprint, after: Blueprint, locks: Sequence[Protection]) -> tuple[PageLine, ...]:
    """The pages of ``after`` in their order."""
    stood = {page.title: page for page in before.pages}
    return tuple(_page_line(after, stood.get(page.title), page, locks) for page in after.pages)


def _page_line(blueprint: Blueprint, stood: Page | None, page: Page, locks: Sequence[Protection]) -> PageLine:
    columns = None
    if isinstance(page, COLUMNS_OF):
        fields = blueprint.entity(page.entity).fields
        columns = tuple((field.name, shown_name(field), field.name in page.columns) for field in fields)
    return PageLine(
        title=page.title,
        kind=describe_page(page),
        columns=columns,
        chosen=isinstance(page, COLUMNS_OF) and bool(page.columns),
        state="new" if stood is None else ("" if stood == page else "changed"),
        lock=locked(blueprint, locks, Part.PAGE, page.title),
    )


def page_choices(blueprint: Blueprint) -> tuple[tuple[str, str], ...]:
    """What a page made by hand can show."""
    made: list[tuple[str, str]] = []
    for entity in blueprint.entities:
        many = plural(entity.name)
        made.append((f"{NewPage.TABLE}|{entity.name}", f"A list of {many}"))
        made.append((f"{NewPage.FORM}|{entity.name}", f"A form for a new {entity.name}"))
        made.append((f"{NewPage.DETAIL}|{entity.name}", f"One {entity.name} with everything around it"))
        for field in entity.fields:
            if isinstance(field.type, Choice):
                made.append((f"{NewPage.BOARD}|{entity.name}|{field.name}", f"{many} as cards by {shown_name(field)}"))
            elif field.type in (Scalar.DATE, Scalar.DATETIME):
                words = f"{many} in a calendar by {shown_name(field)}"
                made.append((f"{NewPage.CALENDAR}|{entity.name}|{field.name}", words))
    return tuple(made)


def matrices(before: Blueprint, after: Blueprint, locks: Sequence[Protection]) -> tuple[Matrix, ...]:
    """The access of every kind of record."""
    return tuple(
        Matrix(
            entity=entity.name,
            rows=tuple(Row(role, tuple(_cells(before, after, entity.name, role))) for role in after.roles),
            people=tuple(shown_name(field) for field in entity.fields if field.type is Scalar.PERSON),
            fields=tuple((field.name, shown_name(field)) for field in entity.fields),
            narrowed=tuple(_narrowed(after, entity)),
            lock=locked(after, locks, Part.ACCESS, entity.name),
        )
        for entity in after.entities
    )


def _cells(before: Blueprint, after: Blueprint, entity: str, role: str) -> Iterable[Cell]:
    for verb, word in VERBS.items():
        level = _level(after, entity, role, verb)
        choices = [(Reach.NONE.value, "No"), (Reach.OWN.value, "Own"), (Reach.ALL.value, "All")]
        if verb is Verb.CREATE:
            choices = [(Reach.NONE.value, "No"), (Reach.ALL.value, "Yes")]
        yield Cell(verb.value, word, level, tuple(choices), changed=level != _level(before, entity, role, verb))


def _level(blueprint: Blueprint, entity: str, role: str, verb: Verb) -> str:
    permission = blueprint.permission(entity, role, verb)
    return Reach.NONE.value if permission is None else (Reach.OWN.value if permission.own else Reach.ALL.value)


def _narrowed(blueprint: Blueprint, entity: Entity) -> Iterable[str]:
    for line in blueprint.field_access:
        field = entity.field(line.field) if line.entity == entity.name else None
        if field is not None:
            who = ", ".join(grant.role for grant in line.grants) or "nobody but you"
            yield f"“{shown_name(field)}” is seen by {who} only."


def locked(blueprint: Blueprint, locks: Sequence[Protection], part: Part, name: str) -> str:
    """Why a part is closed, and to whom; nothing if it is open."""
    if any((item.part, item.name) == (part, name) for item in locks):
        return _BY_IT
    return _BY_MAKER if any((item.part, item.name) == (part, name) for item in blueprint.protections) else ""
