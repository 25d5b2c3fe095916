"""What the README of an app says about its JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.contract.binding import Does

if TYPE_CHECKING:
    from appliance.contract.binding import Binding, Bound

_WORDS: Final = {
    Does.LIST: "lists",
    Does.READ: "shows",
    Does.CREATE: "adds",
    Does.REPLACE: "replaces",
    Does.UPDATE: "changes",
    Does.DELETE: "deletes",
}
_FUNCTION: Final = "computes {}: `api_functions.py`; 501 where that has none"


def section(binding: Binding | None) -> str:
    """Markdown, or nothing without a contract."""
    if binding is None:
        return ""
    rows = "\n".join(f"| `{one.method} {binding.base}{one.path}` | {_said(one)} |" for one in binding.operations)
    notes = "\n".join(f"- {f'`{note.where}`: ' if note.where else ''}{note.text}" for note in binding.notes)
    return f"""## JSON API

{" ".join(binding.title.split())} (`contract/openapi.yaml`). Requests come from the app's own session: a cookie of a
browser, or the front door's signed header. What may be done, and what must hold, is the same as on the pages.
Refusals are problem details (RFC 9457) where the contract says nothing else.

| | |
|---|---|
{rows}

{f"What is left out or assumed:{chr(10)}{chr(10)}{notes}{chr(10)}{chr(10)}" if notes else ""}"""


def _said(one: Bound) -> str:
    if one.does in _WORDS:
        summary = " ".join(one.summary.replace("|", "/").split())
        return f"{_WORDS[one.does]} {one.entity}" + (f": {summary}" if summary else "")
    if one.does is Does.FUNCTION:
        return _FUNCTION.format(", ".join(result.name for result in one.results))
    return f"answers 501: {one.why}"
