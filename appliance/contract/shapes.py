"""What JSON looks like, as frozen values that can be written to a file: the typed side of a schema."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct


class Leaf(StrEnum):
    """What a single value is. All but the first three are texts in JSON."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    MOMENT = "date-time"
    TIME = "time"
    EMAIL = "email"
    URI = "uri"
    UUID = "uuid"

    @property
    def is_text(self) -> bool:
        """Whether JSON holds it in quotes."""
        return self not in (Leaf.BOOLEAN, Leaf.INTEGER, Leaf.NUMBER)


Plain: TypeAlias = str | int | float | bool | None
"""A single value of JSON."""


class Value(Struct, frozen=True, tag="value"):
    """A single value and what holds of it. ``above`` and ``below`` are bounds that do not count themselves."""

    leaf: Leaf
    nullable: bool = False
    options: tuple[str | int | float, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    multiple: float | None = None
    shortest: int = 0
    longest: int | None = None
    pattern: str = ""

    @property
    def free(self) -> bool:
        """Whether it is a text of which nothing at all is said, so that the empty text will do."""
        return self.leaf is Leaf.TEXT and not (self.options or self.pattern or self.shortest)


class Member(Struct, frozen=True):
    """One property of an object. ``default`` counts if ``defaults``."""

    name: str
    kind: Kind
    required: bool = False
    read_only: bool = False
    write_only: bool = False
    default: Plain = None
    defaults: bool = False
    title: str = ""
    about: str = ""
    example: Plain = None


class Group(Struct, frozen=True, tag="group"):
    """An object. ``closed``: it takes no other properties. ``component`` is the name of its schema, if it has one."""

    members: tuple[Member, ...]
    closed: bool = False
    nullable: bool = False
    component: str = ""
    title: str = ""

    def member(self, name: str) -> Member | None:
        """The property of that name."""
        return next((member for member in self.members if member.name == name), None)


class Many(Struct, frozen=True, tag="many"):
    """A list."""

    of: Kind
    nullable: bool = False
    fewest: int = 0
    most: int | None = None
    different: bool = False


Kind: TypeAlias = Value | Group | Many
