"""What well-known identity systems send a little differently from the RFC, put into its form. Nothing else is changed.

Entra ID names a manager by the bare id, without the ``$ref`` that RFC 7643 §4.3 requires.
"""

from __future__ import annotations

import json
from typing import Any, Final

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_MANAGER_PATHS: Final = frozenset({f"{ENTERPRISE}:manager".lower(), f"{ENTERPRISE}.manager".lower()})


def normalised(body: bytes) -> bytes:
    """The body with managers in full form; what is not JSON, or has none, stays as it is."""
    if b"manager" not in body:
        return body
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(content, dict):
        return body
    _complete(content.get(ENTERPRISE))
    operations = content.get("Operations")
    for operation in operations if isinstance(operations, list) else []:
        if not isinstance(operation, dict):
            continue
        if str(operation.get("path", "")).lower() in _MANAGER_PATHS:
            operation["value"] = _manager(operation.get("value"))
        elif isinstance(operation.get("value"), dict):
            value = operation["value"]
            _complete(value.get(ENTERPRISE))
            for name in [name for name in value if name.lower() in _MANAGER_PATHS]:
                value[name] = _manager(value[name])
    return json.dumps(content).encode()


def _complete(extension: Any) -> None:
    if isinstance(extension, dict) and "manager" in extension:
        extension["manager"] = _manager(extension["manager"])


def _manager(value: Any) -> Any:
    if isinstance(value, str):
        value = {"value": value}
    if isinstance(value, dict) and value.get("value") and not value.get("$ref"):
        return {**value, "$ref": f"Users/{value['value']}"}
    return value
