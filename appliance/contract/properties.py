"""The properties of one kind of record, gathered from every operation that shows or takes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.contract.shapes import Group, Leaf, Many, Member, Value
from appliance.contract.typed import Left, Unsayable
from appliance.contract.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_INSIDE: Final = 3
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Met:
    """A property as one operation has it. ``required``: it is always there, and so is everything around it.

    Exactly one of ``value``, ``many`` and ``entity`` is given; ``related``: a list of those records.
    """

    path: Path
    member: Member
    required: bool
    value: Value | None = None
    many: Many | None = None
    entity: str = ""
    related: bool = False


@dataclass
class Property:
    """A property as all operations together have it. ``value`` obeys all of them."""

    path: Path
    first: Met
    value: Value | None = None
    shown: bool = False
    always_shown: bool = False
    taken: bool = False
    created: bool = False
    must_be_created: bool = False
    tellers: list[Member] = field(default_factory=list)

    @property
    def server_made(self) -> bool:
        """Whether it is only ever shown, so that the app must know it by itself."""
        return self.shown and not self.taken

    @property
    def member(self) -> Member:
        """What is told about it: the one who tells most."""
        return max(self.tellers, key=lambda item: (item.defaults, bool(item.about), item.example is not None))


@dataclass
class Flattening:
    """Objects taken apart. ``entities``: the kinds of records by the name of their schema; ``inside``: places where an
    answer shows a whole record, so that a request names one there. What is left out goes to ``left``."""

    entities: Mapping[str, str]
    left: list[Left]
    inside: Mapping[Path, str] = field(default_factory=dict)

    def flat(self, group: Group) -> list[Met]:
        """The properties of an object, those of inner objects with their whole path.

        Raises:
            Unsayable: one that must be there cannot be kept.
        """
        return list(self._all(group, (), always=True))

    def _all(self, group: Group, path: Path, *, always: bool) -> Iterator[Met]:
        for member in group.members:
            here, required = (*path, member.name), always and member.required
            try:
                yield from self._one(member, here, required=required)
            except Unsayable as error:
                if required:
                    raise Unsayable(f"“{'.'.join(here)}” cannot be kept: {error}") from error
                self.left.append(Left(here, str(error)))

    def _one(self, member: Member, path: Path, *, required: bool) -> Iterator[Met]:
        kind = member.kind
        if isinstance(kind, Value):
            yield Met(path, member, required, value=kind)
        elif isinstance(kind, Group):
            yield from self._object(kind, member, path, required=required)
        elif isinstance(kind.of, Value):
            if kind.of.leaf in (Leaf.BOOLEAN, Leaf.INTEGER, Leaf.NUMBER) or kind.of.nullable:
                raise Unsayable("only texts can be kept in a list")
            yield Met(path, member, required, many=kind)
        elif isinstance(kind.of, Group) and kind.of.component in self.entities:
            yield Met(path, member, required, entity=self.entities[kind.of.component], related=True)
        else:
            raise Unsayable("it is a list of objects that have no address of their own")

    def _object(self, kind: Group, member: Member, path: Path, *, required: bool) -> Iterator[Met]:
        entity = self.inside.get(path) or self.entities.get(kind.component)
        if entity is not None:
            names = {plain(one.name) for one in kind.members}
            if names.isdisjoint({"id", "uuid", f"{plain(entity)}id"}):
                raise Unsayable(f"it does not hold the id of the {entity}")
            yield Met(path, member, required, entity=entity)
            return
        if len(path) >= MAX_INSIDE:
            raise Unsayable("it is an object inside objects inside objects")
        inner = Flattening(self.entities, [], self.inside)
        found = list(inner._all(kind, path, always=required and not kind.nullable))
        if not required:  # an inner property that must be there decides about the whole object
            needed = {one.name for one in kind.members if one.required}
            deep = len(path) + 1
            lost = next((item for item in inner.left if len(item.path) == deep and item.path[-1] in needed), None)
            if lost is not None:
                raise Unsayable(f"“{lost.path[-1]}” in it cannot be kept: {lost.why}")
        self.left += inner.left
        yield from found


@dataclass
class Table:
    """All properties of one kind of record."""

    properties: dict[Path, Property] = field(default_factory=dict)

    @property
    def records_inside(self) -> dict[Path, str]:
        """Where an answer shows a whole record of another kind."""
        every = self.properties.values()
        return {prop.path: prop.first.entity for prop in every if prop.first.entity and not prop.first.related}

    def check(self, met: list[Met]) -> None:
        """Refuse what contradicts what is there.

        Raises:
            Unsayable: a property is of another kind elsewhere.
        """
        for one in met:
            known = self.properties.get(one.path)
            if known is not None and not _alike(known.first, one):
                raise Unsayable(f"“{'.'.join(one.path)}” is of another type in another operation")

    def check_body(self, met: list[Met]) -> None:
        """The same for what is sent, which cannot hold whole lists of records.

        Raises:
            Unsayable: it does, or contradicts what is there.
        """
        if any(one.related and one.required for one in met):
            raise Unsayable("a list of records must be sent with it; each has an address of its own")
        self.check(met)

    def add_answer(self, met: list[Met]) -> None:
        """What an answer shows."""
        for one in met:
            known = self._known(one)
            known.shown = True
            known.always_shown = known.always_shown or (one.required and not _nullable(one))

    def add_body(self, met: list[Met], *, create: bool) -> None:
        """What a request takes."""
        for one in met:
            if one.member.read_only:
                continue
            known = self._known(one)
            known.taken = True
            if create:
                known.created = True
                known.must_be_created = known.must_be_created or (one.required and not _nullable(one))

    def _known(self, one: Met) -> Property:
        known = self.properties.setdefault(one.path, Property(one.path, one, one.value))
        known.tellers.append(one.member)
        if one.value is not None and known.value is not None:
            known.value = narrowed(known.value, one.value)
        return known


def _nullable(met: Met) -> bool:
    return bool((met.value or met.many or met.member.kind).nullable)


def _alike(first: Met, second: Met) -> bool:
    if first.value is not None and second.value is not None:
        numbers = {Leaf.INTEGER, Leaf.NUMBER}
        one, other = first.value.leaf, second.value.leaf
        return one is other or {one, other} <= numbers or (one.is_text and other.is_text and Leaf.TEXT in (one, other))
    if first.many is not None and second.many is not None:
        return True
    return bool(first.entity) and first.entity == second.entity and first.related == second.related


def narrowed(first: Value, second: Value) -> Value:
    """What obeys both."""
    both = tuple(item for item in first.options if item in second.options) if second.options else first.options
    leaf = second.leaf if first.leaf in (Leaf.TEXT, Leaf.NUMBER) else first.leaf
    return Value(
        leaf=leaf,
        nullable=first.nullable and second.nullable,
        options=both or first.options or second.options,
        minimum=_most(first.minimum, second.minimum),
        maximum=_least(first.maximum, second.maximum),
        above=_most(first.above, second.above),
        below=_least(first.below, second.below),
        multiple=first.multiple or second.multiple,
        shortest=max(first.shortest, second.shortest),
        longest=None if first.longest is second.longest is None else int(_least(first.longest, second.longest) or 0),
        pattern=first.pattern or second.pattern,
    )


def _most(first: float | None, second: float | None) -> float | None:
    return max((item for item in (first, second) if item is not None), default=None)


def _least(first: float | None, second: float | None) -> float | None:
    return min((item for item in (first, second) if item is not None), default=None)
