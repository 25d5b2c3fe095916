"""The app's JSON API as values: each operation of its contract, what it shows and takes, and where that is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel, TypeAdapter

    from ..records import Entity

Path = tuple[str, ...]

LIST: Final = "list"
READ: Final = "read"
CREATE: Final = "create"
REPLACE: Final = "replace"
UPDATE: Final = "update"
DELETE: Final = "delete"
FUNCTION: Final = "function"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Kept:
    """A kind of record as paths name it: by the field ``key``, or by its id, written as ``leaf`` says."""

    entity: Entity
    leaf: str = "integer"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One property: its names in JSON, outermost first, and where it is kept.

    ``source`` is ``field``, ``ref``, ``id``, ``created``, ``updated``, ``version``, ``embedded`` or ``related``;
    ``leaf`` how a single value is written. ``lines``: a list of texts, kept one on a line.
    """

    path: Path
    source: str
    field: str = ""
    leaf: str = "text"
    required: bool = False
    nullable: bool = False
    lines: bool = False
    to: Kept | None = None
    shown: Shown | None = None

    @property
    def name(self) -> str:
        """``address.city``."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Shown:
    """A record in an answer: its shape, its properties, and its inner objects that need not be there (path, may be
    null)."""

    kept: Kept
    model: type[BaseModel]
    parts: tuple[Part, ...]
    groups: tuple[tuple[Path, bool, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent. ``left``: properties that the contract has and this app does not keep."""

    model: type[BaseModel]
    parts: tuple[Part, ...]
    required: bool = True
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrap:
    """How rows stand in an answer. ``beside``: path, what, may be null."""

    rows: Path = ()
    beside: tuple[tuple[Path, str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter. ``means``: what it asks of the list; ``filters``: the property that it narrows by."""

    name: str
    place: str
    adapter: TypeAdapter[Any]
    required: bool = False
    means: str = ""
    filters: Part | None = None
    default: str | int | float | bool | None = None
    why: str = ""
    first: int = 1


@dataclass(frozen=True, slots=True)
class Parent:
    """A part of the path that narrows what stands below it to rows whose ``field`` leads to that record, or holds that
    value."""

    parameter: str
    field: str
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """How a refusal with this status looks; without members: problem details (RFC 9457)."""

    status: str
    media: str = ""
    members: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """Something that a function is given: its name, where it is sent (``body`` or ``query``), and its kind."""

    name: str
    place: str
    kind: str
    default: str | int | float | bool | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """A property of an answer, and the function that works it out."""

    name: str
    function: Callable[..., Any]
    kind: str
    leaf: str = "text"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """What an operation computes from what; ``answer`` is the shape of all results together."""

    given: tuple[Given, ...]
    results: tuple[Result, ...]
    answer: type[BaseModel]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, below the API's base. ``said``: properties of the answer that say that it was done."""

    id: str
    method: str
    path: str
    does: str
    kept: Kept | None = None
    status: int = 200
    media: str = "application/json"
    body: Body | None = None
    shown: Shown | None = None
    envelope: str = ""
    said: tuple[tuple[str, str], ...] = ()
    wrap: Wrap | None = None
    key: str = ""
    parents: tuple[Parent, ...] = ()
    asked: tuple[Asked, ...] = ()
    faults: tuple[Fault, ...] = ()
    work: Work | None = None
    why: str = ""

    def fault(self, status: int) -> Fault | None:
        """What the contract says about a refusal with that status."""
        for name in (str(status), f"{status // 100}XX", "default"):
            for found in self.faults:
                if found.status == name:
                    return found
        return None


@dataclass(frozen=True, slots=True)
class Api:
    """All operations. ``base`` is the path that stands before theirs, without a final ``/``."""

    title: str
    base: str
    operations: tuple[Operation, ...]
    _first: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        inside = frozenset(operation.path.strip("/").split("/")[0] for operation in self.operations)
        object.__setattr__(self, "_first", inside)

    def covers(self, path: str) -> bool:
        """Whether an address belongs to the API rather than to the app's pages."""
        if self.base:
            return path == self.base or path.startswith(f"{self.base}/")
        return path.strip("/").split("/")[0] in self._first

    def shapes(self, entity: Entity) -> list[Shown]:
        """Every way in which a record of this kind is shown by itself."""
        found = [one.shown for one in self.operations if one.shown is not None and one.shown.kept.entity is entity]
        return list(dict.fromkeys(found))
