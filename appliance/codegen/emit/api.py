"""``api.py``: the operations of the app's JSON API, as its contract says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming
from appliance.blueprint.model import Scalar
from appliance.codegen.custom.signature import field_kind
from appliance.codegen.emit.api_models import Models, value_type
from appliance.codegen.emit.api_parts import body_leaf, functions_module, query_parameter
from appliance.codegen.emit.names import Names, plain
from appliance.codegen.errors import RenderError
from appliance.contract.binding import Counter, Does, Slot, Source
from appliance.contract.functions import field_type, function_places
from appliance.contract.shapes import Group, Leaf, Many, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.blueprint.places import Place
    from appliance.contract.binding import Asked, Binding, Bound, Kept, Parent
    from appliance.contract.shapes import Member

Path = tuple[str, ...]
NOT_WRITTEN: Final = "what it computes is not written yet"


@dataclass
class ApiCode:
    """The text of ``api.py`` for one blueprint and binding.

    Raises:
        RenderError: the binding names an entity or field that the blueprint does not have.
    """

    names: Names
    binding: Binding
    code: Mapping[str, str]
    models: Models = field(default_factory=Models)
    shapes: dict[tuple[Group, str], str] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)

    def modules(self) -> dict[str, str]:
        """The texts of ``api.py`` and ``api_shapes.py``."""
        text = self._module()
        title = plain(self.names.blueprint.name)
        modules = {"api": text, "api_shapes": self.models.module(title)}
        functions = self._functions()
        return {**modules, "api_functions": functions_module(title, functions)} if functions else modules

    @property
    def written(self) -> frozenset[str]:
        """The operations that compute and have their functions."""
        functions = (one for one in self.binding.operations if one.does is Does.FUNCTION)
        return frozenset(one.called for one in functions if self._is_written(one))

    def _functions(self) -> list[str]:
        """The functions of operations all of whose results have one."""
        return [
            self.code[place.key]
            for one in self.binding.operations
            if one.does is Does.FUNCTION and self._is_written(one)
            for place in self._places(one)
        ]

    def _module(self) -> str:
        kept = [self._kept(one) for one in self.binding.kept]
        operations = [self._operation(one) for one in self.binding.operations]
        text = "\n\n".join(["\n".join(kept), *self.shown])
        title = plain(self.names.blueprint.name)
        functions = "from . import api_functions as functions\n" if self._functions() else ""
        return f'''"""The JSON API of {title}: exactly the operations of ``contract/openapi.yaml``.

Each says what it does with which records. Who may do it, what must hold, and what is recorded is the same as on the
app's pages.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

{functions}from . import api_shapes as shapes
from . import models
from .kit.api import types
from .kit.api.model import (
    Api, Asked, Body, Fault, Given, Kept, Operation, Parent, Part, Result, Shown, Work, Wrap
)

{text}

OPERATIONS = (
{"".join(operations)})

