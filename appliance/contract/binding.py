"""What each operation of a contract became, and where each property is kept: written beside the app, read at each
version. ``docs/api-contract.md`` says what the parts mean."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from appliance.contract.errors import ContractRefused
from appliance.contract.shapes import Group, Leaf, Many, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = 1
FOLDER: Final = "contract"
BINDING: Final = f"{FOLDER}/binding.json"
DOCUMENT: Final = f"{FOLDER}/openapi.yaml"
"""The text as it was handed in; JSON is YAML, too."""


class Does(StrEnum):
    """What an operation does with records. ``FUNCTION``: a function of its own. ``REFUSED``: it answers 501."""

    LIST = "list"
    READ = "read"
    CREATE = "create"
    REPLACE = "replace"
    UPDATE = "update"
    DELETE = "delete"
    FUNCTION = "function"
    REFUSED = "refused"


class Source(StrEnum):
    """Where a property comes from: a field of the record, or what every record has."""

    FIELD = "field"
    ID = "id"
    CREATED = "created"
    UPDATED = "updated"
    VERSION = "version"
    REF = "ref"
    EMBEDDED = "embedded"
    RELATED = "related"


class Slot(Struct, frozen=True):
    """Where one property is kept. ``path`` are its names in JSON, outermost first.

    ``entity`` is the record that a ``REF`` or ``EMBEDDED`` leads to, or of which ``RELATED`` shows the rows whose
    ``field`` leads here; ``nested`` are their properties. ``many``: a list of texts, kept one on a line.
    """

    path: tuple[str, ...]
    source: Source
    field: str = ""
    value: Value | None = None
    entity: str = ""
    many: Many | None = None
    nested: tuple[Slot, ...] = ()

    @property
    def name(self) -> str:
        """``address.city``."""
        return ".".join(self.path)


class Kept(Struct, frozen=True):
    """An entity and its properties. ``key``: the field whose value stands in paths; empty for the row's id, which is
    written as ``leaf`` says."""

    entity: str
    slots: tuple[Slot, ...]
    leaf: Leaf = Leaf.INTEGER
    key: str = ""

    def slot(self, path: tuple[str, ...]) -> Slot | None:
        """The slot of a property."""
        return next((slot for slot in self.slots if slot.path == path), None)


class Counter(StrEnum):
    """What stands beside the rows of a list, and what a query may ask for."""

    TOTAL = "total"
    HERE = "here"
    PAGE = "page"
    PAGES = "pages"
    SIZE = "size"
    OFFSET = "offset"
    MORE = "more"
    NEXT = "next"
    PREVIOUS = "previous"
    CURSOR = "cursor"
    SEARCH = "search"
    SORT = "sort"
    DOWN = "down"


class Beside(Struct, frozen=True):
    """A counter beside the rows: where it stands, and whether it may be null where there is none."""

    path: tuple[str, ...]
    what: Counter
    nullable: bool = False
    required: bool = False


class Wrap(Struct, frozen=True):
    """How a list is wrapped: where the rows stand (empty: the answer is the list itself), and what beside them."""

    rows: tuple[str, ...] = ()
    beside: tuple[Beside, ...] = ()


class Asked(Struct, frozen=True):
    """A parameter. ``filters`` is the path of the property that it narrows the list by; ``why`` it has no effect."""

    name: str
    place: str
    value: Value
    required: bool = False
    means: Counter | None = None
    filters: tuple[str, ...] = ()
    default: str | int | float | bool | None = None
    why: str = ""


class Parent(Struct, frozen=True):
    """A parameter of the path that narrows everything below it: the field, and the entity that it leads to, if any."""

    parameter: str
    field: str
    entity: str = ""
    value: Value | None = None


class Fault(Struct, frozen=True):
    """How a refusal looks: the media type, and for each property what it is filled with. Empty: problem+json."""

    status: str
    media: str
    members: tuple[tuple[str, str], ...] = ()


class Given(Struct, frozen=True):
    """Something that a function is given: its name in the body or query, and as what it is known inside."""

    name: str
    place: str
    field: str
    value: Value
    required: bool = True
    default: str | int | float | bool | None = None


class Result(Struct, frozen=True):
    """A property of an answer that a function of its own works out."""

    name: str
    field: str
    value: Value
    about: str = ""


class Example(Struct, frozen=True):
    """What the contract says is answered to something."""

    sent: dict[str, str | int | float | bool | None]
    answer: dict[str, str | int | float | bool | None]


class Bound(Struct, frozen=True):
    """One operation and what it became."""

    id: str
    method: str
    path: str
    does: Does
    summary: str = ""
    entity: str = ""
    why: str = ""
    status: int = 200
    media: str = "application/json"
    body: Group | None = None
    body_required: bool = False
    left: tuple[str, ...] = ()
    """Properties of the body that are not kept; sending one is refused."""
    answer: Group | None = None
    envelope: str = ""
    said: tuple[tuple[str, str], ...] = ()
    """Properties of the answer that say that it was done (``message``) or that it was (``yes``), beside the record."""
    wrap: Wrap | None = None
    key: str = ""
    parents: tuple[Parent, ...] = ()
    asked: tuple[Asked, ...] = ()
    faults: tuple[Fault, ...] = ()
    given: tuple[Given, ...] = ()
    results: tuple[Result, ...] = ()
    examples: tuple[Example, ...] = ()
    schemas: dict[str, Any] = {}
    """The contract's own schemas of its answers, by status: what the checks hold the app against."""

    @property
    def called(self) -> str:
        """``GET /loans/{id}``."""
        return f"{self.method} {self.path}"


