"""Kinds of values that expressions work with, and how SQL calls them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, Date, DateTime, Double, Integer, Text, Time

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


class Kind(StrEnum):
    """What a value is. A duration is a whole number of days; a person and a link are ids of rows."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    PERSON = "person"
    LINK = "link"


SQL_TYPES: Final[dict[Kind, TypeEngine[Any]]] = {
    Kind.TEXT: Text(),
    Kind.NUMBER: Double(),
    Kind.MONEY: Double(),
    Kind.BOOLEAN: Boolean(),
    Kind.DATE: Date(),
    Kind.DATETIME: DateTime(),
    Kind.TIME: Time(),
    Kind.DURATION: Integer(),
    Kind.PERSON: Integer(),
    Kind.LINK: Integer(),
}
