"""The gate: the front door asks here, before an app sees a byte, who is coming and whether they may.

``GET /gate/check`` answers 200 with ``X-Intramural-Identity`` (a token that names the person and their roles in this
app) or anything else, which goes to the browser. Without a session nothing passes but the kiosks of the app's
blueprint, as ``@public``. ``/.intramural/session`` finishes the sign-in of an app's origin.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get
from litestar.response import Redirect

from appliance.authz.actions import Action
from appliance.authz.questions import VISITOR
from appliance.blueprint.model import OWNER
from appliance.core.act_context import refine
from appliance.core.events import Event
from appliance.identity.app_sessions import bind
from appliance.identity.errors import ReturnUrlRefused, SignInRefused
from appliance.identity.handles import SECRET_CHARACTERS, new_secret
from appliance.identity.return_url import safe_return_url
from appliance.studio.evidence import act
from appliance.studio.kiosks import ROLES_AT_A_KIOSK, SOMEBODY, opens_to_everybody
from appliance.web import cookies
from appliance.web.access import PUBLIC, SIGNED_IN, NotSignedIn, actor_of, rule
from appliance.web.limits import TooMany
from appliance.web.places import Place, enter, place_called, require_entry
from appliance.web.resources import about
from appliance.web.rules import require
from appliance.web.standing import standing_groups

if TYPE_CHECKING:
    from appliance.identity.app_sessions import AppSession
    from appliance.web.services import Services

PUBLIC_PRINCIPAL: Final = "public"
MAX_ROLE: Final = 100
IDENTITY_HEADER: Final = "X-Intramural-Identity"


class GateController(Controller):
    """What the front door and app origins use."""

    @get("/gate/check", opt=rule(PUBLIC, Action.PREVIEW_APP, by_handler=True))
    async def check(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """One decision for one request to an app."""
        services: Services = request.app.state.services
        host = request.headers.get("x-forwarded-host", "") or request.headers.get("host", "")
        place = await asyncio.to_thread(place_called, services, services.addresses.slug_of(host))
        identity = services.identity
        kiosk = await asyncio.to_thread(_is_kiosk, request, place)
        if kiosk and place.open_to_everybody:
            return await asyncio.to_thread(_let_through, request, place)
        cookie = request.cookies.get(cookies.APP, "")
        session = identity.app_sessions.get(cookie, host=host) if cookie else None
        groups = None if session is None else await standing_groups(services, session.session_key)
        if session is None or groups is None:
            return _ask_to_sign_in(request, place)
        refine(session=session.session_key)
        roles = await asyncio.to_thread(_roles, request, place, session, groups)
        await asyncio.to_thread(place.start)
        person, roles = (SOMEBODY, ROLES_AT_A_KIOSK) if kiosk else (session.person, roles)
        token = identity.app_tokens.issue(audience=place.audience, person=person, roles=roles)
        return Response("", headers={IDENTITY_HEADER: token})

    @get("/enter", opt=rule(SIGNED_IN, Action.PREVIEW_APP, by_handler=True), sync_to_thread=True)
    def enter(
        self, request: Request[Any, Any, Any], app: str, to: str = "/", role: str = "", binding: str = ""
    ) -> Response[Any]:
        """From an app's origin, by way of the studio's session, back to the app, in the browser that holds the secret
        behind ``binding``."""
        services: Services = request.app.state.services
        return enter(request, place_called(services, app), to=to, role=role, binding=binding)

    @get("/.intramural/enter", opt=rule(PUBLIC, Action.VISIT), sync_to_thread=True)
    def begin(self, request: Request[Any, Any, Any], to: str = "/", role: str = "") -> Response[Any]:
        """Give this browser a secret of this origin, and send it to the studio for a code that fits it."""
        services: Services = request.app.state.services
        place = place_called(services, services.addresses.slug_of(request.headers.get("host", "")))
        return _to_the_studio(request, place, to=safe_return_url(to), role=role[:MAX_ROLE])

    @get("/.intramural/session", opt=rule(PUBLIC, Action.VISIT))
    async def session(self, request: Request[Any, Any, Any], code: str = "", to: str = "/") -> Response[Any]:
        """Exchange the one-time code for this origin's cookie."""
        services: Services = request.app.state.services
        host = request.headers.get("host", "")
        place_called(services, services.addresses.slug_of(host))
        path = safe_return_url(to)
        session = services.identity.app_sessions.redeem(
            code, host=host, path=path, browser=request.cookies.get(cookies.BROWSER, "")
        )
        if session is None:
            message = "This link into the app was used already, is too old, or was made for another browser."
            raise SignInRefused(message, action="Open the app again from the studio.")
        answer = Redirect(path, status_code=303)
        answer.set_cookie(cookies.issue(cookies.APP, session.id))
        return answer


