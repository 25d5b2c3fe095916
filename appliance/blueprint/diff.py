"""What a change of a blueprint means: for the screens, for the data and for who may do what.

``diff`` never guesses. What was renamed is told by ``after.renames``; where something went and something of the same
type came, and nobody said what was meant, the answer is a question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.blueprint.changes import Changes, Identities, Name, RenameQuestion, RenameRefused, Thing, entity_named
from appliance.blueprint.diff_items import differences
from appliance.blueprint.model import Blueprint, Choice, Entity, Field
from appliance.blueprint.references import RenameOne, rewrite

MAX_RENAMES: Final = 64
GONE: Final = "\0gone "
_PASSING: Final = "\0to "


def diff(before: Blueprint, after: Blueprint, *, apart: frozenset[Thing] = frozenset()) -> Changes:
    """Compare two resolved blueprints; ``after.renames`` say what was renamed.

    ``apart``: things of ``after`` that are not those of the same name in ``before``.

    Raises:
        RenameRefused: a rename names something that ``before`` does not have or ``after`` still lacks.
    """
    renames = after.renames
    before, after = replace(before, renames=()), replace(after, renames=())
    moved = apply_renames(before, after, renames, apart)
    identities = _identities(before, moved, after)
    items = tuple(differences(before, moved, after))
    return Changes(before, after, renames, identities, items, _questions(moved, after))


def apply_renames(
    before: Blueprint, after: Blueprint, renames: tuple[Rename, ...], apart: frozenset[Thing] = frozenset()
) -> Blueprint:
    """``before`` with the names of ``after``: entities and roles first, then fields, then options. What has to make
    room for something else of its name gets one that nobody can write.

    Raises:
        RenameRefused: see :func:`diff`.
    """
    if len(renames) > MAX_RENAMES:
        message = f"There are {len(renames)} renames; at most {MAX_RENAMES} can be taken in at once."
        raise RenameRefused(message, action="Make the change in several steps.")
    made = before
    for kind in (Renamed.ENTITY, Renamed.ROLE, Renamed.FIELD, Renamed.OPTION):
        group = [rename for rename in renames if rename.kind is kind]
        for rename in group:
            _check(rename, made, after)
        made = _make_room(made, kind, group, apart)
        # By way of names that nobody can write, so that two things may also change places.
        for number, rename in enumerate(group):
            made = rewrite(made, _one(kind, rename.entity, rename.before, f"{_PASSING}{number}"))
        for number, rename in enumerate(group):
            made = rewrite(made, _one(kind, rename.entity, f"{_PASSING}{number}", rename.after))
    return made


def _make_room(made: Blueprint, kind: Renamed, group: list[Rename], apart: frozenset[Thing]) -> Blueprint:
    moving = {(rename.kind, rename.entity, rename.before) for rename in group}
    targets = [(rename.kind, rename.entity, rename.after) for rename in group]
    if len(moving) != len(group) or len(set(targets)) != len(group):
        message = "One thing is renamed twice, or two things get the same name."
        raise RenameRefused(message, action="Correct the lines that begin with “rename”.")
    wanted = dict.fromkeys([*targets, *(thing for thing in apart if thing[0] is kind)])
    for number, (_, within, name) in enumerate(wanted):
        if (kind, within, name) not in moving and name in names_of(kind, made, within):
            made = rewrite(made, _one(kind, within, name, f"{GONE}{number}"))
    return made


def _one(kind: Renamed, within: str, before: str, after: str) -> RenameOne:
    entity, _, field = within.rpartition(".") if kind is Renamed.OPTION else (within, "", "")
    return RenameOne(kind.value, before, after, within=entity, of=field)


def names_of(kind: Renamed, blueprint: Blueprint, within: str = "") -> tuple[str, ...]:
    """The names of that kind; ``within`` is the entity of fields, ``Loan.status`` for options."""
    if kind is Renamed.ENTITY:
        return tuple(entity.name for entity in blueprint.entities)
    if kind is Renamed.ROLE:
        return blueprint.roles
    entity, _, name = within.rpartition(".") if kind is Renamed.OPTION else (within, "", "")
    found = next((item for item in blueprint.entities if item.name == entity), None)
    if found is None:
        return ()
    if kind is Renamed.FIELD:
        return tuple(field.name for field in found.fields)
    field = found.field(name)
    return field.type.options if field is not None and isinstance(field.type, Choice) else ()


def _check(rename: Rename, before: Blueprint, after: Blueprint) -> None:
    for name, blueprint, when in ((rename.before, before, "before"), (rename.after, after, "afterwards")):
        if name not in names_of(rename.kind, blueprint, rename.entity):
            message = f"There is no {rename.kind} “{name}” {when}, so it cannot be renamed."
            raise RenameRefused(message, action="Correct the line that begins with “rename”, or remove it.")


def _identities(before: Blueprint, moved: Blueprint, after: Blueprint) -> Identities:
    entities: list[tuple[str, str]] = []
    fields: list[tuple[Name, Name]] = []
    options: list[tuple[Name, Name]] = []
    for old, same in zip(before.entities, moved.entities, strict=True):
        new = entity_named(after, same.name)
        if new is None:
            continue
        entities.append((old.name, new.name))
        for old_field, same_field in zip(old.fields, same.fields, strict=True):
            new_field = new.field(same_field.name)
            if new_field is None:
                continue
            pair = (old.name, old_field.name), (new.name, new_field.name)
            fields.append(pair)
            words, kept, now = (
                field.type.options if isinstance(field.type, Choice) else ()
                for field in (old_field, same_field, new_field)
            )
            options += [((*pair[0], a), (*pair[1], b)) for a, b in zip(words, kept, strict=True) if b in now]
    roles = tuple((was, role) for was, role in zip(before.roles, moved.roles, strict=True) if role in after.roles)
    return Identities(tuple(entities), tuple(fields), tuple(options), roles)


def _questions(moved: Blueprint, after: Blueprint) -> tuple[RenameQuestion, ...]:
    found = [*_one_for_one(Renamed.ENTITY, moved, after), *_one_for_one(Renamed.ROLE, moved, after)]
    for old in moved.entities:
        new = entity_named(after, old.name)
        if new is None:
            continue
        found += _fields_asked(old, new)
        for field in new.fields:
            was = old.field(field.name)
            if was is not None and isinstance(was.type, Choice) and isinstance(field.type, Choice):
                found += _one_for_one(Renamed.OPTION, moved, after, f"{new.name}.{field.name}")
    return tuple(found)


def _one_for_one(kind: Renamed, moved: Blueprint, after: Blueprint, within: str = "") -> list[RenameQuestion]:
    """Exactly one gone and one new: perhaps the same under another name."""
    old, new = names_of(kind, moved, within), names_of(kind, after, within)
    gone, came = [name for name in old if name not in new], [name for name in new if name not in old]
    if len(gone) != 1 or len(came) != 1 or gone[0].startswith(GONE):
        return []
    return [RenameQuestion(Rename(kind, within, gone[0], came[0]))]


def _fields_asked(old: Entity, new: Entity) -> list[RenameQuestion]:
    """A field gone and one of the same type new: asked for each type of which exactly one went and one came."""

    def shape(field: Field) -> object:
        return (Choice, len(field.type.options)) if isinstance(field.type, Choice) else field.type

    gone = [field for field in old.fields if new.field(field.name) is None]
    came = [field for field in new.fields if old.field(field.name) is None]
    found = []
    for field in gone:
        alike = [other for other in came if shape(other) == shape(field)]
        alone = len(alike) == 1 and sum(shape(other) == shape(field) for other in gone) == 1
        if alone and not field.name.startswith(GONE):
            found.append(RenameQuestion(Rename(Renamed.FIELD, new.name, field.name, alike[0].name)))
    return found
