"""The stages of a plan on one KV cache: names, then fields, then access, then pages, then sample names."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint import access_parser, clauses, fields
from appliance.blueprint.cursor import Cursor
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import MAX_NAME, Access, Entity, Field, Grant, Permission, Ref, Scalar, Verb, label_field
from appliance.blueprint.naming import class_name, identifier, plural, slug
from appliance.blueprint.screens import CountWidget, DashboardPage, TablePage, Widget
from appliance.blueprint.words import is_noun
from appliance.planner import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.planner.transcript import Transcript

MOST_ROLES: Final = 3
MOST_ENTITIES: Final = 6
MOST_FIELDS: Final = 10
MOST_PAGES: Final = 2
MOST_WIDGETS: Final = 4
MOST_ASKED: Final = 6
"""Records up to which a request that names many things is asked for more."""
MOST_REFUSED: Final = 2
"""Further names that are not accepted before the asking ends."""
MOST_EXAMPLES: Final = 3
MOST_NAMED: Final = 3
_LINE_TOKENS: Final = 64


def write_title(transcript: Transcript) -> tuple[str, str]:
    """The app's name and what it is for."""
    text = transcript.choose(lines.title_lines(), ends=("\n",), max_tokens=2 * _LINE_TOKENS)
    found = re.fullmatch(r'app "(.+)"\nabout "(.+)"\n', text or "")
    if found is None:
        transcript.force('app "New App"\nabout "Keeps records."\n')
        return "New App", "Keeps records."
    return found[1], found[2]


def write_names(transcript: Transcript, word: str, *, most: int, fallback: str) -> tuple[str, ...]:
    """The line ``roles A, B`` or ``records X, Y``: at least one name, no two alike."""
    names: list[str] = []
    transcript.force(word)
    while len(names) < most:
        text = transcript.choose(lines.list_item(names, most), ends=(",", "\n"), max_tokens=16)
        if text is None:
            transcript.force("\n" if names else f" {fallback}\n")
            break
        name = text.strip(" ,\n")
        if not (word == "records" and is_mere_detail(name)) and _is_new_name(name, names):
            names.append(name)
        if text.endswith("\n"):
            break
    return tuple(names) or (fallback,)


def write_more_names(
    transcript: Transcript, names: Sequence[str], *, upto: int, accept: Callable[[str, Sequence[str]], bool]
) -> tuple[str, ...]:
    """Ask for further records, one by one, until there are ``upto`` or too many are not accepted.

    The list's end was written already, so each further name stands on a line of its own.
    """
    found, refused = list(names), list[str]()
    while len(found) < upto and len(refused) < MOST_REFUSED:
        mark = transcript.mark()
        transcript.force("records")
        grammar = lines.list_item([*found, *refused], upto, may_go_on=False)
        text = transcript.choose(grammar, ends=("\n",), max_tokens=16)
        name = (text or "").strip()
        if not is_mere_detail(name or "-") and _is_new_name(name, found) and accept(name, found):
            found.append(name)
        else:
            transcript.rewind(mark)
            refused.append(name or "-")
    return tuple(found)


def _is_new_name(name: str, names: Sequence[str]) -> bool:
    return is_noun(name) and len(name) <= MAX_NAME and not any(class_name(name) == class_name(other) for other in names)


_DETAILS: Final = frozenset(("status", "state", "date", "email", "phone", "time", "number", "overdue", "website"))


def is_mere_detail(name: str) -> bool:
    """Whether something is a field of other records and none of its own: a due date, an order status."""
    return name.rsplit(maxsplit=1)[-1].lower() in _DETAILS


def entity_header(name: str) -> str:
    """The line that starts an entity."""
    return f"entity {name}\n"


def access_header(name: str) -> str:
    """The start of an access line."""
    return f"access {name}:"


