"""Forms: what was typed, what it means, what is wrong with it, and saving it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import select

from .columns import FieldSpec, Kind, Special
from .conditions import local_now
from .files import Upload
from .identity import find_by_name, find_person
from .records import Entity, Person, attribute
from .saving import check_unique
from .values import Invalid, is_email, parse
from .visit import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .visit import Visit


@dataclass(slots=True)
class Form:
    """The state of a form: the text of every field as it is shown again, and the messages beside them.

    ``problem`` and ``problems`` are about the whole row: the latter are the rules that it does not obey.
    """

    entity: Entity
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    version: int | None = None
    problem: str = ""
    problems: list[str] = field(default_factory=list)
    failed_upload: str = ""

    @property
    def messages(self) -> list[str]:
        """Everything that is wrong, in words."""
        return [*([self.problem] if self.problem else []), *self.problems, *self.errors.values()]

    @property
    def ok(self) -> bool:
        """Whether it can be saved."""
        return not self.errors and not self.problem and not self.problems


def empty_form(visit: Visit, entity: Entity, prefilled: Mapping[str, str]) -> Form:
    """A form for a new row, with its defaults and what the address says."""
    form = Form(entity)
    for spec in fields_of(visit, entity, None):
        form.texts[spec.name] = prefilled.get(spec.name, "") or _text_of(visit, spec, _default(visit, spec))
    return form


def form_of(visit: Visit, entity: Entity, row: Any) -> Form:
    """A form that shows a row."""
    visit.learn(entity, [row])
    fields = fields_of(visit, entity, row)
    texts = {spec.name: _text_of(visit, spec, getattr(row, spec.attribute)) for spec in fields}
    return Form(entity, texts=texts, version=row.version)


def fields_of(visit: Visit, entity: Entity, row: Any | None) -> list[FieldSpec]:
    """What a form shows: what this person may fill in, and, of a row that is there, what they may only read."""
    access = visit.access
    return [
        spec
        for spec in entity.fields
        if access.sets(entity, spec, row) or (row is not None and not spec.computed and access.reads(entity, spec, row))
    ]


def _default(visit: Visit, spec: FieldSpec) -> object:
    if spec.default is Special.TODAY:
        return local_now().replace(second=0, microsecond=0) if spec.kind is Kind.DATETIME else visit.moment.today
    return spec.default


def _text_of(visit: Visit, spec: FieldSpec, value: Any) -> str:  # noqa: PLR0911 - one kind of value after the other
    if value is Special.ME:
        return visit.person.key
    if value is None or spec.is_upload:
        return ""
    if spec.kind is Kind.PERSON:
        person = visit.somebody(value) if isinstance(value, int) else None
        return person.key if person is not None else str(value)
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, dt.datetime | dt.time):
        return value.isoformat(timespec="minutes")
    if isinstance(value, float | Decimal):
        return visit.language.plain_number(value)
    return str(value)


def read_form(
    visit: Visit, entity: Entity, sent: Mapping[str, object], row: Any | None, only: tuple[str, ...] | None = None
) -> Form:
    """Check what was sent. ``row`` is the row that is edited; fields that may be set and are not sent become empty.

    Fields that this person may not set keep their value, or get their default in a new row. ``only``: a form that may
    set these fields and no others, whoever sends it.

    Raises:
        NotAllowed: a value was sent for a field that this person may see but not set, and it is not the present one.
    """
    form = Form(entity)
    version = sent.get("version")
    if row is not None and isinstance(version, str) and version.isascii() and version.isdigit():
        form.version = int(version)
    visit.learn(entity, [row] if row is not None else [])
    for spec in entity.kept:
        settable = visit.access.sets(entity, spec, row) if only is None else spec.name in only and spec.is_given
        if not settable:
            _keep(visit, form, spec, sent, row)
        elif spec.is_upload:
            _read_upload(visit, form, spec, sent, row)
        else:
            _read(visit, form, spec, sent, row)
    check_unique(visit, form, row)
    return form


def _read(visit: Visit, form: Form, spec: FieldSpec, sent: Mapping[str, object], row: Any | None) -> None:
    text = sent.get(spec.name)
    form.texts[spec.name] = text if isinstance(text, str) else ""
    try:
        form.values[spec.attribute] = _meaning(visit, spec, form.texts[spec.name], row)
    except Invalid as error:
        form.errors[spec.name] = visit.language.tell(error)


def _keep(visit: Visit, form: Form, spec: FieldSpec, sent: Mapping[str, object], row: Any | None) -> None:
    """A field that this person may not set. One that they may not even see is treated like one that is not there."""
    if spec.kind is Kind.SEQUENCE:
        return
    default = _default(visit, spec)
    present = getattr(row, spec.attribute) if row is not None else default
    seen = visit.access.reads(form.entity, spec, row) if row is not None else visit.field(form.entity, spec.name)
    if seen:
        form.texts[spec.name] = shown = _text_of(visit, spec, present)
        if spec.name in sent and sent[spec.name] not in (shown, ""):
            message = "You may not set “{field}”, so nothing was saved."
            raise NotAllowed(visit.language.say(message, field=spec.label))
    if row is not None:
        return
    value = visit.person.id if default is Special.ME else default
    if spec.kind is Kind.PERSON and isinstance(value, str):
        value = _person(visit, value)
    if value is None and spec.required:
        message = "Only somebody who may fill in every required field can add a {record}."
        form.problem = visit.language.say(message, record=form.entity.noun)
    form.values[spec.attribute] = value


def _meaning(visit: Visit, spec: FieldSpec, text: str, row: Any | None) -> object:
    if spec.kind is Kind.BOOLEAN:
        return bool(text) and parse(spec, text)
    if not text or (spec.required and not text.strip()):
        if spec.required:
            raise Invalid("Choose one.") if spec.kind in (Kind.CHOICE, Kind.REF) else Invalid("Fill this in.")
        return None
    if spec.kind not in (Kind.TEXT, Kind.LONGTEXT) and not text.strip():
        return None
    value = parse(spec, text, decimal=visit.language.decimal_mark)
    if spec.kind is Kind.REF:
        return _referred(visit, spec, cast("int", value), row)
    if spec.kind is Kind.PERSON:
        return _person(visit, cast("str", value))
    return value


def _referred(visit: Visit, spec: FieldSpec, row_id: int, row: Any | None) -> int:
    target = visit.runtime.definition.by_table[spec.target]
    kept = row is not None and getattr(row, spec.attribute) == row_id
    visible = select(attribute(target.model, "id")).where(
        attribute(target.model, "id") == row_id, *(() if kept else (visit.access.named_rows(target),))
    )
    if visit.session.scalar(visible) is None:
        raise Invalid("This {record} does not exist any more. Choose another one.", record=target.noun)
    return row_id


def _person(visit: Visit, key: str) -> int:
    person = find_person(visit.session, key)
    if person is None:
        if not is_email(key):
            if (named := find_by_name(visit.session, key)) is not None:
                return cast("int", named.id)
            raise Invalid("Nobody of that name is known here. Write their e-mail address.")
        person = Person(email=key)
        visit.session.add(person)
        visit.session.flush()
    return cast("int", person.id)


def _read_upload(visit: Visit, form: Form, spec: FieldSpec, sent: Mapping[str, object], row: Any | None) -> None:
    upload = sent.get(spec.name)
    if isinstance(upload, Upload):
        form.uploads[spec.name] = upload
        return
    present = row is not None and getattr(row, spec.attribute) is not None
    if present and sent.get(f"{spec.name}.remove") == "on" and not spec.required:
        form.values[spec.attribute] = None
    elif spec.required and not present:
        form.errors[spec.name] = visit.language.say(
            "Choose a picture." if spec.kind is Kind.IMAGE else "Choose a file."
        )
