"""What a Keycloak realm must hold for the appliance, as values, in the terms of Keycloak's admin API. Pure.

Only fields that are named here are owned: everything else in a realm is left as it is. Sources: DESIGN §8, OAuth 2.0
security best current practice (RFC 9700), Keycloak 26 server administration guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from appliance.identity.roles import StudioRole

Json = Mapping[str, object]

STUDIO_CLIENT: Final = "intramural-studio"
TERMINAL_CLIENT: Final = "intramural-terminal"
DIRECTORY_CLIENT: Final = "intramural-directory"
API_AUDIENCE: Final = "intramural-api"
GROUPS_SCOPE: Final = "groups"
FLOW: Final = "intramural-sign-in"
ACCESS_TOKEN_SECONDS: Final = 300
_DAY: Final = 86_400
_LOGGED_EVENTS: Final = """
CLIENT_LOGIN CLIENT_LOGIN_ERROR CODE_TO_TOKEN CODE_TO_TOKEN_ERROR IMPERSONATE LOGIN LOGIN_ERROR LOGOUT LOGOUT_ERROR
OAUTH2_DEVICE_AUTH OAUTH2_DEVICE_CODE_TO_TOKEN OAUTH2_DEVICE_CODE_TO_TOKEN_ERROR REFRESH_TOKEN_ERROR REMOVE_CREDENTIAL
RESET_PASSWORD UPDATE_CREDENTIAL USER_DISABLED_BY_PERMANENT_LOCKOUT USER_DISABLED_BY_TEMPORARY_LOCKOUT
"""


class Kind(StrEnum):
    """Kinds of things, in the order in which they are made."""

    REALM = "realm"
    FLOW = "sign-in flow"
    ROLE = "role"
    GROUP = "group"
    SCOPE = "client scope"
    CLIENT = "client"
    ACCOUNT = "service account"


@dataclass(frozen=True)
class Resource:
    """One thing and the fields of it that are owned. ``name`` is unique within its kind."""

    kind: Kind
    name: str
    want: Json


@dataclass(frozen=True)
class Deployment:
    """What is particular to one installation.

    ``studio`` is the studio's origin. ``studio_jwks`` and ``directory_jwks`` are public keys (JWK Set, JSON text): the
    appliance proves with the private ones who it is (RFC 7523), so that no secret is ever handed over. ``automation``
    maps names of the customer's own service accounts to theirs. ``existing`` says that the realm belongs to somebody
    else: its own settings and sign-in flow are then looked at, never changed.
    """

    realm: str
    studio: str
    studio_jwks: str
    directory_jwks: str
    automation: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, StudioRole] = field(default_factory=lambda: {role.value: role for role in StudioRole})
    existing: bool = False


def wanted(deployment: Deployment) -> tuple[Resource, ...]:
    """Everything, in the order in which it must be made."""
    roles = tuple(StudioRole)
    return (
        Resource(Kind.REALM, deployment.realm, _realm()),
        Resource(Kind.FLOW, FLOW, {"executions": [dict(step) for step in SIGN_IN_STEPS]}),
        *(Resource(Kind.ROLE, role.value, {"description": f"Intramural: {role.value}"}) for role in roles),
        *(
            Resource(Kind.GROUP, name, {"path": f"/{name}", "realmRoles": [role.value]})
            for name, role in sorted(deployment.groups.items())
        ),
        Resource(Kind.SCOPE, GROUPS_SCOPE, _groups_scope()),
        Resource(Kind.SCOPE, API_AUDIENCE, _api_scope()),
        Resource(Kind.CLIENT, STUDIO_CLIENT, _studio(deployment)),
        Resource(Kind.CLIENT, TERMINAL_CLIENT, _terminal()),
        Resource(Kind.CLIENT, DIRECTORY_CLIENT, _machine("Reads people", deployment.directory_jwks, api=False)),
        *(
            Resource(Kind.CLIENT, name, _machine("Automation", jwks, api=True))
            for name, jwks in sorted(deployment.automation.items())
        ),
        Resource(Kind.ACCOUNT, DIRECTORY_CLIENT, {"realm-management": ["query-groups", "query-users", "view-users"]}),
    )


def _realm() -> Json:
    return {
        "enabled": True,
        "displayName": "Intramural",
        "sslRequired": "external",
        "registrationAllowed": False,
        "rememberMe": False,
        "editUsernameAllowed": False,
        "duplicateEmailsAllowed": False,
        "bruteForceProtected": True,
        "permanentLockout": False,
        "failureFactor": 5,
        "waitIncrementSeconds": 60,
        "maxFailureWaitSeconds": 900,
        "quickLoginCheckMilliSeconds": 1000,
        "minimumQuickLoginWaitSeconds": 60,
        "maxDeltaTimeSeconds": 43_200,
        "accessTokenLifespan": ACCESS_TOKEN_SECONDS,
        "accessCodeLifespan": 60,
        "ssoSessionIdleTimeout": 1800,
        "ssoSessionMaxLifespan": 36_000,
        "offlineSessionMaxLifespanEnabled": True,
        "oauth2DeviceCodeLifespan": 600,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "defaultSignatureAlgorithm": "RS256",
        "eventsEnabled": True,
        "eventsExpiration": 90 * _DAY,
        "enabledEventTypes": sorted(_LOGGED_EVENTS.split()),
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
        "browserFlow": FLOW,
        "attributes": {"acr.loa.map": _LEVELS, "oauth2DevicePollingInterval": "5"},
    }


_LEVELS: Final = json.dumps({"1": 1, "2": 2}, separators=(",", ":"))

# Level 1 is the password, level 2 a second factor that is not older than five minutes (Keycloak: "step-up
# authentication"). ``parent`` is the sub-flow that a step stands in; an empty one is the flow itself.
SIGN_IN_STEPS: Final[tuple[Mapping[str, object], ...]] = (
    {"name": "auth-cookie", "parent": "", "requirement": "ALTERNATIVE"},
    {"name": "identity-provider-redirector", "parent": "", "requirement": "ALTERNATIVE"},
    {"name": "intramural-forms", "parent": "", "requirement": "ALTERNATIVE", "flow": True},
    {"name": "intramural-level-1", "parent": "intramural-forms", "requirement": "CONDITIONAL", "flow": True},
    {
        "name": "conditional-level-of-authentication",
        "parent": "intramural-level-1",
        "requirement": "REQUIRED",
        "config": {"loa-condition-level": "1", "loa-max-age": "36000"},
    },
    {"name": "auth-username-password-form", "parent": "intramural-level-1", "requirement": "REQUIRED"},
    {"name": "intramural-level-2", "parent": "intramural-forms", "requirement": "CONDITIONAL", "flow": True},
    {
        "name": "conditional-level-of-authentication",
        "parent": "intramural-level-2",
        "requirement": "REQUIRED",
        "config": {"loa-condition-level": "2", "loa-max-age": "300"},
    },
    {"name": "auth-otp-form", "parent": "intramural-level-2", "requirement": "REQUIRED"},
)


def _groups_scope() -> Json:
    mapper = {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {
            "claim.name": "groups",
            "full.path": "true",
            "id.token.claim": "true",
            "access.token.claim": "true",
            "userinfo.token.claim": "false",
            "introspection.token.claim": "false",
        },
    }
    return _scope("The groups of a person, as paths", [mapper])


def _api_scope() -> Json:
    mapper = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {
            "included.custom.audience": API_AUDIENCE,
            "access.token.claim": "true",
            "id.token.claim": "false",
            "introspection.token.claim": "false",
        },
    }
    return _scope("Tokens for the appliance's API", [mapper])


def _scope(description: str, mappers: list[Json]) -> Json:
    return {
        "description": description,
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true", "display.on.consent.screen": "false"},
        "protocolMappers": mappers,
    }


_CLOSED: Final[Json] = {
    "enabled": True,
    "protocol": "openid-connect",
    "implicitFlowEnabled": False,
    "directAccessGrantsEnabled": False,
    "standardFlowEnabled": False,
    "serviceAccountsEnabled": False,
    "publicClient": False,
    "fullScopeAllowed": False,
    "frontchannelLogout": False,
    "webOrigins": [],
}


def _studio(deployment: Deployment) -> Json:
    origin = deployment.studio
    return {
        **_CLOSED,
        "name": "Intramural studio",
        "standardFlowEnabled": True,
        "clientAuthenticatorType": "client-jwt",
        "redirectUris": [f"{origin}/sign-in/callback"],
        "defaultClientScopes": ["acr", "basic", "email", GROUPS_SCOPE, "profile"],
        "attributes": {
            **_key(deployment.studio_jwks),
            "pkce.code.challenge.method": "S256",
            "post.logout.redirect.uris": f"{origin}/sign-in",
            "backchannel.logout.url": f"{origin}/sign-in/backchannel-logout",
            "backchannel.logout.session.required": "true",
            "backchannel.logout.revoke.offline.tokens": "true",
            "exclude.issuer.from.auth.response": "false",
            "id.token.signed.response.alg": "RS256",
            "use.refresh.tokens": "true",
            "oauth2.device.authorization.grant.enabled": "false",
            "acr.loa.map": _LEVELS,
        },
    }


def _terminal() -> Json:
    return {
        **_CLOSED,
        "name": "Intramural command line and terminal",
        "publicClient": True,
        "redirectUris": [],
        "defaultClientScopes": ["acr", "basic", "email", GROUPS_SCOPE, API_AUDIENCE, "profile"],
        "attributes": {
            "oauth2.device.authorization.grant.enabled": "true",
            "pkce.code.challenge.method": "S256",
            "access.token.header.type.rfc9068": "true",
            "access.token.signed.response.alg": "RS256",
            "use.refresh.tokens": "true",
        },
    }


def _machine(name: str, jwks: str, *, api: bool) -> Json:
    scopes = ["basic", GROUPS_SCOPE, API_AUDIENCE, "service_account"] if api else ["basic", "roles", "service_account"]
    return {
        **_CLOSED,
        "name": f"Intramural: {name}",
        "serviceAccountsEnabled": True,
        "clientAuthenticatorType": "client-jwt",
        "redirectUris": [],
        # A token for Keycloak's own admin API needs its roles in it; one for the appliance names the appliance.
        "fullScopeAllowed": not api,
        "defaultClientScopes": scopes,
        "attributes": {
            **_key(jwks),
            "access.token.header.type.rfc9068": "true" if api else "false",
            "access.token.signed.response.alg": "RS256",
            "client_credentials.use_refresh_token": "false",
            "oauth2.device.authorization.grant.enabled": "false",
        },
    }


def _key(jwks: str) -> dict[str, str]:
    return {"use.jwks.string": "true", "jwks.string": jwks, "token.endpoint.auth.signing.alg": "ES256"}
