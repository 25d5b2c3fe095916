"""Between Litestar and the kit: identity of a request, forms, answers, flash messages and error pages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException, HTTPException
from litestar.response import Redirect

from .files import MAX_FILE_BYTES, Upload
from .identity import COOKIE, HEADER, PUBLIC, HeaderIdentity, Identity, NotIdentified
from .rendering import page_context
from .security import same_origin, security_headers
from .settings import Login
from .visit import NoSuchRow, NotAllowed, Runtime, Visit

if TYPE_CHECKING:
    from collections.abc import Mapping

AppRequest = Request[Any, Any, Any]
Html = Response[Any]

FLASH: Final = "app_flash"
FLASH_SECONDS: Final = 300
MAX_BODY_BYTES: Final = 2 * MAX_FILE_BYTES

log = logging.getLogger(__name__)


def runtime_of(request: AppRequest) -> Runtime:
    """What the process holds."""
    return cast("Runtime", request.app.state["runtime"])


def identity_of(request: AppRequest) -> Identity:
    """The person who asks; set before every handler that is not public."""
    return cast("Identity", request.state["identity"])


def identify(request: AppRequest) -> None:
    """Before every handler: no identity, no page.

    Raises:
        NotIdentified: there is none, or it is not valid.
    """
    if request.route_handler.opt.get("public"):
        return
    provider = runtime_of(request).identity
    if isinstance(provider, HeaderIdentity):
        request.state["identity"] = identity = provider.identify(request.headers.get(HEADER, ""))
        if PUBLIC in identity.roles:
            raise NotIdentified("whoever may use a kiosk may use nothing else")
    else:
        request.state["identity"] = provider.identify(request.cookies.get(COOKIE, ""))


async def read_sent(request: AppRequest) -> dict[str, object]:
    """The fields of a sent form: text, or :class:`Upload` for a chosen file.

    Raises:
        NotAllowed: the form does not come from a page that this app made for this person.
        ClientException: the body is not a form.
    """
    say = runtime_of(request).renderer.language.say
    if not same_origin(request.headers.get("origin"), request.headers.get("host", "")):
        raise NotAllowed(say("This form was sent from another site, so nothing was changed."))
    try:
        form = await request.form()
    except UnicodeDecodeError as error:
        raise ClientException("The form is not valid UTF-8.") from error
    token = form.get("csrf_token")
    subject = identity_of(request).subject
    if not isinstance(token, str) or not runtime_of(request).signer.form_token_holds(token, subject):
        message = "This form is no longer valid, so nothing was changed. Open it again and send it once more."
        raise NotAllowed(say(message))
    sent: dict[str, object] = {}
    for name in form:
        value = form.getall(name)[-1]
        if isinstance(value, UploadFile):
            sent[name] = Upload(value.filename, await value.read())
        else:
            sent[name] = value
    return sent


def take_flash(request: AppRequest) -> tuple[str, str, str] | None:
    """The message that the previous answer left: its kind and text, and the address that takes it back, if any."""
    sealed = request.cookies.get(FLASH)
    if not sealed:
        return None
    try:
        value = runtime_of(request).signer.open("flash", sealed)
    except ValueError:
        return None
    return (str(value[0]), str(value[1]), str(value[2])) if isinstance(value, list) and len(value) == 3 else None


def page(request: AppRequest, visit: Visit, template: str, *, status: int = 200, **context: object) -> Html:
    """An HTML answer."""
    flash = take_flash(request)
    visit.here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    html = visit.runtime.renderer.render(
        template, **page_context(visit, request.url.path), flash=flash, status=status, **context
    )
    answer: Html = Response(html, media_type="text/html", status_code=status, headers={"cache-control": "no-store"})
    if flash is not None:
        answer.delete_cookie(FLASH)
    return answer


def redirect(request: AppRequest, address: str, message: str = "", *, kind: str = "success", undo: str = "") -> Html:
    """A 303 to an address of this app; ``message`` is shown there once, with a button that posts to ``undo``."""
    answer = Redirect(address, status_code=303)
    if message:
        sealed = runtime_of(request).signer.seal("flash", [kind, message[:300], undo], seconds=FLASH_SECONDS)
        answer.set_cookie(FLASH, sealed, max_age=FLASH_SECONDS, httponly=True, samesite="lax", path="/")
    return answer


def add_headers(runtime: Runtime) -> Mapping[str, str]:
    """Headers of every answer, as Litestar takes them."""
    return security_headers(runtime.settings)


def answer_error(request: AppRequest, error: Exception) -> Html:
    """A page for everything that went wrong, in words that help; JSON where the app's API was asked."""
    if (api := runtime_of(request).definition.api) is not None and api.covers(request.url.path):
        from .api.refusing import refuse  # noqa: PLC0415 - only apps with a contract need it
        from .api.serving import operation_of  # noqa: PLC0415 - as above

        return refuse(request, operation_of(request), error)
    if isinstance(error, NotIdentified) and (address := _sign_in_address(request)):
        return Redirect(address, status_code=303)
    status, heading, message = _explain(request, error)
    try:
        identity = identity_of(request)
    except (KeyError, AttributeError):
        identity = None
    runtime = runtime_of(request)
    if identity is None or status >= 500:
        html = runtime.renderer.render("bare.html", heading=heading, message=message, status=status)
        return Response(html, media_type="text/html", status_code=status, headers={"cache-control": "no-store"})
    with runtime.visit(identity) as visit:
        return page(request, visit, "error.html", status=status, heading=heading, message=message)


def _sign_in_address(request: AppRequest) -> str:
    """Where somebody without a session signs in, for pages; nothing for forms and parts of pages."""
    own = runtime_of(request).settings.login is not Login.LINK
    if not own or request.method != "GET" or request.headers.get("hx-request") == "true":
        return ""
    to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/-/sign-in?{urlencode({'to': to})}"


def _explain(request: AppRequest, error: Exception) -> tuple[int, str, str]:
    """Status, heading and what to do, in the app's language."""
    language = runtime_of(request).renderer.language
    say = language.say
    if isinstance(error, NotIdentified):
        return 401, say("Please sign in"), say(_sign_in_hint(request))
    if isinstance(error, NotAllowed):
        return 403, say("Not allowed"), language.tell(error)
    if isinstance(error, NoSuchRow):
        message = "There is no such {record}, or you may not see it."
        return 404, say("Not found"), say(message, record=say(str(error)))
    if isinstance(error, HTTPException):
        words = {
            404: ("Not found", "There is nothing at this address."),
            405: ("Not possible", "This address cannot be used like that."),
            413: ("Too large", "Everything sent at once may be {limit} MB at most."),
        }
        heading, message = words.get(error.status_code, ("That did not work", "The request could not be understood."))
        limit = MAX_BODY_BYTES // 1024 // 1024
        return error.status_code, say(heading), say(message, limit=limit) if "{" in message else say(message)
    log.error("request failed: %s %s", request.method, request.url.path, exc_info=error)
    hint = "Nothing was changed. Try again; if it happens again, tell the app's owner."
    return 500, say("Something went wrong"), say(hint)


def _sign_in_hint(request: AppRequest) -> str:
    if isinstance(runtime_of(request).identity, HeaderIdentity):
        return "Your sign-in is missing or has run out. Load the page again."
    if runtime_of(request).settings.login is not Login.LINK:
        return "Your session has ended. Open the app again to sign in."
    return "Open the sign-in link that was printed when the app was started."
