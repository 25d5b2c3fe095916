"""Actions: who may do them with which row, doing them, and taking them back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .access import OWNER, Verb
from .history import ACTION, UNDO, HistoryEntry, snapshot, thawed
from .saving import change
from .visit import NoSuchRow, NotAllowed

if TYPE_CHECKING:
    from .behaviour import Action
    from .records import Entity
    from .visit import Visit


class NotNow(Exception):  # noqa: N818
    """The row is not in a state for this; the reasons are for the person."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


def offered(visit: Visit, entity: Entity, row: Any) -> list[Action]:
    """The actions that this person may do with this learned row now; pages show a button for each."""
    return [
        action
        for action in visit.runtime.definition.behaviour.actions_of(entity)
        if (action.when is None or action.slug in visit.possible(entity, row)) and permitted(visit, action, row)
    ]


def permitted(visit: Visit, action: Action, row: Any) -> bool:
    """Whether this person may do it with this row at all: by role with every row they read, by name with theirs."""
    access = visit.access
    if not access.covers(action.entity, Verb.READ, row):
        return False
    if OWNER in access.roles or access.roles.intersection(action.roles):
        return True
    named = (spec for spec in action.entity.people if spec.name in action.people)
    return any(getattr(row, spec.attribute) in access.me for spec in named)


def do(visit: Visit, entity: Entity, row: Any, slug: str) -> HistoryEntry:
    """Do an action in a writing visit.

    Raises:
        NoSuchRow: the entity has no such action.
        NotAllowed: this person may not do it with this row.
        NotNow: its condition does not hold, or the result would break a rule; nothing was changed.
    """
    action = _action(visit, entity, slug)
    if not permitted(visit, action, row):
        raise NotAllowed(visit.language.say("You may not do “{action}” here.", action=action.title))
    if not _possible(visit, action, row):
        reason = "“{action}” is not possible any more: somebody changed this {record} meanwhile."
        raise NotNow([visit.language.say(reason, action=action.title, record=entity.noun)])
    values = {
        spec.attribute: None if value is None else value.of(visit.session, row, visit.moment)
        for name, value in action.assign
        if (spec := entity.field(name)) is not None
    }
    for spec in entity.people:  # "me" may be known under several ids; the row keeps the person's own
        if values.get(spec.attribute) in visit.access.me:
            values[spec.attribute] = visit.person.id
    done = change(visit, entity, row, values, kind=ACTION, title=action.title)
    if isinstance(done, list):
        raise NotNow(done)
    return done


def undo(visit: Visit, entity: Entity, row: Any, entry_id: int) -> HistoryEntry:
    """Take back what this person did with an action, if nothing has changed since.

    Raises:
        NoSuchRow: there is no such entry of this row, or it is somebody else's.
        NotAllowed: they may not do that action with this row any more.
        NotNow: the row was changed meanwhile, or the earlier values would break a rule; nothing was changed.
    """
    entry = visit.session.get(HistoryEntry, entry_id)
    mine = entry is not None and (entry.record, entry.row_id, entry.kind) == (entity.table, row.id, ACTION)
    if entry is None or not mine or entry.by not in visit.access.me:
        raise NoSuchRow(entity.noun)
    actions = visit.runtime.definition.behaviour.actions_of(entity)
    action = next((action for action in actions if action.title == entry.title), None)
    if action is None or not may_take_back(visit, action, entity, row, entry):
        raise NotAllowed(visit.language.say("You may not do “{action}” here.", action=entry.title))
    now = snapshot(entity, row)
    if row.version != entry.version or any(now.get(name) != values[1] for name, values in entry.changes.items()):
        reason = "This {record} was changed meanwhile, so “{action}” was not taken back."
        raise NotNow([visit.language.say(reason, record=entity.noun, action=entry.title)])
    specs = {spec.attribute: spec for spec in entity.kept}
    values = {name: thawed(specs[name], values[0]) for name, values in entry.changes.items() if name in specs}
    done = change(visit, entity, row, values, kind=UNDO, title=entry.title)
    if isinstance(done, list):
        raise NotNow(done)
    return done


def may_take_back(visit: Visit, action: Action, entity: Entity, row: Any, entry: HistoryEntry) -> bool:
    """Whether somebody who did an action may undo it: the row they acted on was one of theirs, even if the action
    itself handed it to somebody else."""
    if permitted(visit, action, row):
        return True
    before = {spec.attribute: values[0] for spec in entity.people if (values := entry.changes.get(spec.attribute))}
    named = (spec.attribute for spec in entity.people if spec.name in action.people)
    return visit.access.covers(entity, Verb.READ, row) and any(before.get(name) in visit.access.me for name in named)


def _action(visit: Visit, entity: Entity, slug: str) -> Action:
    for action in visit.runtime.definition.behaviour.actions_of(entity):
        if action.slug == slug:
            return action
    raise NoSuchRow(visit.language.say("action"))


def _possible(visit: Visit, action: Action, row: Any) -> bool:
    return action.when is None or action.when.holds(visit.session, row, visit.moment)
