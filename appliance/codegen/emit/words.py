"""Expressions in words, in the language of the app that is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint import expression_words

if TYPE_CHECKING:
    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.model import Blueprint, Entity


def words(blueprint: Blueprint, entity: Entity, expression: Expression) -> str:
    """How a person would say an expression: ``due is before today and not returned``."""
    return expression_words.words(blueprint.entities, entity, expression, blueprint.language)
