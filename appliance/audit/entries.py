"""What the appliance puts into an entry: details that fit the event's schema, and where the act comes from.

Nothing can be erased from an entry, so no e-mail address stands in one: in what people wrote (comments, reasons) names
take the place of addresses, as for colleagues who were let in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from appliance.audit.errors import LeafRefused
from appliance.core.act_context import current_context
from appliance.core.event_schemas import CONTEXT, mistakes
from appliance.core.events import Event, Outcome

_ADDRESS: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}\w{2,63}")
"""RFC 5322 §3.4.1 in its usual form: a dot-atom, and a host name with a dot."""
_SAID: Final = frozenset({"comment", "purpose", "reason"})
"""Details that people write in their own words; all others are names, numbers and digests."""
Details = Mapping[str, object] | None
Composer = Callable[[str, Outcome | None, Details], Details]
"""From event, result (None: an intent) and what the caller says to what the entry says."""


class NotDescribed(LeafRefused):
    """An entry that does not fit the schema of its event: a defect of the program. Nothing was written."""

    code = "audit_schema"


def as_given(_event: str, _result: Outcome | None, details: Details) -> Details:
    """Nothing is checked or added: a log of entries that are not the appliance's."""
    return details


def by_schema(event: str, result: Outcome | None, details: Details) -> Details:
    """An intent gets the context of the act. Every entry must fit its schema.

    Raises:
        NotDescribed: it does not.
    """
    given = dict(details or {})
    if result is Outcome.UNKNOWN:  # of what an older program began, perhaps
        return given
    if CONTEXT in given:
        raise _refused(event, ["the context is added by the log"])
    try:
        known = Event(event)
    except ValueError as error:
        raise _refused(event, ["no such event"]) from error
    found = mistakes(known, given, done=None if result is None else result is Outcome.DONE)
    if found:
        raise _refused(event, found)
    return given if result is not None else {**given, CONTEXT: current_context().as_details()}


def without_addresses(name: Callable[[str], str], compose: Composer = by_schema) -> Composer:
    """``compose``, with ``name`` of each e-mail address in the place of the address."""

    def told(found: re.Match[str]) -> str:
        return name(found.group())

    def masked(event: str, result: Outcome | None, details: Details) -> Details:
        given = compose(event, result, details)
        if given is None or not any("@" in str(given.get(key, "")) for key in _SAID):
            return given
        return {key: _ADDRESS.sub(told, str(value)) if key in _SAID else value for key, value in given.items()}

    return masked


def _refused(event: str, found: list[str]) -> NotDescribed:
    message = "This cannot be recorded, because it is not what the event is described to say."
    return NotDescribed(message, cause=f"{event}: {'; '.join(found)}", action="Report this as a defect.")
