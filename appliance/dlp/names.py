"""Names of people, by lists of first and family names and by the words around them. No model: see ``docs/dlp.md``.

First and family names of Europe come from the locale data of Faker (MIT), the commonest of the United States from the
package names (census of 1990, public domain).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from appliance.core.screening import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.dlp.schema import NameFile

PERSON: Final = "PERSON"
_LOCALES: Final = """
de_DE de_AT de_CH en_US en_GB en_IE fr_FR it_IT es_ES nl_NL pl_PL tr_TR da_DK sv_SE no_NO fi_FI pt_PT cs_CZ hu_HU
hr_HR ro_RO
"""
COMMONEST: Final = 20_000
"""How many family names of the census are taken, the commonest first."""
MAX_PARTS: Final = 5
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_GAP: Final = re.compile(r"[ \t]{1,3}|\.[ \t]{0,2}")


@dataclass(frozen=True, slots=True)
class Lists:
    """Names in lower case."""

    first: frozenset[str]
    family: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        return self.text.lower()

    @property
    def named(self) -> bool:
        """Whether it is written as a name is."""
        return self.text[0].isupper() and (len(self.text) > 1)


@cache
def packaged_lists() -> Lists:
    """The names of the packages; read once for each process, about 0.2 s."""
    first: set[str] = set()
    family: set[str] = set()
    for locale in _LOCALES.split():
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for target, stem in ((first, "first_names"), (family, "last_names")):
            for suffix in ("", "_male", "_female"):
                target.update(str(name).lower() for name in getattr(provider, stem + suffix, ()))
    census = files("names")
    for target, stem, limit in (
        (first, "dist.male.first", COMMONEST),
        (first, "dist.female.first", COMMONEST),
        (family, "dist.all.last", COMMONEST),
    ):
        lines = census.joinpath(stem).read_text(encoding="ascii").splitlines()[:limit]
        target.update(line.split()[0].lower() for line in lines if line.strip())
    return Lists(
        frozenset(name for name in first if len(name) > 1), frozenset(name for name in family if len(name) > 1)
    )


class NameRecognizer:
    """Finds names in running text. Frozen once made; linear in the text."""

    def __init__(self, settings: NameFile, lists: Lists | None = None) -> None:
        known = packaged_lists() if lists is None else lists
        self._settings = settings
        self._first = known.first | settings.people
        self._family = known.family | settings.people
        words = "|".join(re.escape(one) for one in sorted(settings.introductions, key=len, reverse=True))
        self._introduction = re.compile(rf"(?:^|\W)(?:{words})[:,]?\s{{0,3}}$", re.IGNORECASE)
        self._longest = max((len(one) for one in settings.introductions), default=0) + 8

    def find(self, text: str) -> Iterator[Finding]:
        """Every name, without its title."""
        words = [_Word(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]
        at = 0
        while at < len(words):
            stop = self._name_at(text, words, at)
            if stop > at:
                yield Finding(PERSON, words[at].start, words[stop - 1].end, "name")
                at = stop
            else:
                at += 1

    def _name_at(self, text: str, words: Sequence[_Word], at: int) -> int:
        """Where a name that begins at ``at`` ends; ``at`` if there is none."""
        word = words[at]
        if not word.named or word.low in self._settings.titles:
            return at
        expected = self._titled(text, words, at) or self._introduced(text, word)
        first, family = word.low in self._first, word.low in self._family
        ordinary = word.low in self._settings.ordinary
        if not (first or expected):
            return at
        stop = self._run(text, words, at)
        followers = [one for one in words[at + 1 : stop] if one.named]
        kin = any(
            (one.low in self._family or one.low in self._first)
            and not (ordinary and one.low in self._settings.ordinary)
            for one in followers
        )
        if expected:
            return stop if (first or family or kin or not ordinary) else at
        if kin:
            return stop
        return at if ordinary or (word.text.isupper() and not followers) else at + 1

    def _run(self, text: str, words: Sequence[_Word], at: int) -> int:
        """The end of the words that can belong to the name: initials, particles, names, or one unknown word."""
        stop = at + 1
        last = stop
        while stop < len(words) and stop - at < MAX_PARTS:
            gap = text[words[stop - 1].end : words[stop].start]
            if not _GAP.fullmatch(gap) or (gap.startswith(".") and len(words[stop - 1].text) > 1):
                break
            word = words[stop]
            initial = len(word.text) == 1 and word.text.isupper()
            known = word.low in self._family or word.low in self._first
            if word.named and (known or word.low not in self._settings.ordinary) and (known or stop - at == 1):
                last = stop = stop + 1
            elif word.low in self._settings.particles or initial:
                stop += 1
            else:
                break
        return last

    def _titled(self, text: str, words: Sequence[_Word], at: int) -> bool:
        if at == 0 or words[at - 1].low not in self._settings.titles:
            return False
        return _GAP.fullmatch(text[words[at - 1].end : words[at].start]) is not None

    def _introduced(self, text: str, word: _Word) -> bool:
        return self._introduction.search(text[max(0, word.start - self._longest) : word.start]) is not None
