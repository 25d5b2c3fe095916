"""What every page about one app needs, and how its forms come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.response import Redirect
from markupsafe import Markup

from appliance.web.edit_words import in_words
from appliance.web.forms import Form
from appliance.web.limits import TooMany
from appliance.web.render import page

if TYPE_CHECKING:
    from appliance.studio.gathering import Gathered
    from appliance.web.services import Services

SECTIONS: Final = {
    "app": "App",
    "data": "Data",
    "pages": "Pages",
    "access": "Access",
    "look": "Look",
    "code": "Code",
    "people": "People",
    "checks": "Checks",
    "versions": "Versions",
    "blueprint": "Blueprint",
    "publish": "Publish",
}
SWAP: Final = Markup(
    'hx-boost="true" hx-target="#editor" hx-select="#editor" hx-swap="outerHTML" hx-push-url="false"'
    ' hx-sync="this:drop"'
)
"""On a form of an editing page: the answer's editor takes the place of this one, without a reload."""
MAX_CONTROLS: Final = 1000


def workspace(
    request: Request[Any, Any, Any], app_id: str, section: str, template: str, *, status: int = 200, **values: Any
) -> Response[Any]:
    """A page about one of the person's own apps.

    Raises:
        NotFound: it does not exist or is somebody else's.
    """
    services: Services = request.app.state.services
    studio = services.studio
    view = studio.project_service.view(request.state.actor, app_id)
    gathered: Gathered | None = values.pop("gathered", None)
    if gathered is None and view.blueprint is not None:
        gathered = studio.gathering.get(request.state.actor, app_id)
    context: dict[str, Any] = {
        "view": view,
        "project": view.project,
        "section": section,
        "sections": SECTIONS,
        "swap": SWAP,
        "building": view.latest is not None and not view.latest.state.final,
        "limit": services.settings.build.prompt_characters,
        "gathered": [] if gathered is None else list(map(in_words, gathered.edits)),
        "lost": [] if gathered is None else list(map(in_words, gathered.lost)),
        **values,
    }
    return page(request, template, status=status, **context)


def gathered_for(request: Request[Any, Any, Any], app_id: str) -> Gathered:
    """What is gathered for one of the person's own apps."""
    services: Services = request.app.state.services
    return services.studio.gathering.get(request.state.actor, app_id)


async def form_of(request: Request[Any, Any, Any]) -> Form:
    """The form that was sent, as texts."""
    sent = await request.form()
    values: dict[str, list[str]] = {}
    for number, (name, value) in enumerate(sent.multi_items()):
        if number >= MAX_CONTROLS:
            raise TooMany.now()
        values.setdefault(name, []).append(value if isinstance(value, str) else "")
    return Form(values)


def back_to(app_id: str, section: str, **query: str) -> Response[Any]:
    """To a page about the app, after a form."""
    path = f"/apps/{app_id}" + ("" if section == "app" else f"/{section}")
    target = path + (f"?{urlencode(query)}" if any(query.values()) else "")
    return Redirect(target, status_code=303)


def leave_to(request: Request[Any, Any, Any], target: str) -> Response[Any]:
    """To another page as a whole; htmx is told to load it instead of swapping a part."""
    if request.headers.get("hx-request") == "true":
        return Response("", headers={"HX-Redirect": target})
    return Redirect(target, status_code=303)


def slow_down(request: Request[Any, Any, Any]) -> None:
    """Refuse what asks for the model or the sandbox more often than a person does.

    Raises:
        TooMany: right now.
    """
    if not request.app.state.limits.builds.allow(request.state.session.key):
        raise TooMany.now()
