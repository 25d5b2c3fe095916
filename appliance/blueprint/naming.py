"""How names of the language become identifiers, tables and addresses: one definition for everyone who needs them."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Final

from appliance.blueprint.plurals import plural_in

_RESERVED_FIELDS: Final = frozenset(
    {
        "id",
        "created_at",
        "created_by",
        "updated_at",
        "metadata",
        "registry",
        "model_config",
        "version",
        "query",
        "csrf_token",
    }
)
RESERVED_SLUGS: Final = frozenset({"static", "healthz", "kiosk"})
"""Addresses that every app has of its own; no entity can be called so."""

_TRANSLITERATE: Final = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "þ": "th"})


def words(name: str) -> list[str]:
    """ASCII words of a name, lower-case: accents dropped, camel case and punctuation split."""
    text = unicodedata.normalize("NFKD", name.translate(_TRANSLITERATE))
    text = text.encode("ascii", "ignore").decode()
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return [word.lower() for word in re.findall(r"[A-Za-z0-9]+", text)]


def slug(name: str) -> str:
    """For addresses: ``Lab Equipment Loans`` → ``lab-equipment-loans``; never empty."""
    return "-".join(words(name)) or "x"


def identifier(name: str) -> str:
    """For columns and attributes: ``due date`` → ``due_date``; never a keyword, reserved name or leading digit."""
    text = "_".join(words(name)) or "x"
    if text[0].isdigit():
        text = f"n_{text}"
    if keyword.iskeyword(text) or keyword.issoftkeyword(text) or text in _RESERVED_FIELDS:
        text += "_"
    return text


def class_name(name: str) -> str:
    """For model classes: ``loan item`` → ``LoanItem``."""
    text = "".join(word.capitalize() for word in words(name)) or "X"
    return f"N{text}" if text[0].isdigit() else text


def table_name(entity: str) -> str:
    """The database table of an entity: its identifier."""
    return identifier(entity).rstrip("_")


def package_name(app: str) -> str:
    """The Python package of an app; ``_app`` keeps it apart from libraries of the same name."""
    return f"{table_name(app)}_app"


def label(name: str) -> str:
    """For people: ``due_date`` → ``Due date``; names that already have capitals or spaces keep them."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def plural(noun: str, language: str = "en") -> str:
    """A plural of a noun phrase for headings; where it cannot be told from the word, the word itself."""
    return plural_in(noun, language)
