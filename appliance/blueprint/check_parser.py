"""Reading and printing a maker's own check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses
from appliance.blueprint.behaviour import MAX_MESSAGE, Action
from appliance.blueprint.checks import MAX_GIVEN, MAX_SHIFT, Act, Given, OwnCheck, Whose
from appliance.blueprint.errors import closest
from appliance.blueprint.fields import read_title
from appliance.blueprint.lexer import Kind
from appliance.blueprint.model import OWNER, Field, Scalar, Today
from appliance.blueprint.values import read_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

OWNER_WORD: Final = "owner"
_ACTS: Final = tuple(act.value for act in Act)
_AFTER: Final = ("of", "with", "then", "because")
_UNREADABLE: Final = (Scalar.FILE, Scalar.IMAGE)


def read_check(cursor: Cursor, entities: Sequence[Entity], roles: Sequence[str], actions: Sequence[Action]) -> OwnCheck:
    """``Borrower cannot read Loan of others``, ``Borrower can press "Return" on own Loan then returned = true``.

    Raises:
        BlueprintError: an unknown role, act, record, action or field, or an expectation that cannot be looked at.
    """
    role = cursor.known("role", (*roles, OWNER_WORD), until=("can", "cannot"))
    who = OWNER if role == OWNER_WORD and role not in roles else role
    allowed = cursor.accept("can")
    if not allowed:
        cursor.expect("cannot", "Write can or cannot after the role.")
    token = cursor.take()
    if token.text not in _ACTS:
        cursor.fail(f"{token.text!r} is not something that can be tried", closest(token.text, _ACTS), token)
    act = Act(token.text)
    title = ""
    if act is Act.PRESS:
        title = read_title(cursor, "the action's title", MAX_MESSAGE)
        cursor.expect("on", 'Say on which record: press "Return" on Loan.')
    place = cursor.peek()
    own = cursor.accept("own")
    entity = clauses.read_entity(cursor, entities, until=_AFTER)
    others = False
    if not own and cursor.accept("of"):
        cursor.expect("others", "Write of others, or own in front of the record.")
        others = True
    if act is Act.CREATE and (own or others):
        cursor.fail("a new row is nobody else's", "Write the record alone.", place)
    titles = [item.title for item in actions if item.entity == entity.name]
    if act is Act.PRESS and title not in titles:
        cursor.fail(f"{entity.name!r} has no action {title!r}", closest(title, titles))
    given = _values(cursor, entity, _is_typed, "Use a field that people fill in, but no file.", "with")
    found = OwnCheck(who, allowed, act, entity.name, _whose(own=own, others=others), title, given)
    return _expected(cursor, entity, found)


def _whose(*, own: bool, others: bool) -> Whose:
    return Whose.OWN if own else Whose.OTHERS if others else Whose.ANY


def _expected(cursor: Cursor, entity: Entity, check: OwnCheck) -> OwnCheck:
    token = cursor.peek()
    then = _values(cursor, entity, _is_looked_at, "Use a field that is shown, but no file.", "then")
    if then and (not check.allowed or check.act in (Act.READ, Act.DELETE)):
        hint = "Write then only after something that can be created, edited or pressed."
        cursor.fail("there is nothing to look at afterwards", hint, token)
    because = ""
    token = cursor.peek()
    if cursor.accept("because"):
        because = read_title(cursor, "the message", MAX_MESSAGE)
        if check.allowed or check.act is Act.READ:
            cursor.fail(
                "nothing is refused here", "Write because only after cannot create, edit, delete, press.", token
            )
    cursor.end()
    return OwnCheck(
        check.role, check.allowed, check.act, check.entity, check.whose, check.action, check.given, then, because
    )


def _is_typed(field: Field) -> bool:
    return clauses.is_given(field) and not field.hidden and field.type not in _UNREADABLE


def _is_looked_at(field: Field) -> bool:
    return not field.hidden and field.type not in _UNREADABLE


def _values(
    cursor: Cursor, entity: Entity, accepted: Callable[[Field], bool], hint: str, word: str
) -> tuple[Given, ...]:
    if not cursor.accept(word):
        return ()
    found: list[Given] = []
    while True:
        token = cursor.peek()
        field = clauses.read_known(cursor, entity, accepted, hint)
        cursor.expect("=", f"Write {field.name} = and a value.")
        found.append(_given(cursor, field))
        if len(found) > MAX_GIVEN or field.name in [item.field for item in found[:-1]]:
            cursor.fail(f"up to {MAX_GIVEN} fields can be named here, each once", "Remove one.", token)
        if not cursor.accept(","):
            return tuple(found)


def _given(cursor: Cursor, field: Field) -> Given:
    if cursor.accept("empty"):
        return Given(field.name, None)
    value = read_value(cursor, field.type)
    if not isinstance(value, Today) or not cursor.at("+", "-"):
        return Given(field.name, value)
    sign = -1 if cursor.take().text == "-" else 1
    token = cursor.take()
    unit = cursor.take()
    hint = "Write today + 3 days, or today - 2 weeks."
    fits = token.kind is Kind.NUMBER and token.text.isdigit() and unit.text in ("day", "days", "week", "weeks")
    if not fits:
        cursor.fail(f"{token.text!r} is no number of days", hint, token)
    days = int(token.text[:5]) * (7 if unit.text.startswith("week") else 1)
    if not 0 < days <= MAX_SHIFT:
        cursor.fail(f"{token.text!r} is too far from today", f"Stay within {MAX_SHIFT} days.", token)
    return Given(field.name, value, sign * days)
