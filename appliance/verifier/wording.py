"""Sentences of checks, as a maker would say them."""

from __future__ import annotations

from appliance.blueprint.model import OWNER


def a(noun: str) -> str:
    """``Item`` → ``an Item``."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


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


def plural(noun: str) -> str:
    """A readable plural of an English noun; other words get an ``s``."""
    if noun.endswith("y") and noun[-2:-1].lower() not in ("a", "e", "i", "o", "u", ""):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
