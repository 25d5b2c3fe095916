"""The home folder: where everything of one appliance lives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Where everything lives below the home folder."""

    home: Path

    @property
    def run(self) -> Path:
        """Sockets and the local operator's token; mode 0700."""
        return self.home / "run"

    @property
    def web_socket(self) -> Path:
        """The web service."""
        return self.run / "web.sock"

    @property
    def cli_token(self) -> Path:
        """What the local operator shows at that socket; made anew at each start."""
        return self.run / "cli.token"

    @property
    def keys(self) -> Path:
        """Private keys."""
        return self.home / "keys"

    @property
    def audit(self) -> Path:
        """The audit log."""
        return self.home / "audit"

    @property
    def vault(self) -> Path:
        """What people wrote, under seal."""
        return self.home / "vault"

    @property
    def apps(self) -> Path:
        """One folder per app."""
        return self.home / "apps"
