"""Text to blueprint: line by line, every name resolved, every list bounded (``docs/blueprint.md``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses, fields
from appliance.blueprint.cursor import Cursor
from appliance.blueprint.errors import BlueprintError, closest
from appliance.blueprint.model import (
    MAX_ABOUT,
    MAX_ENTITIES,
    MAX_EXAMPLES,
    MAX_FIELDS,
    MAX_NAME,
    MAX_ROLES,
    Access,
    Blueprint,
    Entity,
    Example,
    Grant,
)
from appliance.blueprint.naming import RESERVED_SLUGS, class_name, identifier, slug
from appliance.blueprint.screens import MAX_PAGES, DashboardPage, DetailPage, FormPage, Page, TablePage
from appliance.blueprint.words import is_noun, is_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_TEXT: Final = 64_000
STATEMENTS: Final = ("app", "about", "role", "entity", "access", "page", "example")
PAGE_KINDS: Final = ("table", "form", "detail", "dashboard")


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
        access = self._access()
        pages = self._pages()
        examples = tuple(self._example(cursor) for _, cursor in self._all("example", MAX_EXAMPLES))
        return Blueprint(name, about, tuple(self.roles), tuple(self.entities), access, pages, examples)

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
            cursor.fail(f"{what} must be 1 to {limit} printable characters")
        cursor.end()
        return text

    def _noun(self, cursor: Cursor, what: str, taken: list[str], key: Callable[[str], str] = slug) -> str:
        name, token = cursor.name(what, until=(), allowed=lambda text: is_noun(text) and len(text) <= MAX_NAME)
        if any(key(name) == key(other) or slug(name) == slug(other) for other in taken):
            cursor.fail(f"{name!r} is there already", "Give it another name.", token)
        return name

    def _entity(self, name: str, body: list[Cursor], head: Cursor, entities: list[str]) -> Entity:
        if not body:
            head.fail(f"the entity {name!r} has no fields", "Add an indented line such as:   name text required")
        if len(body) > MAX_FIELDS:
            body[MAX_FIELDS].fail(f"an entity has at most {MAX_FIELDS} fields")
        entity = Entity(name, ())
        for cursor in body:
            field = fields.read_field(cursor, entities)
            if any(identifier(field.name) == identifier(other.name) for other in entity.fields):
                cursor.fail(f"{name!r} has a field {field.name!r} already", "Give it another name.")
            entity = replace(entity, fields=(*entity.fields, field))
        return entity

    def _access(self) -> tuple[Access, ...]:
        found: list[Access] = []
        for _, cursor in self._all("access", MAX_ENTITIES):
            entity = cursor.known("entity", (item.name for item in self.entities), until=(":",))
            if any(entity == other.entity for other in found):
                cursor.fail(f"{entity!r} has an access line already", "Put all roles on one line.")
            cursor.expect(":")
            grants: list[Grant] = []
            while True:
                grant = fields.read_grant(cursor, self.roles)
                if any(grant.role == other.role for other in grants):
                    cursor.fail(f"{grant.role!r} is named twice")
                grants.append(grant)
                if not cursor.accept(";"):
                    break
            cursor.end()
            found.append(Access(entity, tuple(grants)))
        return tuple(found)

    def _pages(self) -> tuple[Page, ...]:
        found: list[Page] = []
        for _, cursor in self._all("page", MAX_PAGES):
            page = self._page(cursor)
            if any(slug(page.title) == slug(other.title) for other in found):
                cursor.fail(f"there is a page {page.title!r} already", "Give it another title.")
            found.append(page)
        return tuple(found)

    def _page(self, cursor: Cursor) -> Page:
        title = cursor.string("the page's title")
        if not is_title(title) or len(title) > MAX_NAME:
            cursor.fail(f"a page's title must be 1 to {MAX_NAME} printable characters")
        kind = cursor.take()
        page: Page
        if kind.text == "dashboard":
            cursor.expect(":")
            page = DashboardPage(title, clauses.read_widgets(cursor, self.entities))
        elif kind.text in PAGE_KINDS:
            entity = cursor.known("entity", (item.name for item in self.entities), until=("where",))
            if kind.text == "table":
                where = clauses.read_where(cursor, next(item for item in self.entities if item.name == entity))
                page = TablePage(title, entity, where)
            else:
                page = FormPage(title, entity) if kind.text == "form" else DetailPage(title, entity)
        else:
            cursor.fail(f"{kind.text!r} is no kind of page", closest(kind.text, PAGE_KINDS), kind)
        cursor.end()
        return page

    def _example(self, cursor: Cursor) -> Example:
        name = cursor.known("entity", (item.name for item in self.entities), until=(":",))
        cursor.expect(":")
        entity = next(item for item in self.entities if item.name == name)
        return Example(name, clauses.read_values(cursor, entity))
