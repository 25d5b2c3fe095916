"""Reading the lines of an entity and of an access list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import closest
from appliance.blueprint.model import (
    MAX_CHOICES,
    MAX_NAME,
    Choice,
    Field,
    FieldType,
    Grant,
    Permission,
    Ref,
    Scalar,
    Verb,
)
from appliance.blueprint.values import read_value
from appliance.blueprint.words import is_field, is_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.cursor import Cursor

TYPE_WORDS: Final = (*(scalar.value for scalar in Scalar), "choice", "ref")
_VERB_WORDS: Final = ("all", *(verb.value for verb in Verb))
_NO_DEFAULT: Final = (Scalar.FILE, Scalar.IMAGE)


def read_field(cursor: Cursor, entities: Sequence[str]) -> Field:
    """``due date required``: name, type, then any of required, unique, default.

    Raises:
        BlueprintError: a name that is not allowed, an unknown type or word, or a default that does not fit.
    """
    first = cursor.take()
    if not is_field(first.text) or len(first.text) > MAX_NAME:
        cursor.fail(f"{first.text!r} cannot be a field's name", "Write it in lower case, joined by _: due_date.", first)
    kind = read_type(cursor, entities)
    required = unique = False
    default = None
    while (token := cursor.peek()) is not None:
        if cursor.accept("required") and not required:
            required = True
        elif cursor.accept("unique") and not unique:
            if kind in (Scalar.BOOLEAN, Scalar.FILE, Scalar.IMAGE, Scalar.LONGTEXT):
                cursor.fail(f"a field of type {kind} cannot be unique", "Remove 'unique'.", token)
            unique = True
        elif cursor.accept("default") and default is None:
            if kind in _NO_DEFAULT or isinstance(kind, Ref):
                cursor.fail("a field of this type has no default", "Remove it.", token)
            default = read_value(cursor, kind)
        else:
            cursor.fail(
                f"{token.text!r} is too much here", "After the type only required, unique and default follow.", token
            )
    return Field(first.text, kind, required, unique, default)


def read_type(cursor: Cursor, entities: Sequence[str]) -> FieldType:
    """A field type; ``choice(…)`` and ``ref(…)`` take arguments."""
    token = cursor.take()
    if token.text == "choice":
        cursor.expect("(", "Write the options in brackets: choice(new, done).")
        options: list[str] = []
        while True:
            option, where = cursor.name(
                "an option", until=(",", ")"), allowed=lambda text: is_option(text) and len(text) <= MAX_NAME
            )
            if any(option.lower() == other.lower() for other in options):
                cursor.fail(f"the option {option!r} is there twice", "Remove one.", where)
            options.append(option)
            if not cursor.accept(","):
                break
        cursor.expect(")")
        if not 2 <= len(options) <= MAX_CHOICES:
            cursor.fail(f"a choice has 2 to {MAX_CHOICES} options", token=token)
        return Choice(tuple(options))
    if token.text == "ref":
        cursor.expect("(", "Write the entity in brackets: ref(Item).")
        entity = cursor.known("entity", entities, until=(")",))
        cursor.expect(")")
        return Ref(entity)
    if token.text in TYPE_WORDS:
        return Scalar(token.text)
    return cursor.fail(f"there is no type {token.text!r}", closest(token.text, TYPE_WORDS), token)


def read_grant(cursor: Cursor, roles: Sequence[str]) -> Grant:
    """``Borrower create, read own``: a role and its verbs.

    Raises:
        BlueprintError: an unknown role or verb, a verb named twice, or ``own`` where it has no meaning.
    """
    role = cursor.known("role", roles, until=(*_VERB_WORDS, ";"))
    permissions: list[Permission] = []
    while True:
        token = cursor.take()
        if token.text not in _VERB_WORDS:
            cursor.fail(f"{token.text!r} is not something a role may do", closest(token.text, _VERB_WORDS), token)
        own = cursor.accept("own")
        if own and token.text == "create":
            cursor.fail("'create own' says nothing more than 'create'", "Write create.", token)
        for verb in Verb if token.text == "all" else (Verb(token.text),):
            if any(verb is other.verb for other in permissions):
                cursor.fail(f"{verb.value!r} is named twice", "Remove one.", token)
            permissions.append(Permission(verb, own and verb is not Verb.CREATE))
        if not cursor.accept(","):
            break
    return Grant(role, tuple(sorted(permissions, key=lambda item: list(Verb).index(item.verb))))
