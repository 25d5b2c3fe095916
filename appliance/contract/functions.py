"""Operations that compute: what goes in, what comes out, and the examples of the contract as cases.

What such an operation does is written by a model, one small function for each property of the answer; records are
neither read nor changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint.behaviour import MAX_DESCRIPTION
from appliance.blueprint.fields import MAX_INPUTS
from appliance.blueprint.model import Choice, Field, Scalar
from appliance.blueprint.places import MAX_CASES_OF_PLACE, Case, Place
from appliance.contract.binding import Bound, Does, Example, Given, Result
from appliance.contract.description import Place as Where
from appliance.contract.faults import faults_of
from appliance.contract.operations import schemas_of
from appliance.contract.records import are_options
from appliance.contract.resources import success
from appliance.contract.shapes import Group, Leaf, Value
from appliance.contract.taken import without
from appliance.contract.typed import Unsayable, accepts, shape_of
from appliance.contract.words import field_name, title

if TYPE_CHECKING:
    from collections.abc import Collection

    from appliance.blueprint.model import FieldType, Literal
    from appliance.contract.binding import Binding
    from appliance.contract.description import Operation

MAX_RESULTS: Final = 6
MAX_FUNCTIONS: Final = 8
_TYPES: Final = {
    Leaf.BOOLEAN: Scalar.BOOLEAN,
    Leaf.INTEGER: Scalar.NUMBER,
    Leaf.NUMBER: Scalar.NUMBER,
    Leaf.DATE: Scalar.DATE,
    Leaf.MOMENT: Scalar.DATETIME,
    Leaf.TIME: Scalar.TIME,
}


def function_of(operation: Operation, components: Collection[str]) -> Bound:
    """The operation as one that computes. ``components``: the schemas of records.

    Raises:
        Unsayable: it is none, because of something that is said or not said.
    """
    if "{" in operation.path:
        raise Unsayable("what it does with the record that its path names is not said")
    status, response = success(operation, 200, 201)
    if response is None or response.schema is None:
        raise Unsayable("nothing says what it answers")
    answer = shape_of(response.schema, [])
    if not isinstance(answer, Group) or answer.component in components:
        raise Unsayable("it does something else than to list, show, add, change or delete records")
    body = None if operation.body is None else shape_of(operation.body, [])
    if body is not None and not isinstance(body, Group):
        raise Unsayable("what is sent with it is no object")
    given = _given(operation, None if body is None else without(body, read_only=True))
    return Bound(
        operation.id,
        operation.method,
        operation.path,
        Does.FUNCTION,
        summary=" ".join(f"{operation.summary}. {operation.description}".split()).strip(" ."),
        status=status,
        media=response.media,
        body=body,
        body_required=operation.body_required or any(item.place == "body" for item in given),
        answer=without(answer, read_only=False),
        given=given,
        results=_results(answer),
        examples=_examples(operation, given),
        faults=faults_of(operation, []),
        schemas=schemas_of(operation),
    )


def _given(operation: Operation, body: Group | None) -> tuple[Given, ...]:
    found: list[Given] = []
    for member in body.members if body is not None else ():
        found.append(_one(member.name, "body", member.kind, found, required=member.required, default=member.default))
    for parameter in operation.parameters:
        if parameter.place is Where.QUERY:
            kind = shape_of(parameter.schema, [])
            default = parameter.schema.get("default")
            found.append(_one(parameter.name, "query", kind, found, required=parameter.required, default=default))
        elif parameter.required:
            raise Unsayable(f"“{parameter.name}” must be sent with it, and nothing says what it means")
    if not 1 <= len(found) <= MAX_INPUTS:
        raise Unsayable(f"a function has 1 to {MAX_INPUTS} inputs, and this has {len(found)}")
    return tuple(found)


def _one(name: str, place: str, kind: Any, found: list[Given], *, required: bool, default: Any) -> Given:
    if not isinstance(kind, Value):
        raise Unsayable(f"“{name}” is no single value, and functions take nothing else")
    fits = default is not None and accepts(kind, default)
    if kind.nullable or not (required or fits or kind.leaf is Leaf.TEXT):
        raise Unsayable(f"“{name}” may be missing, and a function needs everything that it is given")
    return Given(
        name, place, field_name((name,), [one.field for one in found]), kind, required, default if fits else None
    )


def _results(answer: Group) -> tuple[Result, ...]:
    found: list[Result] = []
    for member in answer.members:
        if member.write_only:
            continue
        if not isinstance(member.kind, Value) or member.kind.leaf in (Leaf.EMAIL, Leaf.URI, Leaf.UUID):
            if member.required:
                raise Unsayable(f"“{member.name}” of its answer is nothing that a function can give")
            continue
        about = member.about or member.title
        found.append(Result(member.name, field_name((member.name,), [one.field for one in found]), member.kind, about))
    if not 1 <= len(found) <= MAX_RESULTS:
        raise Unsayable(f"its answer has {len(found)} values; a function of its own gives each, up to {MAX_RESULTS}")
    return tuple(found)


def _examples(operation: Operation, given: tuple[Given, ...]) -> tuple[Example, ...]:
    """Examples of the request with those of the answer, in their order, if there are as many of both."""
    _, response = success(operation, 200, 201)
    answers = response.examples if response is not None else ()
    if len(operation.examples) != len(answers):
        return ()
    found: list[Example] = []
    for sent, answer in zip(operation.examples, answers, strict=True):
        if isinstance(sent, dict) and isinstance(answer, dict):
            values = {item.name: sent.get(item.name, item.default) for item in given}
            if all(accepts(item.value, values[item.name]) for item in given):
                found.append(Example(values, {name: value for name, value in answer.items() if _is_plain(value)}))
    return tuple(found[:MAX_CASES_OF_PLACE])


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def field_type(value: Value) -> FieldType:
    """The type of the language that holds a value."""
    if value.leaf is Leaf.TEXT and are_options(value):
        return Choice(tuple(str(item) for item in value.options))
    return _TYPES.get(value.leaf, Scalar.TEXT)


def function_places(binding: Binding | None) -> tuple[Place, ...]:
    """The functions that a contract needs, as places for a model."""
    if binding is None:
        return ()
    bound = [one for one in binding.operations if one.does is Does.FUNCTION]
    return tuple(_place(one, result) for one in bound for result in one.results)


def _place(one: Bound, result: Result) -> Place:
    inputs = tuple(Field(item.field, field_type(item.value), required=True) for item in one.given)
    output = field_type(result.value)
    said = [one.summary or one.id, result.about or f"This is its “{result.name}”"]
    if result.value.leaf is Leaf.INTEGER:
        said.append("A whole number")
    about = title(". ".join(part.strip(" .") for part in said), MAX_DESCRIPTION)
    cases = tuple(
        Case(one.id, result.field, tuple(_literal(example.sent[item.name]) for item in one.given), _literal(gives))
        for example in one.examples
        if (gives := example.answer.get(result.name)) is not None
    )
    return Place(one.id, result.field, inputs, output, about, cases)


def _literal(value: Any) -> Literal | None:
    return value if isinstance(value, str | int | float | bool) else None
