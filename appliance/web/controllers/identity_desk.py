"""The operator's desk for identity: records of provisioning, tokens of identity systems, the directory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, get, post
from msgspec import Struct

from appliance.authz.actions import Action
from appliance.core.errors import Refused
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.web.access import LOCAL, rule

if TYPE_CHECKING:
    from appliance.web.services import Services

_RULE = rule(LOCAL, Action.ADMINISTER)


class ProvisioningBegun(Struct, forbid_unknown_fields=True):
    """What is about to be changed in the realm."""

    realm: str
    changes: list[str]


class ProvisioningEnded(Struct, forbid_unknown_fields=True):
    """How far it came."""

    index: int
    leaf_hash: str
    result: Outcome
    done: int


class Named(Struct, forbid_unknown_fields=True):
    """A token, by name."""

    name: str


class Wish(Struct, forbid_unknown_fields=True):
    """``accept``: believe that many people have left at once."""

    accept: bool = False


class IdentityDeskController(Controller):
    """``/api/identity``, from this machine only."""

    path = "/api/identity"

    @post("/provisioning", opt=_RULE, status_code=201, sync_to_thread=True)
    def begin(self, request: Request[Any, Any, Any], data: ProvisioningBegun) -> dict[str, Any]:
        """Record that the realm is about to be changed."""
        services: Services = request.app.state.services
        leaf = services.audit.intent(
            Event.REALM_PROVISIONED,
            principal=request.state.actor.principal,
            resource=f"realm:{data.realm}",
            details={"realm": data.realm, "changes": data.changes},
        )
        return {"index": leaf.index, "leaf_hash": leaf.leaf_hash}

    @post("/provisioning/end", opt=_RULE, status_code=200, sync_to_thread=True)
    def end(self, request: Request[Any, Any, Any], data: ProvisioningEnded) -> dict[str, Any]:
        """Record how it ended."""
        services: Services = request.app.state.services
        details = {"done": data.done} if data.result is Outcome.DONE else {"reason": f"after {data.done} changes"}
        services.audit.outcome(LeafRef(data.index, data.leaf_hash), data.result, details=details)
        return {}

    @get("/scim-tokens", opt=_RULE, sync_to_thread=True)
    def tokens(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Names of the tokens; the tokens themselves are known to nobody here."""
        services: Services = request.app.state.services
        return {"tokens": [{"name": name, "created": at} for name, at in services.directory.directory.tokens()]}

    @post("/scim-tokens", opt=_RULE, status_code=201, sync_to_thread=True)
    def make_token(self, request: Request[Any, Any, Any], data: Named) -> dict[str, Any]:
        """Make a token; the answer is the only time that it is told."""
        services: Services = request.app.state.services
        details = {"name": data.name[:64]}
        principal = request.state.actor.principal
        with act(services.audit, Event.SCIM_TOKEN_MADE, principal=principal, resource="directory", details=details):
            return {"name": data.name, "token": services.directory.tokens.make(data.name)}

    @post("/scim-tokens/revoke", opt=_RULE, status_code=200, sync_to_thread=True)
    def revoke_token(self, request: Request[Any, Any, Any], data: Named) -> dict[str, Any]:
        """Revoke a token at once."""
        services: Services = request.app.state.services
        details = {"name": data.name[:64]}
        principal = request.state.actor.principal
        with act(services.audit, Event.SCIM_TOKEN_REVOKED, principal=principal, resource="directory", details=details):
            if not services.directory.tokens.revoke(data.name):
                message = f"There is no token {data.name[:64]!r}."
                raise NotFound(message, action="See `intramural identity scim-token list`.")
        return {}

    @post("/sync", opt=_RULE, status_code=200, sync_to_thread=True)
    def sync(self, request: Request[Any, Any, Any], data: Wish) -> dict[str, Any]:
        """Read the provider's people now."""
        services: Services = request.app.state.services
        if services.directory.sync is None:
            message = "No directory is read here."
            raise Refused(message, action='Set identity.directory to "keycloak", or let SCIM push people.')
        return {"left": services.directory.sync.once(accept=data.accept)}

    @get("/orphans", opt=_RULE, sync_to_thread=True)
    def orphans(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Apps whose owner has left and whom nobody followed."""
        services: Services = request.app.state.services
        found = services.directory.departures.orphans()
        return {"apps": [{"id": one.id, "name": one.name, "owner": one.owner.subject} for one in found]}
