"""Wiring of what governs the appliance: the policies, and the front door that lets nothing past them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.authz.authority import Authority
from appliance.authz.shipped import shipped_engine
from appliance.dlp.analyzer import Analyzer
from appliance.dlp.ruleset import SHIPPED
from appliance.hosting.routes import AppRoute, FrontDoor

if TYPE_CHECKING:
    from appliance.core.settings import Settings
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.assembly import Studio
    from appliance.studio.layout import Layout


def make_authority() -> Authority:
    """Whoever must know whether something is permitted asks this.

    Raises:
        PolicyUnusable, PolicyBroken: the policies cannot be used, so nothing may start.
    """
    return Authority(shipped_engine())


def make_inspector(settings: Settings) -> Analyzer:
    """Whoever takes in or gives out text asks this; its library is loaded while the rest starts.

    Raises:
        RulesBroken: the rules cannot be used, so nothing may start.
    """
    inspector = Analyzer(settings.dlp.folder or SHIPPED)
    inspector.start()
    return inspector


def front_door(settings: Settings, layout: Layout, studio: Studio, apps: AppSupervisor) -> FrontDoor:
    """Everything that Caddy must know now."""
    standing = studio.projects.all_standing()
    return FrontDoor(
        domain=settings.web.domain,
        port=settings.web.port,
        web_socket=layout.web_socket,
        admin_socket=layout.run / "caddy-admin.sock",
        storage=settings.home / "caddy",
        apps=tuple(AppRoute(one.slug, apps.address(one.id).socket) for one in standing if one.slug),
    )
