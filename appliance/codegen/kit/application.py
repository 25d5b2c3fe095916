"""From a definition and settings to an ASGI application."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litestar import Litestar, Response, Router, get
from litestar.params import FromQuery
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from .database import Database
from .examples import load_examples
from .files import FileStore
from .identity import COOKIE, SESSION_SECONDS, HeaderIdentity, LocalIdentity
from .inbox import put_away, show_reminders
from .numbering import catch_up
from .pages import home, page_handlers
from .people import save_details, show_details, show_people
from .rendering import Renderer
from .security import load_signer, security_headers
from .settings import Login
from .visit import Runtime
from .web import MAX_BODY_BYTES, AppRequest, Html, answer_error, identify, runtime_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .definition import Definition
    from .security import Signer
    from .sessions import SessionIdentity
    from .settings import Settings

KIT = Path(__file__).parent


@get("/healthz", opt={"public": True}, sync_to_thread=False)
def healthz() -> dict[str, str]:
    """Whether the app serves."""
    return {"status": "ok"}


@get("/-/sign-in", opt={"public": True}, sync_to_thread=False)
def sign_in(request: AppRequest, code: FromQuery[str] = "") -> Html:
    """Alone: turn the one-time link into a session."""
    provider = runtime_of(request).identity
    if not isinstance(provider, LocalIdentity):
        return Redirect("/", status_code=303)
    answer = Redirect("/", status_code=303)
    answer.set_cookie(COOKIE, provider.redeem(code), max_age=SESSION_SECONDS, httponly=True, samesite="lax", path="/")
    return answer


def build_runtime(definition: Definition, settings: Settings) -> Runtime:
    """Open the data folder and the database, make missing tables, load examples if asked to."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    if settings.login is not Login.LINK:
        importlib.import_module(".accounts", __package__)  # its tables
    database.create_tables()
    if settings.load_examples:
        load_examples(database, definition)
    with database.writing() as session:
        catch_up(session, definition.entities)
    signer = load_signer(settings.data_dir)
    identity = _identity(settings, database, signer)
    return Runtime(
        definition=definition,
        settings=settings,
        database=database,
        files=FileStore(settings.data_dir / "files"),
        signer=signer,
        renderer=Renderer(definition, KIT),
        identity=identity,
    )


def _identity(
    settings: Settings, database: Database, signer: Signer
) -> HeaderIdentity | LocalIdentity | SessionIdentity:
    if not settings.alone:
        return HeaderIdentity(settings)
    if settings.login is Login.LINK:
        return LocalIdentity(signer)
    from .sessions import SessionIdentity  # noqa: PLC0415 - its tables exist only where somebody signs in here

    return SessionIdentity(database)


def _sign_in(runtime: Runtime) -> Sequence[Any]:
    if runtime.settings.login is Login.LINK:
        return (sign_in,)
    from .login import handlers  # noqa: PLC0415 - as above

    return handlers(runtime)


def _api(definition: Definition) -> Sequence[Any]:
    if definition.api is None:
        return ()
    from .api.serving import handlers  # noqa: PLC0415 - only apps with a contract need it

    return handlers(definition.api)


def build(definition: Definition, settings: Settings) -> Litestar:
    """The application, ready to serve."""
    runtime = build_runtime(definition, settings)
    headers = security_headers(settings)

    def add_headers(response: Response[Any]) -> Response[Any]:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if response.status_code in (301, 302, 303, 307, 308):
            response.headers.setdefault("cache-control", "no-store")  # it sets cookies, and says what a person did
        return response

    static = create_static_files_router(
        path="/static",
        directories=[definition.folder / "static", KIT / "static"],
        opt={"public": True},
        cache_control=None,
        include_in_schema=False,
    )
    app = Litestar(
        route_handlers=[
            healthz,
            *_sign_in(runtime),
            home,
            show_reminders,
            put_away,
            show_people,
            show_details,
            save_details,
            *(handler for page in definition.pages for handler in page_handlers(page)),
            *(
                Router(f"/{controller.entity.slug}", route_handlers=[controller])
                for controller in definition.controllers
            ),
            *_api(definition),
            static,
        ],
        before_request=identify,
        after_request=add_headers,
        exception_handlers={Exception: _with_headers(headers)},
        openapi_config=None,
        request_max_body_size=MAX_BODY_BYTES,
        on_shutdown=[runtime.database.close],
        logging_config=None,
    )
    app.state["runtime"] = runtime
    return app


def _with_headers(headers: dict[str, str]) -> Any:
    def handler(request: AppRequest, error: Exception) -> Html:
        answer = answer_error(request, error)
        for name, value in headers.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("cache-control", "no-store")
        return answer

    return handler
