"""Operations that compute: functions of the app's own, which read and change no record."""

from __future__ import annotations

from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..access import OWNER
from ..bounded import TooMuch, Unfit, outcome
from ..columns import FieldSpec, Kind
from ..values import Invalid, parse
from ..visit import NotAllowed
from ..web import log
from .model import Part
from .refusing import Refusal
from .types import read_moment
from .values import to_json

if TYPE_CHECKING:
    from ..visit import Visit
    from .model import Given, Operation, Work


def computed(visit: Visit, operation: Operation, work: Work, sent: dict[str, Any]) -> dict[str, Any]:
    """The answer. ``sent``: what the body and the query hold, by name.

    Raises:
        NotAllowed: the person has no role in this app.
        Refusal: there is no answer to what was sent.
    """
    say = visit.language.say
    if visit.identity.roles.isdisjoint({OWNER, *visit.runtime.definition.roles}):
        raise NotAllowed(say("You have no role in this app."))
    values = [_value(visit, one, sent.get(one.name, one.default)) for one in work.given]
    kinds = [one.kind for one in work.given]
    answer: dict[str, Any] = {}
    for result in work.results:
        try:
            found = outcome(result.function, kinds, values, result.kind, result.options)
        except (TooMuch, Unfit, ArithmeticError, InvalidOperation, LookupError, TypeError, ValueError) as error:
            log.warning("%s gives no %s: %s: %s", operation.id, result.name, type(error).__name__, error)
            found = None
        written = to_json(visit, found, Part((result.name,), "field", leaf=result.leaf))
        if written is not None:
            answer[result.name] = written
    try:
        work.answer.model_validate(answer)
    except ValidationError as error:
        message = say("There is no answer to this that the contract allows.")
        raise Refusal.invalid(message, tuple((one.name, message) for one in work.given[:1])) from error
    return answer


def _value(visit: Visit, one: Given, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if one.kind == "datetime":
        return read_moment(str(value)).astimezone().replace(tzinfo=None)
    if one.kind == "text" and value == "":
        return value
    text = str(value).upper().removesuffix("Z") if one.kind == "time" else str(value)
    try:
        return parse(FieldSpec(one.name, Kind(one.kind), options=(text,)), text)
    except Invalid as error:
        message = visit.language.tell(error)
        raise Refusal.invalid(message, ((one.name, message),)) from error
