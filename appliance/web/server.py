"""The web service as one ASGI application, from its services."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError
from appliance.web.access import PUBLIC, authorize, rule
from appliance.web.controllers.api_keys import ApiKeyController
from appliance.web.controllers.approvals import ApprovalController
from appliance.web.controllers.apps import AppController
from appliance.web.controllers.audit_desk import AuditDeskController
from appliance.web.controllers.audit_pages import AuditPagesController
from appliance.web.controllers.builds import BuildController
from appliance.web.controllers.code import CodeController
from appliance.web.controllers.contracts import ContractController
from appliance.web.controllers.design import DesignController
from appliance.web.controllers.erasures import ErasureController
from appliance.web.controllers.exports import ExportController
from appliance.web.controllers.gate import GateController
from appliance.web.controllers.health import HealthController
from appliance.web.controllers.history import HistoryController
from appliance.web.controllers.home import HomeController
from appliance.web.controllers.identity_desk import IdentityDeskController
from appliance.web.controllers.imports import ImportController
from appliance.web.controllers.models import ModelController
from appliance.web.controllers.policy import PolicyController
from appliance.web.controllers.proposals import ProposalController
from appliance.web.controllers.provider import ProviderController
from appliance.web.controllers.publish import PublishController
from appliance.web.controllers.scim import ScimController
from appliance.web.controllers.sign_in import SignInController
from appliance.web.controllers.talk import TalkController
from appliance.web.controllers.texts import TextController
from appliance.web.controllers.trials import TrialController
from appliance.web.controllers.usage import UsageController
from appliance.web.headers import SecurityHeaders
from appliance.web.limits import Limits
from appliance.web.openai.controller import OpenAiController
from appliance.web.openai.running import Seats
from appliance.web.openings import Openings
from appliance.web.problems import answer_defect, answer_error, answer_http
from appliance.web.render import APP_ASSETS, ASSETS, STATIC
from appliance.web.request_context import RequestContext

if TYPE_CHECKING:
    from appliance.web.services import Services

MAX_BODY_BYTES = 1 << 20


def make_app(services: Services, limits: Limits | None = None) -> Litestar:
    """The application; it owns nothing that must be closed."""
    version = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(STATIC.iterdir()))).hexdigest()[:12]
    settings = services.settings.api
    statics = [
        create_static_files_router(
            path=path, directories=[STATIC], opt=rule(PUBLIC, Action.VISIT), after_request=_cacheable, name=path
        )
        for path in (ASSETS, APP_ASSETS)
    ]
    app = Litestar(
        route_handlers=[
            HomeController,
            ApiKeyController,
            OpenAiController,
            AppController,
            CodeController,
            DesignController,
            ExportController,
            ContractController,
            ImportController,
            TalkController,
            ProposalController,
            HistoryController,
            TextController,
            UsageController,
            BuildController,
            AuditDeskController,
            AuditPagesController,
            ErasureController,
            ApprovalController,
            TrialController,
            ModelController,
            PublishController,
            PolicyController,
            GateController,
            SignInController,
            ProviderController,
            ScimController,
            IdentityDeskController,
            HealthController,
            *statics,
        ],
        guards=[authorize],
        exception_handlers={
            IntramuralError: answer_error,
            HTTPException: answer_http,
            Exception: answer_defect,
        },
        state=State(
            {
                "services": services,
                "limits": limits or Limits.default(api_per_minute=settings.per_minute),
                "assets": version,
                "openings": Openings(),
                "seats": Seats(settings.requests, settings.requests_per_key),
            }
        ),
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
    # Around everything, because an unknown address is answered before the framework's own middleware is reached.
    app.asgi_handler = RequestContext(app.asgi_handler, services.audit)
    app.asgi_handler = SecurityHeaders(app.asgi_handler, services.addresses, services.identity.issuer_origin)
    return app


async def _cacheable(response: Any) -> Any:
    """Names of assets carry a digest, so they never change under a name."""
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
