"""Kiosks: a form without sign-in that adds one row and can do nothing else.

Whoever sends it is ``@public``: not a person, with no right but to add rows of this entity and to read the names among
which a listed reference is chosen. Behind a front door the request carries an identity with that role and no other;
the rest of the app refuses it (``web.identify``). The page brings its style along and runs no script, so that nothing
but its own address has to be open.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException

from .access import ALL, Access, Grant
from .columns import FieldSpec, Kind
from .conditions import moment
from .forms import Form, empty_form, read_form
from .identity import HEADER, PUBLIC, HeaderIdentity, Identity, NotIdentified
from .pickers import ref_choices
from .records import Person
from .saving import save
from .security import same_origin, security_headers
from .values import is_email
from .visit import NotAllowed, Visit
from .web import AppRequest, Html, page, runtime_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from litestar.handlers import HTTPRouteHandler
    from sqlmodel import Session

    from .definition import Definition, KioskPage
    from .visit import Runtime

TOKEN_SECONDS: Final = 4 * 3600
THANKS_SECONDS: Final = 10
IDLE_SECONDS: Final = 300
IDLE_SECONDS_LONG: Final = 1800
"""After this time a form that somebody left is shown empty again; longer where long texts are written."""
MAX_BODY_BYTES: Final = 64 * 1024
BURST, PER_MINUTE = 20, 30
MAX_SPENT: Final = 2_000
SOMEBODY: Final = Identity(PUBLIC, "", "", frozenset({PUBLIC}))
_TRAPS: Final = ("homepage", "fax", "second_email", "middle_initial", "street_2")
_STYLES: Final = ("kit.css", "kiosk.css", "app.css")


@dataclass
class Turnstile:
    """How often one kiosk takes something, and which of its forms were sent already. Safe for several threads."""

    tokens: float = BURST
    then: float = field(default_factory=time.monotonic)
    spent: OrderedDict[str, None] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lets_through(self) -> bool:
        """Whether one more may pass now: :data:`BURST` at once, :data:`PER_MINUTE` on average."""
        with self.lock:
            now = time.monotonic()
            self.tokens = min(BURST, self.tokens + (now - self.then) * PER_MINUTE / 60)
            self.then = now
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True

    def was_sent(self, form: str) -> bool:
        """Whether this form was taken already."""
        with self.lock:
            return form in self.spent

    def take(self, form: str) -> None:
        """Remember that this form was taken."""
        with self.lock:
            self.spent[form] = None
            while len(self.spent) > MAX_SPENT:
                self.spent.popitem(last=False)


def show(request: AppRequest, visit: Visit, shown: KioskPage) -> Html:
    """For those who work here: what the public form asks, and its address."""
    entity = shown.entity
    asked = _asked(shown)
    missing = [spec.label for spec in _unasked(shown)]
    return page(
        request,
        visit,
        "kiosk_about.html",
        heading=shown.title,
        entity=entity,
        shown=shown,
        asked=asked,
        missing=missing,
    )


def handlers(shown: KioskPage) -> list[HTTPRouteHandler]:
    """``GET`` and ``POST /kiosk/P``."""
    turnstile = Turnstile()

    @get(f"/kiosk/{shown.slug}", opt={"public": True}, name=f"kiosk-{shown.slug}")
    async def open_form(request: AppRequest) -> Html:
        _require_public(request)
        return await sync_to_thread(_opened, request, shown)

    @post(f"/kiosk/{shown.slug}", opt={"public": True}, status_code=303, request_max_body_size=MAX_BODY_BYTES)
    async def send(request: AppRequest) -> Html:
        _require_public(request)
        sent = await _read(request)
        return await sync_to_thread(_add, request, shown, turnstile, sent)

    return [open_form, send]


def _opened(request: AppRequest, shown: KioskPage) -> Html:
    runtime = runtime_of(request)
    if "done" in request.query_params:
        return _page(runtime, shown, "kiosk_thanks.html", refresh=THANKS_SECONDS)
    with runtime.database.reading() as session:
        visit = _visit(runtime, session, shown)
        return _form_page(visit, shown, empty_form(visit, shown.entity, {}))


def _require_public(request: AppRequest) -> None:
    """Behind a front door: only with the identity that it gives to those who are let through without a session."""
    provider = runtime_of(request).identity
    if isinstance(provider, HeaderIdentity) and PUBLIC not in provider.identify(request.headers.get(HEADER, "")).roles:
        raise NotIdentified("a kiosk is for the public")


async def _read(request: AppRequest) -> dict[str, str]:
    if not same_origin(request.headers.get("origin"), request.headers.get("host", "")):
        raise NotAllowed("This form was sent from another site, so nothing was changed.")
    try:
        form = await request.form()
    except UnicodeDecodeError as error:
        raise ClientException("The form is not valid UTF-8.") from error
    sent: dict[str, str] = {}
    for name in form:
        value = form.getall(name)[-1]
        if isinstance(value, UploadFile):
            raise ClientException("This form takes no files.")
        sent[name] = value
    return sent


def _add(request: AppRequest, shown: KioskPage, turnstile: Turnstile, sent: dict[str, str]) -> Html:
    runtime = runtime_of(request)
    number = runtime.signer.open(_purpose(shown), sent.get("csrf_token", "")) if sent.get("csrf_token") else None
    allowed = turnstile.lets_through()
    done = f"/kiosk/{shown.slug}?done=1"
    if isinstance(number, str) and turnstile.was_sent(number):
        return _redirect(done)  # sent twice by an impatient finger: once is enough
    if sent.get(_trap(shown), ""):
        return _redirect(done)  # no person sees that field
    with runtime.database.writing() as session:
        visit = _visit(runtime, session, shown)
        form = _checked(visit, shown, sent)
        say, status = visit.language.say, 422
        if not isinstance(number, str):
            form.problem = say("This form had been open for long, so nothing was sent yet. Please send it once more.")
        elif not allowed:
            form.problem, status = (
                say("Many people are using this form right now. Please send it again in a minute."),
                429,
            )
        elif form.ok and save(visit, form, None) is not None:
            turnstile.take(number)
            return _redirect(done)
        answer = _form_page(visit, shown, form, status=status)
        session.rollback()
        return answer


def _checked(visit: Visit, shown: KioskPage, sent: Mapping[str, str]) -> Form:
    """The form as it was sent. A person is named by address only: names would tell who is known here."""
    people = [spec for spec in _asked(shown) if spec.kind is Kind.PERSON]
    wrong = {spec.name for spec in people if sent.get(spec.name, "").strip() and not is_email(sent[spec.name].strip())}
    names = tuple(spec.name for spec in _asked(shown))
    asked = {name: value for name, value in sent.items() if name in names and name not in wrong}
    form = read_form(visit, shown.entity, asked, None, only=names)
    for name in wrong:
        form.texts[name] = sent[name]
        form.errors[name] = visit.language.say("This is not an e-mail address. Write one such as name@example.com.")
    return form


def _form_page(visit: Visit, shown: KioskPage, form: Form, *, status: int = 200) -> Html:
    asked = _asked(shown)
    long = any(spec.kind is Kind.LONGTEXT for spec in asked)
    runtime = visit.runtime
    token = runtime.signer.seal(_purpose(shown), secrets.token_urlsafe(9), seconds=TOKEN_SECONDS)
    return _page(
        runtime,
        shown,
        "kiosk.html",
        status=status,
        refresh=IDLE_SECONDS_LONG if long else IDLE_SECONDS,
        form=form,
        asked=asked,
        refs={spec.name: ref_choices(visit, spec) for spec in asked if spec.kind is Kind.REF},
        trap=_trap(shown),
        csrf_token=token,
    )


def _page(
    runtime: Runtime, shown: KioskPage, template: str, *, status: int = 200, refresh: int, **context: object
) -> Html:
    style = "\n".join(_styles(runtime.definition)).replace("</", "<\\/")  # nothing in it ends its element
    html = runtime.renderer.render(
        template, shown=shown, heading=shown.title, entity=shown.entity, style=style, refresh=refresh, **context
    )
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = security_headers(runtime.settings)["content-security-policy"]
    replaced = {"style-src": f"'sha256-{digest}'", "script-src": "'none'", "img-src": "data:"}
    for name, source in replaced.items():
        policy = policy.replace(f"{name} 'self'", f"{name} {source}")
    headers = {"cache-control": "no-store", "content-security-policy": policy, "x-robots-tag": "noindex"}
    return Response(html, media_type="text/html", status_code=status, headers=headers)


def _styles(definition: Definition) -> Iterator[str]:
    from pathlib import Path  # noqa: PLC0415 - beside the only place that needs it

    for name in _STYLES:
        folders = (definition.folder / "static", Path(__file__).parent / "static")
        yield next((path.read_text(encoding="utf-8") for folder in folders if (path := folder / name).is_file()), "")


def _redirect(address: str) -> Html:
    return Response("", status_code=303, headers={"location": address, "cache-control": "no-store"})


def _purpose(shown: KioskPage) -> str:
    return f"kiosk:{shown.slug}"


def _asked(shown: KioskPage) -> list[FieldSpec]:
    """What the form asks, in its order; never a file, and nothing that the app works out by itself."""
    found = (shown.entity.field(name) for name in shown.fields)
    return [spec for spec in found if spec is not None and spec.is_given and not spec.is_upload]


def _unasked(shown: KioskPage) -> list[FieldSpec]:
    """Required fields without a default that the form does not ask: with them nothing can be added."""
    asked = _asked(shown)
    return [
        spec
        for spec in shown.entity.kept
        if spec.required and spec.is_given and spec.default is None and spec not in asked
    ]


def _trap(shown: KioskPage) -> str:
    """The name of a field that people do not see and programs like to fill in."""
    return next((name for name in _TRAPS if shown.entity.field(name) is None), "x_homepage")


def _visit(runtime: Runtime, session: Session, shown: KioskPage) -> Visit:
    """Somebody from outside: may add rows, and knows the names among which a listed reference is chosen."""
    table = {shown.entity.table: {PUBLIC: Grant(create=ALL)}}
    for spec in _asked(shown):
        if spec.kind is Kind.REF:
            create = table.get(spec.target, {}).get(PUBLIC, Grant()).create
            table[spec.target] = {PUBLIC: Grant(create=create, names=ALL)}
    access = Access(table, SOMEBODY.roles, ())
    return Visit(runtime, session, SOMEBODY, Person(), access, moment(()))
