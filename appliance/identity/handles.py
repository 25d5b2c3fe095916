"""Secrets that a browser holds and the store knows by digest only; and the person as rows keep one."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from appliance.core.ports import Person

_MAX_SECRET: Final = 128
SECRET_CHARACTERS: Final = 43


def new_secret() -> str:
    """256 random bits, fit for a cookie."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    # Longer than anything issued: the digest of a truncation cannot match, and hashing stays cheap.
    return hashlib.sha256(secret[:_MAX_SECRET].encode("utf-8", "surrogatepass")).digest()


def person_content(person: Person, groups: frozenset[str]) -> dict[str, object]:
    """A person as part of a row's content."""
    return {"subject": person.subject, "name": person.name, "email": person.email, "groups": sorted(groups)}


def person_from(content: Mapping[str, object]) -> tuple[Person, frozenset[str]]:
    """The person of a row, and their groups."""
    person = Person(subject=str(content["subject"]), name=str(content["name"]), email=str(content["email"]))
    groups = content["groups"]
    return person, frozenset(str(group) for group in groups) if isinstance(groups, list) else frozenset()
