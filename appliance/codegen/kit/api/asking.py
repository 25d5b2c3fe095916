"""What a request asks for: its parameters, the records that its path names, and the body that it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from sqlalchemy import ColumnElement, and_, select, true

from ..access import Verb
from ..records import attribute
from ..security import same_origin
from ..values import Invalid, parse
from ..visit import NoSuchRow, NotAllowed
from . import ids
from .refusing import Refusal

if TYPE_CHECKING:
    from ..language import Language
    from ..records import Entity
    from ..visit import Visit
    from ..web import AppRequest
    from .model import Asked, Body, Kept, Operation

MAX_BODY: Final = 1 << 20
MAX_MESSAGES: Final = 20


def check_sender(request: AppRequest, language: Language) -> None:
    """No page of another site asks in somebody's name: a browser says where a request comes from, and JSON, PUT, PATCH
    and DELETE it sends to another origin only after asking, which nothing here answers.

    Raises:
        NotAllowed: it does.
    """
    site = request.headers.get("sec-fetch-site", "none")
    own = same_origin(request.headers.get("origin"), request.headers.get("host", ""))
    if not own or site not in ("none", "same-origin"):
        raise NotAllowed(language.say("This was sent from another site, so nothing was changed."))


def read_body(visit: Visit, request: AppRequest, body: Body, raw: bytes) -> dict[str, Any]:
    """The properties that were sent, by their names in JSON.

    Raises:
        Refusal: it is no JSON, not what the contract says, or too large.
    """
    say = visit.language.say
    if not raw.strip():
        if body.required:
            raise Refusal.invalid(say("Something must be sent with this, as JSON."))
        return {}
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json" and not media.endswith("+json"):
        raise Refusal((415, 400), say("What is sent must be JSON, and Content-Type must say so."))
    if len(raw) > MAX_BODY:
        raise Refusal((413, 400), say("Everything sent at once may be {limit} MB at most.", limit=MAX_BODY >> 20))
    try:
        made = body.model.model_validate_json(raw)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)[:MAX_MESSAGES]
        errors = tuple((".".join(str(part) for part in one["loc"]), f"{one['msg']}.") for one in told)
        raise Refusal.invalid(say("What was sent is not what the contract says."), errors) from error
    extra = sorted(set(body.left) & set(_names(raw)))
    if extra:
        message = say("This app does not keep it.")
        raise Refusal.invalid(message, tuple((name, message) for name in extra))
    sent: dict[str, Any] = made.model_dump(by_alias=True, exclude_unset=True)
    return sent


def _names(raw: bytes) -> list[str]:
    from pydantic_core import from_json  # noqa: PLC0415 - needed for a few bodies only

    found = from_json(raw)
    return list(found) if isinstance(found, dict) else []


def asked(visit: Visit, request: AppRequest, operation: Operation) -> dict[str, Any]:
    """The values of the parameters that were sent, or have a default.

    Raises:
        Refusal: one is missing, not what the contract says, or has no meaning here.
    """
    found: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    say = visit.language.say
    for one in operation.asked:
        text = _sent(request, one)
        if text is None:
            if one.required:
                errors.append((one.name, say("Fill this in.")))
            elif one.default is not None:
                found[one.name] = one.default
            continue
        if one.why and one.place == "query":
            errors.append((one.name, say("This app does not follow this parameter.")))
            continue
        try:
            found[one.name] = one.adapter.validate_strings(text)
        except ValidationError as error:
            errors.append((one.name, f"{error.errors(include_url=False)[0]['msg']}."))
    if errors:
        raise Refusal.asked(say("A parameter is not what the contract says."), tuple(errors))
    return found


def _sent(request: AppRequest, one: Asked) -> str | None:
    if one.place == "query":
        values = request.query_params.getall(one.name, [])
        return values[-1] if values else None
    if one.place == "header":
        return request.headers.get(one.name)
    return request.cookies.get(one.name)


def above(visit: Visit, request: AppRequest, operation: Operation) -> tuple[ColumnElement[bool], dict[str, str]]:
    """What the path narrows the rows to, and what a new row gets from it, by field, as a form takes it.

    Raises:
        NoSuchRow: a record that the path names is not there, or not for this person.
        NotAllowed: the person may not see such records.
    """
    narrowing: ColumnElement[bool] = true()
    given: dict[str, str] = {}
    for number, parent in enumerate(operation.parents):
        between = (one.kept for one in operation.parents[number + 1 :] if one.kept is not None)
        below = next(between, operation.kept)
        text = request.path_params[parent.parameter]
        if below is None or (spec := below.entity.field(parent.field)) is None:
            continue
        column = attribute(below.entity.model, spec.attribute)
        if parent.kept is not None:
            row = named(visit, parent.kept, text, Verb.READ, narrowing)
            narrowing, given = column == row.id, {parent.field: str(row.id)}
        else:
            try:
                value = parse(spec, text)
            except Invalid as error:
                raise NoSuchRow(below.entity.noun) from error
            narrowing, given = and_(narrowing, column == value), {**given, parent.field: text}
    return narrowing, given


def named(visit: Visit, kept: Kept, text: str, verb: Verb, narrowing: ColumnElement[bool]) -> Any:
    """The row that a part of a path names, if this person may do this with it.

    Raises:
        NotAllowed: the person sees it but may not do this.
        NoSuchRow: there is none, or none that they may see.
    """
    entity = kept.entity
    visit.require(entity, verb)
    row_id = _by_key(visit, entity, kept.key, text) if kept.key else ids.read(kept, text)
    if row_id is None:
        raise NoSuchRow(entity.noun)
    row = visit.row(entity, row_id, verb)
    here = select(attribute(entity.model, "id")).where(attribute(entity.model, "id") == row_id, narrowing)
    if visit.session.scalar(here) is None:
        raise NoSuchRow(entity.noun)
    return row


def _by_key(visit: Visit, entity: Entity, key: str, text: str) -> int | None:
    spec = visit.field(entity, key)
    if spec is None:
        return None
    same = attribute(entity.model, spec.attribute) == text
    found = visit.session.scalar(
        select(attribute(entity.model, "id")).where(same, visit.access.field_rows(entity, spec))
    )
    return int(found) if found is not None else None
