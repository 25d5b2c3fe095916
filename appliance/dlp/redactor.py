"""Placeholders for findings, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.core.screening import Masked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.core.screening import Finding

_PLACEHOLDER: Final = re.compile(r"<([A-Z_]{2,32})_(\d{1,6})>")


def mask(text: str, findings: Sequence[Finding], known: Mapping[str, str]) -> Masked:
    """``text`` with a placeholder for each finding; the same value of a kind has one placeholder.

    Placeholders that stand in the text already, or in ``known``, are never given to another value. Overlapping
    findings are not expected: the later one is left out.
    """
    taken = {match.group(0) for match in _PLACEHOLDER.finditer(text)} | set(known)
    names = {(_kind(name), value): name for name, value in known.items()}
    counts: dict[str, int] = {}
    values: dict[str, str] = {}
    pieces: list[str] = []
    at = 0
    for found in sorted(findings, key=lambda one: (one.start, -one.end)):
        if found.start < at:
            continue
        value = text[found.start : found.end]
        name = names.get((found.kind, value))
        if name is None:
            name = _next(found.kind, counts, taken)
            names[(found.kind, value)] = name
        values[name] = value
        pieces += [text[at : found.start], name]
        at = found.end
    return Masked("".join([*pieces, text[at:]]), values)


def restore(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the values in place of their placeholders; in one pass, so that a value is never read again."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(0), match.group(0)), text)


def _next(kind: str, counts: dict[str, int], taken: set[str]) -> str:
    while True:
        counts[kind] = counts.get(kind, 0) + 1
        name = f"<{kind}_{counts[kind]}>"
        if name not in taken:
            taken.add(name)
            return name


def _kind(name: str) -> str:
    match = _PLACEHOLDER.fullmatch(name)
    return "" if match is None else match.group(1)
