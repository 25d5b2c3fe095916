"""Edits of the maker's own checks. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.blueprint.check_parser import read_check
from appliance.blueprint.check_words import check_line
from appliance.blueprint.checks import MAX_CHECKS
from appliance.blueprint.cursor import Cursor
from appliance.blueprint.edits import AddCheck, EditRefused
from appliance.blueprint.errors import BlueprintError

if TYPE_CHECKING:
    from appliance.blueprint.checks import OwnCheck
    from appliance.blueprint.edits import CheckEdit
    from appliance.blueprint.model import Blueprint


def apply(blueprint: Blueprint, edit: CheckEdit) -> Blueprint:
    """One check more or less."""
    check = _read(blueprint, edit.check)
    if isinstance(edit, AddCheck):
        if check in blueprint.checks:
            message = "This check is there already."
            raise EditRefused(message, action="Change something about it, or leave it.")
        if len(blueprint.checks) >= MAX_CHECKS:
            message = f"An app has at most {MAX_CHECKS} checks of your own."
            raise EditRefused(message, action="Remove one first.")
        return replace(blueprint, checks=(*blueprint.checks, check))
    if check not in blueprint.checks:
        message = "There is no such check."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    return replace(blueprint, checks=tuple(item for item in blueprint.checks if item != check))


def line_of(check: OwnCheck, blueprint: Blueprint) -> str:
    """A check as edits carry it."""
    return check_line(check, blueprint).removeprefix("check ")


def _read(blueprint: Blueprint, text: str) -> OwnCheck:
    try:
        return read_check(Cursor(text, 1), blueprint.entities, blueprint.roles, blueprint.actions)
    except BlueprintError as error:
        wrong = error.message.partition(": ")[2]
        message = f"This check cannot be read: {wrong}."
        raise EditRefused(message, action=error.hint or "Choose other values.") from error
