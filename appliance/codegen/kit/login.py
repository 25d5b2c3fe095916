"""Signing in and out of an app that runs on its own: the pages, for a provider or for accounts."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.response import Redirect

from .accounts import Accounts, Throttle
from .identity import COOKIE, SESSION_SECONDS, NotIdentified
from .oidc import PENDING_SECONDS, ProviderUnavailable, RelyingParty
from .security import same_origin
from .sessions import SessionIdentity
from .visit import NotAllowed
from .web import AppRequest, Html, log, read_sent, runtime_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .visit import Runtime

PENDING: Final = "app_pending"
FORM_SECONDS: Final = 3600


def handlers(runtime: Runtime) -> Sequence[Any]:
    """The addresses of signing in, as the settings say."""
    if not isinstance(runtime.identity, SessionIdentity):
        return ()
    settings = runtime.settings
    if settings.oidc is not None:
        return _provider(RelyingParty(settings.oidc, settings.public_url, runtime.signer), runtime.identity)
    return _accounts(Accounts(runtime.database, runtime.definition.roles), runtime.identity)


def safe_path(to: str) -> str:
    """An address of this app and of no other: absolute, without host."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and "\\" not in to
    return to if inside and all(character >= " " for character in to) and len(to) < 2000 else "/"


def _provider(party: RelyingParty, sessions: SessionIdentity) -> Sequence[Any]:
    @get("/-/sign-in", opt={"public": True}, sync_to_thread=True)
    def sign_in(request: AppRequest) -> Html:
        """Send the browser to the provider."""
        try:
            begun = party.begin(safe_path(request.query_params.get("to", "/")))
        except ProviderUnavailable as error:
            return _unavailable(request, error)
        answer: Html = Redirect(begun.address, status_code=303)
        _set(request, answer, PENDING, begun.pending, PENDING_SECONDS)
        return answer

    @get("/-/sign-in/callback", opt={"public": True}, sync_to_thread=True)
    def callback(request: AppRequest) -> Html:
        """Back from the provider."""
        try:
            identity, to = party.finish(dict(request.query_params.items()), request.cookies.get(PENDING, ""))
        except ProviderUnavailable as error:
            return _unavailable(request, error)
        except NotIdentified as error:
            log.warning("sign-in refused: %s", error)
            return _bare(request, 403, "Not signed in", "The sign-in did not work. Open the app again to retry.")
        answer = _arrive(request, sessions.start(identity), to)
        answer.delete_cookie(PENDING, path="/")
        return answer

    return (sign_in, callback, _sign_out(sessions))


def _accounts(accounts: Accounts, sessions: SessionIdentity) -> Sequence[Any]:
    throttle = Throttle()

    @get("/-/sign-in", opt={"public": True})
    async def sign_in(request: AppRequest) -> Html:
        """The form."""
        return await sync_to_thread(_form, request, safe_path(request.query_params.get("to", "/")))

    @post("/-/sign-in", opt={"public": True}, status_code=303)
    async def send(request: AppRequest) -> Html:
        """Check address and password."""
        form = await request.form()
        fields = {name: str(form.get(name, "")) for name in ("email", "password", "to", "csrf_token")}
        return await sync_to_thread(_check, request, fields, accounts, sessions, throttle)

    return (sign_in, send, _sign_out(sessions))


def _check(
    request: AppRequest, fields: dict[str, str], accounts: Accounts, sessions: SessionIdentity, throttle: Throttle
) -> Html:
    pending, say = request.cookies.get(PENDING, ""), runtime_of(request).renderer.language.say
    if not same_origin(request.headers.get("origin"), request.headers.get("host", "")):
        raise NotAllowed(say("This form was sent from another site, so nothing was changed."))
    to, email = safe_path(fields["to"]), fields["email"][:254]
    if not pending or not runtime_of(request).signer.form_token_holds(fields["csrf_token"], f"sign-in {pending}"):
        return _form(request, to, email=email, problem=say("The form was open for too long. Try again."), status=403)
    if (pause := throttle.wait(email)) > 0:
        problem = say("Too many wrong passwords. Try again in {seconds} seconds.", seconds=round(pause) or 1)
        return _form(request, to, email=email, problem=problem, status=429)
    identity = accounts.check(email, fields["password"])
    if identity is None:
        throttle.failed(email)
        problem = say("Address and password do not belong together.")
        return _form(request, to, email=email, problem=problem, status=422)
    throttle.succeeded(email)
    answer = _arrive(request, sessions.start(identity), to)
    answer.delete_cookie(PENDING, path="/")
    return answer


def _sign_out(sessions: SessionIdentity) -> Any:
    @post("/-/sign-out", status_code=303)
    async def sign_out(request: AppRequest) -> Html:
        """End this session."""
        await read_sent(request)
        await sync_to_thread(sessions.end, request.cookies.get(COOKIE, ""))
        answer = _bare(request, 200, "Signed out", "You can close this page.", again=True)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    return sign_out


def _form(request: AppRequest, to: str, *, email: str = "", problem: str = "", status: int = 200) -> Html:
    """The form, with a token that holds for this browser only."""
    runtime = runtime_of(request)
    pending = request.cookies.get(PENDING, "") or secrets.token_urlsafe(24)
    html = runtime.renderer.render(
        "sign_in.html",
        csrf_token=runtime.signer.form_token(f"sign-in {pending}"),
        to=to,
        email=email,
        problem=problem,
    )
    answer: Html = Response(html, media_type="text/html", status_code=status, headers={"cache-control": "no-store"})
    _set(request, answer, PENDING, pending, FORM_SECONDS)
    return answer


def _arrive(request: AppRequest, cookie: str, to: str) -> Html:
    answer: Html = Redirect(quote(to, safe="/?&=%~.-_+,;:@!$'()*"), status_code=303)
    _set(request, answer, COOKIE, cookie, SESSION_SECONDS)
    return answer


def _set(request: AppRequest, answer: Html, name: str, value: str, seconds: int) -> None:
    secure = runtime_of(request).settings.public_url.startswith("https://")
    answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", path="/", secure=secure)


def _unavailable(request: AppRequest, error: ProviderUnavailable) -> Html:
    log.error("the sign-in provider cannot be used: %s", error)
    return _bare(
        request, 503, "Sign-in is not available", "The sign-in service does not answer. Try again in a minute."
    )


def _bare(request: AppRequest, status: int, heading: str, message: str, *, again: bool = False) -> Html:
    renderer = runtime_of(request).renderer
    say = renderer.language.say
    html = renderer.render(
        "bare.html", heading=say(heading), message=say(message), status="" if again else status, again=again
    )
    return Response(html, media_type="text/html", status_code=status, headers={"cache-control": "no-store"})
