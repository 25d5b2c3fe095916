"""The model is used by many and exchanged by one: an exchange waits for those who use it, and newcomers wait for it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Unavailable
from appliance.core.metering import spent
from appliance.core.ports import GenerationBusy, GenerationCancelled, GenerationFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.core.answers import RawPrompt
    from appliance.core.ports import EngineDescription, GenerationSession, Prompt, TextGenerator

WAIT_SECONDS: Final = 300.0
"""How long a conversation waits for an exchange."""


class ModelAtWork(Unavailable):
    """The model is in use for longer than an exchange waits."""

    code = "model_at_work"


class ModelUse:
    """Counts conversations with the model. Safe for threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._conversations = 0
        self._exchanging = False

    @contextmanager
    def conversation(self) -> Iterator[None]:
        """Use the model.

        Raises:
            GenerationBusy: it has been exchanged for too long.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._exchanging, WAIT_SECONDS):
                message = "The model is being exchanged right now."
                raise GenerationBusy(message, action="Try again in a few minutes.")
            self._conversations += 1
        try:
            yield
        finally:
            with self._changed:
                self._conversations -= 1
                self._changed.notify_all()

    @contextmanager
    def exchange(self, seconds: float) -> Iterator[None]:
        """Keep new conversations waiting, and wait until those under way have ended.

        Raises:
            ModelAtWork: they did not end within ``seconds``, or somebody else exchanges it.
        """
        with self._changed:
            deadline = time.monotonic() + seconds
            if not self._changed.wait_for(lambda: not self._exchanging, seconds):
                raise _at_work()
            self._exchanging = True
        try:
            with self._changed:
                left = max(0.0, deadline - time.monotonic())
                if not self._changed.wait_for(lambda: not self._conversations, left):
                    raise _at_work()
            yield
        finally:
            with self._changed:
                self._exchanging = False
                self._changed.notify_all()


@dataclass(frozen=True)
class SharedGenerator:
    """Implements :class:`appliance.core.ports.TextGenerator`: ``inner``, while nobody exchanges the model."""

    inner: TextGenerator
    use: ModelUse

    @contextmanager
    def session(self, prompt: Prompt | RawPrompt) -> Iterator[GenerationSession]:
        """Open a conversation; waits for an exchange first."""
        with self.use.conversation(), self.inner.session(prompt) as session:
            lost = False
            try:
                yield session
            except GenerationFailed as error:
                lost = type(error) is GenerationFailed  # a worker that is gone, or hangs, is not asked once more
                raise
            finally:
                if not lost:
                    with suppress(GenerationFailed, GenerationCancelled):
                        spent(session.usage())

    def describe(self) -> EngineDescription:
        """What model on what hardware."""
        return self.inner.describe()


def _at_work() -> ModelAtWork:
    message = "The model is at work, so it was not exchanged."
    return ModelAtWork(message, action="Try again when the builds and conversations of now have ended.")
