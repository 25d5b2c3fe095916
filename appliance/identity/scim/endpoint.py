"""The SCIM 2.0 endpoint as a function from request to answer: who may ask, how much, and in what words it is refused.

Sources: RFC 7643 (schemas), RFC 7644 (protocol). Bearer tokens are made at the command line, shown once, kept by
digest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Group,
    Patch,
    ResourceType,
    SCIMException,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    UnauthorizedException,
    User,
)
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService

from appliance.core.errors import IntramuralError, Refused
from appliance.identity.scim.storage import FullUser
from appliance.identity.scim.tolerance import normalised

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.identity.directory import Directory
    from appliance.identity.scim.storage import DirectoryStorage

MAX_BODY: Final = 1 << 20
MAX_RESULTS: Final = 500
MAX_TOKENS: Final = 20
_POLICY: Final = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
"""As the RFC, but for what Entra ID and Okta are known to send."""
MEDIA_TYPE: Final = "application/scim+json"
_log = logging.getLogger(__name__)


class ScimTokens:
    """The tokens of identity systems, by name."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def make(self, name: str) -> str:
        """A new token: 256 random bits, told once.

        Raises:
            Refused: the name is taken or empty, or there are too many.
        """
        if not 0 < len(name) <= 64 or len(self._directory.tokens()) >= MAX_TOKENS:
            message = "This token cannot be made."
            raise Refused(message, action=f"Give it a name of up to 64 characters; at most {MAX_TOKENS} can be kept.")
        token = secrets.token_urlsafe(32)
        if not self._directory.add_token(name, _digest(token), self._clock.now().timestamp()):
            message = f"There is a token {name!r} already."
            raise Refused(message, action="Revoke it first, or choose another name.")
        return token

    def revoke(self, name: str) -> bool:
        """Forget it; False when there was none."""
        return self._directory.remove_token(name)

    def who(self, authorization: str) -> str | None:
        """The name of the token in an ``Authorization`` header."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return self._directory.token_name(_digest(token.strip()[:200]))


class ScimEndpoint:
    """Answers requests below ``base_url``. Every answer is status, headers and JSON (None: no body)."""

    def __init__(self, storage: DirectoryStorage, tokens: ScimTokens, base_url: str) -> None:
        self._tokens = tokens
        self._base_url = base_url
        self._service = ScimService(_provider(), secret=secrets.token_urlsafe(32))
        self._handler = ScimHandler(self._service, storage)

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], str | None]:
        """Serve one request; refusals are answers too."""
        request = ScimRequest(
            method=method, base_url=self._base_url, path=path, query=query, headers=headers, body=normalised(body)
        )
        try:
            if self._tokens.who(headers.get("authorization", "")) is None:
                raise UnauthorizedException
            found = self._handler.handle(request)
        except SCIMException as error:
            found = self._service.error_response(error)
        except IntramuralError as error:
            _log.warning("SCIM %s %s: %s", method, path, error)
            return 503, {"Content-Type": MEDIA_TYPE, "Retry-After": "20"}, _error(503, error.message)
        given = {str(name): str(value) for name, value in found.headers.items()}
        if int(found.status) == 401:
            given["WWW-Authenticate"] = "Bearer"
        given.setdefault("Content-Type", MEDIA_TYPE)
        return int(found.status), given, None if found.body is None else json.dumps(found.body)


def _provider() -> ScimProvider:
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token that `intramural identity scim-token` made",
                primary=True,
            )
        ],
    )
    types = [ResourceType.from_resource(FullUser), ResourceType.from_resource(Group)]
    return ScimProvider(models=[User, EnterpriseUser, Group], resource_types=types, config=config, policy=_POLICY)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _error(status: int, detail: str) -> str:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": detail}
    return json.dumps(body)
