"""Signing in and out. The identity provider does the asking; the browser gets one ``__Host-`` cookie."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.identity.errors import SignInRefused
from appliance.identity.return_url import safe_return_url
from appliance.studio.evidence import act
from appliance.web import cookies
from appliance.web.access import PUBLIC, SIGNED_IN, current_session, rule
from appliance.web.limits import TooMany
from appliance.web.render import page
from appliance.web.standing import require_here, standing
from appliance.web.step_up import stepped_up

if TYPE_CHECKING:
    from appliance.web.services import Services


class SignInController(Controller):
    """``/sign-in`` and ``/sign-out`` of the studio."""

    @get("/sign-in", opt=rule(PUBLIC, Action.VISIT))
    async def show(self, request: Request[Any, Any, Any], to: str = "/") -> Response[Any]:
        """The page with the one button."""
        services: Services = request.app.state.services
        if await standing(services, current_session(request, services)) is not None:
            return Redirect(safe_return_url(to), status_code=303)
        return page(request, "sign_in.html", to=safe_return_url(to))

    @get("/sign-in/start", opt=rule(PUBLIC, Action.VISIT))
    async def start(self, request: Request[Any, Any, Any], to: str = "/") -> Response[Any]:
        """Off to the identity provider."""
        services: Services = request.app.state.services
        _slow_down(request)
        address, pending = await services.identity.relying_party.begin(to)
        handle = services.identity.pending.put(pending)
        answer = Redirect(address, status_code=303)
        answer.set_cookie(cookies.issue(cookies.PENDING, handle, max_age=600))
        return answer

    @get("/sign-in/callback", opt=rule(PUBLIC, Action.VISIT))
    async def callback(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Back from the identity provider."""
        services: Services = request.app.state.services
        _slow_down(request)
        identity = services.identity
        pending = identity.pending.take(request.cookies.get(cookies.PENDING, ""))
        if pending is None:
            message = "This sign-in was not begun in this browser, or it took too long."
            raise SignInRefused(message, action="Sign in again.")
        signed_in = await identity.relying_party.complete(dict(request.query_params), pending)
        principal = f"user:{signed_in.person.subject}"
        await asyncio.to_thread(require_here, services, signed_in.person)
        if pending.is_step_up:
            return await asyncio.to_thread(stepped_up, request, signed_in)
        with act(services.audit, Event.SIGNED_IN, principal=principal, resource="studio") as evidence:
            session = identity.sessions.create(signed_in, replaces=request.cookies.get(cookies.STUDIO))
            evidence.details["session"] = session.key
        await asyncio.to_thread(services.api.keys.seen, signed_in.person, signed_in.groups)
        set_cookies = [cookies.issue(cookies.STUDIO, session.id), cookies.expire(cookies.PENDING)]
        if signed_in.return_to.startswith("/enter?"):
            # The way on leads to an app's origin. Browsers hold the provider's form-action (CSP) against every redirect
            # that follows its form, so the chain ends here with a page that leads on by itself.
            return page(request, "onward.html", to=signed_in.return_to, cookies=set_cookies)
        return Redirect(signed_in.return_to, status_code=303, cookies=set_cookies)

    @post("/sign-out", opt=rule(SIGNED_IN, Action.USE_STUDIO))
    async def sign_out(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """End the session here, on every app, and at the identity provider."""
        services: Services = request.app.state.services
        session = request.state.session
        principal = f"user:{session.person.subject}"
        details = {"session": session.key}
        with act(services.audit, Event.SIGNED_OUT, principal=principal, resource="studio", details=details):
            services.identity.sessions.revoke(session.id)
        try:
            address = await services.identity.relying_party.end_session_url(session.id_token)
        except IntramuralError:
            address = None  # the session here is over; the provider's own ends by itself
        answer = Redirect(address or "/sign-in", status_code=303)
        answer.set_cookie(cookies.expire(cookies.STUDIO))
        return answer


def _slow_down(request: Request[Any, Any, Any]) -> None:
    address = request.headers.get("x-forwarded-for", "direct").rpartition(",")[2].strip()
    if not request.app.state.limits.sign_ins.allow(address):
        raise TooMany.now()
