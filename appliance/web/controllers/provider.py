"""What the identity provider and its tokens have to do with the studio: step-up, its sign-outs, who a token names."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from appliance.authz.actions import Action
from appliance.core.events import Event
from appliance.identity.errors import LogoutTokenRefused
from appliance.studio.evidence import act
from appliance.web import cookies
from appliance.web.access import EITHER, PUBLIC, SIGNED_IN, rule
from appliance.web.limits import TooMany
from appliance.web.step_up import START

if TYPE_CHECKING:
    from appliance.web.services import Services

MAX_LOGOUT_BYTES: Final = 32 * 1024


class ProviderController(Controller):
    """Beside ``/sign-in``."""

    @get(START, opt=rule(SIGNED_IN, Action.VISIT))
    async def step_up(self, request: Request[Any, Any, Any], to: str = "/") -> Response[Any]:
        """Off to the provider, for a second factor or a fresh password."""
        services: Services = request.app.state.services
        identity = services.identity
        subject = request.state.session.person.subject
        address, pending = await identity.relying_party.begin(to, step_up=identity.step_up, subject=subject)
        answer = Redirect(address, status_code=303)
        answer.set_cookie(cookies.issue(cookies.PENDING, identity.pending.put(pending), max_age=600))
        return answer

    @post("/sign-in/backchannel-logout", opt=rule(PUBLIC, Action.VISIT), status_code=200)
    async def logged_out(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The provider says that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.5 to §2.8)."""
        services: Services = request.app.state.services
        address = request.headers.get("x-forwarded-for", "direct").rpartition(",")[2].strip()
        if not request.app.state.limits.logouts.allow(address):
            raise TooMany.now()
        form = await request.form()
        token = form.get("logout_token")
        if not isinstance(token, str) or len(token) > MAX_LOGOUT_BYTES:
            message = "This is no logout token of the identity provider."
            raise LogoutTokenRefused(message, cause="there is none in the form")
        logout = await services.identity.relying_party.logout_of(token)

        def end() -> None:
            principal = f"user:{logout.subject}" if logout.subject else "identity-provider"
            details = {"session": logout.sid or "all", "by": "provider", "reason": "back-channel logout"}
            with act(services.audit, Event.SESSION_ENDED, principal=principal, resource="studio", details=details):
                if services.identity.sessions.end(logout) is None:
                    message = "This logout token was used before."
                    raise LogoutTokenRefused(message, cause="jti is known")

        await asyncio.to_thread(end)
        if logout.subject:
            await services.identity.renewals.recheck_person(logout.subject)
        return Response("", headers={"Cache-Control": "no-store"})

    @get("/api/me", opt=rule(EITHER, Action.VISIT))
    async def me(self, request: Request[Any, Any, Any]) -> dict[str, object]:
        """Who asks, as the appliance sees it."""
        actor = request.state.actor
        return {
            "subject": actor.person.subject,
            "name": actor.person.name,
            "email": actor.person.email,
            "roles": sorted(actor.roles),
            "groups": sorted(actor.groups),
        }