def _roles(
    request: Request[Any, Any, Any], place: Place, session: AppSession, groups: frozenset[str]
) -> tuple[str, ...]:
    """The roles in which somebody comes in, if the policies let them in at all."""
    actor = actor_of(session.person, groups, place.services)
    request.state.principal = actor.principal
    require_entry(request, place, actor)
    roles = place.roles(session.person, groups)
    return (session.view_as,) if session.view_as is not None and roles == (OWNER,) else roles


def _is_kiosk(request: Request[Any, Any, Any], place: Place) -> bool:
    method = request.headers.get("x-forwarded-method", "")
    uri = request.headers.get("x-forwarded-uri", "")
    return opens_to_everybody(place.text, method, uri)


def _let_through(request: Request[Any, Any, Any], place: Place) -> Response[Any]:
    """Whoever stands at a kiosk, signed in or not, is ``@public`` there: a shared screen sends in nobody's name."""
    services, project = place.services, place.project
    asking = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if not request.app.state.limits.kiosks.allow(f"{place.audience} {asking}"):
        raise TooMany.now()
    require(request, VISITOR, Action.USE_KIOSK, about(services, project, None).resource)
    number = place.number()
    opening = ("kiosk", place.audience, asking, datetime.now(UTC).date(), number)
    with contextlib.ExitStack() as stack:
        if not request.app.state.openings.knows(*opening):
            told = {"version": number}
            stack.enter_context(
                act(services.audit, Event.KIOSK_OPENED, principal=PUBLIC_PRINCIPAL, resource=project.id, details=told)
            )
        place.start()
    request.app.state.openings.add(*opening)
    token = services.identity.app_tokens.issue(audience=place.audience, person=SOMEBODY, roles=ROLES_AT_A_KIOSK)
    return Response("", headers={IDENTITY_HEADER: token})


def _ask_to_sign_in(request: Request[Any, Any, Any], place: Place) -> Response[Any]:
    """Send a page view through the studio's sign-in; tell anything else (a form, a script) that the session ended."""
    method = request.headers.get("x-forwarded-method", "GET")
    page_view = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
    if method not in {"GET", "HEAD"} or not page_view:
        message = "Your session in this app has ended."
        raise NotSignedIn(message, action="Reload the page to sign in again.")
    try:
        to = safe_return_url(request.headers.get("x-forwarded-uri", "/"))
    except ReturnUrlRefused:
        to = "/"
    return _to_the_studio(request, place, to=to)


def _to_the_studio(request: Request[Any, Any, Any], place: Place, *, to: str, role: str = "") -> Response[Any]:
    secret = request.cookies.get(cookies.BROWSER, "")
    known = len(secret) == SECRET_CHARACTERS
    if not known:
        secret = new_secret()
    query = {"app": place.label, "to": to, "binding": bind(secret)} | ({"role": role} if role else {})
    answer = Redirect(
        f"{place.services.addresses.studio}/enter?{urlencode(query)}",
        status_code=302,
        headers={"Content-Security-Policy": f"default-src 'none'; frame-ancestors {place.services.addresses.studio}"},
    )
    if not known:
        # One secret per browser and origin, so that two tabs that enter at once do not take it from each other.
        answer.set_cookie(cookies.issue(cookies.BROWSER, secret))
    return answer
