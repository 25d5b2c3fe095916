"""Paths put together: collections, their items, and what lies below an item."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.contract.binding import Does

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.contract.description import Operation, Response

_NAMED: Final = re.compile(r"\{([^{}/]+)\}")
_ON_ITEMS: Final = {"GET": Does.READ, "PUT": Does.REPLACE, "PATCH": Does.UPDATE, "DELETE": Does.DELETE}


@dataclass
class Resource:
    """A collection with its items. ``key`` is the parameter that names an item, ``above`` those before it."""

    path: str
    operations: dict[Does, Operation] = field(default_factory=dict)
    key: str = ""

    @property
    def above(self) -> tuple[tuple[str, str], ...]:
        """The parameters of the collection's own path, each with the collection that it names an item of."""
        segments = self.path.strip("/").split("/")
        return tuple(
            (segment[1:-1], "/" + "/".join(segments[:number]))
            for number, segment in enumerate(segments)
            if _NAMED.fullmatch(segment)
        )


def is_plain_path(path: str) -> bool:
    """Whether each part between slashes is a plain word or one parameter."""
    return all(_NAMED.fullmatch(part) or ("{" not in part and "%" not in part) for part in path.strip("/").split("/"))


def success(operation: Operation, *preferred: int) -> tuple[int, Response | None]:
    """The status of a successful answer, and what is said about it."""
    for status in preferred:
        for response in operation.responses:
            if response.status == str(status):
                return status, response
    for response in sorted(operation.responses, key=lambda item: item.status):
        if re.fullmatch(r"2\d\d", response.status):
            return int(response.status), response
    found = operation.response(preferred[0] if preferred else 200)
    return (preferred[0] if preferred else 200), found


def resources(operations: Iterable[Operation]) -> tuple[list[Resource], list[Operation]]:
    """The collections, those with the fewest parts first, and the operations that belong to none."""
    every = [operation for operation in operations if is_plain_path(operation.path)]
    items: dict[str, str] = {}
    for operation in every:
        head, _, last = operation.path.rpartition("/")
        if head and (named := _NAMED.fullmatch(last)) and operation.method in _ON_ITEMS:
            items[head] = named[1]
    found: dict[str, Resource] = {}
    rest = [operation for operation in operations if not is_plain_path(operation.path)]
    for operation in every:
        head, _, last = operation.path.rpartition("/")
        if head and _NAMED.fullmatch(last):
            if operation.method in _ON_ITEMS and not operation.foreign:
                resource = found.setdefault(head, Resource(head, key=items[head]))
                resource.operations[_ON_ITEMS[operation.method]] = operation
            else:
                rest.append(operation)
            continue
        does = _on_collection(operation, has_items=operation.path in items)
        if does is None or operation.foreign:
            rest.append(operation)
        else:
            key = items.get(operation.path, "")
            found.setdefault(operation.path, Resource(operation.path, key=key)).operations[does] = operation
    return sorted(found.values(), key=lambda item: (item.path.count("/"), item.path)), rest


def _on_collection(operation: Operation, *, has_items: bool) -> Does | None:
    if operation.method == "GET":
        _, response = success(operation, 200)
        return Does.LIST if response is not None and _holds_rows(response) else None
    if operation.method == "POST":
        made = any(response.status == "201" for response in operation.responses)
        return Does.CREATE if operation.body is not None and (has_items or made) else None
    return None


def _holds_rows(response: Response) -> bool:
    """A list of objects, or an object with exactly one such list in it."""
    schema = response.schema or {}
    lists = [schema] if "items" in schema else []
    lists += [item for item in schema.get("properties", {}).values() if "items" in item]
    rows = [item for item in lists if isinstance(item["items"], dict) and item["items"].get("properties")]
    return len(rows) == 1
