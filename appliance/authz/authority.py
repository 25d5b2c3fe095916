"""Whoever must know whether something is permitted asks here; the policies behind it can change while it runs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.authz.engine import Decision, Engine
    from appliance.authz.questions import Question


class Authority:
    """Holds the policies in force. Safe for threads: an engine never changes, it is only replaced as a whole."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """The policies in force now."""
        return self._engine

    def decide(self, question: Question) -> Decision:
        """Whether it is permitted by the policies in force."""
        return self._engine.decide(question)

    def fitted(self, question: Question) -> Question:
        """The question with those groups only that the policies speak of: a leaf need not tell all of a person's."""
        who = question.principal
        groups = who.groups & self._engine.groups
        if groups == who.groups:
            return question
        return dataclasses.replace(question, principal=dataclasses.replace(who, groups=groups))

    def replace(self, engine: Engine) -> None:
        """From now on these are in force; decisions under way end under those before."""
        self._engine = engine
