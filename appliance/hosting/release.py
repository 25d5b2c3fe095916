"""What is run and how it stands: values of hosting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from appliance.core.errors import Unavailable
from appliance.core.settings import HostingSettings


@dataclass(frozen=True)
class AppRelease:
    """One version of one app, ready to run.

    ``app_id`` is also the audience of its identity tokens. ``code`` is the project folder (with ``package`` in it),
    ``data`` its writable folder. Two releases of an ``app_id`` never run at once.
    """

    app_id: str
    slug: str
    package: str
    code: Path
    data: Path
    load_examples: bool = False
    frame_ancestors: str = ""
    """The origin that may show the app in a frame, or nothing."""


@dataclass(frozen=True)
class AppAddress:
    """Where a running app listens. The path is the same each time it runs, and the app cannot change what is there."""

    socket: Path


class AppState(StrEnum):
    """Of an app: failed means that it is not tried again for a while."""

    ASLEEP = "asleep"
    STARTING = "starting"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True)
class AppStatus:
    """``reason`` says why it failed, for the person who wants to use it; ``detail`` is for the operator."""

    state: AppState
    reason: str = ""
    detail: str = ""
    crashes: int = 0


@dataclass(frozen=True)
class HostingLimits:
    """Seconds unless said otherwise."""

    start_seconds: float = 20.0
    idle_seconds: float = 900.0
    memory_bytes: int = 512 << 20
    max_running: int = 32
    max_crashes: int = 4
    """More within ``crash_window`` and the app counts as failed."""
    crash_window: float = 300.0
    backoff: float = 0.5
    """Before the first restart; doubles with each crash, up to ``max_backoff``."""
    max_backoff: float = 8.0
    failed_rest: float = 30.0
    """A failed app is not tried again before."""
    health_interval: float = 15.0
    health_timeout: float = 5.0
    max_unhealthy: int = 3

    @classmethod
    def from_settings(cls, settings: HostingSettings) -> HostingLimits:
        """The limits that the operator can set; the rest are defaults."""
        return cls(
            start_seconds=settings.start_seconds,
            idle_seconds=settings.idle_seconds,
            memory_bytes=settings.memory_mib << 20,
        )


class AppFailed(Unavailable):
    """The app does not run and was not started."""

    code: ClassVar[str] = "app_failed"


class FrontDoorFailed(Unavailable):
    """Caddy does not run, or refused its configuration."""

    code: ClassVar[str] = "front_door_failed"
