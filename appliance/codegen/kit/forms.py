"""Forms: what was typed, what it means, what is wrong with it, and saving it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from .columns import FieldSpec, Kind, Special
from .conditions import local_now
from .files import Upload, UploadRefused
from .identity import find_by_name, find_person
from .records import Entity, Person, attribute, now
from .values import Invalid, is_email, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CursorResult

    from .visit import Visit


class ChangedMeanwhile(Exception):  # noqa: N818
    """Somebody else saved the row after this form was opened."""


@dataclass(slots=True)
class Form:
    """The state of a form: the text of every field as it is shown again, and the messages beside them."""

    entity: Entity
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    version: int | None = None
    problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether it can be saved."""
        return not self.errors and not self.problem


def empty_form(visit: Visit, entity: Entity, prefilled: Mapping[str, str]) -> Form:
    """A form for a new row, with its defaults and what the address says."""
    form = Form(entity)
    for spec in entity.fields:
        form.texts[spec.name] = prefilled.get(spec.name, "") or _text_of(visit, spec, _default(visit, spec))
    return form


def form_of(visit: Visit, entity: Entity, row: Any) -> Form:
    """A form that shows a row."""
    visit.learn(entity, [row])
    texts = {spec.name: _text_of(visit, spec, getattr(row, spec.attribute)) for spec in entity.fields}
    return Form(entity, texts=texts, version=row.version)


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
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    return str(value)


def read_form(visit: Visit, entity: Entity, sent: Mapping[str, object], row: Any | None) -> Form:
    """Check what was sent. ``row`` is the row that is edited; fields that are not sent become empty."""
    form = Form(entity)
    version = sent.get("version")
    if row is not None and isinstance(version, str) and version.isascii() and version.isdigit():
        form.version = int(version)
    visit.learn(entity, [row] if row is not None else [])
    for spec in entity.fields:
        if spec.is_upload:
            _read_upload(form, spec, sent, row)
            continue
        text = sent.get(spec.name)
        form.texts[spec.name] = text if isinstance(text, str) else ""
        try:
            form.values[spec.attribute] = _meaning(visit, spec, form.texts[spec.name], row)
        except Invalid as error:
            form.errors[spec.name] = str(error)
    for spec in entity.fields:
        if spec.unique and spec.name not in form.errors and _taken(visit, entity, spec, form.values, row):
            form.errors[spec.name] = f"Another {entity.noun} has this {spec.label.lower()} already."
    return form


def _meaning(visit: Visit, spec: FieldSpec, text: str, row: Any | None) -> object:
    if spec.kind is Kind.BOOLEAN:
        return bool(text) and parse(spec, text)
    if not text or (spec.required and not text.strip()):
        if spec.required:
            raise Invalid("Choose one." if spec.kind in (Kind.CHOICE, Kind.REF) else "Fill this in.")
        return None
    if spec.kind not in (Kind.TEXT, Kind.LONGTEXT) and not text.strip():
        return None
    value = parse(spec, text)
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
        raise Invalid(f"This {target.noun} does not exist any more. Choose another one.")
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


def _read_upload(form: Form, spec: FieldSpec, sent: Mapping[str, object], row: Any | None) -> None:
    upload = sent.get(spec.name)
    if isinstance(upload, Upload):
        form.uploads[spec.name] = upload
        return
    present = row is not None and getattr(row, spec.attribute) is not None
    if present and sent.get(f"{spec.name}.remove") == "on" and not spec.required:
        form.values[spec.attribute] = None
    elif spec.required and not present:
        form.errors[spec.name] = f"Choose a {'picture' if spec.kind is Kind.IMAGE else 'file'}."


def _taken(visit: Visit, entity: Entity, spec: FieldSpec, values: Mapping[str, Any], row: Any | None) -> bool:
    value = values.get(spec.attribute)
    if value is None:
        return False
    column = attribute(entity.model, spec.attribute)
    same = func.lower(column) == value.lower() if spec.is_text else column == value
    others = select(attribute(entity.model, "id")).where(same)
    if row is not None:
        others = others.where(attribute(entity.model, "id") != row.id)
    return visit.session.scalar(others.limit(1)) is not None


def save(visit: Visit, form: Form, row: Any | None) -> Any:
    """Write a checked form to a new row, or to ``row``; returns the row, or None if the form now has errors.

    Raises:
        ChangedMeanwhile: the row is not at the version that the form showed.
    """
    entity, session = form.entity, visit.session
    _store_uploads(visit, form)
    if not form.ok:
        return None
    if row is None:
        row = entity.model(created_by=visit.person.id)
        session.add(row)
    else:
        _claim(visit, entity, row, form.version)
    replaced = [getattr(row, spec.attribute) for spec in entity.uploads if spec.attribute in form.values]
    for name, value in form.values.items():
        setattr(row, name, value)
    row.updated_at = now()
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        form.problem = "This clashes with a record that somebody saved just now. Look at the list, then try again."
        return None
    for key in replaced:
        if key is not None:
            visit.runtime.files.forget(session, key)
    return row


def _claim(visit: Visit, entity: Entity, row: Any, version: int | None) -> None:
    """Raise the version, if it still is what the form showed; a form without version takes the present one."""
    shown = row.version if version is None else version
    table = entity.model
    raised = update(table).where(attribute(table, "id") == row.id, attribute(table, "version") == shown)
    result = cast("CursorResult[Any]", visit.session.execute(raised.values(version=shown + 1)))
    if result.rowcount != 1:
        raise ChangedMeanwhile
    visit.session.refresh(row)


def _store_uploads(visit: Visit, form: Form) -> None:
    if form.errors:
        for name in form.uploads:
            form.errors.setdefault(name, "Choose the file again, please.")
        return
    for name, upload in form.uploads.items():
        spec = form.entity.field(name)
        if spec is None:
            continue
        try:
            stored = visit.runtime.files.save(visit.session, upload, image=spec.kind is Kind.IMAGE, by=visit.person.id)
        except UploadRefused as error:
            form.errors[name] = str(error)
        else:
            form.values[spec.attribute] = stored.key
