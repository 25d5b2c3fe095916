"""The model's side of a plan: a thin layer over a generation session that always ends on whole lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.core.ports import GenerationSession, Grammar


class Transcript:
    """Writes a plan piece by piece. Every choice is bounded in tokens; one that was cut off is taken back."""

    def __init__(self, session: GenerationSession) -> None:
        self._session = session
        self._parts: list[str] = []

    def force(self, text: str) -> None:
        """Add text that needs no choice."""
        self._session.append(text)
        self._parts.append(text)

    def choose(self, grammar: Grammar, *, ends: tuple[str, ...], max_tokens: int) -> str | None:
        """Let the model write a sentence of ``grammar``, which ends in one of ``ends``; None if it was cut off."""
        mark = self._session.mark()
        text = "".join(self._session.generate(grammar, max_tokens=max_tokens))
        if not text.endswith(ends):
            self._session.rewind(mark)
            return None
        self._parts.append(text)
        return text

    def mark(self) -> tuple[int, int]:
        """A point to which :meth:`rewind` can go back."""
        return self._session.mark(), len(self._parts)

    def rewind(self, mark: tuple[int, int]) -> None:
        """Forget everything that was written after ``mark``."""
        self._session.rewind(mark[0])
        del self._parts[mark[1] :]

    def text(self) -> str:
        """Everything written so far."""
        return "".join(self._parts)
