"""Schemas written out: local references followed, OpenAPI 3.0's words turned into JSON Schema's, ``allOf`` merged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from appliance.contract.errors import ContractRefused, pointer
from appliance.contract.keywords import check_keywords
from appliance.contract.merge import merged

MAX_WRITTEN_OUT: Final = 120_000
"""Values in all schemas together, with what is referred to counted each time."""
_NESTED: Final = ("items", "not", "additionalProperties")
_LISTS: Final = ("oneOf", "anyOf", "prefixItems")


@dataclass
class Resolver:
    """Follows references within one document. ``used`` collects the components that were met."""

    document: dict[str, Any]
    left: int = MAX_WRITTEN_OUT
    used: set[str] = field(default_factory=set)

    def find(self, reference: object, where: str) -> Any:
        """What a local reference leads to.

        Raises:
            ContractRefused: it leads out of the document, or nowhere.
        """
        if not isinstance(reference, str) or not reference.startswith("#"):
            message = f"“{reference}” refers to another document; only references inside this one are followed."
            raise ContractRefused(message, where=where, action="Copy the part that is meant into components.")
        found: Any = self.document
        for part in unquote(reference[1:]).split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and key in found:
                found = found[key]
            elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
                found = found[int(key)]
            else:
                message = f"“{reference}” leads nowhere."
                raise ContractRefused(message, where=where, action="Correct the name, or add that component.")
        return found

    def plain(self, value: Any, where: str, what: str) -> dict[str, Any]:
        """An object that is no schema (a parameter, a response), behind its reference if it is one.

        Raises:
            ContractRefused: it is no object, or its references go in a circle.
        """
        for _ in range(8):
            if not isinstance(value, dict):
                raise ContractRefused(f"{what} must be an object here.", where=where, action="See OpenAPI 3.")
            if "$ref" not in value:
                return value
            value = self.find(value["$ref"], where)
        raise ContractRefused("These references go in a circle.", where=where, action="Write the part out.")

    def schema(self, value: Any, where: str, trail: tuple[str, ...] = ()) -> dict[str, Any]:
        """A schema without references.

        Raises:
            ContractRefused: it is none, contains itself, contradicts itself, or grows too large.
        """
        self.left -= 1
        if self.left < 0:
            message = f"Written out, the schemas have more than {MAX_WRITTEN_OUT:,} parts."
            raise ContractRefused(message, where=where, action="Use smaller schemas, or split the contract.")
        if value is True:
            return {}
        if not isinstance(value, dict):
            raise ContractRefused("A schema must be an object.", where=where, action="Write { } for any value.")
        check_keywords(value, where)
        if "$ref" not in value:
            return self._written_out(value, where, trail)
        reference = value["$ref"]
        if reference in trail:
            names = " → ".join(str(name).rpartition("/")[2] for name in (*trail[trail.index(reference) :], reference))
            message = f"This schema contains itself: {names}."
            action = "Let one of them hold the other's id instead of the whole record."
            raise ContractRefused(message, where=where, action=action)
        found = self.schema(self.find(reference, where), where, (*trail, reference))
        name = str(reference).removeprefix("#/components/schemas/")
        if name != reference and "/" not in name:
            self.used.add(name)
            found = {**found, "x-component": found.get("x-component", name) if "allOf" in found else name}
        beside = {key: item for key, item in value.items() if key != "$ref"}
        return merged(found, self._written_out(beside, where, trail), where) if beside else found

    def _written_out(self, value: dict[str, Any], where: str, trail: tuple[str, ...]) -> dict[str, Any]:
        made = {key: item for key, item in value.items() if key not in ("properties", "allOf", *_NESTED, *_LISTS)}
        if "properties" in value:
            made["properties"] = {
                name: self.schema(item, f"{where}/properties{pointer(name)[1:]}", trail)
                for name, item in value["properties"].items()
            }
        for key in _NESTED:
            if key in value:
                item = value[key]
                made[key] = item if item is False else self.schema(item, f"{where}/{key}", trail)
        for key in _LISTS:
            if key in value:
                made[key] = [
                    self.schema(item, f"{where}/{key}/{n}", trail) for n, item in enumerate(_list(value, key, where))
                ]
        made = _without_null_choice(_as_json_schema(made))
        for number, part in enumerate(_list(value, "allOf", where)):
            made = merged(made, self.schema(part, f"{where}/allOf/{number}", trail), where)
        return made


def _list(value: dict[str, Any], key: str, where: str) -> list[Any]:
    found = value.get(key, [])
    if not isinstance(found, list):
        raise ContractRefused(f"“{key}” must be a list.", where=where, action="Write [ … ].")
    return found


def _as_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Words of OpenAPI 3.0 (4.7.24) as those of JSON Schema."""
    made = dict(schema)
    if made.pop("nullable", None) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if isinstance(made.get("enum"), list) and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if "const" in made:
        made["enum"] = [made.pop("const")]
    for word in ("example", "xml", "externalDocs", "discriminator"):
        if word == "example" and word in made:
            made.setdefault("examples", [made[word]])
        made.pop(word, None)
    return made


def _without_null_choice(schema: dict[str, Any]) -> dict[str, Any]:
    """``anyOf`` or ``oneOf`` of one schema and null is that schema, which may be null."""
    for key in ("anyOf", "oneOf"):
        choices = schema.get(key)
        if not isinstance(choices, list):
            continue
        real = [item for item in choices if item.get("type") != "null"]
        if len(real) == 1:
            rest = {name: item for name, item in schema.items() if name != key}
            only = dict(real[0])
            if len(real) < len(choices):
                kind = only.get("type")
                if isinstance(kind, str):
                    only["type"] = [kind, "null"]
                if isinstance(only.get("enum"), list) and None not in only["enum"]:
                    only["enum"] = [*only["enum"], None]
            return {**only, **rest}
    return schema
