"""Findings by expression. RE2 only: the time is linear in the text for any expression and any text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.core.screening import Finding
from appliance.dlp.checks import CHECKS, entropy, is_mixed
from appliance.dlp.expressions import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.dlp.schema import Rule

MAX_PER_RULE: Final = 2000
"""More of one kind in one text tell nobody anything, and bound the work."""


class PatternRecognizer:
    """The rules, compiled."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(_Compiled(rule) for rule in rules)

    def find(self, text: str, wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Finding]:
        """Every finding of every rule for the ``wanted`` kinds; they may overlap."""
        low = text.lower()
        if len(low) != len(text):  # a few letters grow when they are made small; places must stay
            low = "".join(one.lower() if len(one.lower()) == 1 else one for one in text)
        for rule in self._rules:
            if wanted(rule.kind):
                yield from rule.find(text, low)


class _Compiled:
    def __init__(self, rule: Rule) -> None:
        self.kind = rule.kind
        self._rule = rule
        self._expression = compiled(rule.pattern)
        self._allowed = [compiled(one, ignore_case=True) for one in rule.allow]
        self._near = tuple(one.lower() for one in rule.near)

    def find(self, text: str, low: str) -> Iterator[Finding]:
        rule = self._rule
        if self._near and not any(word in low for word in self._near):
            return
        for number, match in enumerate(self._expression.finditer(text)):
            if number >= MAX_PER_RULE:
                return
            start, end = match.span(rule.group)
            if start < 0 or start == end:
                continue
            if self._near and not any(word in low[max(0, start - rule.reach) : start] for word in self._near):
                continue
            value = text[start:end]
            if self._counts(value):
                yield Finding(rule.kind, start, start + len(value.rstrip()), rule.id)

    def _counts(self, value: str) -> bool:
        rule = self._rule
        if rule.mixed and not is_mixed(value):
            return False
        if rule.entropy and entropy(value) < rule.entropy:
            return False
        if any(one.fullmatch(value) for one in self._allowed):
            return False
        return not rule.check or CHECKS[rule.check](value)
