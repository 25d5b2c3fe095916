"""A fresh second proof for what matters most: the requirement, its answer, and what happens when the proof arrives.

The guard asks for it for the actions in ``appliance.web.access.STEP_UP``; code in the middle of a request with
:func:`require_step_up`. The policy layer can look at the session's :class:`appliance.identity.assurance.Assurance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from litestar import MediaType, Response
from litestar.response import Redirect

from appliance.core.events import Event
from appliance.identity.errors import ReturnUrlRefused, SessionEnded, SignInRefused, StepUpRequired
from appliance.identity.return_url import safe_return_url
from appliance.studio.evidence import act
from appliance.web import cookies
from appliance.web.render import page

if TYPE_CHECKING:
    from litestar import Request
    from litestar.connection import ASGIConnection

    from appliance.identity.sign_in import SignedIn
    from appliance.web.services import Services

START: Final = "/sign-in/step-up"


def require_step_up(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Let only those go on who have just proved more strongly who they are.

    Raises:
        StepUpRequired: the sign-in is too old, or was too weak.
    """
    services: Services = connection.app.state.services
    session = getattr(connection.state, "session", None)
    wanted = services.identity.step_up
    if session is not None and wanted.met_by(session.assurance, services.identity.clock.now()):
        return
    message = "For this, please confirm once more that it is you."
    minutes = int(wanted.max_age.total_seconds() // 60)
    raise StepUpRequired(
        message,
        cause=f"it asks for acr {wanted.acr or 'any'!r} of the last {minutes} minutes",
        action="You confirm at your company's sign-in, come back to the page that you were on, and can do it then.",
    )


def answer_step_up(request: Request[Any, Any, Any], error: StepUpRequired, *, as_json: bool) -> Response[Any]:
    """A page view goes to the provider at once; a form is told, and comes back to its page. Programs: RFC 9470 §3."""
    services: Services = request.app.state.services
    wanted = services.identity.step_up
    if as_json:
        challenge = f'Bearer error="insufficient_user_authentication", max_age="{int(wanted.max_age.total_seconds())}"'
        if wanted.acr:
            challenge += f', acr_values="{wanted.acr}"'
        headers = {"WWW-Authenticate": challenge}
        return Response({"error": error.as_dict()}, status_code=401, headers=headers, media_type=MediaType.JSON)
    if request.method == "GET":
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect(f"{START}?to={quote(here, safe='/')}", status_code=303)
    way = f"{START}?to={quote(_page_of(request), safe='/')}"
    template = "step_up_notice.html" if request.headers.get("hx-request") == "true" else "step_up.html"
    return page(request, template, status=403, error=error, way=way)


def stepped_up(request: Request[Any, Any, Any], signed_in: SignedIn) -> Response[Any]:
    """The proof has arrived: the session is strengthened and gets another id.

    Raises:
        SignInRefused: the session has ended meanwhile, or is somebody else's.
    """
    services: Services = request.app.state.services
    sessions = services.identity.sessions
    before = sessions.get(request.cookies.get(cookies.STUDIO, ""))
    if before is None:
        message = "Your session ended while you confirmed that it is you."
        raise SignInRefused(message, action="Sign in again.")
    details = {"session": before.key}
    principal = f"user:{signed_in.person.subject}"
    with act(services.audit, Event.STEPPED_UP, principal=principal, resource="studio", details=details) as evidence:
        try:
            session = sessions.strengthen(before.id, signed_in)
        except SessionEnded as error:
            raise SignInRefused(error.message, cause=error.cause, action=error.action) from error
        if session is None:
            message = "Your session ended while you confirmed that it is you."
            raise SignInRefused(message, action="Sign in again.")
        evidence.details["acr"] = session.assurance.acr
    set_cookies = [cookies.issue(cookies.STUDIO, session.id), cookies.expire(cookies.PENDING)]
    return Redirect(signed_in.return_to, status_code=303, cookies=set_cookies)


def _page_of(request: Request[Any, Any, Any]) -> str:
    """The studio's page that a form stands on."""
    services: Services = request.app.state.services
    address: str = request.headers.get("hx-current-url") or request.headers.get("referer") or ""
    came_from = urlsplit(address)
    if f"{came_from.scheme}://{came_from.netloc}" != services.addresses.studio:
        return "/"
    try:
        return safe_return_url(came_from.path + (f"?{came_from.query}" if came_from.query else ""))
    except ReturnUrlRefused:
        return "/"
