"""Where the studio and the apps are found: the one place that turns settings into origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.naming import slug as name_slug

if TYPE_CHECKING:
    from appliance.core.settings import WebSettings

RESERVED: Final = frozenset({"studio", "auth", "admin", "www", "api", "id", "login", "static", "health"})
MAX_LABEL: Final = 50  # a DNS label holds 63 octets (RFC 1035 §2.3.4); room is left for a number


@dataclass(frozen=True)
class Addresses:
    """Origins of the studio and of the apps behind the one front door."""

    domain: str
    port: int

    @classmethod
    def of(cls, web: WebSettings) -> Addresses:
        """From the settings."""
        return cls(web.domain, web.port)

    @property
    def studio_host(self) -> str:
        """Host name of the studio, without port."""
        return f"studio.{self.domain}"

    @property
    def studio(self) -> str:
        """Origin of the studio."""
        return self._origin(self.studio_host)

    def app(self, slug: str) -> str:
        """Origin of an app."""
        return self._origin(f"{slug}.{self.domain}")

    @property
    def any_app(self) -> str:
        """A source expression (CSP level 3) that matches every app's origin."""
        return self._origin(f"*.{self.domain}")

    def slug_of(self, host: str) -> str | None:
        """The app that a ``Host`` value names, or None when it names none (the studio, a stranger, a deeper name)."""
        name, _, port = host.lower().partition(":")
        label = name.removesuffix(f".{self.domain}")
        foreign_port = port not in {"", str(self.port)}
        if label == name or "." in label or not label or label in RESERVED or foreign_port:
            return None
        return label

    def _origin(self, host: str) -> str:
        return f"http://{host}" + ("" if self.port == 80 else f":{self.port}")


def slug_for(name: str) -> str:
    """The wished address of an app by its name; never one of the reserved names."""
    slug = name_slug(name)[:MAX_LABEL].strip("-") or "app"
    return f"{slug}-app" if slug in RESERVED else slug
