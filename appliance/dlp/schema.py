"""The form of the files in ``policies/dlp``: TOML, every key named here, anything else refused."""

from __future__ import annotations

import tomllib
from typing import Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from appliance.core.screening import Place, Verdict
from appliance.dlp.checks import CHECKS
from appliance.dlp.errors import RulesBroken
from appliance.dlp.expressions import compiled

MAX_BYTES: Final = 1 << 20
MAX_RULES: Final = 500
SECRET: Final = "SECRET"  # noqa: S105 - the name of a kind
KINDS: Final = frozenset(
    {
        SECRET,
        "BANK_ACCOUNT",
        "CREDIT_CARD",
        "DATE_OF_BIRTH",
        "DRIVER_LICENSE",
        "EMAIL_ADDRESS",
        "HEALTH_ID",
        "IBAN_CODE",
        "ID_CARD",
        "IP_ADDRESS",
        "PASSPORT",
        "PERSON",
        "PHONE_NUMBER",
        "SOCIAL_SECURITY",
        "STREET_ADDRESS",
        "TAX_ID",
    }
)
"""Everything that is looked for. A decision names each, or falls back to the file's ``otherwise``."""
DataClass = Literal["public", "internal", "confidential", "restricted"]
Word = Literal["allow", "mask", "ask", "block"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Table):
    """One expression (RE2 syntax: matching takes time linear in the text, whatever the text is)."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$")
    kind: str
    pattern: str = Field(max_length=4000)
    group: int = Field(default=0, ge=0, le=20)
    """Which group of the expression is the finding; 0: all of it."""
    near: tuple[str, ...] = Field(default=(), max_length=60)
    """Words of which one must stand before the finding, within ``reach`` characters; empty: none is needed."""
    reach: int = Field(default=48, ge=4, le=400)
    check: str = ""
    """A check digit or number plan: a name of :mod:`appliance.dlp.checks`."""
    entropy: float = Field(default=0.0, ge=0.0, le=8.0)
    """Least Shannon entropy in bits per character."""
    mixed: bool = False
    """The value needs characters of two classes: letters, digits, others."""
    allow: tuple[str, ...] = Field(default=(), max_length=100)
    """Values that are no finding: RE2 expressions, the whole value, case ignored."""

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if value not in KINDS:
            message = f"there is no kind {value!r}"
            raise ValueError(message)
        return value

    @field_validator("check")
    @classmethod
    def _known_check(cls, value: str) -> str:
        if value and value not in CHECKS:
            message = f"there is no check {value!r}"
            raise ValueError(message)
        return value

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        compiled(value)
        return value

    @field_validator("allow")
    @classmethod
    def _all_compile(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            compiled(one)
        return value


class RuleFile(_Table):
    """``rules*.toml``. ``without`` names rules of the secret library that are not wanted here."""

    version: Literal[1]
    rule: tuple[Rule, ...] = Field(max_length=MAX_RULES)
    without: tuple[str, ...] = Field(default=(), max_length=MAX_RULES)


class NameFile(_Table):
    """``names.toml``: what the recognizer of names needs beside its lists. All in lower case."""

    version: Literal[1]
    titles: frozenset[str]
    """Before a name: Mr, Frau, Dr."""
    particles: frozenset[str]
    """Inside a name: von, de la."""
    introductions: tuple[str, ...] = Field(max_length=60)
    """Words after which a name stands."""
    ordinary: frozenset[str]
    """First names that are ordinary words too; a name only beside a family name."""
    people: frozenset[str] = frozenset()
    """First and family names of the house that the lists do not have."""


class Decisions(_Table):
    """What is done about each kind at one place."""

    otherwise: Word
    kinds: dict[str, Word] = Field(default_factory=dict)

    @field_validator("kinds")
    @classmethod
    def _known_kinds(cls, value: dict[str, Word]) -> dict[str, Word]:
        if strange := sorted(set(value) - KINDS):
            message = f"there is no kind {strange[0]!r}"
            raise ValueError(message)
        return value

    def verdict(self, kind: str) -> Verdict:
        """For one kind."""
        return Verdict[self.kinds.get(kind, self.otherwise).upper()]


class DecisionFile(_Table):
    """``decisions.toml``: by place, and stricter by data class. A data class can only make a verdict stricter."""

    version: Literal[1]
    prompt: Decisions
    upload: Decisions
    output: Decisions
    data_class: dict[DataClass, Decisions] = Field(default_factory=dict)

    def verdict(self, kind: str, place: Place, data_class: str) -> Verdict:
        """For a kind at a place, in an app of this data class. Nobody can be asked about what was written for an app,
        and what a model made up is nobody's: there a class counts only where it blocks."""
        base: Decisions = getattr(self, place.value)
        found = base.verdict(kind)
        for name, stricter in self.data_class.items():
            if name == data_class:
                wanted = stricter.verdict(kind)
                found = max(found, wanted) if place is not Place.OUTPUT or wanted is Verdict.BLOCK else found
        return found


_File = TypeVar("_File", RuleFile, NameFile, DecisionFile)


def read(form: type[_File], name: str, content: bytes) -> _File:
    """A file of ``policies/dlp`` from its bytes.

    Raises:
        RulesBroken: it is not of that form; the message names file and key.
    """
    action = f"Correct {name}, or put the last good one back. Until then the rules stay as they were."
    if len(content) > MAX_BYTES:
        message = f"{name} is larger than {MAX_BYTES:,} bytes."
        raise RulesBroken(message, action=action)
    try:
        return form.model_validate(tomllib.loads(content.decode()))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{name} is no TOML."
        raise RulesBroken(message, cause=str(error), action=action) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"{name} cannot be used: {where}: {first['msg']}."
        raise RulesBroken(message, action=action) from error
