"""From a form of the editing pages to typed edits; ``form`` names the form, whatever is not known is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Part
from appliance.blueprint.edits import (
    AddPage,
    AddRole,
    DropAssumed,
    Edit,
    EditRefused,
    MovePage,
    NarrowField,
    NewPage,
    Protect,
    Reach,
    RemovePage,
    RemoveRole,
    RenamePage,
    RenameRole,
    SetAccess,
    SetApp,
    SetColumns,
    Unprotect,
)
from appliance.blueprint.model import Verb
from appliance.blueprint.screens import ReportPage, TablePage
from appliance.web import check_forms, code_views, field_forms
from appliance.web.forms import gone, known_entity, moves_to

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.blueprint.model import Blueprint
    from appliance.web.forms import Form


def edits_of(form: Form, blueprint: Blueprint) -> tuple[Edit, ...]:
    """The edits that a form means, on top of ``blueprint``; none when nothing differs.

    Raises:
        EditRefused: the form names something that is not there, or cannot be meant.
    """
    reader = _READERS.get(form.one("form"))
    if reader is None:
        message = "This form is not known."
        raise EditRefused(message, action="Reload the page and try again.")
    return tuple(reader(form, blueprint))


def _page_order(form: Form, blueprint: Blueprint) -> list[Edit]:
    titles = [page.title for page in blueprint.pages]
    return [MovePage(title, at) for title, at in moves_to(titles, form.one("order").split("\x1f"))]


def _role(form: Form, blueprint: Blueprint) -> list[Edit]:
    role, to = form.one("role"), form.one("name")
    if role not in blueprint.roles:
        raise gone()
    if form.one("remove"):
        return [RemoveRole(role)]
    return [RenameRole(role, to)] if to != role else []


def _role_add(form: Form, blueprint: Blueprint) -> list[Edit]:  # noqa: ARG001 - one shape for all readers
    return [AddRole(form.one("name"))]


def _access(form: Form, blueprint: Blueprint) -> list[Edit]:
    made: list[Edit] = []
    for cell in form.all("cell"):
        entity, _, rest = cell.partition("|")
        role, _, rest = rest.partition("|")
        verb_word, _, reach_word = rest.partition("|")
        if role not in blueprint.roles or verb_word not in list(Verb) or reach_word not in list(Reach):
            raise gone()
        verb, reach = Verb(verb_word), Reach(reach_word)
        permission = blueprint.permission(known_entity(blueprint, entity).name, role, verb)
        stands = Reach.NONE if permission is None else (Reach.OWN if permission.own else Reach.ALL)
        made += [SetAccess(entity, role, verb, reach)] if reach is not stands else []
    return made + _narrowed(form, blueprint)


def _narrowed(form: Form, blueprint: Blueprint) -> list[Edit]:
    """Fields that only some roles see; the ticked roles are those of the same kind of record."""
    made: list[Edit] = []
    for chosen in form.all("narrow_field"):
        name, _, field = chosen.partition("|")
        if not chosen:
            continue
        entity = known_entity(blueprint, name)
        if entity.field(field) is None:
            raise gone()
        roles = tuple(role for role in blueprint.roles if f"{name}|{role}" in form.all("narrow_role"))
        stands = next((item for item in blueprint.field_access if (item.entity, item.field) == (name, field)), None)
        if roles != tuple(grant.role for grant in (stands.grants if stands else ())):
            made.append(NarrowField(name, field, roles))
    return made


def _protect(form: Form, blueprint: Blueprint) -> list[Edit]:
    """Close a part to requests in words, or open it again."""
    part, name = form.one("part"), form.one("name")
    if part not in list(Part):
        raise gone()
    stands = any((item.part, item.name) == (Part(part), name) for item in blueprint.protections)
    return [Unprotect(Part(part), name)] if stands else [Protect(Part(part), name)]


def _page(form: Form, blueprint: Blueprint) -> list[Edit]:
    page = next((page for page in blueprint.pages if page.title == form.one("page")), None)
    if page is None:
        raise gone()
    if form.one("remove"):
        return [RemovePage(page.title)]
    made: list[Edit] = []
    if isinstance(page, TablePage | ReportPage):
        ticked = form.all("column")
        kept = [column for column in page.columns if column in ticked]
        columns = tuple(kept + [column for column in ticked if column not in kept])
        made += [SetColumns(page.title, columns)] if columns != page.columns else []
    to = form.one("title")
    return made + ([RenamePage(page.title, to)] if to != page.title else [])


def _page_add(form: Form, blueprint: Blueprint) -> list[Edit]:
    kind, _, rest = form.one("shows").partition("|")
    entity, _, field = rest.partition("|")
    if kind not in list(NewPage):
        raise gone()
    by = field if kind == NewPage.BOARD else ""
    start = field if kind == NewPage.CALENDAR else ""
    return [AddPage(form.one("title"), NewPage(kind), known_entity(blueprint, entity).name, by=by, start=start)]


def _look(form: Form, blueprint: Blueprint) -> list[Edit]:
    stands = {
        "name": blueprint.name,
        "about": blueprint.about,
        "colour": blueprint.colour,
        "language": blueprint.language,
    }
    return [SetApp(what, form.one(what)) for what, value in stands.items() if form.one(what) != value]


def _drop(form: Form, blueprint: Blueprint) -> list[Edit]:  # noqa: ARG001 - one shape for all readers
    """Something less that nobody asked for."""
    return [DropAssumed(form.one("name"))]


_READERS: Final[Mapping[str, Callable[[Form, Blueprint], list[Edit]]]] = {
    "field": field_forms.field,
    "field-add": field_forms.field_add,
    "field-order": field_forms.field_order,
    "entity-add": field_forms.entity_add,
    "entity-rename": field_forms.entity_rename,
    "entity-remove": field_forms.entity_remove,
    "role": _role,
    "role-add": _role_add,
    "access": _access,
    "protect": _protect,
    "page": _page,
    "page-order": _page_order,
    "page-add": _page_add,
    "look": _look,
    "check-add": check_forms.check_add,
    "code-add": code_views.place_add,
    "code-edit": code_views.place_edit,
    "code-case": code_views.case_add,
    "code-case-remove": code_views.case_remove,
    "check-remove": check_forms.check_remove,
    "assumed-drop": _drop,
}
