"""Yes and no as people write them."""

from __future__ import annotations

from typing import Final

_PAIRS: Final = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("oui", "non"),
    ("o", "n"), ("vrai", "faux"), ("sí", "no"), ("si", "no"), ("verdadero", "falso"), ("x", ""), ("✓", ""), ("✔", ""),
    ("☑", "☐"), ("✓", "✗"), ("1", "0"),
)  # fmt: skip
TRUE: Final = frozenset(yes for yes, _ in _PAIRS)
FALSE: Final = frozenset(no for _, no in _PAIRS if no)


def parse_boolean(text: str) -> bool | None:
    """Whether it says yes; None if it says neither."""
    plain = text.strip().lower()
    if plain in TRUE:
        return True
    return False if plain in FALSE else None


def is_pair(texts: set[str]) -> bool:
    """Whether these words (lower-case, not empty) are one pair, or a tick whose absence means no.

    A column of nothing but ``yes`` is taken for one too; nothing but ``1``, ``0``, ``n`` or ``o`` is not.
    """
    if texts <= {"1", "0", "n", "o", "y", "j"} and len(texts) < 2:
        return False
    return any(texts <= {yes, no} for yes, no in _PAIRS)
