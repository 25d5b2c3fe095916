"""Functions of the app's own: what goes in, what may come out, and how much work they may do.

A function is called with values that are there: an empty text comes as an empty text, and where anything else is empty
the result is empty, without a call. One that fails, takes too many steps or gives something else than it should has an
empty result, and that is logged: no page fails because of it.
"""

from __future__ import annotations

import datetime as dt
import logging
import sys
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from .conditions import Moment

MAX_STEPS: Final = 20_000
MAX_TEXT: Final = 2_000
MAX_ITEMS: Final = 2_000
MAX_DIGITS: Final = 40
MAX_RESULT: Final = 1_000
_CENT: Final = Decimal("0.01")
_TEXTS: Final = frozenset({"text", "longtext", "email", "phone", "url", "choice", "sequence"})
_log = logging.getLogger("app.logic")


class TooMuch(Exception):  # noqa: N818
    """The function does more than it may."""


class Unfit(Exception):  # noqa: N818
    """The function gave something that its field cannot hold."""


def rounded(number: Decimal, places: int = 0) -> Decimal:
    """Rounded half away from zero."""
    return Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def taken(kind: str, value: Any) -> Any:
    """A value of a field as a function gets it; None where there is none."""
    if kind in _TEXTS:
        return "" if value is None else str(getattr(value, "value", value))[:MAX_TEXT]
    if kind == "boolean":
        return bool(value)
    if value is None:
        return None
    if kind == "number":
        number = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(value)
        return Decimal(int(number)) if number == number.to_integral_value() else number
    return value


def given(kind: str, value: Any, options: Sequence[str] = ()) -> Any:  # noqa: C901, PLR0911, PLR0912 - one kind each
    """What a function gave, as its field holds it; None for an empty text.

    Raises:
        Unfit: the field cannot hold it.
    """
    if value is None:
        return None
    if kind in ("number", "money"):
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise Unfit(f"{type(value).__name__} is not a number")
        number = Decimal(str(value))
        if not number.is_finite() or abs(number) >= Decimal(10) ** (15 if kind == "number" else 12):
            raise Unfit("the number is too large")
        return float(number) if kind == "number" else number.quantize(_CENT, ROUND_HALF_UP)
    if kind == "boolean":
        if not isinstance(value, bool):
            raise Unfit(f"{type(value).__name__} is neither yes nor no")
        return value
    if kind == "datetime":
        if not isinstance(value, dt.datetime):
            raise Unfit(f"{type(value).__name__} is not a date and time")
        return value
    if kind == "date":
        if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
            raise Unfit(f"{type(value).__name__} is not a date")
        return value
    if not isinstance(value, str):
        raise Unfit(f"{type(value).__name__} is not a text")
    if len(value) > MAX_RESULT:
        raise Unfit(f"a text of {len(value)} characters is too long")
    if not value:
        return None
    if kind == "choice" and value not in options:
        raise Unfit(f"{value!r} is none of the options")
    return value


def bounded(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call it, watched: steps are counted and the size of what it holds is looked at after each.

    Raises:
        TooMuch: it takes too many steps, or holds too large a value.
        Exception: whatever the function raises.
    """
    steps = 0

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > MAX_STEPS:
            raise TooMuch("it takes too many steps")
        if event != "call":
            for value in frame.f_locals.values():
                _measure(value)
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        with localcontext() as context:
            context.prec = MAX_DIGITS
            return function(*arguments)
    finally:
        sys.settrace(before)


def _measure(value: Any) -> None:
    if isinstance(value, str) and len(value) > MAX_TEXT * 4:
        raise TooMuch("it holds too long a text")
    if isinstance(value, int) and value.bit_length() > MAX_DIGITS * 4:
        raise TooMuch("it holds too large a number")
    if isinstance(value, list | dict) and len(value) > MAX_ITEMS:
        raise TooMuch("it holds too many things")


def outcome(
    function: Callable[..., Any],
    kinds: Sequence[str],
    values: Sequence[Any],
    kind: str,
    options: Sequence[str] = (),
) -> Any:
    """What the field holds for these values of its inputs.

    Raises:
        TooMuch, Unfit, Exception: see :func:`bounded` and :func:`given`.
    """
    arguments = [taken(of, value) for of, value in zip(kinds, values, strict=True)]
    if any(argument is None for argument in arguments) or all(
        argument in ("", None) for argument in arguments if not isinstance(argument, bool)
    ):
        return None
    return given(kind, bounded(function, arguments), options)


@dataclass(frozen=True, slots=True)
class Function:
    """A field that a function works out from ``inputs`` (attributes of the row, each with its kind)."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[tuple[str, str], ...]
    kind: str
    options: tuple[str, ...] = ()

    def of(self, session: Session, row: Any, here: Moment) -> Any:
        """Its value for a row; None where the function fails."""
        del session, here
        values = [row.__dict__.get(attribute) for attribute, _ in self.inputs]
        try:
            return outcome(self.function, [kind for _, kind in self.inputs], values, self.kind, self.options)
        except (TooMuch, Unfit, ArithmeticError, InvalidOperation, LookupError, TypeError, ValueError) as error:
            _log.warning("%s has no value for row %s: %s: %s", self.name, row.id, type(error).__name__, error)
            return None

    def column(self, here: Moment) -> ColumnElement[Any] | None:
        """Only Python can work it out."""
        del here
        return None
