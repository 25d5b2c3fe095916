"""Text to blueprint: line by line, every name resolved, every list bounded (``docs/blueprint.md``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from appliance.blueprint import behaviour_parser as behaviour
from appliance.blueprint import change_parser as changes
from appliance.blueprint import clauses, fields
from appliance.blueprint.access_parser import read_access
from appliance.blueprint.behaviour import (
    MAX_ACTIONS,
    MAX_FRAGMENTS,
    MAX_MARKS,
    MAX_REMINDERS,
    MAX_RULES,
    Action,
    Custom,
    Fragment,
)
from appliance.blueprint.case_parser import read_case
from appliance.blueprint.check_parser import read_check
from appliance.blueprint.checks import MAX_CHECKS
from appliance.blueprint.computed import weigh
from appliance.blueprint.cursor import Cursor
from appliance.blueprint.errors import BlueprintError, closest
from appliance.blueprint.model import (
    MAX_ABOUT,
    MAX_ENTITIES,
    MAX_EXAMPLES,
    MAX_FIELDS,
    MAX_NAME,
    MAX_ROLES,
    MAX_UNIQUE,
    Access,
    Blueprint,
    Entity,
    Example,
    FieldAccess,
)
from appliance.blueprint.naming import RESERVED_SLUGS, class_name, identifier, slug
from appliance.blueprint.page_parser import read_page
from appliance.blueprint.places import MAX_CASES, Case, custom_fields, fragment_key
from appliance.blueprint.screens import MAX_PAGES, Page
from appliance.blueprint.words import COLOURS, LANGUAGES, is_noun, is_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
MAX_TEXT: Final = 64_000
STATEMENTS: Final = (
    *("app", "about", "language", "colour", "role", "entity", "access", "rule", "action", "remind", "mark"),
    *("fragment", "case", "page", "check", "protect", "rename", "example"),
)
MAX_FIELD_ACCESS: Final = 48
MAX_PROTECTIONS: Final = 32
MAX_RENAMES: Final = 32
ONE_LINE: Final = "Put all roles on one line."


def parse(text: str) -> Blueprint:
    """Read a blueprint.

    Two passes: the first collects roles and entities so that lines may stand in any order, the second reads what
    refers to them.

    Raises:
        BlueprintError: with 1-based line and column, and a hint what to write instead.
    """
    if len(text) > MAX_TEXT:
        message = f"the text has {len(text)} characters"
        raise BlueprintError(message, line=1, column=1, hint=f"Keep a blueprint below {MAX_TEXT} characters.")
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.statements: list[tuple[str, Cursor]] = []
        self.bodies: list[list[Cursor]] = []
        self.roles: list[str] = []
        self.entities: list[Entity] = []
        self.pending: list[tuple[str, str | None, Cursor]] = []
        self._split(text)

    def _split(self, text: str) -> None:
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            cursor = Cursor(line, number)
            if line[0] in " \t":
                if not self.statements or self.statements[-1][0] != "entity":
                    cursor.fail("only the fields of an entity are indented", "Remove the spaces in front.")
                self.bodies[-1].append(cursor)
                continue
            word = cursor.take()
            if word.text not in STATEMENTS:
                cursor.fail(f"{word.text!r} starts no line", closest(word.text, STATEMENTS), word)
            self.statements.append((word.text, cursor))
            self.bodies.append([])

    def read(self) -> Blueprint:
        name, about = self._title(), self._about()
        for _, cursor in self._all("role", MAX_ROLES):
            self.roles.append(self._noun(cursor, "a role", self.roles))
        found = list(self._all("entity", MAX_ENTITIES))
        names: list[str] = []
        for _, cursor in found:
            names.append(self._noun(cursor, "an entity", names, key=class_name))
            if slug(names[-1]) in RESERVED_SLUGS:
                cursor.fail(f"{names[-1]!r} is the name of something that every app has", "Give it another name.")
        if not names:
            raise BlueprintError(
                "an app needs at least one entity", line=1, column=1, hint="Add a line such as: entity Item"
            )
        for name_, (index, cursor) in zip(names, found, strict=True):
            self.entities.append(self._entity(name_, self.bodies[index], cursor, names))
        self._finish()
        access, field_access = self._access()
        pages = self._pages()
        actions = self._actions()
        fragments = self._each("fragment", MAX_FRAGMENTS, lambda line: behaviour.read_fragment(line, self.entities))
        custom = [*custom_fields(self.entities), *(fragment_key(item) for item in fragments)]
        return Blueprint(
            name=name,
            about=about,
            roles=tuple(self.roles),
            entities=tuple(self.entities),
            access=access,
            pages=pages,
            examples=tuple(self._example(cursor) for _, cursor in self._all("example", MAX_EXAMPLES)),
            field_access=field_access,
            rules=self._each("rule", MAX_RULES, lambda line: behaviour.read_rule(line, self.entities)),
            actions=actions,
            reminders=self._each(
                "remind", MAX_REMINDERS, lambda line: behaviour.read_reminder(line, self.entities, self.roles)
            ),
            marks=self._each("mark", MAX_MARKS, lambda line: behaviour.read_mark(line, self.entities)),
            fragments=fragments,
            cases=self._cases(fragments),
            checks=self._each("check", MAX_CHECKS, lambda line: read_check(line, self.entities, self.roles, actions)),
            protections=self._each(
                "protect",
                MAX_PROTECTIONS,
                lambda line: changes.read_protection(line, self.entities, [page.title for page in pages], custom),
            ),
            renames=self._each(
                "rename", MAX_RENAMES, lambda line: changes.read_rename(line, self.entities, self.roles)
            ),
            colour=self._word("colour", COLOURS),
            language=self._word("language", LANGUAGES) or LANGUAGES[0],
        )

    def _all(self, word: str, limit: int) -> Iterable[tuple[int, Cursor]]:
        found = [(index, cursor) for index, (kind, cursor) in enumerate(self.statements) if kind == word]
        if len(found) > limit:
            found[limit][1].fail(f"there are more than {limit} lines of {word!r}", "Remove some.")
        return found

    def _title(self) -> str:
        found = list(self._all("app", 1))
        if not found:
            raise BlueprintError("the app has no name", line=1, column=1, hint='Start with: app "Name of the app"')
        return self._quoted(found[0][1], "the app's name", MAX_NAME)

    def _about(self) -> str:
        found = list(self._all("about", 1))
        return self._quoted(found[0][1], "the description", MAX_ABOUT) if found else ""

    def _quoted(self, cursor: Cursor, what: str, limit: int) -> str:
        text = cursor.string(what)
        if not is_title(text) or len(text) > limit:
            cursor.fail(f"{what} must be 1 to {limit} printable characters", "Shorten it; leave out quotes.")
        cursor.end()
        return text

    def _noun(self, cursor: Cursor, what: str, taken: list[str], key: Callable[[str], str] = slug) -> str:
        name, token = cursor.name(what, until=(), allowed=lambda text: is_noun(text) and len(text) <= MAX_NAME)
        if any(key(name) == key(other) or slug(name) == slug(other) for other in taken):
            cursor.fail(f"{name!r} is there already", "Give it another name.", token)
        return name

    def _entity(self, name: str, body: list[Cursor], head: Cursor, entities: list[str]) -> Entity:
        """The fields with their types; what refers to other fields is read by :meth:`_finish`."""
        if not body:
            head.fail(f"the entity {name!r} has no fields", "Add an indented line such as:   name text required")
        entity = Entity(name, ())
        for cursor in body:
            if _is_unique_line(cursor):
                self.pending.append((name, None, cursor))
                continue
            if len(entity.fields) == MAX_FIELDS:
                cursor.fail(f"an entity has at most {MAX_FIELDS} fields", "Put some into an entity of their own.")
            field = fields.read_field(cursor, entities)
            if any(identifier(field.name) == identifier(other.name) for other in entity.fields):
                cursor.fail(f"{name!r} has a field {field.name!r} already", "Give it another name.")
            entity = replace(entity, fields=(*entity.fields, field))
            if cursor.peek() is not None:
                self.pending.append((name, field.name, cursor))
        if not entity.fields:
            head.fail(f"the entity {name!r} has no fields", "Add an indented line such as:   name text required")
        return entity

    def _finish(self) -> None:
        """Computed and custom fields, and combinations that are unique: now every field and its type is known."""
        computed: list[tuple[Cursor, str, str]] = []
        self._announce_custom()
        for name, field_name, cursor in self.pending:
            if field_name is None:
                continue
            entity = self._named(name)
            field = next(item for item in entity.fields if item.name == field_name)
            if cursor.at("="):
                computed.append((cursor, name, field_name))
            finished = fields.finish_field(cursor, self.entities, entity, field)
            everything = tuple(finished if item is field else item for item in entity.fields)
            self._put(replace(entity, fields=everything))
        for name, field_name, cursor in self.pending:
            if field_name is None:
                cursor.take()
                entity = self._named(name)
                unique = fields.read_unique(cursor, entity)
                if len(entity.unique) == MAX_UNIQUE or unique in entity.unique:
                    cursor.fail(f"an entity has up to {MAX_UNIQUE} different lines of this kind", "Remove some.")
                self._put(replace(entity, unique=(*entity.unique, unique)))
        weigh(self.entities, computed)

    def _announce_custom(self) -> None:
        """Say which fields are custom before any expression is read: none may use them."""
        for name, field_name, cursor in self.pending:
            if cursor.at("custom"):
                entity = self._named(name)
                known = (
                    replace(item, custom=Custom((), "")) if item.name == field_name else item for item in entity.fields
                )
                self._put(replace(entity, fields=tuple(known)))

    def _named(self, name: str) -> Entity:
        return next(item for item in self.entities if item.name == name)

    def _put(self, changed: Entity) -> None:
        self.entities = [changed if item.name == changed.name else item for item in self.entities]

    def _access(self) -> tuple[tuple[Access, ...], tuple[FieldAccess, ...]]:
        found: list[Access] = []
        narrowed: list[FieldAccess] = []
        for _, cursor in self._all("access", MAX_ENTITIES + MAX_FIELD_ACCESS):
            access = read_access(cursor, self.entities, self.roles)
            if isinstance(access, FieldAccess):
                if any((access.entity, access.field) == (other.entity, other.field) for other in narrowed):
                    cursor.fail(f"'{access.entity}.{access.field}' has an access line already", ONE_LINE)
                narrowed.append(access)
            else:
                if any(access.entity == other.entity for other in found):
                    cursor.fail(f"{access.entity!r} has an access line already", ONE_LINE)
                found.append(access)
        return tuple(found), tuple(narrowed)

    def _pages(self) -> tuple[Page, ...]:
        found: list[Page] = []
        for _, cursor in self._all("page", MAX_PAGES):
            page = read_page(cursor, self.entities)
            if any(slug(page.title) == slug(other.title) for other in found):
                cursor.fail(f"there is a page {page.title!r} already", "Give it another title.")
            found.append(page)
        return tuple(found)

    def _actions(self) -> tuple[Action, ...]:
        found: list[Action] = []
        for _, cursor in self._all("action", MAX_ACTIONS):
            action = behaviour.read_action(cursor, self.entities, self.roles)
            if any(action.entity == other.entity and slug(action.title) == slug(other.title) for other in found):
                cursor.fail(f"{action.entity!r} has an action {action.title!r} already", "Give it another title.")
            found.append(action)
        return tuple(found)

    def _cases(self, fragments: tuple[Fragment, ...]) -> tuple[Case, ...]:
        found: list[Case] = []
        for _, cursor in self._all("case", MAX_CASES):
            case = read_case(cursor, self.entities, fragments, found)
            if case in found:
                cursor.fail("this line is there already", "Remove one of them.")
            found.append(case)
        return tuple(found)

    def _each(self, word: str, limit: int, read: Callable[[Cursor], T]) -> tuple[T, ...]:
        found: list[T] = []
        for _, cursor in self._all(word, limit):
            item = read(cursor)
            if item in found:
                cursor.fail("this line is there already", "Remove one of them.")
            found.append(item)
        return tuple(found)

    def _example(self, cursor: Cursor) -> Example:
        entity = clauses.read_entity(cursor, self.entities, until=(":",))
        cursor.expect(":")
        return Example(entity.name, clauses.read_values(cursor, entity))

    def _word(self, statement: str, known: Iterable[str]) -> str:
        for _, cursor in self._all(statement, 1):
            token = cursor.take()
            if token.text not in known:
                cursor.fail(f"there is no {statement} {token.text!r}", closest(token.text, known), token)
            cursor.end()
            return token.text
        return ""


def _is_unique_line(cursor: Cursor) -> bool:
    """``unique item, due``; a field may be called unique, too."""
    following = cursor.ahead(2)
    return cursor.at("unique") and following is not None and following.text == ","
