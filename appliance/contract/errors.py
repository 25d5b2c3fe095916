"""What can be wrong with a contract, said with the place in the document and what to write instead."""

from __future__ import annotations

from appliance.core.errors import Refused


class ContractRefused(Refused):
    """The contract cannot be used as it is. ``where`` is a place in it: a JSON pointer (RFC 6901), or a line."""

    code = "contract_refused"

    def __init__(self, message: str, *, where: str = "", action: str = "", cause: str = "") -> None:
        super().__init__(f"{message} ({where})" if where else message, cause=cause, action=action)
        self.where = where


def pointer(*parts: object) -> str:
    """A place in the document as a JSON pointer in a URI fragment: ``#/paths/~1loans/get``."""
    return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)
