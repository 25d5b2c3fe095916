"""Expressions in words, for titles and explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.expression_printer import WHEN, expression_text

if TYPE_CHECKING:
    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.model import Blueprint, Entity


def words(blueprint: Blueprint, entity: Entity, expression: Expression) -> str:
    """An expression in the app's language."""
    return expression_text(expression, blueprint.entities, entity, loosest=WHEN)
