"""The model in its worker process, as the studio sees it: started in the background, with a state in words."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.core.errors import IntramuralError, SettingsError
from appliance.core.events import Event
from appliance.inference.loader import EngineLimits
from appliance.inference.sessions import Device
from appliance.inference.supervisor import WorkerState, WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from appliance.studio.evidence import act

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.core.ports import AuditSink, EngineDescription, TextGenerator
    from appliance.core.settings import ModelSettings

_log = logging.getLogger(__name__)


def find_bundle(home: Path) -> Path:
    """The model bundle to use: the one below ``bundles``, or the newest of several.

    Raises:
        SettingsError: there is none.
    """
    found = [path for path in (home / "bundles").glob("*") if (path / "manifest.json").exists()]
    if not found:
        message = "There is no model yet."
        raise SettingsError(message, cause=f"{home / 'bundles'} is empty", action="Run ./intramural demo once.")
    return max(found, key=lambda path: path.stat().st_mtime)


class Engine:
    """The model in its worker process, started in the background so that the studio opens at once."""

    def __init__(self, settings: ModelSettings, *, home: Path, bundle: Path) -> None:
        options = WorkerOptions(
            bundle=bundle,
            keys=home / "keys",
            socket=home / "run" / "engine.sock",
            prefixes=home / "prefixes",
            limits=EngineLimits(
                threads=settings.threads,
                context_tokens=settings.context_tokens,
                prefill_chunk=settings.prefill_chunk,
                slots=settings.streams,
                device=Device(settings.device),
            ),
            request_seconds=settings.request_seconds,
        )
        self._supervisor = WorkerSupervisor(options, log=home / "log" / "engine.log")
        self.generator = self._supervisor.generator()
        self._stage = "starting"
        self._described = ""
        self._known: EngineDescription | None = None

    def start(self, when_ready: Callable[[], None]) -> None:
        """Begin to start; the first request waits until it is ready. ``when_ready`` is then called on a thread."""
        threading.Thread(target=self._start, args=(when_ready,), name="engine-start", daemon=True).start()

    def _start(self, when_ready: Callable[[], None]) -> None:
        try:
            self._supervisor.start(self._progress)
        except IntramuralError as error:
            self._stage = error.message
            _log.error("the model does not start: %s", error)
            return
        try:
            when_ready()
        except IntramuralError as error:
            _log.warning("the model runs, but the first request will find nothing prepared: %s", error)

    def _progress(self, stage: str) -> None:
        self._stage = stage

    def state(self) -> str:
        """``ok``, or what it is doing."""
        return "ok" if self._supervisor.state is WorkerState.READY else self._stage

    def describe(self) -> str:
        """What model runs on what, in one line for people; empty while it is not ready."""
        if self.state() != "ok":
            return ""
        if not self._described:
            try:
                told = self._supervisor.describe()
            except IntramuralError:
                return ""
            self._described = f"{told.model}, {told.threads} CPU threads" if "CPU" in told.provider else told.model
        return self._described

    def description(self) -> EngineDescription | None:
        """What runs, for programs; None while it is not ready."""
        if self.state() != "ok":
            return None
        if self._known is None:
            try:
                self._known = self._supervisor.describe()
            except IntramuralError:
                return None
        return self._known

    def generator_heard_by(self, on_queued: Callable[[int], None]) -> TextGenerator:
        """Asks the model; ``on_queued`` hears how many go first while it waits."""
        return replace(self.generator, on_queued=on_queued)

    def digest(self) -> str:
        """The digest of the bundle that is loaded; empty while it is not ready."""
        if self.state() != "ok":
            return ""
        try:
            return self._supervisor.describe().bundle_digest
        except IntramuralError:
            return ""

    def record(self, audit: AuditSink) -> None:
        """Say in the audit log which model was loaded.

        Raises:
            GenerationFailed: it does not run any more.
            AuditUnavailable: it cannot be recorded.
        """
        with act(audit, Event.MODEL_LOADED, principal="appliance", resource="model") as evidence:
            told = self._supervisor.describe()
            evidence.details.update(model=told.model, digest=told.bundle_digest)

    def stop(self) -> None:
        """End the worker."""
        self._supervisor.stop()
