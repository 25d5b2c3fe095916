"""``api_shapes.py``: the objects of a contract as Pydantic classes."""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
from pydantic import BaseModel

from appliance.blueprint import naming
from appliance.contract.shapes import Group, Kind, Leaf, Many, Value

if TYPE_CHECKING:
    from appliance.contract.shapes import Member

_LEAVES: Final = {
    Leaf.BOOLEAN: "bool",
    Leaf.INTEGER: "int",
    Leaf.NUMBER: "float",
    Leaf.TEXT: "str",
    Leaf.DATE: "types.Day",
    Leaf.MOMENT: "types.Moment",
    Leaf.TIME: "types.Clock",
    Leaf.EMAIL: "types.Mail",
    Leaf.URI: "types.Address",
    Leaf.UUID: "types.Uuid",
}
_USED: Final = frozenset({"types", "Annotated", "Field", "Literal", "bool", "int", "float", "str", "list"})
_TAKEN: Final = frozenset({*dir(BaseModel), *dir(builtins), *_USED})


@dataclass
class Models:
    """The classes, in the order in which they can stand; equal shapes share one."""

    known: dict[tuple[Group, bool], str] = field(default_factory=dict)
    classes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def name(self, group: Group, hint: str) -> str:
        """The class of an object; ``hint`` names it if its schema has no name."""
        plain = msgspec.structs.replace(group, nullable=False)
        key = (plain, plain.closed)
        if key not in self.known:
            fields = [self._field(member, group.component or hint) for member in plain.members]
            name = self._free(naming.class_name(group.component or hint))
            self.known[key] = name
            base = "Closed" if plain.closed else "Open"
            fields = _distinct(fields)
            title = group.component or hint
            body = "\n".join(f"    {text}" for _, text in fields)
            self.classes.append(
                f'class {name}(types.{base}):\n    """{_said(title)}, as the contract has it."""\n\n{body}\n'
            )
        return self.known[key]

    def module(self, title: str) -> str:
        """The text of the module."""
        return f'''"""The objects of the JSON API of {title}, as its contract has them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .kit.api import types

{chr(10).join(self.classes)}'''

    def _free(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.names or candidate in _TAKEN:
            count += 1
            candidate = f"{name}{count}"
        self.names.add(candidate)
        return candidate

    def _field(self, member: Member, hint: str) -> tuple[str, str]:
        attribute = "_".join(naming.words(member.name)) or "x"
        hidden = attribute in _USED or hasattr(BaseModel, attribute) or attribute.startswith("model_")
        if hidden or keyword.iskeyword(attribute):
            attribute = f"{attribute}_value"
        elif attribute[0].isdigit():
            attribute = f"n_{attribute}"
        kind = self.annotation(member.kind, f"{hint} {member.name}")
        nullable = getattr(member.kind, "nullable", False)
        absent = "None" if nullable else "types.ABSENT"
        arguments = [] if member.required else [f"default={absent}"]
        if attribute != member.name:
            arguments.append(f"alias={member.name!r}")
        told = f" = Field({', '.join(arguments)})" if arguments else ""
        return attribute, f"{{name}}: {kind}{' | None' if nullable else ''}{told}"

    def annotation(self, kind: Kind, hint: str) -> str:
        """The type of a value, without null."""
        if isinstance(kind, Group):
            return self.name(kind, hint)
        if isinstance(kind, Many):
            inside = "types.Line" if kind.of == Value(Leaf.TEXT) else self.annotation(kind.of, hint)
            if isinstance(kind.of, Value) and inside != "types.Line":
                inside = f"Annotated[{inside}, types.one_line]" if kind.of.leaf.is_text else inside
            bounds = [f"min_length={kind.fewest}"] if kind.fewest else []
            bounds += [f"max_length={kind.most}"] if kind.most is not None else []
            return _annotated(f"list[{inside}]", bounds, ["types.different"] if kind.different else [])
        return value_type(kind)


def value_type(value: Value) -> str:
    """The type of a single value, without null."""
    if value.options:
        if all(isinstance(item, str) for item in value.options):
            return f"Literal[{', '.join(map(repr, value.options))}]"
        return _annotated(_LEAVES[value.leaf], [], [f"types.one_of({', '.join(map(repr, value.options))})"])
    bounds = [
        f"{word}={_number(bound)}"
        for word, bound in (("ge", value.minimum), ("le", value.maximum), ("gt", value.above), ("lt", value.below))
        if bound is not None
    ]
    if value.leaf.is_text:
        bounds += [f"min_length={value.shortest}"] if value.shortest else []
        bounds += [f"max_length={value.longest}"] if value.longest is not None else []
        bounds += [f"pattern={value.pattern!r}"] if value.pattern else []
    steps = [f"types.multiple({str(value.multiple)!r})"] if value.multiple not in (None, 1) else []
    return _annotated(_LEAVES[value.leaf], bounds, steps)


def _number(bound: float) -> str:
    return str(int(bound)) if float(bound).is_integer() else repr(bound)


def _annotated(base: str, bounds: list[str], more: list[str]) -> str:
    parts = ([f"Field({', '.join(bounds)})"] if bounds else []) + more
    return f"Annotated[{base}, {', '.join(parts)}]" if parts else base


def _distinct(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    taken: set[str] = set()
    for name, text in fields:
        candidate, count = name, 1
        while candidate in taken:
            count += 1
            candidate = f"{name}_{count}"
        taken.add(candidate)
        made.append((candidate, text.replace("{name}", candidate, 1)))
    return made


def _said(text: str) -> str:
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
