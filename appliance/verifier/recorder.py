"""Collects checks and findings while a verification runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from appliance.verifier.model import CannotTry, Check, CheckFailed, Finding, Stage, Verification

MAX_FINDINGS = 60


@dataclass
class Recorder:
    """``on_check`` is told of each check as it ends."""

    on_check: Callable[[Check], None]
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    untried: list[str] = field(default_factory=list)
    """Checks that have no meaning for this app, with the reason."""

    @contextlib.contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Measure a stage."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.stages[stage.value] = self.stages.get(stage.value, 0.0) + time.monotonic() - begun

    @contextlib.contextmanager
    def check(
        self, stage: Stage, title: str, *, role: str = "", subject: str = "", final: bool = False
    ) -> Iterator[None]:
        """One check around its body. A failure is recorded and swallowed, unless it is ``final`` or the app is gone.

        Raises:
            CheckFailed: as said; it is recorded already.
        """
        begun = time.monotonic()
        try:
            yield
        except CannotTry as untried:
            self.untried.append(f"{title}: {untried.message}")
            return
        except CheckFailed as failed:
            self._note(Check(stage, title, passed=False, seconds=time.monotonic() - begun, role=role))
            if len(self.findings) < MAX_FINDINGS:
                self.findings.append(
                    Finding(failed.kind, stage, title, failed.message, failed.cause, failed.file, subject, role)
                )
            if final or failed.ends_everything:
                raise
        else:
            self._note(Check(stage, title, passed=True, seconds=time.monotonic() - begun, role=role))

    def _note(self, check: Check) -> None:
        self.checks.append(check)
        self.on_check(check)

    def verification(self, *, complete: bool) -> Verification:
        """The verdict so far; ``complete``: every stage was reached."""
        passed = complete and not self.findings and all(check.passed for check in self.checks)
        return Verification(passed, tuple(self.checks), tuple(self.findings), self.stages)
