"""Stage contract: each operation is asked as each role, and every answer is held against the contract's own schemas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from appliance.blueprint.model import OWNER, Verb
from appliance.contract.binding import Binding, Bound, Does
from appliance.contract.patterns import matches
from appliance.contract.resources import is_plain_path
from appliance.contract.samples import sample
from appliance.verifier.api_client import Api, json_of
from appliance.verifier.client import Answer
from appliance.verifier.model import CannotTry, CheckFailed, Stage
from appliance.verifier.people import Actor, actor
from appliance.verifier.recorder import Recorder
from appliance.verifier.world import MISSING, Row, World

VERBS: Final = {
    Does.LIST: Verb.READ,
    Does.READ: Verb.READ,
    Does.CREATE: Verb.CREATE,
    Does.REPLACE: Verb.EDIT,
    Does.UPDATE: Verb.EDIT,
    Does.DELETE: Verb.DELETE,
}
_ORDER: Final = (Does.CREATE, Does.LIST, Does.READ, Does.REPLACE, Does.UPDATE, Does.DELETE)
_TAKEN_NOT: Final = (400, 409, 422)
_TRIES: Final = 3
NOT_IMPLEMENTED: Final = 501
KIND: Final = "contract_broken"


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """In time linear in the text: both pattern and text come from outside."""
    if isinstance(instance, str) and matches(pattern, instance) is False:
        yield ValidationError(f"{instance[:80]!r} does not match {pattern!r}")


_Validator: Final[Any] = extend(Draft202012Validator, {"pattern": _pattern})


def check_contract(recorder: Recorder, world: World, binding: Binding) -> None:
    """Every operation as the owner, as each role, and as nobody.

    Raises:
        AppGone: the app does not answer any more; it is recorded.
    """
    api = Api(world, binding)
    operations = sorted(binding.served, key=lambda one: (len(one.parents), _ORDER.index(one.does)))
    for role in (OWNER, *world.blueprint.roles):
        for one in operations:
            title = f"{one.called} as {_called(role)} {_promise(world, one, role)}"
            with recorder.check(Stage.CONTRACT, title, role="" if role == OWNER else role, subject=one.entity):
                _check(api, one, actor(role))
    for one in (one for one in binding.operations if is_plain_path(one.path)):
        with recorder.check(Stage.CONTRACT, f"{one.called} is closed to whoever is not signed in", subject=one.entity):
            answer = api.send(None, one, _anywhere(api, one), {})
            _expect(answer, (401,), f"{one.called} answers somebody who is not signed in.")
            _valid(one, answer)
        if one.does is Does.FUNCTION:
            _check_function(recorder, api, one)
        elif one not in binding.served:
            with recorder.check(Stage.CONTRACT, f"{one.called} says that it is not served, and why"):
                answer = api.send(world.owner, one, _anywhere(api, one), {})
                _valid(one, _expect(answer, (501,), f"{one.called} answers as if it were served."))
    for one in operations:
        if one.body is not None:
            with recorder.check(Stage.CONTRACT, f"{one.called} refuses what the contract does not allow"):
                _check_wrong(api, one)
        if one.method != "GET":
            with recorder.check(Stage.CONTRACT, f"Another site cannot use {one.called} in somebody's name"):
                answer = api.send(world.owner, one, _anywhere(api, one), {}, origin="http://elsewhere.example.org")
                _expect(answer, (403,), f"Another web site could use {one.called} in somebody's name.")


def _check_function(recorder: Recorder, api: Api, one: Bound) -> None:
    """It answers every role alike, or says that what it computes is not written."""
    address, body = api.binding.base + one.path, api.body(one) if one.body is not None else None
    values = {item.name: sample(item.value, 3) for item in one.given if item.place == "query"}
    if values:
        plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items()}
        address += f"?{urlencode(plain)}"
    roles = (OWNER, *api.world.blueprint.roles)
    if api.send(api.world.owner, one, address, body).status == NOT_IMPLEMENTED:
        roles = ()
        with recorder.check(Stage.CONTRACT, f"{one.called} says that what it computes is not written yet"):
            _valid(one, api.send(api.world.owner, one, address, body))
    for role in roles:
        title = f"{one.called} as {_called(role)} answers as the contract says"
        with recorder.check(Stage.CONTRACT, title, role="" if role == OWNER else role):
            answer = api.send(actor(role), one, address, body)
            if answer.status in _TAKEN_NOT:
                _valid(one, answer)
                message = f"It has no answer to trial values: {answer.body[:200]}"
                raise CannotTry(message)
            _valid(one, _expect(answer, (one.status,), f"{one.called} does not answer as the contract says."))
    with recorder.check(Stage.CONTRACT, f"Another site cannot use {one.called} in somebody's name"):
        if one.method != "GET":
            answer = api.send(api.world.owner, one, address, body, origin="http://elsewhere.example.org")
            _expect(answer, (403,), f"Another web site could use {one.called} in somebody's name.")


def _called(role: str) -> str:
    return "the owner" if role == OWNER else role


def _promise(world: World, one: Bound, role: str) -> str:
    return "answers as the contract says" if _granted(world, one, role) else "is refused, as the access says"


def _granted(world: World, one: Bound, role: str) -> bool:
    """Whether somebody in this role may do it with a row of the owner's, and see what is answered."""
    wanted = [(parent.entity, Verb.READ) for parent in one.parents if parent.entity]
    wanted.append((one.entity, VERBS[one.does]))
    if one.does not in (Does.LIST, Does.READ) and (one.answer is not None or one.key):
        wanted.append((one.entity, Verb.READ))
    grants = [(world.blueprint.permission(entity, role, verb), verb) for entity, verb in wanted]
    if any(grant is None for grant, _ in grants):
        return False
    if any(line.entity == one.entity for line in world.blueprint.field_access) and role != OWNER:
        return False
    own = [verb for grant, verb in grants if grant is not None and grant.own]
    fine = {Does.LIST: (Verb.READ,), Does.CREATE: (Verb.READ, Verb.CREATE)}.get(one.does, ())
    return all(verb in fine for verb in own) and not (own and one.parents)


