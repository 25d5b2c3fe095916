"""A line that could not be carried out, as the maker is told of it."""

from __future__ import annotations

import re
from typing import Final

from appliance.blueprint.model import Scalar

THREAD_LOST: Final = "There may be more in your words than this; ask for the rest in a second request."
_THERE: Final = "The app has that already, or it would change nothing."

_TYPES: Final = "|".join([*(scalar.value for scalar in Scalar), "choice.*", "ref.*"])
_SAID: Final = (
    (r"record (.+)", "the new kind of record {0}"),
    (rf"field (.+?) (\w+) (?:{_TYPES})", "the field “{1}” of {0}"),
    (r"rename (?:record|role|field|page|app) ?(.*?) ?to (.+)", "the new name {1} for {0}"),
    (r"remove (?:record|role|field|page) (.+)", "removing {0}"),
    (r"type (.+?) (.+)", "another type for {0}: {1}"),
    (r"(required|optional) (.+)", "making {1} {0}"),
    (r"option (\S+) (.+)", "the choice “{1}” for {0}"),
    (r"access (.+) (\w+)", "the access “{1}” for {0}"),
    (r"only (.+) sees (.+)", "letting only {0} see {1}"),
    (r"mark (.+?) (red|orange|green|blue|grey) where (.+)", "showing {0} in {1} where {2}"),
    (r"(list|board|calendar|chart) (\".+?\") (.+)", "the {0} {1}"),
    (r"action (.+?) (\".+?\") (.+)", "the button {1} on {0}"),
    (r"remind (.+?) (\d+ days .+)", "the reminder about {0}, {1}"),
    (r"check (.+)", "the rule {0}"),
    (r"(?:count|sum) (.+?) (\w+) (.+)", "working out “{1}” of {0} from {2}"),
    (r"compute (.+?) as (.+)", "working out {0}: {1}"),
    (r"colour (.+)", "the colour {0}"),
    (r"role (.+)", "the role {0}"),
)


def in_words(line: str) -> str:
    """What a line of the model's is about: “the access “all” for Loan Clerk”."""
    for shape, words in _SAID:
        if found := re.fullmatch(shape, line):
            return words.format(*found.groups())
    return f"“{line}”"


def not_done(line: str, reason: str) -> str:
    """``line`` is the model's, ``reason`` what stood in the way; empty or the line itself where there is none."""
    what = in_words(line)
    why = _THERE if reason in ("", line) or " " not in reason else _sentence(reason)
    return f"Not done: {what}. {why}"


def _sentence(reason: str) -> str:
    """The reason without line and column of a text that the maker has not written."""
    plain = re.sub(r"^Line \d+, column \d+: ", "", reason)
    plain = plain[:1].upper() + plain[1:]
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."