class Note(Struct, frozen=True):
    """Something that is left out or assumed: where in the contract, and what."""

    where: str
    text: str


class Binding(Struct, frozen=True):
    """A contract bound to an app."""

    title: str
    version: str
    digest: str
    base: str
    operations: tuple[Bound, ...]
    kept: tuple[Kept, ...]
    notes: tuple[Note, ...] = ()
    format: int = FORMAT

    def of(self, entity: str) -> Kept | None:
        """What is kept of an entity."""
        return next((kept for kept in self.kept if kept.entity == entity), None)

    @property
    def served(self) -> tuple[Bound, ...]:
        """The operations that do something with records."""
        return tuple(bound for bound in self.operations if bound.does not in (Does.FUNCTION, Does.REFUSED))


def write_binding(binding: Binding) -> bytes:
    """The binding as a file: JSON, the same bytes for the same binding."""
    return msgspec.json.format(msgspec.json.encode(binding, order="sorted"), indent=1) + b"\n"


def read_binding(content: bytes) -> Binding:
    """Read :func:`write_binding`.

    Raises:
        ContractRefused: it is not of this format.
    """
    try:
        found = msgspec.json.decode(content, type=Binding)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        message = "The API contract of this app cannot be read."
        raise ContractRefused(message, cause=str(error), action="Go back to an earlier version of the app.") from error
    if found.format != FORMAT:
        message = f"The API contract of this app has format {found.format}; {FORMAT} can be read."
        raise ContractRefused(message, action="Upgrade the appliance.")
    return found


def slots_of(binding: Binding) -> dict[tuple[str, str], Slot]:
    """The slots of fields that hold single values or lists of texts, by entity and field."""
    return {
        (kept.entity, slot.field): slot
        for kept in binding.kept
        for slot in kept.slots
        if slot.source is Source.FIELD and (slot.value is not None or slot.many is not None)
    }


@dataclass(frozen=True)
class Contract:
    """A binding with the text that it was made from: what an app keeps of its contract."""

    binding: Binding
    document: bytes

    def files(self) -> dict[str, bytes]:
        """Both as files of the project."""
        return {BINDING: write_binding(self.binding), DOCUMENT: self.document}


def contract_in(files: Mapping[str, bytes]) -> Contract | None:
    """The contract among the files of a project, if it has one.

    Raises:
        ContractRefused: it is not of this format, or not the text that it was made from.
    """
    if BINDING not in files:
        return None
    binding, document = read_binding(files[BINDING]), files.get(DOCUMENT, b"")
    if hashlib.sha256(document).hexdigest() != binding.digest:
        message = "The API contract of this app is not the one that it was made from."
        raise ContractRefused(message, cause=DOCUMENT, action="Go back to an earlier version of the app.")
    return Contract(binding, document)