def _check(api: Api, one: Bound, who: Actor) -> None:
    granted = _granted(api.world, one, who.role)
    row = _row(api, one)
    address = api.address(one, row)
    answer = _asked(api, one, who, address, row)
    limited = any(line.entity == one.entity for line in api.world.blueprint.field_access) and who.role != OWNER
    if not granted:
        plain = api.world.blueprint.permission(one.entity, who.role, VERBS[one.does])
        if plain is None:
            _expect(answer, MISSING, f"{who.role} can use {one.called}, which they should not.")
        elif answer.status < 300 or limited:
            _valid(one, answer)
            message = f"What {who.role} may do depends on the record."
            raise CannotTry(message)
        _valid(one, answer)
        return
    if answer.status in _TAKEN_NOT and any(rule.entity == one.entity for rule in api.world.blueprint.rules):
        _valid(one, answer)
        message = f"A rule refuses it: {answer.body[:200]}"
        raise CannotTry(message)
    _expect(answer, (one.status,), f"{one.called} does not answer as the contract says.")
    content = _valid(one, answer)
    if content is not None:
        api.learn(one, content)


def _row(api: Api, one: Bound) -> Row | None:
    if not one.key:
        return None
    return api.fresh(one)


def _asked(api: Api, one: Bound, who: Actor, address: str, row: Row | None) -> Answer:
    if one.body is None:
        return api.send(who, one, address)
    answer = api.send(who, one, address, api.body(one, row))
    for _ in range(_TRIES):
        if answer.status not in _TAKEN_NOT:
            break
        answer = api.send(who, one, address, api.body(one, row))
    return answer


def _anywhere(api: Api, one: Bound) -> str:
    """An address of the operation with nothing real in it."""
    segments = (api.binding.base + one.path).split("/")
    return "/".join("1" if "{" in segment else segment for segment in segments)


def _check_wrong(api: Api, one: Bound) -> None:
    row = _row(api, one)
    address = api.address(one, row)
    needed = [member.name for member in one.body.members if member.required] if one.body is not None else []
    wrong: list[Any] = [[], "text"]
    if needed:
        wrong.append({name: value for name, value in api.body(one, row).items() if name != needed[0]})
    for content in wrong:
        answer = api.send(api.world.owner, one, address, content)
        message = f"{one.called} takes what the contract does not allow."
        _valid(one, _expect(answer, (400, 422), message))


def _expect(answer: Answer, wanted: tuple[int, ...], message: str) -> Answer:
    if answer.status not in wanted:
        expected = " or ".join(map(str, wanted))
        detail = f"{answer.request}: {answer.status} instead of {expected}: {answer.body[:300]}"
        raise CheckFailed(KIND, message, detail=detail)
    return answer


def _valid(one: Bound, answer: Answer) -> Any:
    """The content of an answer, which the contract's schema for its status allows; None for an answer without.

    Raises:
        CheckFailed: it does not.
    """
    if answer.status == 204 or (answer.status < 300 and one.answer is None and not one.said):
        if answer.body:
            message = f"{one.called} answers something where the contract has nothing."
            raise CheckFailed(KIND, message, detail=answer.request)
        return None
    content = json_of(answer)
    schema = _schema(one, answer.status)
    if schema is None:
        return content
    error = best_match(_Validator(_exact(schema)).iter_errors(content))
    if error is not None:
        where = "/".join(str(part) for part in error.absolute_path)
        message = f"{one.called} answers something that the contract does not allow."
        detail = f"{answer.request} {answer.status}: {where}: {error.message[:300]}"
        raise CheckFailed(KIND, message, detail=detail)
    return content


def _schema(one: Bound, status: int) -> Any:
    if status == 501:
        return None
    return next(
        (one.schemas[name] for name in (str(status), f"{status // 100}XX", "default") if name in one.schemas), None
    )


def _exact(schema: Any) -> Any:
    """Without fractions as steps: a quotient of binary fractions is not exact, and the app counts them exactly."""
    if isinstance(schema, dict):
        return {
            name: _exact(value)
            for name, value in schema.items()
            if not (name == "multipleOf" and isinstance(value, float))
        }
    return [_exact(item) for item in schema] if isinstance(schema, list) else schema
