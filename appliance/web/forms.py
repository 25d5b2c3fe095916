"""Forms as browsers send them, and what all readers of the editing pages' forms share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.edits import EditRefused
from appliance.blueprint.naming import identifier
from appliance.blueprint.naming import label as in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.blueprint.model import Blueprint, Entity


class Form:
    """What a browser sent: names with one or several texts."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def one(self, name: str) -> str:
        """The text of a control, without the space around it."""
        return " ".join((self._values.get(name) or [""])[-1].split())

    def all(self, name: str) -> list[str]:
        """The texts of all controls of that name, in their order on the page."""
        return [" ".join(value.split()) for value in self._values.get(name, [])]

    def lines(self, name: str) -> list[str]:
        """The lines of a larger text."""
        found = (self._values.get(name) or [""])[-1].splitlines()
        return [line for line in (" ".join(line.split()) for line in found) if line]


def named(text: str) -> tuple[str, str]:
    """The name that a text gives to a field, and its label where the name alone would not show the text."""
    name = identifier(text)
    return name, "" if in_words(name) == text else text


def known_entity(blueprint: Blueprint, name: str) -> Entity:
    """The entity of that name, or a refusal."""
    found = next((entity for entity in blueprint.entities if entity.name == name), None)
    if found is None:
        raise gone()
    return found


def gone() -> EditRefused:
    """What was to be changed was changed or removed in another window."""
    message = "What you wanted to change is not there any more."
    return EditRefused(message, action="Reload the page; it was changed in another window.")


def moves_to(stands: list[str], wanted: list[str]) -> list[tuple[str, int]]:
    """The moves from one order to the other: one where one item was dragged, else item by item from the front."""
    if sorted(stands) != sorted(wanted):
        raise gone()
    differing = [at for at, (was, now) in enumerate(zip(stands, wanted, strict=True)) if was != now]
    if not differing:
        return []
    first, last = differing[0], differing[-1]
    if wanted[first:last] == stands[first + 1 : last + 1]:
        return [(stands[first], last)]
    order, moves = list(stands), []
    for at, item in enumerate(wanted):
        if order[at] != item:
            order.remove(item)
            order.insert(at, item)
            moves.append((item, at))
    return moves
