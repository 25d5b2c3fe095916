"""How a program is known: by its key in the ``Authorization`` header, and by nothing else.

No cookie counts here, so no page of another origin can make a browser ask in somebody's name: a browser never adds a
bearer token by itself. That is why these routes need no CSRF token although they share the studio's origin.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Circumstances, Principal, PrincipalKind
from appliance.core.act_context import refine
from appliance.identity.api_keys import ApiKeyRefused, is_service
from appliance.identity.roles import roles_of
from appliance.studio.errors import NotAllowed
from appliance.studio.quotas import QuotaReached
from appliance.web.openai.errors import ApiError, rate_limited
from appliance.web.rules import require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar.connection import ASGIConnection

    from appliance.identity.api_keys import Scope, VerifiedKey
    from appliance.identity.roles import StudioRole
    from appliance.web.services import Services

_MAX_TOKEN: Final = 256
DATA_CLASS_HEADER: Final = "Data-Class"


async def admit(connection: ASGIConnection[Any, Any, Any, Any], services: Services, scope: Scope) -> None:
    """Let the program in, or not; the key stands in the request's state then.

    Raises:
        ApiKeyRefused: there is no key that counts.
        ApiError: too many requests; 429.
        NotAllowed: the key may not be used so, or its holder may not use the model.
    """
    verified = await asyncio.to_thread(services.api.keys.admit, _token(connection))
    key = verified.key
    connection.scope["state"]["principal"] = key.principal
    refine(session=key.id)
    if not connection.app.state.limits.api.allow(key.id):
        rate = services.settings.api.per_minute
        raise rate_limited(f"This key may ask {rate} times a minute.", retry=max(1, math.ceil(60 / rate)))
    if scope.value not in key.scopes:
        message = "This API key was not made for this."
        raise NotAllowed(message, cause=f"scope {scope}", action="Make a key with this use in the studio.")
    try:
        await asyncio.to_thread(services.studio.quotas.admit_words, key.holder.subject, verified.groups)
    except QuotaReached as error:
        raise rate_limited(f"{error.message} {error.action}", retry=error.seconds) from error
    principal = principal_of(verified, services.identity.roles)
    require(connection, principal, Action.USE_API_KEY, questions.api_key(key.id, owner=key.principal))
    ceiling = questions.LEVELS.index(services.settings.model.ceiling)
    level = questions.LEVELS.index(data_class_of(connection))
    model, words = questions.model("default", ceiling=ceiling), Circumstances(level=level)
    require(connection, principal, Action.USE_MODEL, model, words)
    connection.state.api_key = verified


def data_class_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The class of the data that the words are about, as the program says.

    Raises:
        ApiError: there is no such class; 400.
    """
    told = connection.headers.get(DATA_CLASS_HEADER, questions.LEVELS[questions.DEFAULT_LEVEL]).strip().lower()
    if told not in questions.LEVELS:
        message = f"There is no class of data {told[:40]!r}; there are {', '.join(questions.LEVELS)}."
        raise ApiError(message, param=DATA_CLASS_HEADER)
    return told


def principal_of(verified: VerifiedKey, mapping: Mapping[str, StudioRole]) -> Principal:
    """The holder of a key, as policies know people, by what ``mapping`` says of their groups, and service accounts."""
    name = verified.key.principal
    if is_service(name):
        return Principal(PrincipalKind.SERVICE, name, verified.groups)
    roles = frozenset(role.value for role in roles_of(verified.groups, mapping))
    return Principal(PrincipalKind.USER, name, roles, verified.groups)


def _token(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    given = connection.headers.get("authorization", "")
    scheme, _, token = given.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _MAX_TOKEN:
        message = "You didn't provide an API key."
        raise ApiKeyRefused(message, action="Send it in the header 'Authorization: Bearer imk_…'.")
    return token
