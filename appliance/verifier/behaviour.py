"""Stage acceptance, third part: rules hold, actions do what they say for whom they are meant, and fields that only some
roles may see or set stay with them."""

from __future__ import annotations

from appliance.blueprint.behaviour import Action, Occasion, Rule
from appliance.blueprint.model import OWNER, Entity, FieldAccess, Scalar, Verb
from appliance.blueprint.naming import identifier, label, plural, slug
from appliance.verifier.client import Answer, expect
from appliance.verifier.model import CannotTry, CheckFailed, Stage
from appliance.verifier.page import CSRF_FIELD
from appliance.verifier.people import Actor, actor
from appliance.verifier.recorder import Recorder
from appliance.verifier.samples import CONTRARY, MANNERS
from appliance.verifier.typed import is_typed, may
from appliance.verifier.wording import a, can, start, who
from appliance.verifier.world import MISSING, Row, World

_SEEN_AS_TYPED = (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL, Scalar.URL, Scalar.PHONE)


def check_behaviour(recorder: Recorder, world: World) -> None:
    """Rules, combinations, actions and access to fields, for every entity of which a row could be made.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    blueprint = world.blueprint
    for rule in blueprint.rules:
        if rule.entity in world.rows and Occasion.CREATE in rule.occasions:
            title = f"{start(a(rule.entity))} is refused where the rule says: “{rule.message}”"
            with recorder.check(Stage.ACCEPTANCE, title, subject=rule.entity):
                _check_rule(world, rule)
    for entity in blueprint.entities:
        for fields in entity.unique if entity.name in world.rows else ():
            words = " and ".join(label(name).lower() for name in fields)
            title = f"Two {plural(entity.name)} cannot have the same {words}"
            with recorder.check(Stage.ACCEPTANCE, title, subject=entity.name):
                _check_combination(world, entity, fields)
    for action in blueprint.actions:
        if action.entity in world.rows:
            _ActionCheck(recorder, world, action).run()
    for line in blueprint.field_access:
        if line.entity in world.rows:
            _check_field_access(recorder, world, line)


def _check_rule(world: World, rule: Rule) -> None:
    """Some way to fill in the form must meet the rule's refusal; a row that breaks another rule says nothing."""
    entity = world.blueprint.entity(rule.entity)
    token = {CSRF_FIELD: world.token(world.owner)}
    for manner in (*CONTRARY, *MANNERS):
        sample = world.sample(entity, world.owner, manner=manner)
        answer = world.send_new(world.owner, entity, {**sample.values, **token}, sample)
        if answer.status == 422 and _says(answer, rule.message):
            return
    message = "No values were found that break this rule."
    raise CannotTry(message)


def _says(answer: Answer, message: str) -> bool:
    return " ".join(message.split()) in answer.page.text


def _check_combination(world: World, entity: Entity, fields: tuple[str, ...]) -> None:
    first = world.add(world.owner, entity)
    names = [identifier(name) for name in fields]
    if any(name not in first.values for name in names):
        message = "One of the fields was left empty."
        raise CannotTry(message)
    second = world.sample(entity, world.owner)
    same = {name: first.values[name] for name in names}
    values = {**second.values, **same, CSRF_FIELD: world.token(world.owner)}
    answer = world.send_new(world.owner, entity, values, second)
    message = f"Two {plural(entity.name)} can have the same {' and '.join(fields)}."
    expect(answer, (422,), "unique_ignored", message)


class _ActionCheck:
    """One action: the owner can do it with some row, and so can exactly those for whom it is."""

    def __init__(self, recorder: Recorder, world: World, action: Action) -> None:
        self._recorder = recorder
        self._world = world
        self._action = action
        self._entity = world.blueprint.entity(action.entity)
        self._deed = f"do “{action.title}” with {a(action.entity)}"

    def run(self) -> None:
        worked: list[int] = []
        title = can(OWNER, self._deed, allowed=True)
        with self._recorder.check(Stage.ACCEPTANCE, title, subject=self._entity.name):
            worked.append(self._as_owner())
        for role in self._world.blueprint.roles:
            allowed = role in self._action.roles
            if allowed and not (worked and self._reads_all(role)):
                continue
            title = can(role, self._deed, allowed=allowed)
            with self._recorder.check(Stage.ACCEPTANCE, title, role=role, subject=self._entity.name):
                self._as_role(actor(role, 1), worked[0] if worked else 0, allowed=allowed)

    def _reads_all(self, role: str) -> bool:
        grant = self._world.blueprint.permission(self._entity.name, role, Verb.READ)
        return grant is not None and not grant.own

    def _as_owner(self) -> int:
        """The position of the manner in which a row was filled in with which it works."""
        last: Answer | None = None
        for index in range(len(MANNERS)):
            row = self._row(index)
            if row is None:
                continue
            last = self._do(self._world.owner, row)
            if last.status == 303:
                return index
            wanted = f"“{self._action.title}” does not work."
            expect(last, (303, 409), "action_broken", wanted)
        message = "No row was found that meets its condition." if last else "No row could be made."
        raise CannotTry(message)

    def _row(self, index: int) -> Row | None:
        world = self._world
        sample = world.sample(self._entity, world.owner, manner=MANNERS[index])
        try:
            return world.add(world.owner, self._entity, sample)
        except CheckFailed as failed:
            if failed.ends_everything:
                raise
            return None  # a rule does not like these values; another manner may do

    def _do(self, person: Actor, row: Row) -> Answer:
        path = f"/{slug(self._entity.name)}/{row.id}/do/{slug(self._action.title)}"
        return self._world.client.post(person, path, {CSRF_FIELD: self._world.token(person)})

    def _as_role(self, person: Actor, index: int, *, allowed: bool) -> None:
        row = self._row(index)
        if row is None:
            message = "No row could be made."
            raise CannotTry(message)
        answer = self._do(person, row)
        if allowed:
            message = f"{who(person.role)} cannot {self._deed}, although they should."
            expect(answer, (303, 409), "access_too_narrow", message)
        else:
            message = f"{who(person.role)} can {self._deed}, which they should not."
            expect(answer, MISSING, "access_too_wide", message)


def _check_field_access(recorder: Recorder, world: World, line: FieldAccess) -> None:
    blueprint = world.blueprint
    entity = blueprint.entity(line.entity)
    item = entity.field(line.field)
    if item is None or not is_typed(item):
        return
    words = f"the {label(item.name).lower()} of {a(entity.name)}"
    for role in blueprint.roles:
        grant = blueprint.permission(entity.name, role, Verb.READ)
        if grant is None or grant.own or may(blueprint, entity, item, role, Verb.READ):
            continue
        title = can(role, f"see {words}", allowed=False)
        with recorder.check(Stage.ACCEPTANCE, title, role=role, subject=entity.name):
            row = world.add(world.owner, entity)
            message = f"{who(role)} sees {words}, which they should not."
            closed = f"{who(role)} cannot open {a(entity.name)}."
            seen = expect(world.view(actor(role, 1), row), (200,), "access_too_narrow", closed)
            value = row.values.get(identifier(item.name), "")
            if item.type in _SEEN_AS_TYPED and value and value in seen.page.text:
                raise CheckFailed("access_too_wide", message, detail=seen.request)
            table = world.client.get(actor(role, 1), f"/{slug(entity.name)}/export.csv")
            columns = expect(table, (200,), "access_too_narrow", closed).body.split("\n", 1)[0].strip().split(",")
            if label(item.name) in columns:
                raise CheckFailed("access_too_wide", message, detail=table.request)
