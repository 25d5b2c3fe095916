"""Who is calling, and may they: every route says how callers are known and what they want to do; a route that says
nothing is closed.

``rule`` makes the options of a handler. How callers are known: ``PUBLIC`` (not at all), ``SIGNED_IN`` (a session in the
studio), ``LOCAL`` (the operator on this machine, by token), ``EITHER`` of the two, or an access token of the identity
provider, ``KEY`` (a program, by its key). What they want is an action of the policies, which decide; the actions in
``STEP_UP`` ask for a fresh second proof besides (:mod:`appliance.web.step_up`). Every POST of a session carries its
CSRF token and an ``Origin`` that is the studio's.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from litestar import Request

from appliance.authz.actions import Action
from appliance.core.act_context import refine
from appliance.core.errors import Refused
from appliance.identity.roles import StudioRole, roles_of
from appliance.identity.sessions import Sessions
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.people import Actor, Via
from appliance.web import cookies
from appliance.web.bearer import bearer_of, presents_access_token
from appliance.web.limits import TooMany
from appliance.web.openai.admission import admit
from appliance.web.rules import DECIDES_ITSELF, decide_route
from appliance.web.standing import all_groups, standing
from appliance.web.step_up import require_step_up

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    Connection = ASGIConnection[Any, Any, Any, Any]
    from litestar.handlers import BaseRouteHandler

    from appliance.core.ports import Person
    from appliance.identity.api_keys import Scope
    from appliance.identity.sessions import Session
    from appliance.web.services import Services

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
LOCAL: Final = "local"
EITHER: Final = "either"
KEY: Final = "key"
STEP_UP: Final = frozenset(
    {
        Action.ADMINISTER,
        Action.APPROVE,
        Action.CREATE_API_KEY,
        Action.DECIDE_ERASURE,
        Action.EXPORT_APP,
        Action.EXPORT_AUDIT,
        Action.OPEN_WORDS,
        Action.PROPOSE_POLICY,
        Action.ROTATE_KEYS,
        Action.SET_HOLD,
        Action.SWITCH_MODEL,
    }
)
"""What asks for a fresh second proof before it is done: approving, exporting, administering."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FRONT_DOOR_HEADERS: Final = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via")


class NotSignedIn(Refused):
    """Nobody is signed in here, or not any more."""

    code = "not_signed_in"


class ForgedRequest(Refused):
    """The request did not come from one of the studio's own pages."""

    code = "forged_request"


def rule(access: str, action: Action, *, by_handler: bool = False) -> dict[str, Any]:
    """The options of a handler. ``by_handler``: it decides itself, because who or what it is about is known only there;
    an answer without a decision does not leave the appliance."""
    return {"access": access, "action": action, "by_handler": by_handler}


def key_rule(scope: Scope, action: Action) -> dict[str, Any]:
    """The options of a handler for programs, which show a key that was made for ``scope``; no cookie counts."""
    return {"access": KEY, "action": action, "by_handler": True, "scope": scope}


async def authorize(connection: Connection, handler: BaseRouteHandler) -> None:
    """The guard of every route.

    Raises:
        NotSignedIn, NotAllowed, NotFound, ForgedRequest, TooMany: the request may not go on.
    """
    services: Services = connection.app.state.services
    access, action = handler.opt.get("access"), handler.opt.get("action")
    if access not in {PUBLIC, SIGNED_IN, LOCAL, EITHER, KEY} or not isinstance(action, Action):
        raise _no_such_page()
    if access == KEY:
        connection.scope["state"][DECIDES_ITSELF] = True
        await admit(connection, services, handler.opt["scope"])
        return
    if access == EITHER and presents_access_token(connection):
        person, groups, session_of = await bearer_of(connection, services)
        connection.state.actor = actor_of(person, all_groups(services, person, groups), services)
        refine(session=session_of)
    elif access in {LOCAL, EITHER} and _presents_token(connection):
        connection.state.actor = _local_actor(connection, services)
    elif access == LOCAL:
        raise _no_such_page()
    elif access != PUBLIC:
        await _know_session(connection, services)
    if handler.opt.get("by_handler"):
        connection.scope["state"][DECIDES_ITSELF] = True
    else:
        await decide_route(connection, services, action)
    if connection.scope.get("method") not in _SAFE and action in STEP_UP and _by_web(connection):
        require_step_up(connection)


def _by_web(connection: Connection) -> bool:
    """Whether a person, or a program of theirs, asks over the network; the local operator has the machine itself."""
    actor = getattr(connection.state, "actor", None)
    return actor is not None and actor.via is not Via.LOCAL


async def _know_session(connection: Connection, services: Services) -> None:
    session = await standing(services, current_session(connection, services))
    if session is None:
        message = "You are not signed in, or your session has ended."
        raise NotSignedIn(message, action="Sign in again; you come back to where you were.")
    connection.state.session = session
    connection.state.actor = actor_of(session.person, all_groups(services, session.person, session.groups), services)
    refine(session=session.key)
    if connection.scope.get("method") not in _SAFE:
        await _require_own_page(connection, session, services)
        if not connection.app.state.limits.posts.allow(session.key):
            raise TooMany.now()


def _no_such_page() -> NotFound:
    message = "There is no such page."
    return NotFound(message)


def current_session(connection: Connection, services: Services) -> Session | None:
    """The session behind the studio's cookie, or None."""
    cookie = connection.cookies.get(cookies.STUDIO)
    host = connection.headers.get("host", "").partition(":")[0].lower()
    if not cookie or host != services.addresses.studio_host:
        return None
    return services.identity.sessions.get(cookie)


def actor_of(person: Person, groups: frozenset[str], services: Services) -> Actor:
    """A person, with what their groups allow."""
    roles = roles_of(groups, services.identity.roles)
    return Actor(
        person,
        maker=StudioRole.MAKER in roles,
        auditor=StudioRole.AUDITOR in roles,
        roles=frozenset(role.value for role in roles),
        groups=groups,
    )


def behind_front_door(connection: Connection) -> bool:
    """Whether a proxy handed the request on; the local operator talks to the socket directly."""
    return any(name in connection.headers for name in _FRONT_DOOR_HEADERS)


def local_actor(services: Services, person: Person) -> Actor:
    """The local operator, acting for ``person``; the audit log names the operator."""
    roles = frozenset({StudioRole.OPERATOR.value})
    return Actor(person, maker=True, via=Via.LOCAL, operator=services.operator, roles=roles)


def _presents_token(connection: Connection) -> bool:
    return "authorization" in connection.headers


def _local_actor(connection: Connection, services: Services) -> Actor:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), services.cli_token.encode())
    if behind_front_door(connection) or scheme.lower() != "bearer" or not right:
        message = "This way in is for the operator on this machine only."
        raise NotAllowed(message, action="Use the command line on the appliance itself.")
    return local_actor(services, services.local_person)


async def _require_own_page(connection: Connection, session: Session, services: Services) -> None:
    token = connection.headers.get("x-csrf-token", "")
    if not token and isinstance(connection, Request):
        token = str((await connection.form()).get("csrf_token", ""))
    origin = connection.headers.get("origin", "")
    if origin != services.addresses.studio or not Sessions.csrf_matches(session, token):
        message = "This did not come from a page of the studio that is still open."
        raise ForgedRequest(message, cause=f"origin {origin[:80]!r}", action="Reload the page and try again.")
