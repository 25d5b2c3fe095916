"""An OpenAPI document as frozen values: what is read of it, before anything is made of it.

Schemas are JSON Schema (draft 2020-12) with every reference written out and every ``allOf`` merged; ``x-component``
holds the name of the component that a schema came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]


class Place(StrEnum):
    """Where a parameter stands."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    place: Place
    required: bool
    schema: Schema
    where: str


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. ``status`` is ``200``, ``2XX`` or ``default``; ``schema`` is None without a body in JSON."""

    status: str
    schema: Schema | None
    media: str
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``foreign``: the media type of a body that is no JSON; empty otherwise."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    body: Schema | None
    body_required: bool
    responses: tuple[Response, ...]
    where: str
    foreign: str = ""
    examples: tuple[Any, ...] = ()

    @property
    def called(self) -> str:
        """``GET /loans/{id}``."""
        return f"{self.method} {self.path}"

    def response(self, status: int) -> Response | None:
        """What is said about a status: by its number, its class, or by default (OpenAPI 3.1, 4.8.16)."""
        for name in (str(status), f"{status // 100}XX", "default"):
            for found in self.responses:
                if found.status == name:
                    return found
        return None


@dataclass(frozen=True, slots=True)
class Description:
    """A whole contract. ``digest``: SHA-256 of the text; ``base``: the path of its first server."""

    title: str
    about: str
    version: str
    digest: str
    base: str
    operations: tuple[Operation, ...]
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