def write_entity(
    transcript: Transcript, name: str, entities: Sequence[str], end: str, others: Sequence[Entity] = ()
) -> Entity:
    """One entity, whose header is written already; ``end`` is the header of what follows, chosen when it is done."""
    entity = Entity(name, ())
    for _ in range(MOST_FIELDS + 1):
        taken = [field.name for field in entity.fields]
        grammar = lines.field_line(entities, taken, end, most=MOST_FIELDS)
        text = transcript.choose(grammar, ends=("\n", end), max_tokens=_LINE_TOKENS)
        if text is None or text == end:
            if text is None:
                transcript.force(end)
            break
        field = read_field(text, entities)
        if field is not None and not any(identifier(field.name) == identifier(known.name) for known in entity.fields):
            entity = replace(entity, fields=(*entity.fields, field))
    else:
        transcript.force(end)
    return complete_fields(entity, others)


def linked(entities: Sequence[Entity]) -> list[tuple[str, str]]:
    """Every reference of the records as a pair of names."""
    return [
        (entity.name, field.type.entity)
        for entity in entities
        for field in entity.fields
        if isinstance(field.type, Ref)
    ]


def complete_fields(entity: Entity, others: Sequence[Entity] = ()) -> Entity:
    """Require what a record makes no sense without: the field that it is called by, and its first reference.

    ``others`` are the records that are written already: a reference to one that needs this record first stays optional,
    or nobody could ever add either.
    """
    if not entity.fields:
        return replace(entity, fields=(Field("name", Scalar.TEXT, required=True),))
    label = label_field(entity)
    first = next(
        (
            field
            for field in entity.fields
            if isinstance(field.type, Ref)
            and entity.name not in {field.type.entity, *_needed(field.type.entity, others)}
        ),
        None,
    )
    needed = {field.name for field in (label, first) if field is not None}
    return replace(entity, fields=tuple(replace(field, required=field.name in needed) for field in entity.fields))


def _needed(name: str, entities: Sequence[Entity]) -> set[str]:
    """The records of which a row must be there before one of ``name``, however far away."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for entity in entities:
            for field in entity.fields if entity.name == current else ():
                if field.required and isinstance(field.type, Ref) and field.type.entity not in found:
                    found.add(field.type.entity)
                    waiting.append(field.type.entity)
    return found


def read_field(line: str, entities: Sequence[str]) -> Field | None:
    """A written field; options that are there twice are dropped, and a choice of one is a text."""
    if found := re.search(r"choice\((.*)\)", line):
        options = list({option.strip().lower(): option.strip() for option in found[1].split(",")}.values())
        kind = f"choice({', '.join(options)})" if len(options) > 1 else "text"
        line = line[: found.start()] + kind + line[found.end() :]
    try:
        return fields.read_field(Cursor(line.rstrip("\n"), 1), entities)
    except BlueprintError:
        return None


def write_access(transcript: Transcript, entities: Sequence[Entity], roles: Sequence[str]) -> tuple[Access, ...]:
    """Who may do what. The first line's header is already written."""
    found: list[Access] = []
    for index, entity in enumerate(entities):
        if index > 0:
            transcript.force(access_header(entity.name))
        grants: list[Grant] = []
        for role in roles:
            last = role == roles[-1]
            transcript.force(f" {role}")
            must_add = last and not any(grant.permission(Verb.CREATE) for grant in grants)
            text = transcript.choose(lines.level(must_add=must_add), ends=tuple(lines.LEVELS), max_tokens=4)
            if text is None:
                text = " all" if must_add else " read"
                transcript.force(text)
            transcript.force("\n" if last else ";")
            if verbs := lines.LEVELS[text.strip()]:
                grants.append(access_parser.read_grant(Cursor(f"{role} {verbs}", 1), roles))
        found.append(Access(entity.name, tuple(grants)))
    return complete_access(tuple(found), entities)


