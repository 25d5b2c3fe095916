"""Types of single values in JSON, and what an object in JSON obeys: what Pydantic does not know by itself."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from decimal import Decimal
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:[zZ]|[+-]00:00)?")
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[zZ]|[+-]\d\d:\d\d)")
_MAIL: Final = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[^@\s<>\"(),:;\[\]\\]{1,190}")


class Open(BaseModel):
    """An object that may have other properties besides; they are not kept."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False, hide_input_in_errors=True)


class Closed(BaseModel):
    """An object that has no other properties."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


def _day(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text) is None:
        raise ValueError("a day is written as 2026-11-24")
    dt.date.fromisoformat(text)
    return text


def _moment(text: str) -> str:
    if _MOMENT.fullmatch(text) is None:
        raise ValueError("a moment is written as 2026-11-24T14:30:00Z, with its offset (RFC 3339)")
    read_moment(text)
    return text


def read_moment(text: str) -> dt.datetime:
    """A moment with its offset; digits beyond microseconds are cut off."""
    exact = re.sub(r"(\.\d{6})\d+", r"\1", text.upper().replace(" ", "T").replace("Z", "+00:00"))
    found = dt.datetime.fromisoformat(exact)
    if not 2 <= found.year <= 9998:
        raise ValueError("the year must lie between 2 and 9998")
    return found


def _clock(text: str) -> str:
    if _CLOCK.fullmatch(text) is None:
        raise ValueError("a time of day is written as 14:30:00")
    return text


def _mail(text: str) -> str:
    if _MAIL.fullmatch(text) is None:
        raise ValueError("an e-mail address is written as name@example.com")
    return text


def _address(text: str) -> str:
    parts = urlsplit(text)
    if not parts.scheme or re.search(r"\s", text) or not (parts.netloc or parts.path):
        raise ValueError("an address is written as https://example.com")
    return text


def _uuid(text: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is None:
        raise ValueError("a UUID is written as 123e4567-e89b-12d3-a456-426614174000")
    return str(uuid.UUID(text))


def _line(text: str) -> str:
    if not text.strip() or "\n" in text or "\r" in text:
        raise ValueError("each text must have something in it and stand on one line")
    return text


ABSENT: Final[Any] = None
"""Holds the place of a property that was not sent, and that can never be null."""

Day = Annotated[str, AfterValidator(_day)]
Moment = Annotated[str, AfterValidator(_moment)]
Clock = Annotated[str, AfterValidator(_clock)]
Mail = Annotated[str, AfterValidator(_mail)]
Address = Annotated[str, AfterValidator(_address)]
Uuid = Annotated[str, AfterValidator(_uuid)]
Line = Annotated[str, AfterValidator(_line)]
one_line: Final = AfterValidator(_line)


def multiple(step: str) -> AfterValidator:
    """A number that is a whole number of steps, counted exactly."""

    def check(value: float) -> float:
        if Decimal(repr(value)) % Decimal(step) != 0:
            raise ValueError(f"it must be a multiple of {step}")
        return value

    return AfterValidator(check)


def one_of(*options: float) -> AfterValidator:
    """One of a few numbers."""

    def check(value: float) -> float:
        if value not in options:
            raise ValueError(f"it must be one of {', '.join(map(str, options))}")
        return value

    return AfterValidator(check)


def _different(values: list[Any]) -> list[Any]:
    if len(set(values)) < len(values):
        raise ValueError("no two may be the same")
    return values


different: Final = AfterValidator(_different)
