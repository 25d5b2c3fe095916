"""Data loss prevention as the appliance asks for it: rules that reload themselves, findings that do not overlap."""

from __future__ import annotations

import logging
import re
import threading
import time
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from appliance.core.screening import Finding, Inspection, Masked, Place, Verdict
from appliance.dlp.errors import NotReady, RulesBroken
from appliance.dlp.names import PERSON
from appliance.dlp.redactor import mask
from appliance.dlp.ruleset import SHIPPED, compile_rules, read_folder
from appliance.dlp.schema import SECRET
from appliance.dlp.secrets import SecretRecognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from appliance.dlp.ruleset import Ruleset

LOOK_SECONDS: Final = 1.0
"""How often the folder is looked at, at most."""
MAX_TEXT: Final = 4 << 20
_RANK: Final = {SECRET: 3, "IBAN_CODE": 2, "CREDIT_CARD": 2, "EMAIL_ADDRESS": 2, "PERSON": 0, "PHONE_NUMBER": 0}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_log = logging.getLogger(__name__)


class Analyzer:
    """Implements :class:`appliance.core.screening.Inspector`."""

    def __init__(
        self,
        folder: Path = SHIPPED,
        *,
        secrets: SecretRecognizer | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the rules of ``folder``.

        Raises:
            RulesBroken: they cannot be used, so nothing may start.
        """
        self._folder, self._monotonic = folder, monotonic
        self._secrets = secrets or SecretRecognizer()
        self._lock = threading.Lock()
        self._stamp = _stamp(folder)
        self._rules = compile_rules(read_folder(folder))
        self._looked = monotonic()
        self._problem = ""

    def start(self) -> None:
        """Begin to load the library's rules, so that the first request does not wait for them."""
        self._secrets.start()

    def inspect(self, text: str, place: Place, *, data_class: str = "internal") -> Inspection:
        """What is in ``text``, in order, without overlaps; see :class:`appliance.core.screening.Inspector`.

        Raises:
            NotReady: the library's rules are not loaded, or the text is longer than 4 Mi characters.
        """
        rules = self._current()
        if len(text) > MAX_TEXT:
            message = f"The text has {len(text):,} characters; up to {MAX_TEXT:,} can be looked through at once."
            raise NotReady(message, action="Hand in less at once.")
        text = _SURROGATE.sub("\ufffd", text)  # one character for one, so that places stay

        def wanted(kind: str) -> bool:
            # Tables are large and full of people: there, only what something is done about is looked for.
            return place is not Place.UPLOAD or rules.decisions.verdict(kind, place, data_class) is not Verdict.ALLOW

        found: list[Finding] = [*self._secrets.find(text, without=rules.without), *rules.patterns.find(text, wanted)]
        if place is not Place.OUTPUT and wanted(PERSON):  # what was written for an app is full of made-up people
            found += rules.names.find(text)
        kept = [
            Finding(one.kind, one.start, one.end, one.rule, rules.decisions.verdict(one.kind, place, data_class))
            for one in apart(found)
        ]
        return Inspection(tuple(kept), rules.digest)

    def mask(self, text: str, findings: tuple[Finding, ...], *, known: Mapping[str, str] | None = None) -> Masked:
        """See :class:`appliance.core.screening.Inspector`."""
        return mask(text, findings, known or {})

    def state(self) -> str:
        """``ok``, or why nothing can be taken in yet."""
        return self._secrets.state

    def rules_state(self) -> str:
        """``ok``, or why changed rules are not used."""
        self._current()
        return self._problem or "ok"

    @property
    def digest(self) -> str:
        """Of the rules in force."""
        return self._current().digest

    def _current(self) -> Ruleset:
        with self._lock:
            now = self._monotonic()
            if now - self._looked >= LOOK_SECONDS:
                self._looked = now
                self._reload()
            return self._rules

    def _reload(self) -> None:
        try:
            stamp = _stamp(self._folder)
            if stamp == self._stamp:
                return
            self._rules = compile_rules(read_folder(self._folder))
            self._stamp, self._problem = stamp, ""
            _log.warning("data loss prevention works by other rules now: %s", self._rules.digest)
        except RulesBroken as error:
            if self._problem != error.message:
                _log.error("the changed rules of data loss prevention are not used: %s", error)
            self._problem = f"changed rules are not used: {error.message}"


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap: the more serious kind wins, then the longer one, then the earlier one."""
    kept: list[Finding] = []  # by where they start; apart, so also by where they end
    for one in sorted(findings, key=lambda found: (-_RANK.get(found.kind, 1), found.start - found.end, found.start)):
        at = bisect_left(kept, one.start, key=lambda found: found.start)
        clear_before = at == 0 or kept[at - 1].end <= one.start
        clear_after = at == len(kept) or one.end <= kept[at].start
        if one.start < one.end and clear_before and clear_after:
            kept.insert(at, one)
    return kept


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the files: whether it is worth reading them again."""
    try:
        stats = [(path.name, path.stat()) for path in sorted(folder.glob("*.toml"))]
    except OSError as error:
        message = "The rules of data loss prevention cannot be read."
        raise RulesBroken(message, cause=str(error), action="Put the folder back.") from error
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
