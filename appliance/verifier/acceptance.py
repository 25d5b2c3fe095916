"""Stage acceptance, first part: as the owner, every kind of record can be added, changed and deleted, and mistakes are
noticed."""

from __future__ import annotations

from appliance.blueprint.model import Entity, Ref, Scalar
from appliance.blueprint.naming import identifier, plural, slug
from appliance.verifier.client import Answer, expect
from appliance.verifier.model import CannotTry, CheckFailed, Stage
from appliance.verifier.page import CSRF_FIELD
from appliance.verifier.recorder import Recorder
from appliance.verifier.samples import Order, Sample, required_targets
from appliance.verifier.typed import distinct, typed_fields
from appliance.verifier.wording import a, start
from appliance.verifier.world import World


def check_as_owner(recorder: Recorder, world: World, order: Order) -> None:
    """One row of each entity stays behind in ``world.rows``.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    for entity in order.stuck:
        with recorder.check(Stage.ACCEPTANCE, f"The owner can add {a(entity.name)}", subject=entity.name):
            needed = " and ".join(a(name) for name in sorted(required_targets(entity)))
            message = f"Nobody can ever add the first {entity.name}: it needs {needed} that is there before it."
            raise CheckFailed("circular_required", message, detail="required references form a circle")
    for entity in order.entities:
        with recorder.check(Stage.ACCEPTANCE, f"The owner can add {a(entity.name)}", subject=entity.name):
            row = world.add(world.owner, entity)
            world.rows[entity.name] = row
            world.must_show(row, "saved_wrong", f"{start(a(entity.name))} that was just added is not shown.")
            if not world.listed(world.owner, row):
                message = f"{start(a(entity.name))} that was just added is not in the list."
                raise CheckFailed("not_listed", message, detail=f"row {row.id}")
    for entity in order.entities:
        if entity.name in world.rows:
            _check_entity(recorder, world, entity)


def _check_entity(recorder: Recorder, world: World, entity: Entity) -> None:
    one = a(entity.name)
    with recorder.check(Stage.ACCEPTANCE, f"The owner can change {one}", subject=entity.name):
        world.rows[entity.name] = world.change(world.owner, world.rows[entity.name])
    typed = typed_fields(world.blueprint, entity)
    required = [item for item in typed if item.required and item.type is not Scalar.BOOLEAN]
    if any(item.default is None for item in required):
        title = f"{start(one)} with something missing is not saved, and the form says what"
        with recorder.check(Stage.ACCEPTANCE, title, subject=entity.name):
            _check_required(world, entity)
    if any(item.unique for item in typed):
        title = f"Two {plural(entity.name)} cannot be the same where they must differ"
        with recorder.check(Stage.ACCEPTANCE, title, subject=entity.name):
            _check_unique(world, entity)
    with recorder.check(Stage.ACCEPTANCE, f"Another site cannot add or delete {one}", subject=entity.name):
        _check_csrf(world, entity)
    with recorder.check(Stage.ACCEPTANCE, f"The owner can delete {one}", subject=entity.name):
        row = world.add(world.owner, entity)
        message = f"{start(one)} cannot be deleted."
        expect(world.may_go(world.remove(world.owner, row), entity), (303,), "not_deleted", message)
        expect(world.view(world.owner, row), (404,), "not_deleted", f"{start(one)} is still there after deleting it.")
    referring = [
        other.name
        for other in world.blueprint.entities
        if other.name in world.rows
        and other.name != entity.name
        and any(item.type == Ref(entity.name) and item.name not in distinct(other) for item in other.fields)
    ]
    if referring:
        title = f"{start(one)} that {a(referring[0])} refers to cannot be deleted by mistake"
        with recorder.check(Stage.ACCEPTANCE, title, subject=entity.name):
            row = world.rows[entity.name]
            message = f"Deleting {one} leaves {a(referring[0])} without it."
            expect(world.remove(world.owner, row), (409,), "reference_broken", message)
            world.must_show(row, "reference_broken", message)


def _csrf(world: World) -> dict[str, str]:
    return {CSRF_FIELD: world.token(world.owner)}


def _refused(answer: Answer, kind: str, message: str) -> None:
    """422 with an explanation, no row."""
    expect(answer, (422,), kind, message)
    if not answer.page.errors:
        raise CheckFailed("silent_refusal", "A form is refused without saying why.", detail=answer.request)


def _check_required(world: World, entity: Entity) -> None:
    sample = world.sample(entity, world.owner)
    token = _csrf(world)
    for item in typed_fields(world.blueprint, entity):
        if not item.required or item.default is not None or item.type is Scalar.BOOLEAN:
            continue
        name = identifier(item.name)
        values = {key: value for key, value in sample.values.items() if key != name}
        files = {key: upload for key, upload in sample.files.items() if key != name}
        answer = world.send_new(world.owner, entity, {**values, **token}, Sample(values, files, ""))
        message = f"{start(a(entity.name))} is saved although its {item.name} is missing."
        _refused(answer, "required_ignored", message)


def _check_unique(world: World, entity: Entity) -> None:
    first = world.sample(entity, world.owner)
    world.add(world.owner, entity, first)
    token = _csrf(world)
    tried = False
    for item in typed_fields(world.blueprint, entity):
        name = identifier(item.name)
        if not item.unique or name not in first.values:
            continue
        second = world.sample(entity, world.owner)
        values = {**second.values, name: first.values[name], **token}
        answer = world.send_new(world.owner, entity, values, second)
        message = f"Two {plural(entity.name)} can have the same {item.name}."
        _refused(answer, "unique_ignored", message)
        tried = True
    if not tried:
        message = "No value to repeat."
        raise CannotTry(message)


def _check_csrf(world: World, entity: Entity) -> None:
    sample = world.sample(entity, world.owner)
    message = f"Another web site could add {a(entity.name)} in somebody's name."
    for token in ({}, {CSRF_FIELD: "forged"}):
        answer = world.send_new(world.owner, entity, {**sample.values, **token}, sample)
        expect(answer, (403,), "csrf_ignored", message)
    path = f"/{slug(entity.name)}/new"
    foreign = {**sample.values, **_csrf(world)}
    answer = world.client.post(world.owner, path, foreign, origin="http://elsewhere.example.org")
    expect(answer, (403,), "csrf_ignored", message)
    row = world.rows[entity.name]
    message = f"Another web site could delete {a(entity.name)} in somebody's name."
    expect(world.remove(world.owner, row, csrf="forged"), (403,), "csrf_ignored", message)
    expect(world.view(world.owner, row), (200,), "csrf_ignored", message)
