"""What the demo prints, all of it on stderr: bars while the model is prepared, then the build as it happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from types import TracebackType

    from model_bundle.build.progress import Progress as ModelProgress

TITLES: Final = {
    "obtain": "Obtaining the model",
    "join": "Joining and checking its parts",
    "convert": "Converting it to ONNX",
    "verify": "Verifying the signed bundle",
}
_PLAIN_STEP: Final = 0.25


class Terminal:
    """Prints for a person. Without a terminal it prints whole lines and no bars."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(escape(text))

    def error(self, message: str, cause: str, action: str) -> None:
        """What went wrong and what to do."""
        self.console.print(f"[bold red]{escape(message)}[/]")
        if cause:
            self.console.print(f"  Cause: {escape(cause)}")
        if action:
            self.console.print(f"  [bold]What to do:[/] {escape(action)}")

    def event(self, event: dict[str, Any]) -> None:
        """One event of a build."""
        match event["type"]:
            case "build.queued" if event["position"] > 1:
                wait = f", about {event['seconds']} s" if event.get("seconds") else ""
                self.say(f"Waiting: number {event['position']} in the queue{wait}.")
            case "stage.started":
                self.console.print(f"[bold]{escape(event['title'])}[/]")
            case "stage.finished":
                self.console.print(f"[dim]  {event['seconds']:.1f} s[/]")
            case "blueprint.text":
                self.console.print(f"[cyan]{escape(event['text'])}[/]", end="", soft_wrap=True)
            case "check" if not event["passed"]:
                self.console.print(f"  [red]✗ {escape(event['text'])}[/]")
            case "check":
                self.console.print(f"  [green]✓[/] {escape(event['text'])}")
            case "finding" | "repair.started":
                self.console.print(f"  [yellow]! {escape(event['text'])}[/]")
            case "build.failed":
                error = event["error"]
                self.error(error["message"], error["cause"], error["action"])
            case "build.cancelled":
                self.say("The build was stopped.")


class ModelBars:
    """Bars for the phases of preparing the model: bytes, rate, time left."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._plain = not terminal.console.is_terminal
        self._bars = Progress(
            TextColumn("{task.description:<32}"),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=terminal.console,
        )
        self._tasks: dict[str, Any] = {}
        self._reported: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> ModelBars:
        if not self._plain:
            self._bars.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def at(self, progress: ModelProgress) -> None:
        """Take one report."""
        now = time.monotonic()
        started = self._started.setdefault(progress.phase, now)
        self.seconds[progress.phase] = now - started
        if self._plain:
            self._plain_line(progress, now - started)
            return
        if progress.phase not in self._tasks:
            self._tasks[progress.phase] = self._bars.add_task(TITLES[progress.phase], total=progress.total)
        self._bars.update(self._tasks[progress.phase], completed=progress.done)

    def _plain_line(self, progress: ModelProgress, seconds: float) -> None:
        share = progress.done / progress.total if progress.total else 1.0
        if share < self._reported.get(progress.phase, 0.0):
            return
        self._reported[progress.phase] = share + _PLAIN_STEP
        rate = progress.done / seconds / 2**20 if seconds > 0.05 else 0.0
        left = f", {(progress.total - progress.done) / 2**20 / rate:.0f} s left" if rate and share < 1 else ""
        speed = f" at {rate:.0f} MiB/s{left}" if rate else ""
        self._terminal.say(
            f"{TITLES[progress.phase]}: {progress.done / 2**20:,.0f} of {progress.total / 2**20:,.0f} MiB{speed}"
        )
