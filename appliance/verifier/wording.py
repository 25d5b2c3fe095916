"""Sentences of checks, as a maker would say them."""

from __future__ import annotations

from typing import Final

from appliance.blueprint.model import OWNER

_CONSONANT_SOUND: Final = ("uni", "use", "usa", "usu", "uti", "eu", "one")
_SILENT_H: Final = ("hour", "honor", "honour", "heir", "honest")


def a(noun: str) -> str:
    """``Item`` → ``an Item``, by sound: ``a User``, ``an Hour``."""
    lower = noun.lower()
    vowel = lower[:1] in tuple("aeiou") and not lower.startswith(_CONSONANT_SOUND)
    return f"{'an' if vowel or lower.startswith(_SILENT_H) else 'a'} {noun}"


def start(text: str) -> str:
    """The same text at the start of a sentence."""
    return text[:1].upper() + text[1:]


def who(role: str) -> str:
    """The role at the start of a sentence."""
    if role == OWNER:
        return "The owner"
    return start(a(role))


def can(role: str, deed: str, *, allowed: bool) -> str:
    """``A Borrower can add a Loan`` or ``A Borrower cannot …``."""
    return f"{who(role)} {'can' if allowed else 'cannot'} {deed}"