API = Api({self.binding.title!r}, {self.binding.base!r}, OPERATIONS)
'''

    # --- records -------------------------------------------------------------------------------------------------

    def _constant(self, entity: str) -> str:
        if entity not in self.names.constants:
            message = f"The API contract needs {entity}, which this app does not have."
            raise RenderError(message, action="Keep that kind of record, or make a new app from another contract.")
        return self.names.constants[entity]

    def _kept_name(self, entity: str) -> str:
        return f"KEPT_{self._constant(entity)}"

    def _field(self, entity: str, name: str) -> str:
        self._constant(entity)
        if name and self.names.blueprint.entity(entity).field(name) is None:
            message = f"The API contract needs the field “{name}” of {entity}, which this app does not have."
            raise RenderError(message, action="Keep that field, or make a new app from another contract.")
        return naming.identifier(name) if name else ""

    def _kept(self, one: Kept) -> str:
        arguments = [f"models.{self._constant(one.entity)}", f"leaf={one.leaf.value!r}"]
        if one.key:
            arguments.append(f"key={self._field(one.entity, one.key)!r}")
        return f"{self._kept_name(one.entity)} = Kept({', '.join(arguments)})"

    def _slots(self, entity: str) -> dict[Path, Slot]:
        kept = self.binding.of(entity)
        return {} if kept is None else {slot.path: slot for slot in kept.slots}

    def _shape(self, group: Group, entity: str, hint: str) -> str:
        """The constant of a record as it is shown."""
        key = (group, entity)
        if key not in self.shapes:
            model = self.models.name(group, hint)
            parts: list[str] = []
            groups: list[str] = []
            self._shape_parts(group, entity, (), parts, groups, hint=hint)
            name = f"SHOWN_{len(self.shapes) + 1}_{self._constant(entity)}"
            self.shapes[key] = name
            inside = f", ({''.join(groups)})" if groups else ""
            self.shown.append(f"{name} = Shown({self._kept_name(entity)}, shapes.{model}, ({''.join(parts)}){inside})")
        return self.shapes[key]

    def _shape_parts(
        self, group: Group, entity: str, path: Path, parts: list[str], groups: list[str], *, hint: str
    ) -> None:
        slots = self._slots(entity)
        for member in group.members:
            here = (*path, member.name)
            slot = slots.get(here)
            if slot is not None:
                parts.append(f"{self._part(slot, member, entity, hint)}, ")
            elif isinstance(member.kind, Group):
                groups.append(f"({here!r}, {member.required!r}, {member.kind.nullable!r}), ")
                self._shape_parts(member.kind, entity, here, parts, groups, hint=hint)

    def _part(self, slot: Slot, member: Member, entity: str, hint: str) -> str:
        nullable = bool(getattr(member.kind, "nullable", False))
        arguments = [repr(slot.path), repr(slot.source.value)]
        if slot.field:
            owner = slot.entity if slot.source is Source.RELATED else entity
            arguments.append(f"field={self._field(owner, slot.field)!r}")
        if isinstance(member.kind, Value) and member.kind.leaf is not Leaf.TEXT:
            arguments.append(f"leaf={member.kind.leaf.value!r}")
        arguments += [
            f"{word}=True" for word, holds in (("required", member.required), ("nullable", nullable)) if holds
        ]
        if slot.many is not None:
            arguments.append("lines=True")
        if slot.source is Source.ID:
            arguments.append(f"to={self._kept_name(entity)}")
        if slot.source is Source.REF:
            arguments.append(f"to={self._kept_name(slot.entity)}")
        inner = member.kind.of if isinstance(member.kind, Many) else member.kind
        if slot.source in (Source.EMBEDDED, Source.RELATED) and isinstance(inner, Group):
            arguments.append(f"shown={self._shape(inner, slot.entity, f'{hint} {member.name}')}")
        return f"Part({', '.join(arguments)})"

    # --- operations ----------------------------------------------------------------------------------------------

    def _operation(self, one: Bound) -> str:
        arguments = [f"id={one.id!r}", f"method={one.method!r}", f"path={one.path!r}"]
        written = one.does is Does.FUNCTION and self._is_written(one)
        does = Does.REFUSED if one.does is Does.FUNCTION and not written else one.does
        arguments.append(f"does={does.value!r}")
        if written:
            arguments += self._function(one)
        elif one.entity and does is not Does.REFUSED:
            arguments += self._on_records(one)
        why = NOT_WRITTEN if one.does is Does.FUNCTION and not written else one.why
        if why:
            arguments.append(f"why={why!r}")
        if one.faults:
            faults = ", ".join(
                f"Fault({fault.status!r}, {fault.media!r}, {fault.members!r})"
                if fault.members
                else f"Fault({fault.status!r})"
                for fault in one.faults
            )
            arguments.append(f"faults=({faults},)")
        return f"    Operation({', '.join(arguments)}),\n"

    def _is_written(self, one: Bound) -> bool:
        places = [place for place in function_places(self.binding) if place.entity == one.id]
        return all(self.code.get(place.key) for place in places)

    def _function(self, one: Bound) -> list[str]:
        """What it computes: each result by a function in ``api_functions.py``."""
        hint = naming.class_name(one.id)
        given = "".join(
            f"Given({item.name!r}, {item.place!r}, {field_kind(field_type(item.value))!r}, {item.default!r}), "
            for item in one.given
        )
        results = ""
        for place, result in zip(self._places(one), one.results, strict=True):
            options = getattr(place.output, "options", ())
            kind = field_kind(place.output or Scalar.TEXT)
            more = f", {options!r}" if options else ""
            called = f"functions.{place.function}"
            results += f"Result({result.name!r}, {called}, {kind!r}, {result.value.leaf.value!r}{more}), "
        answer = self.models.name(one.answer or Group(()), f"{hint}Answer")
        made = [f"status={one.status}", f"work=Work(({given}), ({results}), shapes.{answer})"]
        if one.body is not None:
            made.append(
                f"body=Body(shapes.{self.models.name(one.body, f'{hint}Body')}, (), required={one.body_required!r})"
            )
        asked = "".join(f"{query_parameter(item)}, " for item in one.given if item.place == "query")
        return [*made, f"asked=({asked})"] if asked else made

    def _places(self, one: Bound) -> list[Place]:
        return [place for place in function_places(self.binding) if place.entity == one.id]

    def _on_records(self, one: Bound) -> list[str]:
        made = [f"kept={self._kept_name(one.entity)}", f"status={one.status}"]
        if one.media != "application/json":
            made.append(f"media={one.media!r}")
        hint = naming.class_name(one.id)
        if one.body is not None:
            parts = "".join(f"{part}, " for part in self._body_parts(one.body, one.entity, (), hint))
            more = f", required={one.body_required!r}" + (f", left={one.left!r}" if one.left else "")
            made.append(f"body=Body(shapes.{self.models.name(one.body, f'{hint}Body')}, ({parts}){more})")
        if one.answer is not None and one.answer.members:
            made.append(f"shown={self._shape(one.answer, one.entity, f'{hint}Answer')}")
        if one.said:
            made.append(f"said={one.said!r}")
        if one.envelope:
            made.append(f"envelope={one.envelope!r}")
        if one.wrap is not None and one.wrap.rows:
            beside = "".join(f"({item.path!r}, {item.what.value!r}, {item.nullable!r}), " for item in one.wrap.beside)
            made.append(f"wrap=Wrap({one.wrap.rows!r}, ({beside}))")
        if one.key:
            made.append(f"key={one.key!r}")
        if one.parents:
            made.append(f"parents=({''.join(f'{self._parent(one, number)}, ' for number in range(len(one.parents)))})")
        if one.asked:
            made.append(f"asked=({''.join(f'{self._asked(item, one.entity)}, ' for item in one.asked)})")
        return made

    def _parent(self, one: Bound, number: int) -> str:
        parent: Parent = one.parents[number]
        below = next((other.entity for other in one.parents[number + 1 :] if other.entity), one.entity)
        name = self._field(below, parent.field)
        kept = f", {self._kept_name(parent.entity)}" if parent.entity else ""
        return f"Parent({parent.parameter!r}, {name!r}{kept})"

    def _body_parts(self, group: Group, entity: str, path: Path, hint: str) -> list[str]:
        found: list[str] = []
        slots = self._slots(entity)
        for member in group.members:
            here = (*path, member.name)
            slot = slots.get(here)
            if slot is None and isinstance(member.kind, Group):
                found += self._body_parts(member.kind, entity, here, hint)
            elif slot is not None and slot.source in (Source.FIELD, Source.REF, Source.EMBEDDED):
                arguments = [repr(here), repr(slot.source.value), f"field={self._field(entity, slot.field)!r}"]
                leaf = body_leaf(member.kind, slot, self.binding.of(slot.entity))
                arguments += [f"leaf={leaf!r}"] if leaf != Leaf.TEXT.value else []
                if slot.entity:
                    arguments.append(f"to={self._kept_name(slot.entity)}")
                found.append(f"Part({', '.join(arguments)})")
        return found

    def _asked(self, item: Asked, entity: str) -> str:
        value = item.value
        kind = "bool" if value.leaf is Leaf.BOOLEAN else value_type(value)
        arguments = [repr(item.name), repr(item.place), f"TypeAdapter({kind})"]
        if item.required:
            arguments.append("required=True")
        if item.means is not None:
            arguments.append(f"means={item.means.value!r}")
        if item.filters:
            slot = self._slots(entity)[item.filters]
            to = f", to={self._kept_name(slot.entity)}" if slot.entity else ""
            to = f", to={self._kept_name(entity)}" if slot.source is Source.ID else to
            told = f"{item.filters!r}, {slot.source.value!r}, field={self._field(entity, slot.field)!r}"
            arguments.append(f"filters=Part({told}, leaf={value.leaf.value!r}{to})")
        if item.default is not None:
            arguments.append(f"default={item.default!r}")
        if item.means is Counter.PAGE and (item.default == 0 or value.minimum == 0):
            arguments.append("first=0")
        if item.why:
            arguments.append(f"why={item.why!r}")
        return f"Asked({', '.join(arguments)})"
