"""Access tokens at the API: what a program or the command line presents instead of a cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.identity.errors import BearerRefused

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    from appliance.core.ports import Person
    from appliance.web.services import Services

_PARTS: Final = 3


def presents_access_token(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Whether the request carries a signed token. The local operator's own has no parts."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and len(token.split(".")) == _PARTS


async def bearer_of(
    connection: ASGIConnection[Any, Any, Any, Any], services: Services
) -> tuple[Person, frozenset[str], str]:
    """Whom the token names, their groups, and the session at the provider that it comes from (may be empty).

    Raises:
        BearerRefused: it is not for this API, or not valid now.
        IssuerUnavailable: the provider's keys cannot be had.
    """
    host = connection.headers.get("host", "").partition(":")[0].lower()
    if services.identity.bearer is None or host != services.addresses.studio_host:
        message = "Access tokens are not taken here."
        raise BearerRefused(message, action="Use the studio's own address, and a provider of your company.")
    token = connection.headers["authorization"].partition(" ")[2].strip()
    return await services.identity.bearer.authenticate(token)
