"""Words of programs on their way to the model: as makers' words, but nobody is there to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.core.events import Event
from appliance.core.screening import Place, Verdict
from appliance.studio.evidence import act
from appliance.studio.screening import NEW, Choice, SecretFound, details_of
from appliance.studio.screening_words import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.ports import AuditSink
    from appliance.core.screening import Inspector


class ProgramScreen:
    """Implements :class:`appliance.core.answers.PromptScreen`. What a maker would be asked about is masked."""

    def __init__(self, inspector: Inspector, audit: AuditSink) -> None:
        self._inspector, self._audit = inspector, audit

    def pass_on(self, texts: Sequence[str], *, principal: str, data_class: str = NEW) -> Sequence[str]:
        """The texts with placeholders for what must not reach the model; equal values get equal ones.

        Raises:
            SecretFound: one holds what must not be sent; nothing was sent.
            Unavailable: the rules are not ready. AuditUnavailable: it cannot be recorded.
        """
        known: dict[str, str] = {}
        return [self._passed(text, known, principal, data_class) for text in texts]

    def _passed(self, text: str, known: dict[str, str], principal: str, data_class: str) -> str:
        looked = self._inspector.inspect(text, Place.PROMPT, data_class=data_class)
        if looked.verdict is Verdict.ALLOW:
            return text
        details = details_of(Place.PROMPT, looked.verdict, looked, Choice.MASK)
        with act(self._audit, Event.TEXT_SCREENED, principal=principal, resource="api", details=details):
            blocked = looked.of(Verdict.BLOCK)
            if blocked:
                message = f"The request holds {in_words(blocked)}, so the model was not asked."
                raise SecretFound(message, pieces=(), findings=blocked, action="Take it out and ask again.")
            masked = self._inspector.mask(text, looked.of(Verdict.MASK, Verdict.ASK), known=known)
        known.update(masked.values)
        return masked.text
