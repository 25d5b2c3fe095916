"""Python names for everything in a blueprint, distinct within each module that uses them."""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sqlmodel import SQLModel

from appliance.blueprint import naming
from appliance.blueprint.model import Blueprint, Choice, Entity, Field
from appliance.codegen.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterable

_IN_CLASS_BODIES: Final = frozenset({"columns", "dt", "l", *dir(builtins), *(name for name in dir(SQLModel))})
"""Names that a model's class body uses, or that SQLModel gives a meaning: an attribute must not hide them."""

_MODULE_NAMES: Final = frozenset(
    {"Record", "Decimal", "StrEnum", "Entity", "None", "True", "False", "ENTITIES", "ACCESS", "ALL", "OWN", "Grant"}
)
_EASILY_MISREAD: Final = frozenset({"I", "O"})
_RESERVED_SLUGS: Final = naming.RESERVED_SLUGS


@dataclass(frozen=True)
class Names:
    """All names of one blueprint; built once, read by every emitter.

    Raises:
        RenderError: two entities or fields have the same address, or an entity has an address of the app itself.
    """

    blueprint: Blueprint
    classes: dict[str, str] = field(init=False)
    constants: dict[str, str] = field(init=False)
    enums: dict[tuple[str, str], str] = field(init=False)
    members: dict[tuple[str, str, str], str] = field(init=False)
    modules: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        entities = self.blueprint.entities
        _distinct((naming.slug(entity.name) for entity in entities), "entities")
        _distinct((naming.table_name(entity.name) for entity in entities), "entities")
        for entity in entities:
            _distinct((naming.identifier(item.name) for item in entity.fields), f"fields of {entity.name}")
            if any(naming.identifier(item.name) == "csrf_token" for item in entity.fields):
                message = f"A field of {entity.name!r} cannot be called csrf_token: every form has one already."
                raise RenderError(message, action="Give the field another name.")
            if naming.slug(entity.name) in _RESERVED_SLUGS:
                message = f"An entity cannot be called {entity.name!r}: the app itself needs that address."
                raise RenderError(message, action="Give the entity another name.")
        taken = set(_MODULE_NAMES | _EASILY_MISREAD)
        classes = {entity.name: _free(naming.class_name(entity.name), taken) for entity in entities}
        constants = {entity.name: _free(_constant(entity.name), taken) for entity in entities}
        choices = [(entity, item) for entity in entities for item in entity.fields if isinstance(item.type, Choice)]
        enums = {
            (entity.name, item.name): _free(classes[entity.name] + naming.class_name(item.name), taken)
            for entity, item in choices
        }
        modules = set[str]()
        object.__setattr__(self, "classes", classes)
        object.__setattr__(self, "constants", constants)
        object.__setattr__(self, "enums", enums)
        object.__setattr__(self, "members", _members(choices))
        object.__setattr__(
            self, "modules", {entity.name: _free(naming.identifier(entity.name), modules) for entity in entities}
        )

    @property
    def package(self) -> str:
        """The Python package of the app."""
        return naming.package_name(self.blueprint.name)

    def plural(self, entity: str) -> str:
        """The plural of an entity's name; in languages whose plurals cannot be told from the word, the name itself."""
        return naming.plural(entity, self.blueprint.language)

    def label(self, item: Field) -> str:
        """What a field is called for people."""
        return item.label or naming.label(item.name)

    def attribute(self, item: Field) -> str:
        """The attribute of a field: its identifier, with an underscore where that would hide another name."""
        name = naming.identifier(item.name)
        hidden = name in _IN_CLASS_BODIES or name.startswith("model_")
        return f"{name}_" if hidden else name

    def table(self, entity: Entity) -> str:
        """The table of an entity; SQLite keeps names that start with ``sqlite_`` for itself."""
        name = naming.table_name(entity.name)
        return f"x_{name}" if name.startswith("sqlite_") else name


def _members(choices: list[tuple[Entity, Field]]) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for entity, item in choices:
        taken = {"mro", "name", "value", *_EASILY_MISREAD}
        if isinstance(item.type, Choice):
            for option in item.type.options:
                found[entity.name, item.name, option] = _free(_constant(option), taken)
    return found


def _constant(name: str) -> str:
    text = "_".join(naming.words(name)).upper() or "X"
    return f"N_{text}" if text[0].isdigit() else text


def _free(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}{count}" if not name.isupper() else f"{name}_{count}"
    taken.add(candidate)
    return candidate


def _distinct(names: Iterable[str], what: str) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            message = f"Two {what} would both be called {name!r} in addresses."
            raise RenderError(message, action="Rename one of them.")
        seen.add(name)


def plain(text: str) -> str:
    """Text that may stand in a docstring or comment."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
