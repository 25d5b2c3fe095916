"""Names of a contract as names of the blueprint language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import MAX_ABOUT, MAX_NAME
from appliance.blueprint.naming import RESERVED_SLUGS, identifier, slug, words
from appliance.blueprint.words import is_field, is_noun, is_title

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_SUFFIXES: Final = frozenset(
    {
        *("create", "update", "input", "output", "in", "out", "request", "response", "new", "patch", "dto", "read"),
        *("write", "payload", "body", "data", "schema", "model", "base", "full", "detail", "details", "summary"),
        *("resource", "entity", "object"),
    }
)


def plain(name: str) -> str:
    """For comparing: ``pageSize``, ``page_size`` and ``page-size`` are the same."""
    return "".join(words(name))


def field_name(path: tuple[str, ...], taken: Collection[str]) -> str:
    """A field's name for a property; another one where it is taken."""
    made = "_".join(word for part in path for word in words(part))[:MAX_NAME].strip("_")
    made = made if made[:1].isalpha() else f"field_{made}".strip("_")
    if not is_field(made):
        made = f"the_{made}"[:MAX_NAME].strip("_")
    candidate, count = made, 1
    known = {identifier(name) for name in taken}
    while identifier(candidate) in known:
        count += 1
        candidate = f"{made[: MAX_NAME - 4]}_{count}"
    return candidate


def entity_name(component: str, path: str, taken: Iterable[str], reserved: Collection[str] = ()) -> str:
    """An entity's name from a schema's name, or from the last word of a path."""
    parts = words(component)
    while len(parts) > 1 and (parts[-1] in _SUFFIXES or parts[0] in ("new", "create", "update")):
        parts = parts[:-1] if parts[-1] in _SUFFIXES else parts[1:]
    if not parts or parts[0] in _SUFFIXES:
        plain_parts = [part for part in path.split("/") if part and "{" not in part]
        parts = words(singular(plain_parts[-1])) if plain_parts else []
    name = " ".join(part.capitalize() for part in parts)[:MAX_NAME].strip() or "Record"
    name = name if name[:1].isalpha() and is_noun(name) else f"Record {name}"[:MAX_NAME].strip()
    used = {slug(other) for other in taken} | RESERVED_SLUGS | set(reserved)
    candidate, count = name, 1
    while slug(candidate) in used:
        count += 1
        candidate = f"{name[: MAX_NAME - 3]} {count}"
    return candidate


def singular(word: str) -> str:
    """``categories`` → ``category``: what one thing of an English plural is called."""
    lower = word.lower()
    if lower.endswith("ies") and len(lower) > 4:
        return f"{word[:-3]}y"
    if re.search(r"(?:s|x|z|ch|sh)es$", lower) and not re.search(r"(?:[aeiou]ses|ases)$", lower):
        return word[:-2]
    if lower.endswith("s") and not lower.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def title(text: str, limit: int = MAX_NAME) -> str:
    """A text that can stand in quotes, shortened at a word; empty if nothing is left."""
    clean = " ".join(re.sub(r"[\"\\\x00-\x1f\x7f]", " ", text).split())
    if len(clean) > limit:
        clean = clean[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,.;:–-") + "…"
    return clean if is_title(clean) and len(clean) <= limit else ""


def sentence(text: str) -> str:
    """The first sentence of a text, short enough for a line of help."""
    first = re.split(r"(?<=[.!?])\s", " ".join(text.split()), maxsplit=1)[0]
    return title(first, MAX_ABOUT)
