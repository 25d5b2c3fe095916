"""The model in its worker process, as the studio sees it: started in the background, with a state in words."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError, Unavailable
from appliance.core.events import Event
from appliance.core.ports import GenerationFailed
from appliance.inference.limits import Device, EngineLimits, ExecutorKind
from appliance.inference.supervisor import WorkerState, WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from appliance.studio.evidence import act
from appliance.studio.model_use import ModelUse, SharedGenerator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.core.ports import AuditSink, EngineDescription, TextGenerator
    from appliance.core.settings import ModelSettings

_log = logging.getLogger(__name__)
DRAIN_SECONDS: Final = 60.0
"""How long an exchange waits for conversations under way."""


class NotExchanged(Unavailable):
    """The other model did not start; the one before goes on."""

    code = "model_not_exchanged"


class Engine:
    """The model in its worker process, started in the background so that the studio opens at once."""

    def __init__(
        self,
        settings: ModelSettings,
        *,
        home: Path,
        bundle: Path,
        before_start: Callable[[], None] = lambda: None,
    ) -> None:
        """``before_start`` raises if ``bundle`` must not be loaded."""
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
                executor=ExecutorKind(settings.executor),
            ),
            request_seconds=settings.request_seconds,
        )
        self._supervisor = WorkerSupervisor(options, log=home / "log" / "engine.log")
        self._bundle, self._before_start = bundle, before_start
        self._when_ready: Callable[[], None] = lambda: None
        self._use, self._one = ModelUse(), threading.Lock()
        self.generator: TextGenerator = SharedGenerator(self._supervisor.generator(), self._use)
        self._stage = "starting"
        self._described = ""
        self._known: EngineDescription | None = None

    def start(self, when_ready: Callable[[], None]) -> None:
        """Begin to start; the first request waits until it is ready. ``when_ready`` is then called on a thread."""
        self._when_ready = when_ready
        threading.Thread(target=self._start, name="engine-start", daemon=True).start()

    def _start(self) -> None:
        try:
            with self._one:
                self._before_start()
                self._supervisor.start(self._progress)
        except IntramuralError as error:
            self._stage = error.message
            _log.error("the model does not start: %s", error)
            return
        self._prepare()

    def _prepare(self) -> None:
        try:
            self._when_ready()
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
            on = [told.model, *([f"{told.threads} CPU threads"] if "CPU" in told.provider else [])]
            self._described = ", ".join([*on, *([told.executor] if told.executor != "onnxruntime" else [])])
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
        return SharedGenerator(self._supervisor.generator(on_queued=on_queued), self._use)

    def exchange(self, bundle: Path, digest: str) -> None:
        """Run ``bundle`` instead, when the conversations of now have ended; new ones wait meanwhile.

        Raises:
            ModelAtWork: they do not end; nothing was changed.
            NotExchanged: it did not start, and what ran before runs again.
        """
        with self._use.exchange(DRAIN_SECONDS), self._one:
            before = self._bundle if self._supervisor.state is WorkerState.READY else None
            try:
                self._run(bundle)
                self._require(digest)
            except GenerationFailed as error:
                self._run_again(before)
                message = f"The other model did not start: {error.message}"
                action = "What ran before goes on. Look at log/engine.log, then try again or withdraw the request."
                raise NotExchanged(message, cause=error.cause, action=action) from error
        threading.Thread(target=self._prepare, name="engine-exchanged", daemon=True).start()

    def _run(self, bundle: Path) -> None:
        self._supervisor.stop()
        self._bundle, self._known, self._described = bundle, None, ""
        self._supervisor.load(bundle)
        self._supervisor.start(self._progress)

    def _require(self, digest: str) -> None:
        found = self._supervisor.describe().bundle_digest
        if found != digest:
            message = "It is another one than was approved."
            raise GenerationFailed(message, cause=f"the digest is {found}, not {digest}")

    def _run_again(self, bundle: Path | None) -> None:
        if bundle is None:  # nothing ran before
            self._supervisor.stop()
            return
        try:
            self._run(bundle)
        except GenerationFailed as error:  # the state says so, and health
            self._stage = error.message
            _log.error("the model that ran before does not start again: %s", error)

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