def complete_access(access: tuple[Access, ...], entities: Sequence[Entity]) -> tuple[Access, ...]:
    """Whoever may add or change a record may read the records that it must point to; else its form cannot be used.

    Whoever works with everybody's rows may read everybody's there, too; who has only own ones may keep to own ones.
    """
    grants = {(line.entity, grant.role): grant for line in access for grant in line.grants}
    for entity in entities:
        for (name, role), grant in list(grants.items()):
            writes = grant.permission(Verb.CREATE) or grant.permission(Verb.EDIT)
            if name != entity.name or writes is None:
                continue
            for field in entity.fields:
                if isinstance(field.type, Ref) and field.type.entity != name:
                    known = grants.get((field.type.entity, role), Grant(role, ()))
                    reading, editing = known.permission(Verb.READ), grant.permission(Verb.EDIT)
                    too_little = reading is not None and reading.own and editing is not None and not editing.own
                    if reading is None or too_little:
                        others = tuple(item for item in known.permissions if item.verb is not Verb.READ)
                        more = (*others, Permission(Verb.READ))
                        ordered = tuple(sorted(more, key=lambda item: list(Verb).index(item.verb)))
                        grants[field.type.entity, role] = Grant(role, ordered)
    return tuple(
        Access(line.entity, tuple(grant for (name, _), grant in grants.items() if name == line.entity))
        for line in access
    )


def write_pages(
    transcript: Transcript, entities: Sequence[Entity], language: str = "en"
) -> tuple[TablePage | DashboardPage, ...]:
    """An overview, a table per entity, and the special lists that the model finds useful."""
    tables = [TablePage(plural(entity.name, language), entity.name) for entity in entities]
    special: list[TablePage] = []
    for _ in range(MOST_PAGES):
        titles = ["Overview", *(page.title for page in (*tables, *special))]
        grammar = lines.page_line(entities, titles)
        text = None
        if grammar is not None:
            text = transcript.choose(grammar, ends=("\n", "dashboard"), max_tokens=_LINE_TOKENS)
        if text is None or text == "dashboard":
            if text is None:
                transcript.force("dashboard")
            break
        page = read_page(text, entities)
        if page is not None and slug(page.title) not in {slug(title) for title in titles}:
            special.append(page)
    else:
        transcript.force("dashboard")
    return (DashboardPage("Overview", write_widgets(transcript, entities)), *tables, *special)


def read_page(line: str, entities: Sequence[Entity]) -> TablePage | None:
    """A written page."""
    found = re.fullmatch(r'page "(.+?)" table (.+?)( where .+)\n', line)
    entity = next((item for item in entities if found and item.name == found[2]), None)
    if found is None or entity is None or len(found[1]) > MAX_NAME:
        return None
    try:
        where = clauses.read_where(Cursor(found[3], 1), entities, entity)
    except BlueprintError:
        return None
    return TablePage(found[1].strip(), entity.name, where)


def write_widgets(transcript: Transcript, entities: Sequence[Entity]) -> tuple[Widget, ...]:
    """The figures of the overview; the first word is already written."""
    found: list[Widget] = []
    written: list[str] = []
    for _ in range(MOST_WIDGETS):
        grammar = lines.widget(entities, written, MOST_WIDGETS)
        text = transcript.choose(grammar, ends=(",", "\n"), max_tokens=_LINE_TOKENS)
        if text is None:
            transcript.force("\n")
            break
        written.append(text.strip(" ,\n"))
        found += [widget for widget in read_widgets(written[-1], entities) if widget not in found]
        if text.endswith("\n"):
            break
    return tuple(found) or (CountWidget(entities[0].name),)


def read_widgets(text: str, entities: Sequence[Entity]) -> tuple[Widget, ...]:
    """A written figure."""
    try:
        return clauses.read_widgets(Cursor(text, 1), entities)
    except BlueprintError:
        return ()


def write_example_names(transcript: Transcript, entities: Sequence[Entity]) -> dict[str, tuple[str, ...]]:
    """Names of sample records for entities that are called by a text."""
    found: dict[str, tuple[str, ...]] = {}
    for entity in entities:
        label = label_field(entity)
        if label is None or label.type is not Scalar.TEXT or len(found) == MOST_NAMED:
            continue
        transcript.force(f"examples {entity.name}:")
        text = transcript.choose(lines.example_names(MOST_EXAMPLES), ends=("\n",), max_tokens=_LINE_TOKENS)
        if text is None:
            transcript.force(' "First", "Second"\n')
            text = ""
        names = tuple(dict.fromkeys(name.strip() for name in re.findall(r'"([^"]+)"', text)))
        if names:
            found[entity.name] = names
    return found
