"""Keys for programs: the page of one's own, and the operator's way on this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect
from msgspec import Struct

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError
from appliance.identity.api_keys import Scope
from appliance.studio.api_keys import service_principal
from appliance.studio.errors import NotFound
from appliance.studio.people import principal_of as person_principal
from appliance.studio.permits import as_principal
from appliance.web.access import LOCAL, SIGNED_IN, rule
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.rules import permits, require
from appliance.web.workspace import form_of

if TYPE_CHECKING:
    from appliance.db.records import ApiKey
    from appliance.studio.api_keys import ApiKeys, NewKey
    from appliance.web.forms import Form
    from appliance.web.services import Services

LIFETIMES = (30, 90, 365)
USES = {
    Scope.MODELS: "List the models",
    Scope.CHAT: "Chat",
    Scope.COMPLETIONS: "Complete text and code",
}


class WantedKey(Struct, forbid_unknown_fields=True):
    """A key that the operator on this machine wants for a service account."""

    service: str
    name: str = ""
    scopes: list[str] = []
    days: int = 0


class ApiKeyController(Controller):
    """``/keys`` for people, ``/api/keys`` for the operator's command line."""

    @get("/keys", opt=rule(SIGNED_IN, Action.USE_STUDIO), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """One's own keys; for operators those of service accounts too."""
        return _show(request)

    @post("/keys", opt=rule(SIGNED_IN, Action.CREATE_API_KEY, by_handler=True), status_code=200)
    async def create(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Make a key and show its secret, this once."""
        form = await form_of(request)
        return await asyncio.to_thread(_create, request, form)

    @post("/keys/{key_id:str}/revoke", opt=rule(SIGNED_IN, Action.REVOKE_API_KEY, by_handler=True), sync_to_thread=True)
    def revoke(self, request: Request[Any, Any, Any], key_id: str) -> Response[Any]:
        """End a key."""
        _revoke(request, key_id)
        return Redirect("/keys", status_code=303)

    @get("/api/keys", opt=rule(LOCAL, Action.ADMINISTER), sync_to_thread=True)
    def list_all(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Every key."""
        keys: ApiKeys = request.app.state.services.api.keys
        return {"keys": [_told(key, keys) for key in keys.everyones()]}

    @post(
        "/api/keys",
        opt=rule(LOCAL, Action.CREATE_API_KEY, by_handler=True),
        status_code=201,
        sync_to_thread=True,
    )
    def create_for_service(self, request: Request[Any, Any, Any], data: WantedKey) -> dict[str, Any]:
        """Make a key for a service account."""
        services: Services = request.app.state.services
        actor = request.state.actor
        _require(request, Action.CREATE_API_KEY, "new", service_principal(data.service))
        made = services.api.keys.create_for_service(
            data.service, created_by=actor.principal, name=data.name, scopes=data.scopes, days=data.days
        )
        return {"key": _told(made.key, services.api.keys), "secret": made.secret}

    @post(
        "/api/keys/{key_id:str}/revoke",
        opt=rule(LOCAL, Action.REVOKE_API_KEY, by_handler=True),
        status_code=200,
        sync_to_thread=True,
    )
    def revoke_as_operator(self, request: Request[Any, Any, Any], key_id: str) -> dict[str, Any]:
        """End any key."""
        services: Services = request.app.state.services
        _revoke(request, key_id)
        key = services.api.keys.find(key_id)
        return {} if key is None else {"key": _told(key, services.api.keys)}


def _create(request: Request[Any, Any, Any], form: Form) -> Response[Any]:
    services: Services = request.app.state.services
    person, service = request.state.actor.person, form.one("service")
    owner = service_principal(service) if service else person_principal(person)
    days = int(form.one("days")) if form.one("days").isdecimal() and len(form.one("days")) < 5 else 0
    _require(request, Action.CREATE_API_KEY, "new", owner)
    keys = services.api.keys
    try:
        if service:
            made = keys.create_for_service(
                service,
                created_by=request.state.actor.principal,
                name=form.one("name"),
                scopes=form.all("use"),
                days=days,
            )
        else:
            groups = request.state.session.groups
            made = keys.create(person, groups, name=form.one("name"), scopes=form.all("use"), days=days)
    except IntramuralError as error:
        return _show(request, error=error)
    return _show(request, made=made)


def _revoke(request: Request[Any, Any, Any], key_id: str) -> None:
    services: Services = request.app.state.services
    key = services.api.keys.find(key_id)
    _require(request, Action.REVOKE_API_KEY, key_id[:40], "" if key is None else key.principal, exists=key is not None)
    services.api.keys.revoke(key_id, by=request.state.actor.principal)


def _require(request: Request[Any, Any, Any], action: Action, key_id: str, owner: str, *, exists: bool = True) -> None:
    require(request, as_principal(request.state.actor), action, questions.api_key(key_id, owner=owner))
    if not exists:
        message = "There is no such API key."
        raise NotFound(message, action="Reload the list of keys.")


def _show(
    request: Request[Any, Any, Any], *, made: NewKey | None = None, error: IntramuralError | None = None
) -> Response[Any]:
    services: Services = request.app.state.services
    actor, keys = request.state.actor, services.api.keys
    mine = questions.api_key("new", owner=person_principal(actor.person))
    service = questions.api_key("new", owner=service_principal("any"))
    operator = permits(services, actor, Action.CREATE_API_KEY, service)
    model = questions.model("default", ceiling=questions.LEVELS.index(services.settings.model.ceiling))
    known = services.api.model.description()
    return page(
        request,
        "api_keys.html",
        status=200 if error is None else status_of(error),
        may_make=permits(services, actor, Action.CREATE_API_KEY, mine)
        and permits(services, actor, Action.USE_MODEL, model),
        keys=[_row(key, keys) for key in keys.of_person(actor.person)],
        services=[_row(key, keys) for key in keys.of_services()] if operator else None,
        made=made,
        uses=[(scope.value, words) for scope, words in USES.items()],
        lifetimes=[days for days in LIFETIMES if days <= services.settings.api.max_key_days],
        usual=services.settings.api.key_days,
        sign_in_days=services.settings.api.sign_in_days,
        base=f"{services.addresses.studio}/v1",
        model="" if known is None else known.model,
        error=error,
    )


def _row(key: ApiKey, keys: ApiKeys) -> dict[str, Any]:
    state = "live" if keys.live(key) else "revoked" if key.revoked_at is not None else "expired"
    uses = [words for scope, words in USES.items() if scope.value in key.scopes]
    return {"key": key, "state": state, "uses": uses, "everything": len(uses) == len(USES)}


def _told(key: ApiKey, keys: ApiKeys) -> dict[str, Any]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "name": key.name,
        "holder": key.principal,
        "scopes": sorted(key.scopes),
        "created_by": key.created_by,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat(),
        "used_at": None if key.used_at is None else key.used_at.isoformat(),
        "state": _row(key, keys)["state"],
    }
